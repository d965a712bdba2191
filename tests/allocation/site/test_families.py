"""Each family of site rules by itself: what it refuses, in which words, and where nobody can tell."""

from __future__ import annotations

from datetime import UTC, datetime, time
from fractions import Fraction
from typing import Any

import pytest

from dra_policy.allocation import Allocated, Cause, Unsatisfiable
from dra_policy.resources import AllocationResult, NodeSelector
from dra_policy.rules import Origin
from dra_policy.rules.conditions import ALWAYS, And, Compare, Comparison, Field, LevelOf, Literal, Not, Open, Within
from dra_policy.rules.site import (
    Agree,
    Agreement,
    BoardKey,
    Ceiling,
    Charge,
    ChargeUnit,
    Exclusion,
    HeldKind,
    Keep,
    Level,
    Mode,
    ModeExclusion,
    Quota,
    Refusal,
    SharingLimit,
    SiteRules,
    Strength,
)
from dra_policy.rules.windows import Daily, Window

RACK = Level("rack", "example.org/rack", Origin("", "rack"))
SHARED = {"allowMultipleAllocations": True}


def team(name: str) -> Compare:
    return Compare(Field("team"), Comparison.EQUAL, Literal(name))


def gpus(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"name": f"gpu-{number}", **more} for number in range(count)]


def held(device: str, pool: str = "pool", *, share: int | None = None, **config: Any) -> AllocationResult:
    result: dict[str, Any] = {"request": "r", "driver": "acme.com", "pool": pool, "device": device}
    if share is not None:
        result["shareID"] = f"00000000-0000-4000-8000-{share:012}"
    opaque = {"driver": "acme.com", "parameters": config}
    given = [{"source": "FromClaim", "opaque": opaque}] if config else []
    return AllocationResult.model_validate({"devices": {"results": [result], "config": given}})


def losses(outcome: Any) -> list[tuple[Cause, str, int]]:
    assert isinstance(outcome, Unsatisfiable), outcome
    return [(loss.cause, loss.origin.text, loss.devices) for r in outcome.reasons[0].requests for loss in r.losses]


# --- refusals


def test_a_refusal_is_named_in_the_funnel_behind_the_selectors(make: Any) -> None:
    refusal = Refusal(
        team("cs"), frozenset({"any"}), Origin("policy `site`", "refuse any when team is cs", because="no")
    )
    world = make.world([make.slice("pool", gpus(3))], SiteRules(refusals=(refusal,)))
    outcome = world.ask(make.claim("c", make.request()), subjects=[make.who(team="cs")])
    assert losses(outcome) == [(Cause.REFUSAL, "refuse any when team is cs", 3)]
    assert outcome.reasons[0].requests[0].losses[0].origin.because == "no"
    assert make.devices(world.ask(make.claim("c", make.request()), subjects=[make.who(team="math")])) == ["gpu-0"]


def test_a_refusal_of_other_classes_is_not_asked(make: Any) -> None:
    refusal = Refusal(ALWAYS, frozenset({"other"}), Origin("", "refuse other"))
    world = make.world(
        [make.slice("pool", gpus(1))], SiteRules(refusals=(refusal,)), classes={"any": "true", "other": "true"}
    )
    assert isinstance(world.ask(make.claim("c", make.request())), Allocated)
    assert isinstance(world.ask(make.claim("c", make.request(class_name="other"))), Unsatisfiable)


def test_a_must_that_nobody_can_tell_refuses_and_says_so(make: Any) -> None:
    must = Refusal(team("cs"), None, Origin("", "refuse cs"))
    world = make.world([make.slice("pool", gpus(1))], SiteRules(refusals=(must,)))
    found = losses(world.ask(make.claim("c", make.request())))
    assert found == [(Cause.REFUSAL, "refuse cs (nobody can tell: `subject.team` is not declared)", 1)]
    should = Refusal(team("cs"), None, Origin("", "refuse cs"), Strength.SHOULD)
    assert isinstance(world.ask(make.claim("c", make.request()), rules=SiteRules(refusals=(should,))), Allocated)


def test_a_device_that_is_refused_is_no_error(make: Any) -> None:
    """The selector of the class raises on the device without the attribute, but nobody comes to it."""
    devices = [{"name": "odd"}, {"name": "even", "attributes": {"model": {"string": "a"}}}]
    odd = Refusal(Not(make.test("has(device.attributes['acme.com'].model)")), None, Origin("", "refuse unlabelled"))
    classes = {"any": 'device.attributes["acme.com"].model == "a"'}
    world = make.world([make.slice("pool", devices)], classes=classes)
    assert "Failed" in type(world.ask(make.claim("c", make.request()))).__name__
    assert make.devices(world.ask(make.claim("c", make.request()), rules=SiteRules(refusals=(odd,)))) == ["even"]


def test_refusals_read_time_and_node(make: Any) -> None:
    night = Window(
        "night", Daily(), time(11), time(13), nodes=Compare(LevelOf("rack"), Comparison.EQUAL, Literal("r1"))
    )
    refusal = Refusal(And((Open(night), Within(night))), None, Origin("", "refuse at night"))
    nodes = {"node-1": {RACK.label: "r1"}, "node-2": {RACK.label: "r2"}}
    world = make.world(
        [make.slice("one", gpus(1)), make.slice("two", gpus(1), "node-2")],
        SiteRules(levels=(RACK,), refusals=(refusal,)),
        nodes=nodes,
    )
    claim = make.claim("c", make.request())
    assert isinstance(world.ask(claim), Unsatisfiable)
    assert isinstance(world.ask(claim, node="node-2"), Allocated)
    world.now = datetime(2026, 11, 23, 14, tzinfo=UTC)
    assert isinstance(world.ask(claim), Allocated)


# --- quotas


def quota(own: Any, **more: Any) -> Quota:
    values: dict[str, Any] = {"name": "cs", "devices": ALWAYS, "origin": Origin("", "quota cs"), "subject": team("cs")}
    return Quota(own=Fraction(own), **{**values, **more})


def test_a_quota_counts_devices_whatever_the_class(make: Any) -> None:
    world = make.world(
        [make.slice("pool", gpus(4))],
        SiteRules(quotas=(quota(2),)),
        classes={"any": "true", "other": "true"},
    )
    world.hold("old", held("gpu-0"), make.who(team="cs"))

    def ask(count, who):
        return world.ask(make.claim("c", make.request(count=count, class_name="other")), subjects=[make.who(team=who)])

    assert isinstance(ask(1, "cs"), Allocated)
    outcome = ask(2, "cs")
    assert isinstance(outcome, Unsatisfiable)
    assert outcome.reasons[0].requests[0].combination == (Origin("", "quota cs"),)
    assert isinstance(ask(3, "math"), Allocated)
    world.hold("older", held("gpu-1"), make.who(team="cs"))
    assert losses(ask(1, "cs")) == [(Cause.QUOTA, "quota cs (2 of 2 held)", 4)]


def test_charges_are_exact(make: Any) -> None:
    tenth = (Charge(rate=Fraction(1, 10)),)
    world = make.world([make.slice("pool", gpus(4))], SiteRules(quotas=(quota(Fraction(3, 10), charges=tenth),)))
    ask = lambda count: world.ask(make.claim("c", make.request(count=count)), subjects=[make.who(team="cs")])  # noqa: E731
    assert isinstance(ask(3), Allocated)
    assert isinstance(ask(4), Unsatisfiable)


def test_charges_by_counters_and_capacity(make: Any) -> None:
    def part(name: str, compute: int) -> dict[str, Any]:
        drawn = {"counterSet": "board", "counters": {"compute": {"value": str(compute)}}}
        return {"name": name, "consumesCounters": [drawn], "capacity": {"memory": {"value": f"{compute}Gi"}}}

    counters = make.slice("counters", [], sharedCounters=[{"name": "board", "counters": {"compute": {"value": "14"}}}])
    devices = make.slice("counters", [part("mig-3", 3), part("mig-4", 4), part("mig-7", 7)])
    published = [
        one.model_copy(
            update={
                "metadata": one.metadata.model_copy(update={"name": name}),
                "spec": one.spec.model_copy(
                    update={"pool": one.spec.pool.model_copy(update={"resource_slice_count": 2})}
                ),
            }
        )
        for name, one in (("a", counters), ("b", devices))
    ]
    by_compute = (Charge(rate=Fraction(1, 7), by=ChargeUnit.COUNTER, name="compute"),)
    world = make.world(published, SiteRules(quotas=(quota(1, charges=by_compute),)))

    def ask(count, **more):
        return world.ask(make.claim("c", make.request(count=count)), subjects=[make.who(team="cs")], **more)

    assert make.devices(ask(2)) == ["mig-3", "mig-4"]
    assert isinstance(ask(3), Unsatisfiable)
    by_memory = (Charge(rate=Fraction(1, 2**30), by=ChargeUnit.CAPACITY, name="memory"),)
    assert make.devices(ask(1, rules=SiteRules(quotas=(quota(7, charges=by_memory),)))) == ["mig-3"]
    assert make.devices(ask(2, rules=SiteRules(quotas=(quota(7, charges=by_memory),)))) == ["mig-3", "mig-4"]
    unknown = (Charge(by=ChargeUnit.COUNTER, name="lanes"),)
    found = losses(ask(1, rules=SiteRules(quotas=(quota(7, charges=unknown),))))
    assert found == [(Cause.QUOTA, "quota cs (nobody can tell: the device has no counter `lanes` to count it by)", 3)]


def test_what_a_share_consumes_is_charged(make: Any) -> None:
    policy = {"requestPolicy": {"default": "1", "validRange": {"min": "1", "step": "1"}}}
    devices = gpus(1, capacity={"slots": {"value": "8", **policy}}, **SHARED)
    by_slots = (Charge(rate=Fraction(1, 4), by=ChargeUnit.CONSUMED, name="slots"),)
    world = make.world([make.slice("pool", devices)], SiteRules(quotas=(quota(1, charges=by_slots),)))
    ask = lambda slots: world.ask(  # noqa: E731
        make.claim("c", make.request(capacity={"requests": {"slots": str(slots)}})), subjects=[make.who(team="cs")]
    )
    outcome = ask(4)
    assert isinstance(outcome, Allocated)
    assert isinstance(ask(5), Unsatisfiable)
    world.hold("half", ask(2).results[0], make.who(team="cs"))
    assert isinstance(ask(2), Allocated)
    assert isinstance(ask(3), Unsatisfiable)


def cohort(**cs: Any) -> SiteRules:
    theirs = quota(2, name="math", subject=team("math"), origin=Origin("", "quota math"), cohort="uni", borrow=None)
    return SiteRules(quotas=(quota(2, cohort="uni", **cs), theirs))


def test_borrowing_and_lending(make: Any) -> None:
    world = make.world([make.slice("pool", gpus(8))], cohort(borrow=Fraction(1)))

    def ask(count, who, **more):
        return world.ask(make.claim("c", make.request(count=count)), subjects=[make.who(team=who)], **more)

    assert isinstance(ask(3, "cs"), Allocated)
    assert isinstance(ask(4, "cs"), Unsatisfiable)  # its own two and one that it may borrow
    assert isinstance(ask(4, "math"), Allocated)
    assert isinstance(ask(5, "math"), Unsatisfiable)  # all that the cohort owns
    # What cs keeps for itself nobody borrows.
    assert isinstance(ask(3, "math", rules=cohort(lend=Fraction(1))), Allocated)
    assert isinstance(ask(4, "math", rules=cohort(lend=Fraction(1))), Unsatisfiable)
    for number in range(4):
        world.hold(f"m{number}", held(f"gpu-{number}"), make.who(team="math"))
    assert isinstance(ask(1, "cs"), Unsatisfiable)
    text = losses(ask(1, "cs"))[0][1]
    assert text == "quota cs (0 of 3 held, 4 of 4 in cohort uni)"
    # Two are kept at home: though math holds four, cs gets them.
    assert isinstance(ask(2, "cs", rules=cohort(lend=Fraction(0))), Allocated)


def test_each_value_of_a_field_has_the_quota_for_itself(make: Any) -> None:
    rule = quota(1, subject=ALWAYS, per="team")
    world = make.world([make.slice("pool", gpus(4))], SiteRules(quotas=(rule,)))
    one, two = make.claim("a", make.request()), make.claim("b", make.request())
    assert isinstance(world.ask(one, two, subjects=[make.who(team="cs"), make.who(team="math")]), Allocated)
    assert isinstance(world.ask(one, two, subjects=[make.who(team="cs"), make.who(team="cs")]), Unsatisfiable)
    found = losses(world.ask(one))
    assert found == [(Cause.QUOTA, "quota cs (nobody can tell: `subject.team` is not declared)", 4)]


def test_a_device_that_is_gone_still_counts(make: Any) -> None:
    world = make.world([make.slice("pool", gpus(2))], SiteRules(quotas=(quota(1),)))
    world.hold("old", held("gone"), make.who(team="cs"))
    assert isinstance(world.ask(make.claim("c", make.request()), subjects=[make.who(team="cs")]), Unsatisfiable)
    # Of another driver's device it is known that the quota is not about it.
    other = quota(1, devices=make.test('device.driver == "other.com"'))
    rules = SiteRules(quotas=(other,))
    assert isinstance(
        world.ask(make.claim("c", make.request(count=2)), subjects=[make.who(team="cs")], rules=rules), Allocated
    )


def test_admin_access_takes_nothing_of_a_quota(make: Any) -> None:
    world = make.world([make.slice("pool", gpus(2))], SiteRules(quotas=(quota(0),)))
    ask = lambda **more: world.ask(make.claim("c", make.request(**more)), subjects=[make.who(team="cs")])  # noqa: E731
    assert isinstance(ask(), Unsatisfiable)
    assert isinstance(ask(adminAccess=True), Allocated)


def test_a_quota_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="not below zero"):
        quota(-1)
    with pytest.raises(ValueError, match="in no cohort"):
        quota(1, per="team", cohort="uni")


# --- kept free


def keep(count: int, **more: Any) -> Keep:
    return Keep(count, more.pop("devices", ALWAYS), Origin("", f"keep {count} free"), **more)


def test_devices_are_kept_free_per_rack(make: Any) -> None:
    rules = SiteRules(levels=(RACK,), keeps=(keep(2, level="rack", classes=frozenset({"production"})),))
    nodes = {"node-1": {RACK.label: "r1"}, "node-2": {RACK.label: "r1"}, "node-3": {}}
    world = make.world(
        [make.slice(f"p{n}", gpus(2), f"node-{n}") for n in (1, 2, 3)],
        rules,
        nodes=nodes,
        classes={"any": "true", "production": "true"},
    )

    def ask(count, **more):
        return world.ask(make.claim("c", make.request(count=count, class_name=more.pop("of", "any"))), **more)

    assert isinstance(ask(2), Allocated)
    world.hold("old", held("gpu-0", "p2"))
    assert isinstance(ask(1), Allocated)
    outcome = ask(2)
    assert isinstance(outcome, Unsatisfiable)
    assert isinstance(ask(2, of="production"), Allocated)
    world.hold("older", held("gpu-0", "p1"))
    assert (Cause.KEEP, "keep 2 free (1 would be left)", 1) in losses(ask(1))
    # Nobody knows where the third node is.
    found = losses(ask(1, node="node-3"))
    assert found == [(Cause.KEEP, "keep 2 free (nobody can tell: node `node-3` has no label `example.org/rack`)", 2)]
    assert isinstance(ask(1, of="production", node="node-3"), Allocated)


def test_a_board_with_a_partition_in_use_is_not_free(make: Any) -> None:
    def drawing(name: str, amount: int) -> dict[str, Any]:
        return {
            "name": name,
            "consumesCounters": [{"counterSet": f"b{name[-1]}", "counters": {"c": {"value": str(amount)}}}],
        }

    sets = [{"name": f"b{n}", "counters": {"c": {"value": "2"}}} for n in "012"]
    boards = [drawing(f"whole-{n}", 2) for n in "012"]
    halves = [drawing(f"half-{n}", 1) for n in "012"]
    slices = [
        make.slice("pool", [], sharedCounters=sets, pool={"name": "pool", "generation": 1, "resourceSliceCount": 2}),
        make.slice("pool", boards + halves, pool={"name": "pool", "generation": 1, "resourceSliceCount": 2}),
    ]
    slices = [
        one.model_copy(update={"metadata": one.metadata.model_copy(update={"name": f"s{n}"})})
        for n, one in enumerate(slices)
    ]
    kept = keep(2, devices=make.test("true"), classes=frozenset())
    world = make.world(slices, SiteRules(keeps=(kept,)))
    # Six devices are free; a half makes itself and its board unfree, a board itself and its half.
    assert isinstance(world.ask(make.claim("c", make.request(count=2))), Allocated)
    assert isinstance(world.ask(make.claim("c", make.request(count=3))), Unsatisfiable)
    world.hold("old", held("half-0"))
    # Left: half-0 is held, whole-0 does not fit any more, four others.
    outcome = world.ask(make.claim("c", make.request(count=1)))
    assert make.devices(outcome) == ["whole-1"]
    assert isinstance(world.ask(make.claim("c", make.request(count=2))), Unsatisfiable)


def test_a_device_that_several_racks_see_is_kept_in_each(make: Any) -> None:
    rules = SiteRules(levels=(RACK,), keeps=(keep(1, level="rack", classes=frozenset()),))
    nodes = {"node-1": {RACK.label: "r1"}, "node-2": {RACK.label: "r2"}}
    network = make.slice("net", [{"name": "camera"}], allNodes=True)
    own = make.slice("own", gpus(1))
    world = make.world([network, own], rules, nodes=nodes)
    # In rack r1 one would be left, in r2 none.
    outcome = world.ask(make.claim("c", make.request()))
    assert make.devices(outcome) == ["gpu-0"]
    assert isinstance(world.ask(make.claim("c", make.request()), node="node-2"), Unsatisfiable)


# --- sharing


def sharing(make: Any, **limit: Any) -> Any:
    rule = SharingLimit(ALWAYS, Origin("", "share"), **limit)
    return make.world([make.slice("pool", gpus(1, **SHARED))], SiteRules(sharing=(rule,)))


def test_only_one_namespace(make: Any) -> None:
    world = sharing(make, namespaces=1)
    world.hold("old", held("gpu-0", share=1), namespace="a")
    assert isinstance(world.ask(make.claim("c", make.request(), namespace="a")), Allocated)
    found = losses(world.ask(make.claim("c", make.request(), namespace="b")))
    assert found == [(Cause.SHARING, "share (it would be 2 namespaces)", 1)]


def test_only_one_team_and_only_those_who_say_which(make: Any) -> None:
    world = sharing(make, same=("team",))
    claim = make.claim("c", make.request())
    assert losses(world.ask(claim)) == [(Cause.SHARING, "share (nobody can tell: `subject.team` is not declared)", 1)]
    world.hold("old", held("gpu-0", share=1), make.who(team="cs"))
    assert isinstance(world.ask(claim, subjects=[make.who(team="cs")]), Allocated)
    found = losses(world.ask(claim, subjects=[make.who(team="math")]))
    assert found == [(Cause.SHARING, "share (claim ns/old, which has it, is of another team)", 1)]


def test_claims_and_pods_are_counted(make: Any) -> None:
    world = sharing(make, claims=2, pods=2)
    world.hold("old", held("gpu-0", share=1))
    claim, other = make.claim("c", make.request()), make.claim("d", make.request())
    assert isinstance(world.ask(claim), Allocated)
    assert isinstance(world.ask(claim, other), Unsatisfiable)
    three = frozenset({"ns/p1", "ns/p2"})
    assert isinstance(world.ask(claim, pods=[three]), Unsatisfiable)
    world.rules = sharing(make, pods=3).rules
    assert isinstance(world.ask(claim, pods=[three]), Allocated)
    assert isinstance(world.ask(claim, other, pods=[three, three]), Allocated)


def test_alone(make: Any) -> None:
    world = sharing(make, alone=True)
    twice = make.claim("c", make.request("a"), make.request("b"))
    assert isinstance(world.ask(twice), Allocated)  # one claim, two shares
    world.hold("old", held("gpu-0", share=1))
    assert losses(world.ask(make.claim("c", make.request()))) == [(Cause.SHARING, "share (claim ns/old has it)", 1)]


# --- parameters


def configured(**parameters: Any) -> list[dict[str, Any]]:
    return [{"opaque": {"driver": "acme.com", "parameters": parameters}}]


def test_parameters_agree_on_a_device(make: Any) -> None:
    rule = Agreement(
        "acme.com", ("net", "mode"), Agree.EQUAL, Origin("", "eswitch agrees"), kind="Nic", default="legacy"
    )
    world = make.world([make.slice("pool", gpus(1, **SHARED))], SiteRules(agreements=(rule,)))
    ask = lambda **parameters: world.ask(make.claim("c", make.request(), config=configured(**parameters)))  # noqa: E731
    world.hold("old", held("gpu-0", share=1, kind="Nic", net={"mode": "switchdev"}))
    assert isinstance(ask(kind="Nic", net={"mode": "switchdev"}), Allocated)
    words = 'eswitch agrees (claim ns/old has "switchdev", this one "legacy")'
    assert losses(ask(kind="Nic", net={"mode": "legacy"})) == [(Cause.AGREEMENT, words, 1)]
    assert losses(ask()) == [(Cause.AGREEMENT, words, 1)]
    assert losses(ask(kind="Other", net={"mode": "switchdev"})) == [(Cause.AGREEMENT, words, 1)]


def test_a_value_is_unique_within_a_group(make: Any) -> None:
    rule = Agreement("acme.com", ("mac",), Agree.UNIQUE, Origin("", "mac unique"), within=("vlan",))
    world = make.world([make.slice("pool", gpus(1, **SHARED))], SiteRules(agreements=(rule,)))
    ask = lambda **parameters: world.ask(make.claim("c", make.request(), config=configured(**parameters)))  # noqa: E731
    world.hold("old", held("gpu-0", share=1, mac="a", vlan=7))
    assert isinstance(ask(mac="a", vlan=8), Allocated)
    assert isinstance(ask(mac="b", vlan=7), Allocated)
    assert isinstance(ask(vlan=7), Allocated)
    assert isinstance(ask(mac="a", vlan=7), Unsatisfiable)


def test_the_configuration_of_a_class_counts_too(make: Any) -> None:
    rule = Agreement("acme.com", ("speed",), Agree.EQUAL, Origin("", "speed agrees"))
    world = make.world([make.slice("pool", gpus(1, **SHARED))], SiteRules(agreements=(rule,)))
    fast = world.ask(make.claim("c", make.request(), config=configured(speed="fast")))
    assert isinstance(fast, Allocated)
    world.hold("old", fast.results[0])
    assert isinstance(world.ask(make.claim("d", make.request(), config=configured(speed="fast"))), Allocated)
    assert isinstance(world.ask(make.claim("d", make.request())), Unsatisfiable)
    only = {"opaque": {"driver": "acme.com", "parameters": {"speed": "fast"}}, "requests": ["other"]}
    assert isinstance(world.ask(make.claim("d", make.request(), config=[only])), Unsatisfiable)


# --- modes


def boards(make: Any) -> list[dict[str, Any]]:
    def part(name: str, mode: str) -> dict[str, Any]:
        return {"name": name, "attributes": {"mode": {"string": mode}}, **SHARED}

    return [part(f"{mode}-{board}", mode) for board in "01" for mode in ("whole", "mig", "vfio")]


def mode_of(make: Any, name: str, **more: Any) -> Mode:
    return Mode(name, make.test(f'device.attributes["acme.com"].mode == "{name}"'), **more)


def test_one_mode_of_a_board_at_a_time(make: Any) -> None:
    modes = (
        mode_of(make, "whole"),
        mode_of(make, "mig", together=frozenset({"whole"})),
        mode_of(make, "vfio", alone=True),
    )
    rule = ModeExclusion(BoardKey(pattern="-([0-9]+)$"), modes, Origin("", "modes"))
    world = make.world([make.slice("pool", boards(make))], SiteRules(modes=(rule,)))
    ask = lambda count=1: world.ask(make.claim("c", make.request(count=count)))  # noqa: E731
    assert make.devices(ask(4)) == ["whole-0", "mig-0", "whole-1", "mig-1"]
    assert isinstance(ask(5), Unsatisfiable)
    world.hold("vm", held("vfio-0", share=1))
    assert make.devices(ask()) == ["whole-1"]
    assert (Cause.MODE, "modes (the board is used in mode vfio by claim ns/vm)", 3) in losses(ask(3))


def test_a_whole_board_and_its_partitions_are_named_differently(make: Any) -> None:
    """As where partitions carry the name of their board: alternatives of the pattern find it in different groups."""
    whole = Mode("whole", make.test('!("part" in device.attributes["acme.com"])'))
    mig, vfs = (
        Mode(name, make.test(f'device.attributes["acme.com"].?part.orValue("") == "{name}"')) for name in ("mig", "vf")
    )
    key = BoardKey(pattern="^(.+)-mig-.*$|^vf.*-(gpu-.+)$|^(.+)$")
    rule = ModeExclusion(key, (whole, mig, vfs), Origin("", "modes"))
    part = lambda name, mode: {"name": name, "attributes": {"part": {"string": mode}}, **SHARED}  # noqa: E731
    devices = [
        {"name": "gpu-0", **SHARED},
        part("gpu-0-mig-1", "mig"),
        part("vf1-gpu-0", "vf"),
        {"name": "gpu-1", **SHARED},
    ]
    world = make.world([make.slice("pool", devices)], SiteRules(modes=(rule,)))
    assert make.devices(world.ask(make.claim("c", make.request(count=2)))) == ["gpu-0", "gpu-1"]
    world.hold("old", held("gpu-0-mig-1", share=1))
    assert make.devices(world.ask(make.claim("c", make.request(count=2)))) == ["gpu-0-mig-1", "gpu-1"]


def test_a_device_of_an_unknown_board_is_refused(make: Any) -> None:
    rule = ModeExclusion(BoardKey(("acme.com/uuid",)), (mode_of(make, "whole"),), Origin("", "modes"))
    world = make.world([make.slice("pool", boards(make))], SiteRules(modes=(rule,)))
    outcome = world.ask(make.claim("c", make.request()))
    assert make.devices(outcome) == ["mig-0"]


def test_a_pattern_that_is_none() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        BoardKey(pattern="(")


# --- all together


def test_rules_are_left_out_one_by_one(make: Any) -> None:
    one, two = Refusal(ALWAYS, None, Origin("", "one")), Refusal(ALWAYS, None, Origin("", "two"))
    rules = SiteRules(refusals=(one, two), quotas=(quota(1),), levels=(RACK,))
    assert list(rules.all()) == [one, two, rules.quotas[0]]
    assert rules.without(one).refusals == (two,)
    left = rules.without(one, two, rules.quotas[0])
    assert not left
    assert left.levels == (RACK,)
    assert rules
    assert not SiteRules()


def test_all_of_the_devices_fail_as_a_whole_and_are_no_error(make: Any) -> None:
    world = make.world([make.slice("pool", gpus(3))], SiteRules(quotas=(quota(2),)))
    request = {"name": "r", "exactly": {"deviceClassName": "any", "allocationMode": "All"}}
    outcome = world.ask(make.claim("c", request), subjects=[make.who(team="cs")])
    assert isinstance(outcome, Unsatisfiable)
    assert isinstance(world.ask(make.claim("c", request), subjects=[make.who(team="math")]), Allocated)


# --- what is held at one place


def kinds(make: Any) -> tuple[HeldKind, ...]:
    return tuple(
        HeldKind(name.upper(), make.test(f'device.attributes["acme.com"].model == "{name}"')) for name in ("a", "b")
    )


def models(text: str, prefix: str = "gpu") -> list[dict[str, Any]]:
    return [
        {"name": f"{prefix}-{number}", "attributes": {"model": {"string": name}}} for number, name in enumerate(text)
    ]


FABRIC = {"allNodes": True}


def test_two_kinds_are_not_held_on_one_node_by_different_claims(make: Any) -> None:
    rule = Exclusion(kinds(make), Origin("", "exclusive per node A, B"))
    slices = [make.slice("pool", models("aabbc"), **FABRIC)]
    world = make.world(slices, SiteRules(exclusions=(rule,)), {"node-1": {}, "node-2": {}})
    world.hold("other", held("gpu-0"), node="node-1")
    outcome = world.ask(make.claim("c", make.request(count=3)))
    assert (Cause.EXCLUSION, "exclusive per node A, B (claim ns/other holds A there)", 2) in losses(outcome)
    assert make.devices(world.ask(make.claim("c", make.request(count=2)))) == ["gpu-1", "gpu-4"]
    assert make.devices(world.ask(make.claim("c", make.request(count=2)), node="node-2")) == ["gpu-1", "gpu-4"]
    assert make.devices(world.ask(make.claim("c", make.request(count=3)), node="node-2")) == ["gpu-2", "gpu-3", "gpu-4"]


@pytest.mark.parametrize(("strength", "placed"), [(Strength.MUST, False), (Strength.SHOULD, True)])
def test_what_is_held_nobody_knows_where_counts_everywhere_for_a_must(
    make: Any, strength: Strength, placed: bool
) -> None:
    rule = Exclusion(kinds(make), Origin("", "exclusive"), strength=strength)
    world = make.world([make.slice("pool", models("ab"), **FABRIC)], SiteRules(exclusions=(rule,)))
    world.hold("other", held("gpu-0"))
    assert isinstance(world.ask(make.claim("c", make.request())), Allocated) is placed


def test_an_allocation_says_itself_on_which_node_it_is(make: Any) -> None:
    allocation = held("gpu-0").model_copy(
        update={
            "node_selector": NodeSelector.model_validate(
                {
                    "nodeSelectorTerms": [
                        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-2"]}]}
                    ]
                }
            )
        }
    )
    rule = Exclusion(kinds(make), Origin("", "exclusive"))
    slices = [make.slice("pool", models("ab"), **FABRIC)]
    world = make.world(slices, SiteRules(exclusions=(rule,)), {"node-1": {}, "node-2": {}})
    world.hold("other", allocation)
    assert isinstance(world.ask(make.claim("c", make.request()), node="node-1"), Allocated)
    assert isinstance(world.ask(make.claim("c", make.request()), node="node-2"), Unsatisfiable)


def test_at_most_so_many_are_held_in_a_rack(make: Any) -> None:
    rule = Ceiling(ALWAYS, Origin("", "at most 3 per rack"), 3, level="rack")
    nodes = {f"node-{n}": {"example.org/rack": rack} for n, rack in ((1, "r1"), (2, "r1"), (3, "r2"))}
    nodes["node-4"] = {}
    slices = [make.slice(f"pool-{n}", gpus(4), f"node-{n}") for n in (1, 2, 3, 4)]
    world = make.world(slices, SiteRules(levels=(RACK,), ceilings=(rule,)), nodes)
    world.hold("other", held("gpu-0", "pool-2"))
    world.hold("another", held("gpu-0", "pool-3"))
    assert make.devices(world.ask(make.claim("c", make.request(count=2)))) == ["gpu-0", "gpu-1"]
    assert losses(world.ask(make.claim("c", make.request(count=3)))) == []
    world.hold("third", held("gpu-1", "pool-2"))
    world.hold("fourth", held("gpu-2", "pool-2"))
    outcome = world.ask(make.claim("c", make.request()))
    assert losses(outcome) == [(Cause.CEILING, "at most 3 per rack (3 of 3 held)", 4)]
    unknown = world.ask(make.claim("c", make.request()), node="node-4")
    assert "nobody can tell: node `node-4` has no label `example.org/rack`" in losses(unknown)[0][1]


@pytest.mark.parametrize(
    ("text", "most", "why"),
    [
        ("2", 2, ""),
        ("0", 0, ""),
        ("two", 0, "which is no number"),
        ("-1", 0, "which is no number"),
        (None, 0, "no label"),
    ],
)
def test_a_label_of_the_node_says_how_many(make: Any, text: str | None, most: int, why: str) -> None:
    rule = Ceiling(ALWAYS, Origin("", "at most"), label="example.org/most")
    labels = {} if text is None else {"example.org/most": text}
    world = make.world([make.slice("pool", gpus(4))], SiteRules(ceilings=(rule,)), {"node-1": labels})
    for count in (1, 2, 3):
        outcome = world.ask(make.claim("c", make.request(count=count)))
        assert isinstance(outcome, Allocated) is (count <= most)
        if why:
            assert why in losses(outcome)[0][1]


def test_a_shared_device_counts_once(make: Any) -> None:
    rule = Ceiling(ALWAYS, Origin("", "at most 1"), 1)
    world = make.world([make.slice("pool", gpus(2, **SHARED))], SiteRules(ceilings=(rule,)))
    world.hold("other", held("gpu-0", share=1))
    claims = [make.claim(name, make.request()) for name in ("a", "b")]
    assert make.devices(world.ask(*claims)) == ["gpu-0", "gpu-0"]
    assert isinstance(world.ask(make.claim("c", make.request(count=2))), Unsatisfiable)


def test_a_ceiling_has_one_number(make: Any) -> None:
    for wrong in ({}, {"count": 1, "label": "a"}, {"label": "a", "level": "rack"}):
        with pytest.raises(ValueError, match="a ceiling has a count"):
            Ceiling(ALWAYS, Origin("", "at most"), **wrong)
