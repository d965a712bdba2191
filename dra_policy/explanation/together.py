"""Why devices that could each be had cannot be had together: rules over sets of devices, and rules of a site.

What the author of a rule says comes first: it is what a refused user is to read.
"""

from __future__ import annotations

from fractions import Fraction

from dra_policy.allocation import RequestReasons
from dra_policy.allocation.call import Call
from dra_policy.allocation.funnel import Funnel
from dra_policy.allocation.question import ClaimNeeds
from dra_policy.allocation.rule import Asked, Choice, Fault, Rule, Tie
from dra_policy.allocation.sets import SetRules
from dra_policy.allocation.sets.making import covered, numbers
from dra_policy.allocation.site.charging import totals
from dra_policy.explanation.counting import buckets
from dra_policy.explanation.situation import Situation
from dra_policy.explanation.words import count, reason_first, rule
from dra_policy.rules import Origin
from dra_policy.rules.sets import Closeness, Connected, EveryPairLinked, SetRule, Shaped, is_wish
from dra_policy.rules.site import Quota


def together(situation: Situation, node: str, reasons: RequestReasons, asked: Asked) -> str:
    """The first rule over sets, then of the site, that is to blame, in words; nothing if there is none."""
    if situation.site is None:
        return ""
    blamed = {*reasons.combination, *(loss.origin for loss in reasons.losses)}
    call = situation.call(situation.view(node))
    for one in situation.claims[asked.claim].sets:
        if isinstance(one, SetRule) and not is_wish(one) and one.origin in blamed:
            return _told(_of_set(call, one, asked), reasons, one.origin)
    for of_site in situation.site.rules.all():
        if of_site.origin in reasons.combination:
            words = _of_quota(situation, of_site, reasons) if isinstance(of_site, Quota) else ""
            return _told(words, reasons, of_site.origin)
    return ""


def of_sets(situation: Situation, node: str, reasons: RequestReasons, asked: Asked) -> str:
    """What a rule over sets says where it keeps away devices by itself, as none of them lies right; nothing if none does."""
    lost = {loss.origin for loss in reasons.losses}
    for one in situation.claims[asked.claim].sets if situation.site is not None else ():
        if isinstance(one, SetRule) and not is_wish(one) and one.origin in lost:
            words = _of_set(situation.call(situation.view(node)), one, asked)
            if words:
                return _told(words, reasons, one.origin)
    return ""


def _told(words: str, reasons: RequestReasons, origin: Origin) -> str:
    told = f"{words}: " if words else f"{_wants(reasons)}, {reasons.left} would do, but no choice satisfies "
    return f"{reason_first([origin])}{told}{rule(origin)}"


def _wants(reasons: RequestReasons) -> str:
    return f"request `{reasons.request}` wants {count(reasons.wanted, 'device')}"


def _of_quota(situation: Situation, quota: Quota, reasons: RequestReasons) -> str:
    """How much room a quota has; nothing where that depends on what others borrow."""
    site, ceiling = situation.site, quota.ceiling
    whose = () if site is None else buckets(situation, site, quota)
    if site is None or ceiling is None or quota.cohort is not None or len(whose) != 1:
        return ""
    (bucket,) = whose
    held = totals(site.ledger, quota, site.snapshot, site.now).get(bucket, Fraction(0))
    return (
        f"{_wants(reasons)} and {reasons.left} would do, but of quota `{quota.name}` {held} of {ceiling} "
        f"{'is' if held == 1 else 'are'} held, so it has room for {max(ceiling - held, Fraction(0))}"
    )


def _of_set(call: Call, one: SetRule, asked: Asked) -> str:
    """How many devices a rule over a set lets go together at most, where that alone is too few."""
    needs = call.question().read(call.claims)
    if isinstance(needs, Fault) or call.site is None:
        return ""
    sets = SetRules(call.view, needs, call.site.sets, usage=call.usage, features=call.features)
    claim = needs[asked.claim]
    wanted = max(numbers(one, claim)[0])
    made = sets.made(one, claim)
    labels = _labels(call, one, claim, made[0]) if len(made) == 1 else None
    if labels is None:
        return ""
    by_label: dict[object, int] = {}
    for own in labels:
        for label in own:
            by_label[label] = by_label.get(label, 0) + 1
    best = max(by_label.values(), default=0)
    if best >= wanted:
        return ""
    match one:
        case EveryPairLinked():
            return f"{wanted} devices must be linked every two, but of those left at most {best} are"
        case Connected():
            return f"{wanted} devices must hang together over links, but of those left at most {best} do"
        case Shaped(sides=sides):
            must = f"{wanted} devices must be one block of {'x'.join(map(str, sides))}"
            return f"{must}, but of any such block at most {best} are left" if best else f"{must}, but there is none"
        case Closeness(levels=(level, *_)):
            return f"{wanted} devices must share one `{level.name}`, but of those left at most {best} do"
    return ""


def _labels(call: Call, one: SetRule, claim: ClaimNeeds, made: Rule) -> list[frozenset[object]] | None:
    """The labels of every device that is left for a request under a rule; None where that says nothing for sure."""
    if made.tie is not Tie.COMMON:
        return None
    funnel = Funnel(call)
    found: dict[int, frozenset[object]] = {}
    for need in (need for needs in claim.requests for need in needs if covered(one, need)):
        for record in need.devices:
            if record.device.allow_multiple_allocations:
                return None
            if record.index in found or next(funnel.refusals(need.asked, record), None) is not None:
                continue
            labels = made.labels(Choice(need.asked, record))
            if isinstance(labels, Fault):
                return None
            found[record.index] = labels
    return list(found.values())


__all__ = ["of_sets", "together"]
