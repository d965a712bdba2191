"""What callers name claims, nodes and objects by, and the rules that they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from dra_policy.diagnostics import Diagnostic, InvalidInput, did_you_mean, has_errors
from dra_policy.engine.state import DEFAULT_NAMESPACE, Applied, State, key_of, rules_of
from dra_policy.resources import (
    DeviceClass,
    DeviceTaintRule,
    Features,
    Namespace,
    Node,
    Places,
    Pod,
    ReadObject,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
    TypedObject,
    decode,
)
from dra_policy.rules import ClaimKey, ClaimRules, refusals
from dra_policy.rules.site import Gang

_KINDS = (DeviceClass, DeviceTaintRule, Namespace, Node, Pod, ResourceClaim, ResourceClaimTemplate, ResourceSlice)

_new_key = tuple.__new__

ObjectLike: TypeAlias = TypedObject | ReadObject | Mapping[str, Any]
"""An API object as a model, as read from a manifest with positions, or as JSON values."""

ClaimLike: TypeAlias = ResourceClaim | ResourceClaimTemplate | ReadObject | ClaimRules | ClaimKey | str
"""A claim as an object, with positions or without, or as rules, or the name (`name` or `namespace/name`) of an applied claim or template, or of a claim that a
loaded policy declares."""


def taken(
    given: ObjectLike, diagnostics: list[Diagnostic], features: Features, *, checked: bool
) -> tuple[Applied, Places | None] | None:
    """The model and its positions; what is wrong with it goes to `diagnostics`."""
    places: Places | None = None
    one: object = given
    if isinstance(given, ReadObject):
        one, places = given.value, given.places
    elif isinstance(given, Mapping):
        one, problems = decode(dict(given))
        diagnostics += problems
        if one is None:
            return None
    if not isinstance(one, _KINDS):
        kind = getattr(one, "KIND", "") or getattr(one, "kind", type(one).__name__)
        known = ", ".join(model.KIND for model in _KINDS)
        message = f"device allocation has no use for an object of kind `{kind}`"
        diagnostics.append(Diagnostic("ENG003", message, help=f"it takes {known}"))
        return None
    _assert_whole(one)
    if not one.metadata.name:
        span = None if places is None else places.span("metadata")
        message = f"the {one.KIND} has no name"
        diagnostics.append(Diagnostic("ENG004", message, span, help="write `metadata.name`", path="metadata.name"))
        return None
    if checked:
        diagnostics += refusals(one, places=places, features=features)
    return one, places


def _assert_whole(one: Applied) -> None:
    """Models can be made past their own checks; one without its parts is a mistake of the program that made it."""
    parts: dict[str, object] = {"metadata": one.metadata, "spec": getattr(one, "spec", one)}
    if isinstance(one, ResourceClaim):
        parts["status"] = one.status
    missing = [name for name, part in parts.items() if part is None]
    if missing:
        raise TypeError(f"the {one.KIND} has None as `{missing[0]}`")


def node_named(state: State, name: str) -> str:
    """The name of a node that there is. Raises `InvalidInput`: ENG001."""
    if not isinstance(name, str):
        raise TypeError(f"a node is named by a str, not by {type(name).__name__}")
    if state.snapshot.node(name) is None:
        known = [n.metadata.name for n in state.snapshot.nodes()]
        hint = did_you_mean(name, known, "apply the Node first")
        raise InvalidInput([Diagnostic("ENG001", f"there is no node `{name}`", help=hint)])
    return name


def resolve_all(state: State, claims: ClaimLike | Sequence[ClaimLike]) -> list[ClaimRules]:
    """The rules of each claim of a pod; a template under its own name. Raises `InvalidInput`: ENG002, ENG004, ENG005."""
    wanted = [rules for rules, _ in _resolved(state, claims)]
    _assert_different(wanted)
    return wanted


def resolve_new(state: State, claims: ClaimLike | Sequence[ClaimLike]) -> tuple[State, list[ClaimRules]]:
    """As `resolve_all`, but each template stands for a new claim, whose name is taken in the state that comes with it."""
    if isinstance(claims, ClaimRules):
        return state, [claims]
    if isinstance(claims, str):
        namespace, _, name = claims.rpartition("/")
        # Equal to the key, which need not be made: every question comes by here.
        applied = state.claims.get((namespace or DEFAULT_NAMESPACE, name))  # type: ignore[call-overload]
        if applied is not None:
            return state, [applied]
    wanted: list[ClaimRules] = []
    for found, template in _resolved(state, claims):
        rules = found
        if template:
            state, key = state.numbered(found.key)
            rules = found.renamed(key)
        wanted.append(rules)
    _assert_different(wanted)
    return state, wanted


def _resolved(state: State, claims: ClaimLike | Sequence[ClaimLike]) -> list[tuple[ClaimRules, bool]]:
    if isinstance(claims, ResourceClaim | ResourceClaimTemplate | ReadObject | ClaimRules | ClaimKey | str):
        return [_resolve(state, claims)]
    given: object = claims
    if not isinstance(given, Sequence):
        raise _no_claim(given)
    return [_resolve(state, claim) for claim in claims]


def _assert_different(wanted: Sequence[ClaimRules]) -> None:
    if len(wanted) < 2 or len({rules.key for rules in wanted}) == len(wanted):
        return
    twice = next(r.key for i, r in enumerate(wanted) if any(r.key == other.key for other in wanted[:i]))
    message = f"the claim `{twice}` is named twice in one question"
    raise InvalidInput([Diagnostic("ENG005", message, help="name every claim of the pod once")])


def _resolve(state: State, claim: ClaimLike) -> tuple[ClaimRules, bool]:
    """The rules of a claim, and whether it stands for new claims each time (a template)."""
    match claim:
        case ClaimRules():
            return claim, False
        case ResourceClaim() | ResourceClaimTemplate():
            _assert_valid(claim, None, state.features)
            return rules_of(claim, state.features, None), isinstance(claim, ResourceClaimTemplate)
        case ReadObject(value=ResourceClaim() | ResourceClaimTemplate() as value, places=places):
            _assert_valid(value, places, state.features)
            return rules_of(value, state.features, places), isinstance(value, ResourceClaimTemplate)
        case ReadObject():
            hint = "ask for a ResourceClaim or a ResourceClaimTemplate"
            raise InvalidInput([Diagnostic("ENG002", "the object is no claim", claim.places.span("kind"), hint)])
        case ClaimKey() | str():
            return _by_name(state, claim)
    raise _no_claim(claim)


def _no_claim(given: object) -> TypeError:
    return TypeError(f"a claim is a ResourceClaim, a ResourceClaimTemplate or a name, not {type(given).__name__}")


def _assert_valid(claim: ResourceClaim | ResourceClaimTemplate, places: Places | None, features: Features) -> None:
    """What was never applied is looked at as the API server would."""
    _assert_whole(claim)
    if not claim.metadata.name:
        message = f"the {claim.KIND} has no name"
        raise InvalidInput([Diagnostic("ENG004", message, help="write `metadata.name`", path="metadata.name")])
    problems = refusals(claim, places=places, features=features)
    if has_errors(problems):
        raise InvalidInput(problems)


def _by_name(state: State, name: ClaimKey | str) -> tuple[ClaimRules, bool]:
    key = named_key(name)
    applied = state.claims.get(key)
    if applied is not None:
        return applied, False
    template = state.templates.get(key)
    if template is None and isinstance(name, str):
        template = state.policy_claims.get(name)
    if template is None and isinstance(name, ClaimKey):
        template = next((rules for rules in state.policy_claims.values() if rules.key == name), None)
    if template is None:
        known = [str(k) for k in (*state.claims, *state.templates)] + list(state.policy_claims)
        declared = [f"`{one}`" for one in state.policy_claims if one.endswith(f".{name}")]
        hint = f"write {' or '.join(declared)}: several policies declare it" if declared else ""
        if not hint and state.site_rules.gang(str(name)) is not None:
            hint = "it is a gang: ask with `allocate_gang`"
        hint = hint or did_you_mean(str(name), known, "apply the claim, or load the policy that declares it")
        raise InvalidInput([Diagnostic("ENG002", f"there is no claim `{name}`", help=hint)])
    return template, True


def named_key(name: ClaimKey | str) -> ClaimKey:
    """The claim that a name stands for; without a namespace it is of `default`."""
    if isinstance(name, ClaimKey):
        return name
    namespace, _, last = name.rpartition("/")
    key: ClaimKey = _new_key(ClaimKey, (namespace or DEFAULT_NAMESPACE, last))
    return key


def gang_named(state: State, gang: Gang | str) -> Gang:
    """A gang by itself, or by the name under which a policy declares it. Raises `InvalidInput`: ENG002."""
    if isinstance(gang, Gang):
        return gang
    known = state.site_rules.gangs
    found = next((one for one in known if one.name == gang), None)
    if found is None:
        hint = did_you_mean(str(gang), [one.name for one in known], "load the policy that declares it")
        raise InvalidInput([Diagnostic("ENG002", f"there is no gang `{gang}`", help=hint)])
    return found


def assert_template(members: Sequence[ClaimRules]) -> None:
    """Raises `InvalidInput` with ENG005 if the members of a gang are not different claims."""
    if len({rules.key for rules in members}) < len(members):
        message = f"`{members[0].key}` is one claim, which cannot be all members of a gang"
        raise InvalidInput([Diagnostic("ENG005", message, help="name a template, of which each member is a new claim")])


def held_key(state: State, claim: ClaimLike) -> ClaimKey:
    """The identity of a claim. Raises `InvalidInput`: ENG002 for a name that stands for none."""
    match claim:
        case ClaimRules():
            return claim.key
        case ResourceClaim() | ResourceClaimTemplate():
            return key_of(claim)
        case ReadObject():
            return _resolve(state, claim)[0].key
        case ClaimKey() | str():
            key = named_key(claim)
            return key if key in state.held else _by_name(state, claim)[0].key
    raise _no_claim(claim)


__all__ = [
    "ClaimLike",
    "ObjectLike",
    "assert_template",
    "gang_named",
    "held_key",
    "named_key",
    "node_named",
    "resolve_all",
    "resolve_new",
    "taken",
]
