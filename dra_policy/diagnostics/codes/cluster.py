"""CLU: what stands between a question and the cluster that it is about."""

from dra_policy.diagnostics.codes.entry import Code

CLUSTER_CODES = (
    Code(
        "CLU001",
        "no connection to the cluster",
        "dra-policy why pod/train --context nowhere",
        "name a context of the kubeconfig whose server answers, or read a dump with --from",
        "Without the objects of the cluster there is no answer, and a guess would mislead.",
    ),
    Code(
        "CLU002",
        "a right is missing",
        "a role without `list` on resourceslices.resource.k8s.io",
        "get, list and watch on nodes, pods and the objects of resource.k8s.io",
        "An answer without the pods or devices that one may not see would blame the wrong thing.",
    ),
    Code(
        "CLU003",
        "no device allocation in the cluster",
        "a server that does not serve resource.k8s.io",
        "Kubernetes 1.34 or newer, or the API group switched on",
        "Before 1.34 the API group is off by default.",
    ),
    Code(
        "CLU004",
        "the client for Kubernetes is not installed",
        "pip install dra-policy",
        "pip install 'dra-policy[kubernetes]', or read a dump with --from",
        "Most uses need no cluster, and the client is larger than all the rest together.",
    ),
    Code(
        "CLU005",
        "object that the cluster does not have",
        "dra-policy why pod/trian",
        "dra-policy why pod/train --namespace research",
        "A name stands for one object of one namespace; an answer for another one misleads.",
    ),
)
