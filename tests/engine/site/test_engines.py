"""Engines under the rules of a site: who asks, when, what gives way, gangs; and Kubernetes' answers where no rule speaks."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time
from fractions import Fraction
from typing import Any

import pytest

from dra_policy import Engine
from dra_policy.allocation import Allocated, Cause, Unsatisfiable
from dra_policy.cluster import Placing
from dra_policy.diagnostics import InvalidInput
from dra_policy.engine.gangs import GangPlaced
from dra_policy.explanation import Kind
from dra_policy.explanation.clauses import OfSite
from dra_policy.resources import ResourceClaim, ResourceClaimTemplate
from dra_policy.rules import ClaimKey, Origin
from dra_policy.rules.conditions import ALWAYS, Compare, Comparison, Constant, Field, Literal, NodeName, Open
from dra_policy.rules.site import (
    Agree,
    Agreement,
    BoardKey,
    Gang,
    Keep,
    Level,
    Quota,
    Refusal,
    SharingLimit,
    SiteRules,
    SiteToleration,
    Strength,
)
from dra_policy.rules.subjects import FieldType, Source, SubjectField
from dra_policy.rules.windows import Daily, Window

TEAM = SubjectField("team", Source.NAMESPACE_LABEL, "team")
PRIORITY = SubjectField("priority", Source.POD_PRIORITY, default=0)
HOURS = SubjectField("hours", Source.CLAIM_LABEL, "hours", FieldType.INT, default=1)
RACK = Level("rack", "rack", Origin("", "rack"))


def refuse(condition: Any, text: str = "refuse", **more: Any) -> Refusal:
    return Refusal(condition, None, Origin("policy `site`", text), **more)


def greater(field: str, value: int) -> Compare:
    return Compare(Field(field), Comparison.GREATER, Literal(value))


def where(outcome: Any) -> tuple[str, list[str]]:
    assert isinstance(outcome, Allocated), outcome
    return outcome.node, [r.device for result in outcome.results for r in result.devices.results]


# --- who asks


def test_the_namespace_says_which_team_and_may_change_its_mind(make: Any) -> None:
    rules = SiteRules(fields=(TEAM,), refusals=(refuse(make.team("cs")),))
    engine = make.engine(rules, make.node("n"), make.slice("n", 2), make.claim("c"))
    outcome = engine.allocate("c")
    assert isinstance(outcome, Unsatisfiable)
    assert "nobody can tell" in outcome.reasons[0].requests[0].losses[0].origin.text
    engine.apply(make.namespace("default", team="cs"))
    assert isinstance(engine.allocate("c"), Unsatisfiable)
    engine.apply(make.namespace("default", team="math"))
    assert where(engine.allocate("c")) == ("n", ["gpu-0"])
    engine.remove(make.namespace("default"))
    assert isinstance(engine.allocate(make.claim("d") and ResourceClaim.model_validate(make.claim("d"))), Unsatisfiable)


def test_the_pod_says_its_priority(make: Any) -> None:
    low = Compare(Field("priority"), Comparison.LESS, Literal(100))
    rules = SiteRules(fields=(PRIORITY,), refusals=(refuse(low),))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"priority": 500, "resourceClaims": [{"name": "x", "resourceClaimName": "c"}]},
    }
    engine = make.engine(rules, make.node("n"), make.slice("n", 4), make.claim("c"), make.claim("d"), make.claim("e"))
    assert isinstance(engine.allocate("c"), Unsatisfiable)
    engine.apply(pod)
    assert isinstance(engine.allocate("c"), Allocated)
    assert isinstance(engine.allocate("d"), Unsatisfiable)
    assert isinstance(engine.allocate("d", pod="p"), Allocated)
    reserved = make.claim("e") | {"status": {"reservedFor": [{"resource": "pods", "name": "p", "uid": "1"}]}}
    engine.apply(reserved, stored=True)
    assert isinstance(engine.allocate("e"), Allocated)
    engine.remove(pod)
    assert isinstance(engine.allocate(ResourceClaim.model_validate(make.claim("f"))), Unsatisfiable)


def test_claims_say_themselves_what_they_are(make: Any) -> None:
    rules = SiteRules(fields=(HOURS,), refusals=(refuse(greater("hours", 8)),))
    engine = make.engine(
        rules,
        make.node("n"),
        make.slice("n", 9),
        make.claim("long", labels={"hours": "9"}),
        make.claim("short", labels={"hours": "8"}),
        make.claim("odd", labels={"hours": "many"}),
        make.template("long-one", labels={"hours": "9"}),
        make.template("short-one", labels={"hours": "2"}),
    )
    for name, fits in (("long", False), ("short", True), ("odd", False), ("long-one", False), ("short-one", True)):
        assert isinstance(engine.allocate(name), Allocated) is fits, name
    given = ResourceClaim.model_validate(make.claim("given", labels={"hours": "9"}))
    assert isinstance(engine.allocate(given), Unsatisfiable)
    made = ResourceClaimTemplate.model_validate(make.template("given-one", labels={"hours": "9"}))
    assert isinstance(engine.allocate(made), Unsatisfiable)
    # A label that goes away counts no more.
    engine.apply(make.claim("long"))
    assert isinstance(engine.allocate("long"), Allocated)


def test_somebody_may_vouch_for_the_asker(make: Any) -> None:
    quota = Quota("cs", ALWAYS, Fraction(1), Origin("", "quota cs"), make.team("cs"))
    engine = make.engine(
        SiteRules(fields=(TEAM,), quotas=(quota,)), make.node("n"), make.slice("n", 4), make.template("t")
    )
    assert isinstance(engine.allocate("t", subject={"team": "cs"}), Allocated)
    assert isinstance(engine.allocate("t", subject={"team": "cs"}), Unsatisfiable)
    assert isinstance(engine.allocate("t", subject={"team": "math"}), Allocated)
    assert isinstance(engine.allocate("t"), Unsatisfiable)  # nobody can tell
    assert engine.release("t-1")
    assert isinstance(engine.allocate("t", subject={"team": "cs"}), Allocated)


# --- when


def test_time_is_the_clocks_or_as_given(make: Any) -> None:
    night = Window("night", Daily(), time(22), time(6))
    rules = SiteRules(windows=(night,), refusals=(refuse(Open(night)),))
    times = iter([datetime(2026, 11, 23, 23, tzinfo=UTC), datetime(2026, 11, 23, 12, tzinfo=UTC)])
    engine = make.engine(rules, make.node("n"), make.slice("n", 2), make.claim("c"), clock=lambda: next(times))
    assert isinstance(engine.allocate("c"), Unsatisfiable)
    assert isinstance(engine.allocate("c", at=datetime(2026, 11, 24, 3, tzinfo=UTC)), Unsatisfiable)
    assert isinstance(engine.allocate("c"), Allocated)
    assert engine.moment().suitable_nodes(
        ResourceClaim.model_validate(make.claim("d")), at=datetime(2026, 11, 24, 7, tzinfo=UTC)
    ) == {"n"}


# --- where


def test_nodes_are_asked_in_the_order_of_the_placing(make: Any) -> None:
    on = lambda name: Compare(NodeName(), Comparison.EQUAL, Literal(name))  # noqa: E731
    rules = SiteRules(refusals=(refuse(on("a")),))
    objects = [make.node(n) for n in "abc"] + [make.slice("a", 1), make.slice("b", 3), make.slice("c", 2)]
    wanted = {Placing.FIRST: "b", Placing.PACK: "c", Placing.SPREAD: "b"}
    for placing, name in wanted.items():
        engine = make.engine(rules, *objects, make.claim("x"))
        assert where(engine.allocate("x", placing=placing))[0] == name
    engine = make.engine(rules, *objects, make.claim("x"))
    outcome = engine.allocate("x", "a")
    assert isinstance(outcome, Unsatisfiable)
    assert outcome.reasons[0].requests[0].losses[0].cause is Cause.REFUSAL
    assert engine.suitable_nodes("x") == {"b", "c"}
    assert list(engine.moment().suitable_nodes("x")) == ["b", "c"]


def test_why_nowhere_is_told_for_every_node(make: Any) -> None:
    rules = SiteRules(refusals=(refuse(ALWAYS, "refuse all"),))
    engine = make.engine(rules, make.node("a"), make.node("b"), make.slice("a", 2), make.claim("x"))
    outcome = engine.allocate("x")
    assert isinstance(outcome, Unsatisfiable)
    told = {r.node: [loss.origin.text for q in r.requests for loss in q.losses] for r in outcome.reasons}
    assert told == {"a": ["refuse all"], "b": []}
    assert "refuse all" in engine.explain("x").text()


def test_a_keep_counts_the_whole_rack(make: Any) -> None:
    keep = Keep(2, ALWAYS, Origin("", "keep 2"), "rack", frozenset({"other"}))
    objects = [make.node("a", rack="r1"), make.node("b", rack="r1"), make.node("c", rack="r2")]
    objects += [make.slice("a", 2), make.slice("b", 1), make.slice("c", 3)]
    objects += [make.claim(f"x{n}") for n in range(4)] + [make.claim("y", class_name="other")]
    engine = make.engine(SiteRules(levels=(RACK,), keeps=(keep,)), *objects)
    assert [where(engine.allocate(f"x{n}"))[0] for n in range(2)] == ["a", "c"]
    assert isinstance(engine.allocate("x2"), Unsatisfiable)
    assert where(engine.allocate("y"))[0] == "a"
    assert engine.release("x1")
    assert where(engine.allocate("x3"))[0] == "c"


# --- what gives way


def test_what_only_should_hold_gives_way_and_is_told(make: Any) -> None:
    soft = refuse(Compare(NodeName(), Comparison.EQUAL, Literal("a")), "rather not a", strength=Strength.SHOULD)
    softer = refuse(Compare(NodeName(), Comparison.EQUAL, Literal("b")), "rather not b", strength=Strength.SHOULD)
    hard = refuse(make.team("cs"), "never cs")
    rules = SiteRules(fields=(TEAM,), refusals=(soft, softer, hard))
    engine = make.engine(rules, *[make.node(n) for n in "abc"], *[make.slice(n, 1) for n in "abc"], make.template("t"))
    places = []
    for _ in range(3):
        outcome = engine.allocate("t", subject={"team": "math"})
        assert isinstance(outcome, Allocated)
        given_up = () if outcome.preferred is None else outcome.preferred.given_up
        places.append((outcome.node, [origin.text for origin in given_up]))
    assert places == [("c", []), ("b", ["rather not b"]), ("a", ["rather not a"])]
    assert isinstance(engine.allocate("t", subject={"team": "math"}), Unsatisfiable)
    assert engine.release("t-1")
    assert isinstance(engine.allocate("t", subject={"team": "cs"}), Unsatisfiable)


# --- who holds what


def test_holders_are_known_through_releases_and_restarts(make: Any) -> None:
    share = SharingLimit(ALWAYS, Origin("", "share"), namespaces=1)
    speed = Agreement("acme.com", ("speed",), Agree.EQUAL, Origin("", "speed agrees"), default="slow")
    devices = [{"name": "gpu-0", "allowMultipleAllocations": True}]

    def configured(name: str, ns: str, value: str) -> dict[str, Any]:
        made: dict[str, Any] = make.claim(name, ns=ns)
        made["spec"]["devices"]["config"] = [{"opaque": {"driver": "acme.com", "parameters": {"speed": value}}}]
        return made

    claims = [
        configured("a", "x", "fast"),
        make.claim("b", ns="x"),
        configured("c", "y", "fast"),
        configured("d", "x", "fast"),
    ]
    rules = SiteRules(sharing=(share,), agreements=(speed,))
    engine = make.engine(rules, make.node("n"), make.slice("n", devices), *claims)
    assert isinstance(engine.allocate("x/a"), Allocated)
    again = make.engine(rules, make.node("n"), make.slice("n", devices), *claims[1:])
    from dra_policy.resources import to_object  # of this test

    again.apply(claims[0] | {"status": {"allocation": to_object(engine.allocations[ClaimKey("x", "a")])}}, stored=True)
    for one in (engine, again):
        assert isinstance(one.allocate("x/b"), Unsatisfiable)
        assert isinstance(one.allocate("y/c"), Unsatisfiable)
        assert isinstance(one.allocate("x/d"), Allocated)
        assert one.release("x/a")
        assert one.release("x/d")
        assert isinstance(one.allocate("x/b"), Allocated)


# --- tolerations


def test_a_site_toleration_lets_claims_in(make: Any) -> None:
    taint = {"key": "example.org/drain", "effect": "NoExecute"}
    rules = SiteRules(tolerations=(SiteToleration("example.org/drain", frozenset({"other"}), Origin("", "tolerate")),))
    devices = [{"name": "gpu-0", "taints": [taint]}]
    engine = make.engine(
        rules, make.node("n"), make.slice("n", devices), make.claim("a"), make.claim("b", class_name="other")
    )
    before = engine.moment().state.claims[ClaimKey("default", "b")]
    assert isinstance(engine.allocate("a"), Unsatisfiable)
    assert engine.suitable_nodes("b") == {"n"}
    outcome = engine.allocate("b")
    assert isinstance(outcome, Allocated)
    assert [t.key for t in outcome.results[0].devices.results[0].tolerations] == ["example.org/drain"]
    assert engine.moment().state.claims[ClaimKey("default", "b")] is before


# --- gangs


def gang(count: int, **levels: Any) -> Gang:
    return Gang("train", "t", count, Origin("", "gang train"), **levels)


def racks(make: Any) -> list[dict[str, Any]]:
    objects = [make.node(n, rack=r) for n, r in (("a", "r1"), ("b", "r2"), ("c", "r1"), ("d", "r2"), ("e", "r2"))]
    sizes = {"a": 2, "b": 2, "c": 1, "d": 1, "e": 1}
    return [*objects, *[make.slice(n, size) for n, size in sizes.items()], make.template("t")]


def test_a_gang_is_placed_together_or_not_at_all(make: Any) -> None:
    engine = make.engine(SiteRules(levels=(RACK,), gangs=(gang(4, same=("rack",)),)), *racks(make))
    placed = engine.allocate_gang("train")
    assert isinstance(placed, GangPlaced)
    assert [member.node for member in placed.members] == ["b", "b", "d", "e"]
    assert placed.places == (("rack", "r2"),)
    assert [str(member.claims[0]) for member in placed.members] == [f"default/t-{n}" for n in (1, 2, 3, 4)]
    assert len(engine.allocations) == 4
    before = engine.usage
    refused = engine.allocate_gang("train")
    assert isinstance(refused, Unsatisfiable)
    assert engine.usage == before
    assert [q.combination[0].text for r in refused.reasons for q in r.requests if q.combination] == [
        "gang train (3 of 4 fit at rack r1)"
    ] * 2
    assert all(engine.release(f"t-{n}") for n in (1, 2, 3, 4))
    assert len(engine.usage) == 0
    with pytest.raises(InvalidInput, match="there is no gang"):
        engine.allocate_gang("trian")


def test_a_gang_falls_back_to_a_wider_level(make: Any) -> None:
    """In racks first, by pairs of nodes otherwise; what is neither is refused."""
    nodes = [
        make.node(n, rack=r, row="a" if n != "e" else "b")
        for n, r in zip("abcde", ("1", "2", "2", "3", "4"), strict=True)
    ]
    objects = [*nodes, *[make.slice(n, 1) for n in "abcde"], make.template("t")]
    row = Level("row", "row", Origin("", "level row"))
    engine = make.engine(SiteRules(levels=(RACK, row)), *objects)

    def placed(count: int) -> Any:
        found = engine.allocate_gang(gang(count, same=("rack",), otherwise=(("row",),), distinct=("node",)))
        for member in found.members if isinstance(found, GangPlaced) else ():
            engine.release(str(member.claims[0].name))
        return found

    two, three = placed(2), placed(3)
    assert (two.places, [member.node for member in two.members]) == ((("rack", "2"),), ["b", "c"])
    assert (three.places, [member.node for member in three.members]) == ((("row", "a"),), ["a", "b", "c"])
    assert isinstance(placed(5), Unsatisfiable)


def test_members_at_different_places(make: Any) -> None:
    engine = make.engine(SiteRules(levels=(RACK,)), *racks(make))
    placed = engine.allocate_gang(gang(3, same=("rack",), distinct=("node",)))
    assert isinstance(placed, GangPlaced)
    assert [member.node for member in placed.members] == ["b", "d", "e"]
    assert isinstance(engine.allocate_gang(gang(3, distinct=("rack",))), Unsatisfiable)
    placed = engine.allocate_gang(gang(2, distinct=("rack",)))
    assert isinstance(placed, GangPlaced)
    assert [member.node for member in placed.members] == ["a", "b"]


def test_a_gang_looks_back_where_a_quota_couples_nodes(make: Any) -> None:
    """Devices of node a count two each: with both of them there is nothing left for the rest."""
    from dra_policy.rules.site import Charge  # of this test

    big = make.test('device.attributes["acme.com"].big')
    charges = (Charge(big, Fraction(2)),)
    quota = Quota("all", ALWAYS, Fraction(4), Origin("", "quota"), charges=charges)

    def devices(*sizes: bool) -> list[dict[str, Any]]:
        return [{"name": f"gpu-{n}", "attributes": {"big": {"bool": big}}} for n, big in enumerate(sizes)]

    objects = [
        make.node("a"),
        make.node("b"),
        make.slice("a", devices(True, True)),
        make.slice("b", devices(False, False)),
    ]
    engine = make.engine(SiteRules(quotas=(quota,)), *objects, make.template("t"))
    placed = engine.allocate_gang(gang(3))
    assert isinstance(placed, GangPlaced)
    assert [member.node for member in placed.members] == ["a", "b", "b"]
    assert isinstance(engine.allocate_gang(gang(1)), Unsatisfiable)


def test_random_gangs_are_placed_if_any_distribution_is_possible(make: Any) -> None:
    """Against all distributions of members over nodes, with a quota that counts devices of different nodes differently."""
    from itertools import product

    from dra_policy.rules.site import Charge

    placed = 0
    for seed in range(60):
        dice = random.Random(seed)
        names = "abcd"[: dice.randint(1, 4)]
        sizes = {n: dice.randint(0, 3) for n in names}
        cost = {n: dice.randint(0, 2) for n in names}
        at_most, count = dice.randint(0, 6), dice.randint(1, 5)
        charges = tuple(
            Charge(make.test(f'device.attributes["acme.com"].node == "{n}"'), Fraction(cost[n])) for n in names
        )
        quota = Quota("all", ALWAYS, Fraction(at_most), Origin("", "quota"), charges=charges)
        objects = [make.node(n, rack=dice.choice(("r1", "r2"))) for n in names]
        objects += [
            make.slice(n, [{"name": f"gpu-{i}", "attributes": {"node": {"string": n}}} for i in range(sizes[n])])
            for n in names
        ]
        rack = {o["metadata"]["name"]: o["metadata"]["labels"]["rack"] for o in objects if o["kind"] == "Node"}
        levels = dice.choice([{}, {"same": ("rack",)}, {"distinct": ("node",)}])
        engine = make.engine(SiteRules(levels=(RACK,), quotas=(quota,)), *objects, make.template("t"))
        found = engine.allocate_gang(gang(count, **levels))
        possible = False
        for ways in product(*[range(sizes[n] + 1) for n in names]):
            used = [n for n, way in zip(names, ways, strict=True) if way]
            possible |= (
                sum(ways) == count
                and sum(way * cost[n] for n, way in zip(names, ways, strict=True)) <= at_most
                and ("same" not in levels or len({rack[n] for n in used}) == 1)
                and ("distinct" not in levels or max(ways) <= 1)
            )
        assert isinstance(found, GangPlaced) == possible, seed
        assert isinstance(found, GangPlaced | Unsatisfiable)
        placed += possible
    assert 10 < placed < 50


# --- nothing is paid where no rule speaks


def test_rules_that_concern_nobody_change_no_answer(make: Any) -> None:
    """Plain answers, device for device, under rules that never refuse."""
    idle = SiteRules(
        levels=(RACK,),
        refusals=(refuse(Constant(value=False)),),
        quotas=(Quota("all", ALWAYS, Fraction(10**6), Origin("", "quota")),),
        keeps=(Keep(1, Constant(value=False), Origin("", "keep"), "cluster"),),
        sharing=(SharingLimit(Constant(value=False), Origin("", "share"), claims=1),),
        agreements=(Agreement("other.com", ("x",), Agree.EQUAL, Origin("", "agree")),),
    )
    dice = random.Random(7)
    objects = [make.node(n) for n in "abc"] + [make.slice(n, dice.randint(1, 4)) for n in "abc"]
    sited, plain = make.engine(idle, *objects), make.engine(SiteRules(), *objects)
    held: list[str] = []
    for number in range(60):
        if held and dice.random() < 0.4:
            gone = held.pop(dice.randrange(len(held)))
            assert sited.release(gone)
            assert plain.release(gone)
            continue
        made = make.claim(f"c{number}", dice.choice((1, 1, 2)))
        for engine in (sited, plain):
            engine.apply(made)
        one, two = sited.allocate(f"c{number}"), plain.allocate(f"c{number}")
        assert type(one) is type(two)
        if isinstance(one, Allocated):
            assert where(one) == where(two)
            held.append(f"c{number}")


def test_an_engine_without_rules_knows_no_site(make: Any) -> None:
    engine: Engine = make.engine(
        SiteRules(levels=(RACK,), fields=(TEAM,)), make.node("n"), make.slice("n", 1), make.claim("c")
    )
    assert isinstance(engine.allocate("c"), Allocated)
    assert engine.moment().terms.sites._last is None  # nothing was worked out


def test_nodes_that_no_rule_tells_apart_are_asked_once(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers and the reasons are those of asking every node."""
    from dra_policy.engine import sited

    names = [f"n{number:02}" for number in range(12)]

    def devices(kind: str) -> list[dict[str, Any]]:
        return [{"name": f"gpu-{n}", "attributes": {"kind": {"string": kind}}} for n in range(2)]

    rules = SiteRules(
        fields=(TEAM,),
        refusals=(
            refuse(make.test('device.attributes["acme.com"].kind == "b"'), "no b"),
            refuse(make.team("cs"), "no cs"),
        ),
    )
    objects = [make.node(n) for n in names] + [make.slice(n, devices("ab"[i % 3 == 0])) for i, n in enumerate(names)]
    asked: list[str] = []
    allocate = sited.allocate

    def counted(view: Any, *rest: Any, **more: Any) -> Any:
        asked.append(view.node.metadata.name)
        return allocate(view, *rest, **more)

    monkeypatch.setattr(sited, "allocate", counted)
    engine = make.engine(rules, *objects, make.template("t"))
    outcome = engine.allocate("t", subject={"team": "cs"})
    assert isinstance(outcome, Unsatisfiable)
    assert len(asked) == 2
    told = {r.node: [loss.origin.text for q in r.requests for loss in q.losses] for r in outcome.reasons}
    assert len(asked) == 4
    assert told == {n: ["no b" if i % 3 == 0 else "no cs"] for i, n in enumerate(names)}
    assert where(engine.allocate("t", subject={"team": "math"}))[0] == "n01"


# --- conflicts among rules


def test_the_rules_in_conflict_are_as_few_as_possible(make: Any) -> None:
    on = lambda *names: Compare(NodeName(), Comparison.IN, Literal(names))  # noqa: E731
    no_a, no_b, idle = refuse(on("a"), "no a"), refuse(on("b"), "no b"), refuse(on("z"), "no z")
    rather_not = refuse(on("a", "b"), "rather not", strength=Strength.SHOULD)
    rules = SiteRules(refusals=(idle, no_a, no_b, rather_not))
    engine = make.engine(rules, make.node("a"), make.node("b"), make.slice("a", 1), make.slice("b", 1), make.claim("x"))
    assert rules_in_conflict(engine, "x") == [no_a, no_b]
    assert rules_in_conflict(engine, "x", "a") == [no_a]
    engine.apply(make.claim("large", 2))
    assert rules_in_conflict(engine, "large") == []
    free = make.engine(SiteRules(refusals=(idle,)), make.node("a"), make.slice("a", 1), make.claim("x"))
    assert rules_in_conflict(free, "x") == []


def rules_in_conflict(engine: Engine, claim: str, node: str | None = None) -> list[Any]:
    """The rules of the site in the minimal conflicts of a refusal, node by node."""
    found = engine.explain(claim, node).conflict
    return [] if found is None else [e.rule for g in found.groups for e in g.elements if isinstance(e, OfSite)]


# need 19
def test_a_gang_is_made_of_a_template_and_times_say_their_zone(make: Any) -> None:
    engine = make.engine(SiteRules(levels=(RACK,), refusals=(refuse(make.team("cs")),)), *racks(make), make.claim("c"))
    with pytest.raises(InvalidInput, match="one claim"):
        engine.allocate_gang(gang(2), "c")
    with pytest.raises(ValueError, match="an aware one"):
        engine.allocate("c", at=datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point
    assert len(engine.usage) == 0


def test_who_uses_a_board_on_another_node_is_known(make: Any) -> None:
    """Idle nodes of one clique are alike, whoever is in their way has it elsewhere and would have to give it back."""
    clique = BoardKey(("acme.com/clique",), across=True, else_alone=True)
    rule = Agreement("acme.com", ("domain",), Agree.EQUAL, Origin("", "one domain"), board=clique)

    def chan(node: str, clique: str) -> dict[str, Any]:
        made: dict[str, Any] = make.slice(node, [{"name": "c", "attributes": {"clique": {"string": clique}}}])
        return made

    def told(name: str, domain: str, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = make.claim(name, **more)
        made["spec"]["devices"]["config"] = [{"opaque": {"driver": "acme.com", "parameters": {"domain": domain}}}]
        return made

    nodes = [make.node(name) for name in ("n1", "n2", "n3", "m1")]
    objects = [*nodes, *(chan(name, "c1") for name in ("n1", "n2", "n3"))]
    claims = [told(name, name[0]) for name in ("a1", "a2", "b1", "b2")]
    engine = make.engine(SiteRules(agreements=(rule,)), *objects, *claims)
    assert where(engine.allocate("a1", node="n2")) == ("n2", ["c"])
    assert isinstance(engine.allocate("b1"), Unsatisfiable)
    explanation = engine.explain("b1", node="n3")
    assert explanation.kind is Kind.NOT_NOW
    assert explanation.holders == (ClaimKey("default", "a1"),)
    assert where(engine.allocate("a2")) == ("n1", ["c"])
    assert engine.release("a1")
    assert isinstance(engine.allocate("b1"), Unsatisfiable)
    assert engine.release("a2")
    assert where(engine.allocate("b1")) == ("n1", ["c"])
    engine.apply(chan("m1", "c2"))
    assert where(engine.allocate("a1")) == ("m1", ["c"])
    assert isinstance(engine.allocate("a2"), Unsatisfiable)
    assert where(engine.allocate("b2")) == ("n2", ["c"])
