"""Findings about classes that say too little of which device of a board they are for: LIN076."""

from __future__ import annotations

from collections.abc import Iterator

from dra_policy.diagnostics import Related
from dra_policy.language.boards import Share
from dra_policy.language.checked import CheckedClass, CheckedPolicies
from dra_policy.language.parts import meant_by
from dra_policy.lint.classes import Kinds, known
from dra_policy.lint.finding import Finding, warning
from dra_policy.lint.kinds import Kind, concerned
from dra_policy.lint.reasoning import impossible


def of_sharing(policies: CheckedPolicies, kinds: Kinds) -> Iterator[Finding]:
    """Classes of a whole family or model that are given shared devices as well as those of one claim alone.

    Shares count that the policy of the class can know of: its own and those of its imports, not what a site adds later.
    """
    seen: dict[str, list[Share]] = {}
    for policy in policies:
        # Imports come first.
        known_here = [share for name in policy.imports for share in seen.get(name, ())]
        shares = seen[policy.name] = list(dict.fromkeys([*known_here, *policy.hardware.shares.values()]))
        for class_ in policy.classes.values() if policy.given else ():
            if not class_.implied and class_.part is None:
                yield from _also_shared(class_, shares, kinds)


def _also_shared(class_: CheckedClass, shares: list[Share], kinds: Kinds) -> Iterator[Finding]:
    clauses = [part for clause in class_.clauses if (part := known(clause)) is not None]
    mine = [kind for kind in concerned(kinds[class_.device], class_) if not impossible((kind.cube,), *clauses)]
    of = class_.device.name if class_.model is None else class_.model.name
    for share in shares:
        if meant_by(share).device is not class_.device:
            continue
        shared = [kind for kind in concerned(kinds[class_.device], meant_by(share)) if kind in mine]
        if not shared or not (_is_beside(share) or _rivals(share, shares, shared, kinds)):
            continue
        mode = "" if share.mode is None else f"`class {class_.name} of {share.mode.name}`, or "
        message = f"class `{class_.name}` of `{of}` may also be given `{share.name}`, which other claims share"
        help_ = f"say which is meant: {mode}`class {class_.name} of {share.name}`"
        yield warning("LIN076", message, class_.span, help_, Related(share.span, "declared here"))
        return


def _is_beside(share: Share) -> bool:
    """Whether the board is published unshared too: the share is of one of its modes, which stays as it is."""
    return share.mode is not None


def _rivals(share: Share, shares: list[Share], shared: list[Kind], kinds: Kinds) -> bool:
    """Whether the same boards are shared in another way, by other rules."""
    device = meant_by(share).device
    return any(
        other is not share
        and meant_by(other).device is device
        and any(kind in shared for kind in concerned(kinds[device], meant_by(other)))
        for other in shares
    )


__all__ = ["of_sharing"]
