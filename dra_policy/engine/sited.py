"""Answers under the rules of a site.

The rules of a site only take devices away. So a node that cannot have the claims by Kubernetes' rules need not be asked:
what is remembered of its class says so at once. The others are asked one by one, in the order of the placing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from dra_policy.allocation import Allocated, Failed, GaveUp, NodeReasons, Outcome, Unsatisfiable, allocate
from dra_policy.allocation.results import Preferred
from dra_policy.allocation.sets.class_wishes import asks_for_wishes
from dra_policy.allocation.site import SiteQuestion
from dra_policy.cluster import Finding, Judge, PodQuestions, Scene, SuitableNodes
from dra_policy.cluster.placing import Placing, score
from dra_policy.diagnostics import Diagnostic, InvalidInput, did_you_mean
from dra_policy.engine.alike import Signatures
from dra_policy.engine.answer import Asking, as_reasons, names_pools
from dra_policy.engine.claims import ClaimLike, named_key
from dra_policy.engine.people import People, Site, template_facts
from dra_policy.engine.situations import situation_of
from dra_policy.engine.state import State
from dra_policy.explanation.situation import Situation
from dra_policy.resources import ReadObject, ResourceClaim, ResourceClaimTemplate
from dra_policy.rules import ClaimKey, ClaimRules, Origin
from dra_policy.rules.site import SiteRule, SiteRules
from dra_policy.rules.subjects import ClaimFacts, SubjectValue, unfit


class By(NamedTuple):
    """Who asks, as far as the caller says it: values of the asker's fields, whatever labels say, and the pod."""

    subject: Mapping[str, SubjectValue] | None = None
    pod: ClaimKey | None = None


ANYBODY = By()


def concerned(state: State, claims: Sequence[ClaimRules]) -> bool:
    """Whether these claims need more than Kubernetes' answer."""
    policies = state.policies
    if policies is not None:
        if policies.site:
            return True
        if policies.wishes and asks_for_wishes(claims, policies.wishes):
            return True
    for claim in claims:  # noqa: SIM110  # every question comes by here, and this costs least
        if claim.spec.sets:
            return True
    return False


def introduced(
    state: State, given: ClaimLike | Sequence[ClaimLike], wanted: Sequence[ClaimRules], by: By = ANYBODY
) -> People:
    """What is known of those who ask, with what they say as they ask."""
    people = state.people
    _assert_fields(state, by)
    named = [given] if isinstance(given, _ONE) else list(given)
    for one, rules in zip(named, wanted, strict=True):
        facts = _facts(state, one, rules.key)
        if facts is not None or by != ANYBODY:
            people = people.knowing(rules.key, facts, by.subject, by.pod)
    return people


def _assert_fields(state: State, by: By) -> None:
    """Raises `InvalidInput` with ENG006 for a field of the asker that no policy declares, or a value of another type."""
    if not by.subject:
        return
    fields = {one.name: one for one in state.site_rules.fields}
    problems: list[Diagnostic] = []
    for name, value in by.subject.items():
        if name not in fields:
            help_ = did_you_mean(name, list(fields), f"the policies declare {', '.join(fields) or 'none'}")
            problems.append(Diagnostic("ENG006", f"the subject has no field `{name}`", help=help_))
        elif wrong := unfit(fields[name], value):
            kind = fields[name].type.value
            problems.append(Diagnostic("ENG006", f"field `{name}`: {wrong}", help=f"give a value of type {kind}"))
    if problems:
        raise InvalidInput(problems)


_ONE = (ResourceClaim, ResourceClaimTemplate, ReadObject, ClaimRules, ClaimKey, str)


def _facts(state: State, given: ClaimLike, key: ClaimKey) -> ClaimFacts | None:
    """What a claim that was never applied says of itself; None for nothing."""
    one = given.value if isinstance(given, ReadObject) else given
    match one:
        case ResourceClaim():
            metadata = one.metadata
            return ClaimFacts.of(metadata, key.namespace) if metadata.labels or metadata.annotations else None
        case ResourceClaimTemplate():
            return replace(template_facts(one, key), name=key.name)
        case ClaimKey() | str() if key not in state.claims:
            facts = state.people.templates.get(named_key(one))
            return None if facts is None else replace(facts, name=key.name)
    return None


def question_of(scene: Scene, site: Site, people: People, claims: Sequence[ClaimRules], now: datetime) -> SiteQuestion:
    """The question of some claims to the site."""
    return SiteQuestion(
        site.rules,
        now,
        site.ledger,
        scene.snapshot,
        tuple([people.asker(site.rules, claim.key) for claim in claims]),
        tuple([claim.sets for claim in claims]),
    )


@dataclass(frozen=True, slots=True)
class Sited:
    """Some claims of a pod at one moment under the rules of a site."""

    asking: Asking
    questions: PodQuestions
    site: SiteQuestion
    signatures: Signatures

    def answer(self, node: str | None, placing: Placing) -> Outcome:
        """Where all claims go, or why nowhere.

        Rules that only should hold give way where there is no answer with them: those written first hold longest.
        """
        rules = self.site.rules
        outcome = self._answered(rules, node, placing)
        negotiable = rules.negotiable()
        if not negotiable or not isinstance(outcome, Unsatisfiable):
            return outcome
        given_up = list(negotiable)
        best = self._answered(rules.without(*given_up), node, placing)
        if not isinstance(best, Allocated):
            # Those that give way are no reason for a refusal that there is without them.
            return best if isinstance(best, Unsatisfiable) else outcome
        for rule in negotiable if len(negotiable) > 1 else ():
            fewer = [one for one in given_up if one is not rule]
            found = self._answered(rules.without(*fewer), node, placing)
            if isinstance(found, Allocated):
                given_up, best = fewer, found
        return _giving_up(best, tuple(rule.origin for rule in given_up))

    def _answered(self, rules: SiteRules, node: str | None, placing: Placing) -> Outcome:
        asked = self if rules is self.site.rules else replace(self, site=replace(self.site, rules=rules, kept={}))
        return asked._on(node) if node is not None else asked._anywhere(placing)  # noqa: SLF001  # its own kind

    def situation(self, outcome: Outcome, node: str | None) -> Situation:
        """What an explanation of an answer can ask about: the question without the rules that have given way."""
        site = self.site
        gone: Sequence[SiteRule] = ()
        match outcome:
            case Unsatisfiable():
                gone = site.rules.negotiable()
            case Allocated(preferred=Preferred(given_up=given_up)):
                origins = {id(origin) for origin in given_up}
                gone = [rule for rule in site.rules.negotiable() if id(rule.origin) in origins]
        if gone:
            site = replace(site, rules=site.rules.without(*gone), kept={})
        standings, sets = self.asking.scene.index.standings, any(site.sets)

        def apart(name: str) -> Hashable | None:
            return None if sets else self.signatures.of(standings[name].place, self.site.ledger)

        limit = self.asking.scene.step_limit
        return situation_of(self.asking, self.questions, limit, node, site=site, apart=apart)

    def suitable(self) -> SuitableNodes:
        """The nodes on which all claims can be; rules that only should hold are held to here."""
        asking = self.asking
        judge, index = asking.judge(self.questions), asking.scene.index
        ranks = asking.ranks()
        fit = [
            rank
            for rank in (range(len(index.names)) if ranks is None else ranks)
            if judge.of(index.standings[index.names[rank]]).finding is not Finding.FITS
            or isinstance(self._on(index.names[rank]), Allocated)
        ]
        return SuitableNodes(judge, fit, self._on)

    def candidates(self) -> list[str]:
        """The nodes that could have the first of the claims by Kubernetes' rules, in order."""
        asking = self.asking
        one = Asking(asking.state, asking.scene, asking.claims[:1])
        return [name for name, _ in _in_order(one, one.judge(self.questions), Placing.FIRST)]

    def on_node(self, name: str) -> Outcome:
        """What the fresh claims get on one node, worked out."""
        scene = self.asking.scene
        snapshot = scene.snapshot
        return allocate(
            scene.view(name),
            scene.graph,
            self.asking.fresh,
            snapshot.classes,
            scene.usage,
            snapshot.features,
            step_limit=scene.step_limit,
            prunings=scene.prunings,
            site=self.site,
        )

    def _on(self, name: str) -> Outcome:
        asking = self.asking
        elsewhere = asking.blocked(asking.node(name))
        if elsewhere:
            return Unsatisfiable(asking.keys, (NodeReasons(name, tuple(elsewhere)),), 0)
        return asking.whole(self.on_node(name))

    def _anywhere(self, placing: Placing) -> Outcome:
        asking = self.asking
        judge = asking.judge(self.questions)
        gave_up: Outcome | None = None
        best: Allocated | None = None
        refused: set[Hashable] = set()
        for name, finding in _in_order(asking, judge, placing):
            if finding is Finding.FAILED:
                return best or asking.on_node(name)
            likeness = self._likeness(judge, name)
            if likeness in refused:
                continue
            outcome = self._on(name)
            if isinstance(outcome, Allocated):
                # "same numa else same node": another node may have what is closer.
                if not any(_distance(outcome)):
                    return outcome
                if best is None or _distance(outcome) < _distance(best):
                    best = outcome
            elif isinstance(outcome, GaveUp):
                gave_up = gave_up or outcome
            elif likeness is not None:
                refused.add(likeness)
        return best or gave_up or Unsatisfiable.later(asking.keys, partial(self._reasons, judge), 0)

    def _likeness(self, judge: Judge, name: str) -> Hashable:
        """What the answer of a node depends on; None if that is not known."""
        standing = self.asking.scene.index.standings[name]
        if self.asking.fresh is not self.asking.claims or any(self.site.sets):
            return None
        number = self.signatures.of(standing.place, self.site.ledger)
        key = None if number is None else judge.key(standing)
        return None if key is None else (number, key)

    def _reasons(self, judge: Judge) -> tuple[NodeReasons, ...]:
        """Why the claims cannot be on any node, for each of them; worked out once for nodes that only differ in name."""
        index = self.asking.scene.index
        reasons: list[NodeReasons] = []
        known: dict[Hashable, NodeReasons] = {}
        for name in index.names:
            place = index.standings[name].place
            likeness = None if place.shared else self._likeness(judge, name)
            key = None if likeness is None else (likeness, tuple([record.id.device for record in place.records]))
            alike = None if key is None else known.get(key)
            if alike is not None:
                reasons.append(replace(alike, node=name))
                continue
            outcome = self._on(name)
            if isinstance(outcome, Failed):
                reasons.append(as_reasons(outcome, self.asking.claims))
            elif isinstance(outcome, Unsatisfiable):
                reasons += outcome.reasons
                if key is not None and len(outcome.reasons) == 1 and not names_pools(self.asking, outcome.reasons[0]):
                    known[key] = outcome.reasons[0]
        return tuple(reasons)


def _in_order(asking: Asking, judge: Judge, placing: Placing) -> Iterator[tuple[str, Finding]]:
    """The nodes that could have the claims by Kubernetes' rules, in the order in which they are to be asked.

    A node where the search gave up may have them. One that fails the whole pod is told as such: where nodes are taken in
    order of their names it counts only if it comes before all that fit.
    """
    index = asking.scene.index
    ranks = asking.ranks()
    found: list[tuple[int, int, str, Finding]] = []
    for rank in range(len(index.names)) if ranks is None else ranks:
        name = index.names[rank]
        judgement = judge.of(index.standings[name])
        if judgement.finding not in _WORTH_ASKING:
            continue
        if placing is Placing.FIRST:
            yield name, judgement.finding
        else:
            found.append((score(placing, judgement), rank, name, judgement.finding))
    for _, _, name, finding in sorted(found, key=lambda one: one[:2]):
        yield name, finding


_WORTH_ASKING = (Finding.FITS, Finding.FAILED, Finding.GAVE_UP)


def _giving_up(outcome: Allocated, given_up: tuple[Origin, ...]) -> Allocated:
    preferred = Preferred() if outcome.preferred is None else outcome.preferred
    preferred = replace(preferred, given_up=given_up)
    return Allocated(outcome.node, outcome.claims, outcome.results, outcome.steps, outcome.picks, preferred)


def _distance(outcome: Allocated) -> tuple[int, ...]:
    """How far the closeness of an answer is from what was asked for first."""
    return () if outcome.preferred is None else outcome.preferred.distance


__all__ = ["ANYBODY", "By", "Sited", "concerned", "introduced", "question_of"]
