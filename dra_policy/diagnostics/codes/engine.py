"""ENG: what is asked of an engine that it cannot take."""

from dra_policy.diagnostics.codes.entry import Code

ENGINE_CODES = (
    Code(
        "ENG001",
        "unknown node",
        'engine.allocate([claim], node="node-7") before node-7 was applied',
        "apply the Node first, or leave the node out",
        "Labels of the node decide which pools it reaches; without them the answer would be a guess.",
    ),
    Code(
        "ENG002",
        "unknown claim",
        'engine.explain("ring") without a claim or template of that name',
        "apply the claim, load the policy that declares it, or pass the object itself",
        "A name stands for one object; an answer for another one misleads.",
    ),
    Code(
        "ENG003",
        "object that allocation has no use for",
        'engine.apply({"kind": "ConfigMap", ...})',
        "apply nodes, classes, slices, claims, templates and taint rules",
        "Taking an object without effect would hide a mistake in the path.",
    ),
    Code(
        "ENG004",
        "object without a name",
        "metadata: {}",
        "metadata: {name: ring}",
        "Names are the identity by which objects are replaced and removed.",
    ),
    Code(
        "ENG005",
        "the same claim twice in one question",
        "engine.allocate([claim, claim])",
        "name every claim of the pod once",
        "A claim is allocated once, however many containers use it.",
    ),
    Code(
        "ENG006",
        "value that the asker's field cannot have",
        'engine.allocate(claim, subject={"teem": "cs"})',
        'engine.allocate(claim, subject={"team": "cs"})',
        "A rule that reads another field, or another type, would not see what is vouched for.",
    ),
)
