"""HWR: what boards can become. FAB: fabrics and machines. SET: gates, health, costs and set-up."""

from dra_policy.diagnostics.codes.entry import Code

BOARD_CODES = (
    Code(
        "HWR001",
        "no telling which device is meant",
        "costs node memory 512Mi per device, in a file with two devices",
        "costs of AcmeGpu node memory 512Mi per device",
        "A statement without `of` is about the only device of its file; with two of them a reader would guess.",
    ),
    Code(
        "HWR002",
        "a grid, pool or mode that is not put together right",
        'mode mig { profile "1g" takes 1 slice at 0 }',
        'mode mig partition { profile "1g" takes 1 slice at 0 }',
        "Only a partition has profiles, a grid has positions, a pool is an amount.",
    ),
    Code(
        "HWR003",
        "grid that does not divide what it is cut from",
        "grid slice 7 of memory, where the model has 80Gi",
        "grid slice 8 of memory",
        "Positions are equal parts; a part of a byte cannot be published.",
    ),
    Code(
        "HWR004",
        "undeclared grid",
        'profile "1g" takes 1 slize at 0',
        'profile "1g" takes 1 slice at 0',
        "A partition takes positions of a grid of its device.",
    ),
    Code(
        "HWR005",
        "partition outside its grid",
        'profile "3g" takes 4 slice at 5, of 8 positions',
        'profile "3g" takes 4 slice at 0, 4',
        "A partition lies on whole positions, from its start on; beyond the end there is no hardware.",
    ),
    Code(
        "HWR006",
        "mode that the board does not have",
        "share time_slice of H100 hole { at most 4 claims }",
        "share time_slice of H100 whole { at most 4 claims }",
        "A share, a class or a machine can only name a mode of the board it is about.",
    ),
    Code(
        "HWR007",
        "mode that is alone, and is not",
        "share s of H100 passthrough { at most 2 claims }, where passthrough is `alone`",
        "share s of H100 whole { at most 2 claims }",
        "A mode that is `alone` is for one claim: nothing is beside it, and nobody shares it.",
    ),
    Code(
        "HWR008",
        "part with more than its board",
        'profile "1g" gives memory 100Gi, of a board with 80Gi',
        'profile "1g" gives memory 10Gi',
        "A partition cannot have more of a capacity than the board that it is cut from.",
    ),
    Code(
        "HWR009",
        "nothing to draw on",
        "draws port equal to bandwidth, without `each takes bandwidth`",
        "each takes bandwidth 1 Gbit/s to 100 Gbit/s  draws port equal to bandwidth",
        "A share draws on a pool or a capacity of its board, in amounts of the same kind.",
    ),
    Code(
        "HWR010",
        "a limit that counts nothing",
        "at most 4 users",
        "at most 4 claims",
        "What is counted on a device are claims, pods and namespaces.",
    ),
    Code(
        "HWR011",
        "isolation that is only wished for",
        "only same namespace should",
        "only same namespace",
        "A rule that keeps askers apart holds always or does not keep them apart.",
    ),
    Code(
        "HWR012",
        "amounts that cannot be taken",
        "each takes bandwidth 10 Gbit/s to 1 Gbit/s",
        "each takes bandwidth 1 Gbit/s to 10 Gbit/s",
        "A range goes from the smaller amount to the larger in positive steps, and its default lies on one.",
    ),
    Code(
        "HWR013",
        "board with too many counters",
        "grid slice 128 of memory",
        "grid slice 64 of memory",
        "A whole board draws on every counter that its partitions draw on, and a device has two sets of 32.",
    ),
    Code(
        "HWR014",
        "devices of one name",
        'mode mig partition named "{parent}-{profile}" { profile "1g" takes 1 slice at 0..6 }',
        'mode mig partition named "{parent}-{profile}-{start}" { profile "1g" takes 1 slice at 0..6 }',
        "A name stands for one device of a pool, and stays its own when its neighbours come and go.",
    ),
    Code(
        "HWR015",
        "share of more than there is",
        "each takes memory 1Gi to 96Gi, of a board with 80Gi",
        "each takes memory 1Gi to 80Gi",
        "The API server refuses the slice, long after the policy was written.",
    ),
    Code(
        "HWR016",
        "mode or kind of device that nothing tells from another",
        'mode whole  mode slots partition { profile "slot" times 3 }  ...  class slot of slots',
        'mode whole  mode slots partition gives kind slot { profile "slot" times 3 }  ...  class slot of slots',
        "A class is a selector over what devices publish, so it would be given whole boards where slots are asked for.",
    ),
    Code(
        "HWR017",
        "rule over a board that names do not tell",
        'modes of Nic { only same namespace  mode vf partition named "vf-{number}" { profile "vf" times 8 } }',
        'modes of Nic { only same namespace  mode vf partition named "{parent}-vf-{number}" { profile "vf" times 8 } }',
        "Who holds parts of one board is told by their names: each has the name of its board in it.",
    ),
    Code(
        "HWR018",
        "budget that devices cannot draw on",
        "machine box { devices gpu[0..3] of H100  budget psu 500 W among gpu equal to tdp }, where tdp is 700 W",
        "machine box { devices gpu[0..3] of H100  budget psu 2000 W among gpu equal to tdp }",
        "A budget is a counter of a driver's pool: devices of that driver draw known amounts, none of them more than all.",
    ),
    Code(
        "HWR019",
        "draw that no counter keeps",
        "share session of Hsm slot { each takes signs 1000 to all  draws crypto equal to signs }, of a partition",
        "share session of Hsm slot { each takes signs 1000 to 10000  draws crypto 10000 }",
        "A counter is charged a fixed amount for a device in use; what claims take is added up for one device only.",
    ),
)

MACHINE_CODES = (
    Code(
        "FAB001",
        "link without a bandwidth",
        "fabric nvlink joins H100 { every pair 0 GB/s }",
        "fabric nvlink joins H100 { every pair 450 GB/s }",
        "Rules ask for links of at least so much; a link of nothing is none.",
    ),
    Code(
        "FAB002",
        "attribute that a fabric's devices do not share",
        "every pair same clique 900 GB/s, where two drivers publish it under different names",
        "every pair same std.fabric.clique 900 GB/s",
        "Devices are grouped by one published value.",
    ),
    Code(
        "FAB003",
        "lattice that is not put together right",
        "torus x 4 at column, y 4 128 GB/s",
        "torus x 4 at column, y 4 at row 128 GB/s",
        "Every place on a lattice is told by whole numbers for all axes, or by the order of the devices.",
    ),
    Code(
        "FAB004",
        "device that the machine does not have",
        "devices gpu[0..7] of H100  link nvlink gpu[0] to gpu[8]",
        "devices gpu[0..7] of H100  link nvlink gpu[0] to gpu[7]",
        "Places, links and taints are about devices of the same machine.",
    ),
    Code(
        "FAB005",
        "as many values as devices, or one",
        "place gpu[0..3] numa 0 1",
        "place gpu[0..1] numa 0, gpu[2..3] numa 1",
        "One value is for all devices named; several are for one each.",
    ),
    Code(
        "FAB006",
        "fabric that does not join these devices",
        "link nvlink nic[0] to gpu[0], where nvlink joins H100 only",
        "link pcie nic[0] to gpu[0]",
        "A fabric says what it joins, so that rules about it mean something.",
    ),
    Code(
        "FAB007",
        "taint that is not complete",
        "taint gpu[1] gpu.acme.com/lost",
        "taint gpu[1] gpu.acme.com/lost NoSchedule",
        "A taint has a key and an effect; only its value may be left out.",
    ),
    Code(
        "FAB008",
        "name where a label's text is wanted",
        'nodes where label "rack" in r1',
        'nodes where label "rack" in "r1"',
        "Values of labels are texts; a plain name is an attribute of the device, and only behind `=`.",
    ),
)

LINK_CODES = (
    Code(
        "FAB009",
        "faster than any link",
        "every pair linked by nvlink at least 900 GB/s, of links with 450 GB/s",
        "every pair linked by nvlink at least 450 GB/s",
        "A rule that no hardware meets refuses every claim.",
    ),
    Code(
        "FAB010",
        "block that cannot be",
        "16 of Trainium2 shaped block 4 x 5",
        "16 of Trainium2 shaped block 4 x 4",
        "A block has as many devices as are asked for, and fits the lattice that joins them.",
    ),
    Code(
        "FAB011",
        "wiring that does not tell its ends",
        "two machines with `link nvlink ...` of their own",
        "a fabric for each machine that is wired in its own way",
        "Links are found again in a cluster by what the linked devices publish.",
    ),
    Code(
        "FAB012",
        "lattice that a machine does not fill",
        "torus x 4, y 4 128 GB/s, of a machine with 8 devices",
        "torus x 4, y 2 128 GB/s",
        "Places are told by the order of the devices, so there is one device for each.",
    ),
)

SETUP_CODES = (
    Code(
        "SET001",
        "gates that do not go together",
        "gate A default on excludes B  gate B default on",
        "gate A default on excludes B  gate B default off",
        "A driver refuses to start with such switches.",
    ),
    Code(
        "SET002",
        "cost that a node does not have",
        "costs node disk 1Gi per device",
        "costs node memory 1Gi per device",
        "What devices take of a node is memory or CPU, per device or per claim.",
    ),
    Code(
        "SET003",
        "event that is ignored, and taints",
        'ignore "xid 79"  event "xid 79" taints acme.com/lost NoExecute',
        'event "xid 79" taints acme.com/lost NoExecute',
        "An event does one of the two.",
    ),
    Code(
        "SET004",
        "unknown scope of a set-up",
        "for each pod { }",
        "for claim { }",
        "CDI edits are made for each device, request or container, or once for a claim.",
    ),
    Code(
        "SET005",
        "path or permission that CDI refuses",
        'node "dev/acme0"',
        'node "/dev/acme0"',
        "Paths of device nodes, mounts and hooks are absolute.",
    ),
    Code(
        "SET006",
        "placeholder without a meaning",
        'node "/dev/acme{minr}"',
        'node "/dev/acme{minor}"',
        "Braces stand for attributes of the device, fields of its parameters, or what is known of the claim.",
    ),
    Code(
        "SET007",
        "variable or path of a container that each device has",
        'for each device { env ACME_DEVICES = "{uuid}" }',
        'for claim { env ACME_DEVICES = join(uuid, ",") }',
        "A container has one environment and one file system: of several values of one variable, or files at one path, one "
        "stays.",
    ),
    Code(
        "SET008",
        "step that nothing undoes",
        'step program run "acme-flash {image}"',
        'step program run "acme-flash {image}" undo "acme-flash --clear"',
        "When a claim ends, or a later step fails, the device must be as it was.",
    ),
    Code(
        "SET009",
        "step that takes longer than the kubelet waits",
        'step program run "flash" undo "clear" deadline 5 min',
        "binds when Programmed within 5 min",
        "The kubelet gives 45 seconds; longer work is done before the pod is bound.",
    ),
    Code(
        "SET010",
        "capability that no container has",
        "for each device { capability CAP_IPC_LOCK }",
        "for each container { capability IPC_LOCK }",
        "Capabilities belong to containers and are written as in a pod; CDI gives none, so the report says who must ask.",
    ),
    Code(
        "SET011",
        "placeholder of two meanings",
        'attribute node int  ...  node "/dev/nvme{node}n1"',
        'attribute controller int publish as node  ...  node "/dev/nvme{controller}n1"',
        "Whoever reads the template cannot tell which is meant, and a wrong path is found when a container starts.",
    ),
)

HARDWARE_CODES = (*BOARD_CODES, *MACHINE_CODES, *LINK_CODES, *SETUP_CODES)

__all__ = ["HARDWARE_CODES"]
