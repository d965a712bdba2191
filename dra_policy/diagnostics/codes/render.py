"""REN: policies made into objects of Kubernetes: what a target cannot enforce or say."""

from dra_policy.diagnostics.codes.entry import Code

RENDER_CODES = (
    Code(
        "REN001",
        "rule that nothing enforces",
        'only same namespace  because "time slices do not isolate memory"',
        'only same namespace enforced by controller  because "time slices do not isolate memory"',
        "A rule that must hold and that neither the cluster nor the node nor a controller enforces is a hope. Say who "
        "does, render with `--controller` where ours allocates, or write `should`.",
    ),
    Code(
        "REN002",
        "rule that the cluster cannot enforce",
        "same numa of gpu, nic must enforced by cluster",
        "same numa of gpu, nic must enforced by controller",
        "Each version of Kubernetes, with its feature gates, has its own means; the report names them rule by rule.",
    ),
    Code(
        "REN003",
        "placeholder without a value",
        'setup Board { for each device { node "/dev/acme{minor}" } }',
        'setup Board { for each device { node "/dev/acme{minor}" when has minor } }',
        "An edit with a hole in its path would give a container another device, or none.",
    ),
    Code(
        "REN004",
        "object that Kubernetes refuses",
        "machine with a device named `gpu_0`",
        "machine with a device named `gpu-0`",
        "What is rendered is held against the API's rules before anybody applies it.",
    ),
)

__all__ = ["RENDER_CODES"]
