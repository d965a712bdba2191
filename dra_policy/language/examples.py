"""What each statement looks like when it is right, for the help of messages."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

EXAMPLES = MappingProxyType(
    {
        "policy": "policy gpu.acme.com version 2.1.0 language 1",
        "import": "import std.pcie, std.numa version 1.0",
        # What a driver has.
        "device": "device AcmeGpu { driver gpu.acme.com  capacity memory bytes }",
        "driver": "driver gpu.acme.com",
        "attribute": "attribute driver_version version optional publish as driverVersion",
        "flag": "flag ecc absent means false",
        "capacity": "capacity memory bytes",
        "grid": "grid slice 8 of memory",
        "renamed": "renamed index to minor",
        "model": "model H100 of AcmeGpu { memory 80Gi }",
        "parameters": "parameters GpuConfig of AcmeGpu { api gpu.acme.com/v1 GpuConfig }",
        "api": "api gpu.acme.com/v1 GpuConfig",
        "field": "field interval one of Short, Long default Short",
        "needs": "needs gate MPSSupport when strategy == MPS",
        "gate": "gate MPSSupport default off",
        # What hardware can become.
        "modes": 'modes of H100 { mode mig partition { profile "1g.10gb" takes 1 slice at 0..6 } }',
        "mode": "mode passthrough alone",
        "profile": 'profile "3g.40gb" takes 4 slice at 0, 4 gives memory 40320Mi draws copy_engines 3',
        "share": "share time_slice of H100 whole { at most 4 claims }",
        "share at": "at most 4 claims",
        "modes at": "at most 2 namespaces",
        "modes only": "only same namespace",
        "share only": "only same namespace",
        "share each": "each takes bandwidth 1 Gbit/s to 100 Gbit/s",
        "draws": "draws port equal to bandwidth",
        "pool": "pool port of Nic bandwidth 400 Gbit/s",
        "fabric": "fabric nvlink joins H100 { every pair 450 GB/s }",
        "fabric every": "every pair 450 GB/s",
        "torus": "torus x 4 wrap, y 4 wrap 128 GB/s",
        "ring": "ring z 4 64 GB/s",
        "machine": "machine dgx-h100 { devices gpu[0..7] of H100 }",
        "devices": "devices gpu[0..7] of H100",
        "place": "place gpu[0..3] numa 0, gpu[4..7] numa 1",
        "link": "link nvlink every pair of gpu",
        "taint": 'taint gpu[1] gpu.acme.com/lost = "79" NoSchedule',
        "machine label": 'label "example.org/rack" = "r1"',
        "machine pool": 'pool "lobby"',
        "budget": "budget psu 2000 W among gpu equal to tdp",
        "machine network": "network memory[0] reachable from all nodes",
        # What happens around a device.
        "binds": "binds when Attached within 15 min fails on AttachFailed",
        "costs": "costs node memory 512Mi per device",
        "advertise": "advertise when link_state == up",
        "network": 'network reachable from nodes where label "example.org/site" = "a"',
        "health": 'health { event "xid 79" taints gpu.acme.com/lost = "79" NoExecute }',
        "event": 'event "xid 79" taints gpu.acme.com/lost = "79" NoExecute clears on "recovered"',
        "ignore": 'ignore "xid 13", "xid 31"',
        "setup": 'setup H100 { for each device { node "/dev/acme{minor}" } }',
        "setup for": 'for each device { node "/dev/acme{minor}" }',
        "for node": 'node "/dev/acme{minor}" permissions "rw"',
        "env": 'env ACME_VISIBLE = join(uuid, ",")',
        "mount": 'mount "/usr/lib/acme" at "/opt/acme" options "ro"',
        "hook": 'hook createRuntime "/usr/bin/acme-hook" arguments "link"',
        "capability": "capability IPC_LOCK",
        "step": 'step program run "acme-flash {bitstream}" undo "acme-flash --clear" deadline 40 s',
        # What a site decides.
        "subject": 'subject { field team text from namespace label "example.org/team" }',
        "subject field": 'field team text from namespace label "example.org/team" trust admin',
        "quota subject": 'subject team == "cs"',
        "level": 'level rack from node label "topology.example.org/rack"',
        "gang": "gang train of 4 ring { same rack }",
        "quota": 'quota cs of AcmeGpu { subject team == "cs"  at most 16 }',
        "quota at": "at most 16",
        "guarantee": "guarantee 8",
        "borrow": "borrow to 24 from cohort uni",
        "lend": "lend at most 4",
        "charge": "charge mig compute / 7, time_slice 1 / 4",
        "window": "window patch { every 2nd Wed 18:00 to 22:00 tz UTC }",
        "window every": "every 2nd Wed 18:00 to 22:00 tz UTC",
        "window on": "on 2026-12-24 18:00 to 22:00",
        "window nodes": 'nodes where label "rack" in "r1", "r2"',
        "refuse": "refuse training when subject.priority < 100",
        "keep": "keep 2 of H100 per rack free for production",
        "exclusive": "exclusive per node FabricA100, FabricH100",
        "at": "at most 4 of FabricA100 per node",
        "tolerate": "tolerate example.org/drain for production 30 min",
        "always": "always sum mig.memory <= memory",
        "always every": "always every training where ecc",
        "always at": "always at most 4 claims on H100",
        # What may be asked for.
        "class": "class training of AcmeGpu { require ecc }",
        "require": "require memory >= 40 GiB",
        "counts": "counts 1, 2, 4, 8",
        "prefer": "prefer power < 600 W weight 20",
        "prefer tier": "prefer tier 1 most memory",
        "config": "config GpuConfig { interval = Short }",
        "extended": 'extended resource "acme.com/gpu"',
        "define": "define modern of AcmeGpu = driver_version >= 600.0",
        "claim": "claim ring { request gpu = 2 of training }",
        "request": "request gpu = 2 of training",
        "request first": 'request slice = first of mig "1g.10gb", time_slice',
        "request shaped": "request chip = 16 of Trainium2 shaped block 4 x 4",
        "takes": "takes streams 2",
        "request tolerate": 'tolerate gpu.acme.com/xid = "79" NoSchedule',
        "claim every": "every pair linked by nvlink at least 450 GB/s",
        "request every": "every pair linked by nvlink at least 450 GB/s",
        "connected": "connected by nvlink",
        "pairs": "pairs 4 of (gpu: training, nic: vf) { same pcie_root }",
        "same": "same pcie_root of gpu, nic",
        "distinct": "distinct numa",
        # Tests.
        "test": 'test "two fit" { given 2 H100  claim a ring  expect a placed }',
        "given": "given 2 H100",
        "given label": 'given label "rack" = "r1" on "node-a"',
        "given gate": "given gate MPSSupport on",
        "given time": "given time 2026-11-25 18:30 tz UTC",
        "given machine": "given 2 machine dgx-h100",
        "test claim": "claim a, b ring",
        "release": "release a, b",
        "expect": "expect a placed",
        "expect refused": 'expect b refused "in use"',
        "expect configured": "expect a configured GpuConfig { interval = Short }",
    }
)
"""By the keyword; where that begins several statements, by the one of its block or by its second word too."""


def example_of(segments: Sequence[Sequence[str]]) -> str | None:
    """The example for an unfinished statement: its keywords come last, behind those of each block around it."""
    for index in range(len(segments) - 1, -1, -1):
        if not segments[index]:
            continue
        first, *more = segments[index]
        block = segments[index - 1][:1] if index else []
        for key in (*(f"{outer} {first}" for outer in block), *(f"{first} {word}" for word in more), first):
            if key in EXAMPLES:
                return EXAMPLES[key]
    return None


__all__ = ["EXAMPLES", "example_of"]
