"""CAP: files that hold a decision with all that it was made from."""

from dra_policy.diagnostics.codes.entry import Code

CAPSULE_CODES = (
    Code(
        "CAP001",
        "no capsule",
        "dra-policy replay manifests.yaml",
        "dra-policy allocate manifests.yaml --capsule decision.capsule, then dra-policy replay decision.capsule",
        "Only a capsule holds the questions and the answers beside the objects.",
    ),
    Code(
        "CAP002",
        "capsule that is damaged or too large",
        "a file cut short on its way through a mail",
        "copy the file again as it is, or make the capsule again",
        "A decision made from half of the objects is another decision.",
    ),
    Code(
        "CAP003",
        "capsule of another version",
        "a capsule of format 2 in a program that reads format 1",
        "read it with the version that made it",
        "What a newer version means cannot be known; a guess would look like an answer.",
    ),
    Code(
        "CAP004",
        "capsule that asks for what it does not hold",
        "a question about claim `ring` in a capsule without that claim",
        "make the capsule again",
        "Without the claim there is no question.",
    ),
    Code(
        "CAP005",
        "nothing that a what-if could change",
        "dra-policy what-if manifests.yaml --free ring, where `ring` holds no devices",
        "name a claim that holds devices, a node that is there, or a file with objects",
        "A change without effect would be reported as harmless.",
    ),
    Code(
        "CAP006",
        "nothing to make smaller",
        "dra-policy shrink of a capsule without a question, or for a claim that it does not ask about",
        "name a claim of the capsule with --claim",
        "Something has to stay as it is while all the rest goes.",
    ),
    Code(
        "CAP007",
        "question that no test of the language can ask",
        "a request with alternatives, or two claims of one pod placed together",
        "keep the capsule as the example, and ask it again with dra-policy replay",
        "A test that asks something similar would pass or fail for other reasons.",
    ),
    Code(
        "CAP008",
        "answer that rests on rules beyond Kubernetes",
        "dra-policy shrink of a refusal by a quota, a refusal of the site, links or a shape",
        "keep the capsule as the example, and ask it again with dra-policy replay",
        "Policies become the classes and claims that they declare, and what else they say would be lost.",
    ),
)
