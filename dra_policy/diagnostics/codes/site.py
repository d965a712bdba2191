"""SIT: what a site decides: who asks, levels, windows, quotas, what is kept."""

from dra_policy.diagnostics.codes.entry import Code

SITE_CODES = (
    Code(
        "SIT001",
        "name that nobody knows of the asker",
        'refuse training when subject.tema == "cs"',
        'refuse training when subject.team == "cs"',
        "What a rule may read of whoever asks is declared in `subject`, with where it comes from.",
    ),
    Code(
        "SIT002",
        "source that Kubernetes does not have",
        "field priority int from claim priority",
        "field priority int from pod priority",
        "A claim has no priority and no duration; namespaces, pods and claims have labels and annotations.",
    ),
    Code(
        "SIT003",
        "undeclared level",
        "keep 2 of H100 per rack free",
        'level rack from node label "topology.example.org/rack"  keep 2 of H100 per rack free',
        "Where a node is, its labels say; which label is a matter of the site.",
    ),
    Code(
        "SIT004",
        "window that never opens",
        "window patch { every Wendsday 18:00 to 22:00 }",
        "window patch { every Wed 18:00 to 22:00 tz UTC }",
        "A window has one opening: a day that comes, two different times, and a time zone that exists.",
    ),
    Code(
        "SIT005",
        "quota that does not add up",
        "at most 16  borrow to 8 from cohort uni",
        "at most 16  borrow to 24 from cohort uni",
        "What may be held with borrowing is no less than what is owned, and what is guaranteed is no more.",
    ),
    Code(
        "SIT006",
        "rule about nothing",
        "keep 0 of H100 free",
        "keep 2 of H100 free",
        "A count of nothing has no effect.",
    ),
    Code(
        "SIT007",
        "time for which nothing is tolerated",
        "tolerate example.org/drain NoSchedule for production 30 min",
        "tolerate example.org/drain NoExecute for production 30 min",
        "Only a taint that evicts is tolerated for a time, in whole seconds.",
    ),
    Code(
        "SIT008",
        "rule over a place that cannot be counted there",
        "exclusive per node AcmeGpu, H100, where every H100 is an AcmeGpu",
        "exclusive per node H100, A100",
        "Kinds that exclude each other have no device in common; a label of a node speaks of that node only.",
    ),
)

__all__ = ["SITE_CODES"]
