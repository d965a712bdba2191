"""Who asks: namespaces, pods and claims' own metadata, as far as rules may read them; and what a site's rules stand on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from immutables import Map

from dra_policy.allocation.site import Asker, Ledger
from dra_policy.engine.alike import Signatures
from dra_policy.resources import AllocationResult, Namespace, Pod, ResourceClaim, ResourceClaimTemplate
from dra_policy.resources.metadata import ObjectMeta
from dra_policy.rules import ClaimKey
from dra_policy.rules.site import SiteRules
from dra_policy.rules.subjects import ClaimFacts, Subject, SubjectValue, resolve_subject

_NO_NAMESPACES: Map[str, ObjectMeta] = Map()
_NO_PODS: Map[ClaimKey, Pod] = Map()
_NO_FACTS: Map[ClaimKey, ClaimFacts] = Map()
_NO_USERS: Map[ClaimKey, frozenset[ClaimKey]] = Map()
_NO_PODS_OF: frozenset[ClaimKey] = frozenset()
_NOTHING_GIVEN: Map[ClaimKey, tuple[tuple[str, SubjectValue], ...]] = Map()


class Same:
    """An object as itself: equal to nothing else, however alike."""

    __slots__ = ("of",)

    def __init__(self, of: object) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.of is other.of

    def __hash__(self) -> int:
        return id(self.of)


Sources: TypeAlias = tuple[frozenset[ClaimKey], tuple[Same | None, ...]]
"""The pods that use a claim, and the objects that its asker is made of."""


class People(NamedTuple):
    """What is known of those who ask. Immutable.

    `claims` and `templates` have what claims and the claims of templates say of themselves; `users` the pods that name
    a claim, `reserved` those that it is for by its own status or the word of whoever asks; `given` values of the
    asker's fields that somebody vouches for, whatever labels say.
    """

    namespaces: Map[str, ObjectMeta] = _NO_NAMESPACES
    pods: Map[ClaimKey, Pod] = _NO_PODS
    claims: Map[ClaimKey, ClaimFacts] = _NO_FACTS
    templates: Map[ClaimKey, ClaimFacts] = _NO_FACTS
    users: Map[ClaimKey, frozenset[ClaimKey]] = _NO_USERS
    reserved: Map[ClaimKey, frozenset[ClaimKey]] = _NO_USERS
    given: Map[ClaimKey, tuple[tuple[str, SubjectValue], ...]] = _NOTHING_GIVEN

    # --- what is applied

    def with_namespace(self, namespace: Namespace) -> People:
        return self._replace(namespaces=self.namespaces.set(namespace.metadata.name, namespace.metadata))

    def without_namespace(self, name: str) -> People:
        return self._replace(namespaces=self.namespaces.delete(name)) if name in self.namespaces else self

    def with_pod(self, pod: Pod, key: ClaimKey) -> People:
        """With a pod, and as a user of the claims that it names."""
        before = self.without_pod(key)
        users = before.users
        for claim in claims_of(pod, key.namespace):
            users = users.set(claim, users.get(claim, frozenset()) | {key})
        return before._replace(pods=before.pods.set(key, pod), users=users)

    def without_pod(self, key: ClaimKey) -> People:
        pod = self.pods.get(key)
        if pod is None:
            return self
        users = self.users
        for claim in claims_of(pod, key.namespace):
            left = users.get(claim, frozenset()) - {key}
            users = users.set(claim, left) if left else users.delete(claim)
        return self._replace(pods=self.pods.delete(key), users=users)

    def with_claim(self, claim: ResourceClaim, key: ClaimKey) -> People:
        """With what a claim says of itself, and the pods that it is reserved for."""
        metadata, reserved = claim.metadata, claim.status.reserved_for
        before = self.without_claim(key)
        if not (metadata.labels or metadata.annotations or reserved):
            return before  # mostly there is nothing to know
        claims = before.claims.set(key, ClaimFacts.of(metadata, key.namespace))
        pods = frozenset(ClaimKey(key.namespace, one.name) for one in reserved if one.resource == "pods")
        return before._replace(claims=claims, reserved=before.reserved.set(key, pods) if pods else before.reserved)

    def with_template(self, template: ResourceClaimTemplate, key: ClaimKey) -> People:
        """With what the claims of a template will say of themselves."""
        metadata = template.spec.metadata
        if not (metadata.labels or metadata.annotations):
            return self.without_template(key)
        return self._replace(templates=self.templates.set(key, template_facts(template, key)))

    def without_claim(self, key: ClaimKey) -> People:
        """Without what a claim said of itself, and what was said for it; pods may go on naming it."""
        if key not in self.claims and key not in self.given and key not in self.reserved:
            return self
        return self._replace(
            claims=_without(self.claims, key), given=_without(self.given, key), reserved=_without(self.reserved, key)
        )

    def without_template(self, key: ClaimKey) -> People:
        return self._replace(templates=self.templates.delete(key)) if key in self.templates else self

    def knowing(
        self,
        key: ClaimKey,
        facts: ClaimFacts | None,
        subject: Mapping[str, SubjectValue] | None,
        pod: ClaimKey | None,
    ) -> People:
        """With what whoever asks for a claim says of it."""
        claims = self.claims if facts is None or self.claims.get(key) == facts else self.claims.set(key, facts)
        given = self.given if subject is None else self.given.set(key, tuple(sorted(subject.items())))
        reserved = self.reserved if pod is None else self.reserved.set(key, self.reserved.get(key, _NO_PODS_OF) | {pod})
        return self._replace(claims=claims, given=given, reserved=reserved)

    def pods_of(self, key: ClaimKey) -> frozenset[ClaimKey]:
        """The pods that use a claim."""
        return self.users.get(key, _NO_PODS_OF) | self.reserved.get(key, _NO_PODS_OF)

    # --- who asks

    def sources(self, key: ClaimKey) -> Sources:
        """What an asker is made of; equal ones make equal askers under the same rules."""
        users = self.pods_of(key)
        pods = tuple([self.pods.get(name) for name in sorted(users)]) if users else ()
        parts = self.claims.get(key), self.given.get(key), self.namespaces.get(key.namespace), *pods
        return users, tuple([None if part is None else Same(part) for part in parts])

    def asker(self, rules: SiteRules, key: ClaimKey) -> Asker:
        """Who asks for a claim. Of several pods the first by name speaks for it."""
        facts = self.claims.get(key) or ClaimFacts(key.namespace, key.name)
        users = self.pods_of(key)
        pods = [self.pods[name] for name in sorted(users) if name in self.pods]
        subject = resolve_subject(rules.fields, facts, pods[0] if pods else None, self.namespaces.get(key.namespace))
        given = self.given.get(key)
        if given:
            values = dict(subject.values) | dict(given)
            subject = Subject(tuple(values.items()))
        return Asker(subject, frozenset(map(str, users)))


_V = TypeVar("_V")


def _without(known: Map[ClaimKey, _V], key: ClaimKey) -> Map[ClaimKey, _V]:
    return known.delete(key) if key in known else known


def template_facts(template: ResourceClaimTemplate, key: ClaimKey) -> ClaimFacts:
    """What claims of a template say of themselves; the name is the template's."""
    metadata = template.spec.metadata
    return ClaimFacts(key.namespace, key.name, metadata.labels, metadata.annotations)


def claims_of(pod: Pod, namespace: str) -> frozenset[ClaimKey]:
    """The claims that a pod names, those made for it too once its status says so (M1)."""
    named = [one.resource_claim_name for one in pod.spec.resource_claims]
    named += [one.resource_claim_name for one in pod.status.resource_claim_statuses]
    return frozenset(ClaimKey(namespace, name) for name in named if name)


class HeldDevices(Protocol):
    """What a claim holds."""

    @property
    def allocation(self) -> AllocationResult:
        """Its devices."""
        ...

    @property
    def node(self) -> str:
        """The node that they were chosen for; empty if nobody said so."""
        ...


class Site(NamedTuple):
    """The rules of a site in force, and who holds what, and as whom, at one moment. Immutable.

    `askers` are those under which holders stand in the ledger, and `held` is what they hold, so that they can be taken
    out again.
    """

    rules: SiteRules
    ledger: Ledger = Ledger()
    askers: Map[ClaimKey, tuple[Asker, Sources]] = Map()
    held: Map[ClaimKey, HeldDevices] = Map()

    def following(self, people: People, held: Map[ClaimKey, HeldDevices], keys: Iterable[ClaimKey]) -> Site:
        """The site at a moment when these claims may hold something else, or hold it as somebody else."""
        ledger, askers = self.ledger, self.askers
        for key in keys:
            before, now = self.held.get(key), held.get(key)
            sources = people.sources(key)
            known = askers.get(key)
            if known is not None and before is not None:
                if before is now and known[1] == sources:
                    continue
                ledger = ledger.without_allocation(key, known[0].subject, known[0].pods, before.allocation, before.node)
                askers = askers.delete(key)
            if now is not None:
                asker = people.asker(self.rules, key)
                ledger = ledger.with_allocation(key, asker.subject, asker.pods, now.allocation, now.node)
                askers = askers.set(key, (asker, sources))
        return Site(self.rules, ledger, askers, held)


Known: TypeAlias = tuple[People, Map[ClaimKey, HeldDevices]]
"""What a site is made of beside its rules: who asks, and what claims hold."""


class SiteMemory:
    """The site as it stood when it was last asked for: the next moment is made of it. Any number of threads may ask."""

    __slots__ = ("_last", "_signatures")

    def __init__(self) -> None:
        self._last: tuple[Site, People] | None = None
        self._signatures: Signatures | None = None

    def signatures(self, rules: SiteRules) -> Signatures:
        """What the rules tell nodes apart by."""
        known = self._signatures
        if known is None or known.rules is not rules:
            known = self._signatures = Signatures(rules)
        return known

    def of(self, rules: SiteRules, people: People, held: Map[ClaimKey, HeldDevices]) -> Site:
        """The site at a moment."""
        last = self._last
        if last is None or last[0].rules is not rules:
            site = Site(rules).following(people, held, held)
        else:
            site = last[0]
            if site.held is held and last[1] is people:
                return site
            # Invariant: what changed is another object, and askers are looked at again where what they are made of is.
            gone = [key for key in site.held if key not in held] if site.held is not held else []
            site = site.following(people, held, (*gone, *held))
        self._last = site, people
        return site

    def follow(self, before: Known, after: Known, keys: Iterable[ClaimKey]) -> None:
        """Say that from one moment to the next only these claims have changed what they hold, or who they are."""
        last = self._last
        if last is not None and last[0].held is before[1] and last[1] is before[0]:
            people, held = after
            self._last = last[0].following(people, held, keys), people


NOBODY_KNOWN = People()

__all__ = ["NOBODY_KNOWN", "HeldDevices", "People", "Site", "SiteMemory", "claims_of", "template_facts"]
