"""Rules over what is held at one place, what claims on one card say, blocks and capabilities."""

import pytest

from dra_policy.language import load, lower
from dra_policy.language.checked import CheckedPolicies
from dra_policy.rules.site import Strength
from dra_policy.source import Source

POLICY = """policy a.example version 1.0 language 1
device Gpu {
  driver gpu.example.org
  attribute product text optional
  capacity memory bytes
  grid slice 4 of memory
}
model One of Gpu { product "one"  memory 4Gi }
model Two of Gpu { product "two"  memory 8Gi }
device Nic { driver nic.example.org }
model Port of Nic
modes of One {
  mode whole
  mode cut partition { profile "1" takes 1 slice at 0..3 gives memory 1Gi  profile "2" takes 2 slice at 0, 2 gives memory 2Gi }
}
level rack from node label "rack"
"""


def checked(text: str) -> CheckedPolicies:
    policies, problems = load(Source("a.dra", POLICY + text))
    assert policies is not None, problems
    return policies


@pytest.mark.parametrize(
    ("written", "code", "underlined", "said"),
    [
        ("exclusive per rock One, Two", "SIT003", "rock", "level `rock` is not declared"),
        ("exclusive per node One, Tow", "NAM005", "Tow", "`Tow`"),
        ("exclusive per node Gpu, One", "SIT008", "One", "`One` is `Gpu` already"),
        ("exclusive per node One, Two, One", "SIT008", "One", "`One` is `One` already"),
        ('exclusive per node cut, One.cut "1"', "SIT008", 'One.cut "1"', ""),
        ("at most 4 of One per rock", "SIT003", "rock", "not declared"),
        ("at most 4 of Oen per rack", "NAM005", "Oen", "`Oen`"),
        ("at most -1 of One per rack", "SIT006", "-1", "less than nothing"),
        ('at most label "a b" of One per node', "NAM009", '"a b"', "label `a b`"),
        ('at most label "most" of One per rack', "SIT008", "rack", "the label is one of a node"),
    ],
)
def test_a_rule_over_a_place_that_is_wrong(written: str, code: str, underlined: str, said: str) -> None:
    policies, problems = load(Source("a.dra", POLICY + written))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, underlined)]
    assert said in problems[0].message
    assert problems[0].help


@pytest.mark.parametrize(
    "written",
    [
        "exclusive per node One, Two",
        "exclusive per cluster One, Gpu",
        'exclusive per rack cut "1", cut "2", whole, Two, Nic',
        "exclusive per rack cut, whole should",
        "at most 0 of Gpu per cluster",
        'at most 2 of cut "1" per rack',
    ],
)
def test_a_rule_over_a_place_that_is_right(written: str) -> None:
    rules = lower(checked(written)).site
    (rule,) = (*rules.exclusions, *rules.ceilings)
    assert rule.origin.text.startswith(written.removesuffix(" should"))
    assert rule.strength is (Strength.SHOULD if "should" in written else Strength.MUST)
    assert rule.origin.span is not None


def test_a_ceiling_is_a_number_or_that_of_a_label() -> None:
    rules = lower(checked('at most 4 of One per rack  at most label "most" of Gpu per node because "slots"')).site
    assert [(one.count, one.label, one.level) for one in rules.ceilings] == [(4, "", "rack"), (None, "most", "node")]
    assert rules.ceilings[1].origin.because == "slots"


CARDS = """policy a.example version 1.0 language 1
device Vf {
  driver vf.example.org
  attribute card text
  attribute slot text optional
  attribute bus text private
  attribute tags set of text publish as list
  capacity memory bytes
}
parameters VfConfig of Vf { api vf.example.org/v1 VfConfig  field mode one of sym, dc default sym agrees per GROUP }
class sym of Vf { config VfConfig { mode = sym } }
class dc of Vf { config VfConfig { mode = dc } }
model Any of Vf
"""


def test_claims_agree_on_all_devices_of_a_card() -> None:
    from dra_policy.testing import run_tests

    text = (
        CARDS.replace("GROUP", "card")
        + """
    test "one service a card" {
      given 2 Any { card = "one" }
      given 1 Any { card = "two" }
      claim a 1 of sym
      claim b 2 of dc
      claim c 1 of dc
      claim d 1 of dc
      release a
      claim e 2 of dc
      expect a placed on "any-0"
      expect b refused "agrees per card" not now
      expect c placed on "any-2"
      expect d refused "agrees per card" not now
      expect e placed on "any-0", "any-1"
    }"""
    )
    policies, problems = load(Source("a.dra", text))
    assert policies is not None, problems
    (result,) = run_tests(policies)
    assert result.passed, result.text()


def test_a_device_without_the_attribute_stands_for_itself() -> None:
    policies, problems = load(Source("a.dra", CARDS.replace("GROUP", "slot")))
    assert policies is not None, problems
    (rule,) = lower(policies).site.agreements
    assert rule.board.attributes == ("vf.example.org/slot",)
    assert rule.board.else_alone


def failing(text: str) -> list[str]:
    """What a policy's own tests find."""
    from dra_policy.testing import run_tests

    policies, problems = load(Source("a.dra", text))
    assert policies is not None, problems
    return [result.text() for result in run_tests(policies) if not result.passed]


SPREAD = """policy a.example version 1.0 language 1
import std.pcie
device Vf { driver vf.example.org  attribute card text  attribute slot text optional  attribute root std.pcie.root }
parameters P of Vf { api vf.example.org/v1 P  field mode text default "none" RULE  field group text optional }
model Any of Vf
claim one { request c = 1 of Any  config P { mode = "m1"  group = "g" } }
claim two { request c = 1 of Any  config P { mode = "m2"  group = "g" } }
claim both { request c = 2 of Any  config P { mode = "m1" } }
"""
APART = 'given 1 Any on "n1" { card = "x"  slot = "1"  root = "pci0" } given 1 Any on "n2" { card = "x"  slot = "1"  root = "pci0" }'
TOGETHER = 'given 2 Any on "n1" { card = "x"  slot = "1"  root = "pci0" }'


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("agrees per card", 'refused "agrees per card (claim default/a has" not now'),
        ("agrees per slot", "refused not now"),
        ("agrees per card on node", "placed"),
        ("agrees per slot on node", "placed"),
        # What Kubernetes itself says of devices is counted by each node for itself.
        ("agrees per root", "placed"),
        ("agrees per std.pcie.root", "placed"),
        ("agrees per device", "placed"),
        ("unique per card", "placed"),
    ],
)
def test_claims_of_all_nodes_are_compared(rule: str, expected: str) -> None:
    steps = f"{APART} claim a one claim b two expect a placed expect b {expected}"
    assert failing(SPREAD.replace("RULE", rule) + f'test "t" {{ {steps} }}') == []


@pytest.mark.parametrize("rule", ["agrees per card on node", "agrees per root", "agrees per slot"])
def test_claims_on_one_node_are_compared(rule: str) -> None:
    steps = f"{TOGETHER} claim a one claim b two expect a placed expect b refused not now"
    assert failing(SPREAD.replace("RULE", rule) + f'test "t" {{ {steps} }}') == []


@pytest.mark.parametrize(
    ("rule", "given", "expected"),
    [
        ("unique per card", TOGETHER, 'refused "unique per card" not now'),
        ("unique per card", APART, "refused not now"),
        ("unique per card on node", TOGETHER, "refused not now"),
        ("unique per card on node", APART, "placed"),
        ("unique per root", APART, "placed"),
        ("unique per device", TOGETHER, "placed"),
        ("unique per group", TOGETHER, "placed"),
    ],
)
def test_no_two_claims_on_a_card_say_the_same(rule: str, given: str, expected: str) -> None:
    steps = f"{given} claim a one claim b one expect a placed expect b {expected}"
    other = f"{given} claim a one claim b two expect a, b placed"
    own = f"{TOGETHER} claim a both expect a placed"
    tests = "".join(f' test "{number}" {{ {one} }}' for number, one in enumerate((steps, other, own)))
    assert failing(SPREAD.replace("RULE", rule) + tests) == []


def test_what_is_given_back_on_another_node_and_members_of_a_gang_count() -> None:
    text = SPREAD.replace("RULE", "unique per card") + "gang pair of 2 one { distinct node }"
    steps = f"{APART} claim a one claim b one release a claim c one expect a placed expect b refused expect c placed"
    text += f' test "t" {{ {steps} }} test "g" {{ {APART} claim x gang pair expect x refused never }}'
    assert failing(text) == []
    text = text.replace("unique per card", "unique per slot on node").replace("refused", "placed").replace(" never", "")
    assert failing(text) == []


def test_a_device_is_on_a_node_by_itself() -> None:
    for rule in ("agrees per device on node", "unique per group on node"):
        policies, problems = load(Source("a.dra", SPREAD.replace("RULE", rule)))
        assert policies is None
        assert [(one.code, one.span.text if one.span else "") for one in problems] == [
            ("RUL017", rule.partition(" ")[2])
        ]


def test_what_is_private_is_compared_at_the_node() -> None:
    from dra_policy.render.enforcement import By, enforcement, failures
    from dra_policy.render.targets import Target

    policies, problems = load(Source("a.dra", CARDS.replace("GROUP", "bus")))
    assert policies is not None, problems
    assert lower(policies).site.agreements == ()
    target = Target.of("1.37")
    found = enforcement(policies, target)
    (one,) = [one for one in found if one.words == "field mode agrees per bus"]
    assert one.by is By.NODE
    assert failures(found, target) == []


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("crad", "NAM001", "did you mean `card`?"),
        ("memory", "RUL017", ""),
        ("tags", "RUL017", ""),
        ("uuid", "NAM001", ""),
    ],
)
def test_claims_agree_per_an_attribute_of_one_value(name: str, code: str, said: str) -> None:
    policies, problems = load(Source("a.dra", CARDS.replace("GROUP", name)))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, name)]
    assert said in problems[0].help


LATTICE = """policy a.example version 1.0 language 1
device Chip { driver chip.example.org  attribute row int  attribute column int }
model V of Chip
fabric ici joins V { torus x 4 at row, y 4 at column 50 GB/s }
claim c { request g = 8 of V shaped block 4 x 2 around }
"""


def test_a_block_goes_around_where_an_axis_wraps() -> None:
    policies, problems = load(Source("a.dra", LATTICE))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [("FAB010", "4 x 2")]
    assert "`ici` wraps" in problems[0].message
    policies, problems = load(Source("a.dra", LATTICE.replace("at row", "wrap at row")))
    assert policies is not None, problems
    (shape,) = lower(policies).claims["c"].sets
    assert getattr(shape, "around", None) is True


VFIO = """policy a.example version 1.0 language 1
device Vf { driver vf.example.org  attribute group int private }
model Any of Vf
setup Vf { for each device { node "/dev/vfio/{group}" }  for each SCOPE { EDIT } }
"""


@pytest.mark.parametrize(
    ("scope", "edit", "said"),
    [
        ("device", "capability IPC_LOCK", "write it in `for each container`"),
        ("container", "capability CAP_IPC_LOCK", "write `IPC_LOCK`"),
        ("container", "capability ipc_lock", "write `IPC_LOCK`"),
        ("container", "capability IPC_LOK", "did you mean `IPC_LOCK`?"),
    ],
)
def test_a_capability_is_one_of_linux_and_of_a_container(scope: str, edit: str, said: str) -> None:
    policies, problems = load(Source("a.dra", VFIO.replace("SCOPE", scope).replace("EDIT", edit)))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [("SET010", edit.split()[1])]
    assert said in problems[0].help


def test_a_capability_is_no_edit_and_is_not_lost() -> None:
    from dra_policy.render.allocations import examples
    from dra_policy.render.cdi import setups_of, specification
    from dra_policy.render.enforcement import By, enforcement
    from dra_policy.render.targets import Target

    text = VFIO.replace("SCOPE", "container").replace("EDIT", "capability IPC_LOCK")
    policies, problems = load(Source("a.dra", text))
    assert policies is not None, problems
    target = Target.of("1.37")
    ((driver, allocation),) = examples(policies, target)
    made, problems = specification(setups_of(policies, driver), allocation, driver, target.features)
    assert made is not None
    assert not problems
    assert [list(one["containerEdits"]) for one in made["devices"]] == [["deviceNodes"]] * 2
    (row,) = [one for one in enforcement(policies, target) if one.words == "capability IPC_LOCK"]
    assert row.by is By.ADVISORY
    assert "securityContext.capabilities.add: [IPC_LOCK]" in row.means


PER_DEVICE = """policy a.example version 1.0 language 1
device Gpu { driver gpu.example.org  attribute uuid text  capacity memory bytes }
model One of Gpu { memory 4Gi }
parameters P of Gpu { api gpu.example.org/v1 P  field level int default 1 }
setup Gpu { for each SCOPE { EDIT } }
"""


def test_a_variable_for_each_device_of_a_claim() -> None:
    from dra_policy.render.allocations import examples
    from dra_policy.render.cdi import setups_of, specification
    from dra_policy.render.targets import Target

    edits = (
        'env "LIMIT_{place}" = "{memory}"  env "MIB_{place}" = "{memory in MiB}m"  env "G_{place}" = "{memory in Gbit}"'
    )
    text = PER_DEVICE.replace("SCOPE", "device").replace("EDIT", edits)
    policies, problems = load(Source("a.dra", text))
    assert policies is not None, problems
    target = Target.of("1.37")
    ((driver, allocation),) = examples(policies, target)
    made, problems = specification(setups_of(policies, driver), allocation, driver, target.features)
    assert made is not None
    assert not problems
    assert [one["containerEdits"]["env"] for one in made["devices"]] == [
        [f"LIMIT_{place}=4Gi", f"MIB_{place}=4096m", f"G_{place}=34"] for place in range(2)
    ]


@pytest.mark.parametrize(
    ("scope", "edit", "code", "underlined"),
    [
        ("device", 'env "LIMIT_{node}" = "{memory}"', "SET007", 'env "LIMIT_{node}" = "{memory}"'),
        ("device", 'env "LIMIT_{level}" = "{memory}"', "SET007", 'env "LIMIT_{level}" = "{memory}"'),
        ("device", 'node "/dev/a" from "/dev/{uuid}"', "SET007", 'node "/dev/a" from "/dev/{uuid}"'),
        ("device", 'mount "/etc/{device}" at "/etc/{claim}"', "SET007", 'mount "/etc/{device}" at "/etc/{claim}"'),
        ("request", 'mount "/etc/{uuid}" at "/etc/a"', "SET007", 'mount "/etc/{uuid}" at "/etc/a"'),
        ("device", 'mount "/etc/{uiud}" at "/etc/a"', "SET006", '"/etc/{uiud}"'),
        ("device", 'env "LIMIT-{place}" = "{memory}"', "SET005", '"LIMIT-{place}"'),
        ("device", 'env "LIMIT_{plaice}" = "{memory}"', "SET006", '"LIMIT_{plaice}"'),
        ("claim", 'env "LIMIT_{place}" = "1"', "SET006", '"LIMIT_{place}"'),
        ("device", 'node "/dev/{memory in MHz}"', "SET006", '"/dev/{memory in MHz}"'),
        ("device", 'node "/dev/{memory in Mb}"', "SET006", '"/dev/{memory in Mb}"'),
        ("device", 'node "/dev/{uuid in MiB}"', "SET006", '"/dev/{uuid in MiB}"'),
        ("device", 'node "/dev/{claim in MiB}"', "SET006", '"/dev/{claim in MiB}"'),
    ],
)
def test_a_variable_that_is_set_twice_or_has_no_name(scope: str, edit: str, code: str, underlined: str) -> None:
    policies, problems = load(Source("a.dra", PER_DEVICE.replace("SCOPE", scope).replace("EDIT", edit)))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, underlined)]
    assert problems[0].help


@pytest.mark.parametrize(
    "edit",
    [
        'node "/dev/a"',
        'node "/dev/{uuid}"',
        'node "/dev/a{place}" from "/dev/{uuid}"',
        'mount "/etc/{claim}" at "/etc/a"',
        'mount "/etc/{level}" at "/etc/a"',
        'mount "/etc/{uuid}" at "/etc/{memory in MiB}"',
    ],
)
def test_what_devices_have_in_common_may_have_one_path(edit: str) -> None:
    policies, problems = load(Source("a.dra", PER_DEVICE.replace("SCOPE", "device").replace("EDIT", edit)))
    assert policies is not None, problems


def test_a_model_at_most_so_often_is_its_boards_whole_or_cut() -> None:
    from dra_policy.testing import run_tests

    text = """
    at most 2 of One per node because "two slots"
    test "parts of boards" {
      given 3 One on "n"
      claim a 2 of cut "1"
      claim b 1 of cut "2"
      claim c 1 of cut "1"
      claim d 1 of One
      claim e 2 of One.cut "2"
      claim f 1 of One.cut "2"
      expect a, b, c, f placed
      expect d, e refused "two slots" not now
    }"""
    (result,) = run_tests(checked(text))
    assert result.passed, result.text()
    (rule,) = lower(checked('at most 2 of One.cut "1" per node')).site.ceilings
    assert rule.board.pattern == ""
    (rule,) = lower(checked("at most 2 of Gpu per node")).site.ceilings
    assert rule.board.pattern != ""


@pytest.mark.parametrize("people", ["team", "namespace"])
def test_a_quota_of_each(people: str) -> None:
    from dra_policy.testing import run_tests

    text = f"""
    subject {{ field team text from claim label "team" trust admin }}
    quota share of Nic {{ subject each {people}  at most 2 because "two each" }}
    test "each has two" {{
      given 8 Port
      claim a 2 of Nic in "x" by {{ team = "x" }}
      claim b 1 of Nic in "x" by {{ team = "x" }}
      claim c 2 of Nic in "y" by {{ team = "y" }}
      expect a, c placed
      expect b refused "two each" not now
    }}"""
    (result,) = run_tests(checked(text))
    assert result.passed, result.text()


@pytest.mark.parametrize(
    ("member", "code", "underlined"),
    [
        ("each taem", "SIT001", "taem"),
        ("each claim", "SIT001", "claim"),
    ],
)
def test_a_quota_of_each_of_what_is_no_field(member: str, code: str, underlined: str) -> None:
    text = f"""
    subject {{ field team text from claim label "team" trust admin }}
    quota share of Nic {{ subject {member}  at most 2 }}"""
    policies, problems = load(Source("a.dra", POLICY + text))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [(code, underlined)]


def test_who_writes_should_in_a_class_is_told_of_prefer() -> None:
    policies, problems = load(Source("a.dra", POLICY + "class c of Nic { require Nic should }"))
    del policies
    (found,) = [one for one in problems if one.code == "SYN015"]
    assert "prefer" in found.help


def test_a_class_is_no_kind() -> None:
    text = """policy x.example.org version 1.0 language 1
device A { driver x.example.org  attribute id int }
model M of A { id 1 }
model N of A { id 2 }
class c of M
exclusive per node c, N
"""
    _, (problem,) = load(Source("x.dra", text))
    assert problem.message == "`c` is a class, not a device, model, mode or share"
    assert problem.help == "name a device, model, mode or share here"
