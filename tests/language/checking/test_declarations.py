"""Mistakes in declarations: schemas, models, parameters, classes, claims and tests."""

import pytest

from dra_policy.language import load
from dra_policy.source import Source

HEADER = "policy gpu.acme.com version 1.0.0 language 1\nimport std.numa, std.pcie\n"
SCHEMA = """device Gpu {
  driver gpu.acme.com
  attribute uuid     text unique in cluster
  attribute arch     one of Ampere, Hopper
  attribute root     std.pcie.root
  attribute features set of text publish as flags "feature_{value}"
  attribute tags     set of one of a, b
  flag      ecc      absent means false
  capacity  memory   bytes
  capacity  streams  count
}
device Nic { driver nic.acme.com  attribute root std.pcie.root  attribute arch text  attribute mtu int }
parameters Conf of Gpu {
  api gpu.acme.com/v1 GpuConfig
  field interval one of Default, Short default Default
  field image    text trust admin
  field note     text
  field limit    bytes optional
  field names    set of text optional
}
parameters NicConf of Nic { api nic.acme.com/v1 NicConfig }
model H100 of Gpu { arch Hopper memory 80Gi }
class gpu of Gpu
class nic of Nic
claim single { request g = 1 of gpu }
"""


def device(members: str) -> str:
    return f"device Gpu {{ driver gpu.acme.com {members} }}"


def many(what: str, count: int) -> str:
    return " ".join(what.format(i) for i in range(count))


ALONE = [
    # code, the whole file behind its header, underlined, message
    ("RUL003", "device Gpu { attribute uuid text }", "Gpu", "device `Gpu` has no driver"),
    ("NAM003", "device Gpu { driver a.b driver c.d }", "c.d", "the driver is declared already"),
    ("NAM009", "device Gpu { driver gpu_x }", "gpu_x", "driver `gpu_x` must be"),
    ("NAM003", device("attribute a text flag a"), "a", "flag `a` is declared already"),
    ("NAM009", device("attribute a-b text"), "a-b", "attribute `a-b` must be letters"),
    ("NAM009", device('attribute a text publish as "x/y/z"'), '"x/y/z"', "must have at most one `/`"),
    ("NAM009", device('attribute a text publish as "b-c"'), '"b-c"', "must be letters"),
    ("NAM016", device("attribute a text publish as x attribute b text publish as x"), "b", "both published as `x`"),
    ("NAM016", device('attribute a text publish as "gpu.acme.com/b" attribute b text'), "b", "both published"),
    ("NAM016", device('attribute s set of one of x publish as flags "f_{value}" flag f_x'), "f_x", "both published"),
    ("NAM019", device("attribute a int private publish as b"), "publish as b", "`a` is private, and published as `b`"),
    ("NAM019", "attribute a int private", "a", "a name that drivers publish"),
    ("TYP011", device("attribute memory bytes"), "bytes", "attribute `memory` cannot be an amount of bytes"),
    ("TYP011", device("attribute age duration"), "duration", "attribute `age` cannot be a duration"),
    ("TYP011", device("attribute checked time"), "time", "nothing that is published or configured is a time"),
    ("TYP011", device("attribute checked set of time"), "time", "nothing that is published"),
    ("TYP011", device("capacity checked time"), "time", "nothing that is published"),
    ("TYP011", "attribute checked time", "time", "nothing that is published"),
    ("TYP011", device("") + " parameters P of Gpu { api a.b/v1 P  field until time }", "time", "nothing that is"),
    ("TYP011", device("capacity memory text"), "text", "capacity `memory` cannot be text"),
    ("TYP011", device("capacity memory std.numa.node"), "std.numa.node", "cannot be a whole number"),
    ("TYP011", device("attribute s set of bool"), "bool", "a set cannot have elements"),
    ("TYP011", device("attribute n int unique in cluster"), "n", "`n` cannot be unique"),
    ("NAM005", device("attribute n std.numa.nod"), "std.numa.nod", "attribute `std.numa.nod` is not declared"),
    ("TYP011", "attribute x std.numa.node", "std.numa.node", "takes its type from another one"),
    ("TYP012", device("attribute a text publish as list"), "publish as list", "cannot be published as list"),
    ("TYP012", device('attribute s set of text publish as flags "f"'), '"f"', "need a pattern with `{value}`"),
    ("TYP012", device('attribute s set of text optional publish as flags "f_{value}"'), "s", "cannot be optional"),
    ("TYP012", device('attribute s set of int publish as flags "f_{value}"'), 'publish as flags "f_{value}"', "flags"),
    ("NAM009", device('attribute s set of one of "a b" publish as flags "f_{value}"'), '"f_{value}"', "`f_a b`"),
    ("TYP012", device("attribute s set of text absent means 1"), "1", "`absent means` takes one value"),
    ("TYP001", device("attribute a int absent means true"), "true", "`a` is a whole number, got `true`"),
    ("TYP005", device("attribute a one of x, y absent means z"), "z", "`z` is no value of `a`"),
    ("NAM003", device("attribute a one of x, y, x"), "x", "value `x` is listed already"),
    ("TYP013", device(f'attribute a one of "{"x" * 65}"'), f'"{"x" * 65}"', "longer than 64 bytes"),
    ("RUL002", device(many("attribute a{} text", 33)), "a32", "more than 32 attributes and capacities"),
    ("NAM001", device("attribute minor int renamed index to mior"), "mior", "has no attribute `mior`"),
    ("NAM017", device("attribute index int renamed index away"), "index", "both declared and renamed"),
    ("NAM003", device("attribute a int renamed i to a renamed i away"), "i", "`i` is renamed already"),
    ("NAM003", device("") + " device Gpu { driver a.b }", "Gpu", "device `Gpu` is declared already"),
    ("NAM003", device("") + " model Gpu of Gpu", "Gpu", "model `Gpu` is declared already"),
]

ADDED = [
    # code, what is added to a good file, underlined, message
    ("NAM005", "model X like H10", "H10", "model `H10` is not declared"),
    ("NAM008", "model X like Gpu", "Gpu", "`Gpu` is a device, not a model"),
    ("NAM005", "model X of Gpuu", "Gpuu", "device `Gpuu` is not declared"),
    ("NAM008", "model X of H100", "H100", "`H100` is a model, not a device"),
    ("NAM006", "model X like Y model Y like X", "Y", "model `X` is like itself: `X` -> `Y` -> `X`"),
    ("NAM001", "model X of Gpu { memroy 80Gi }", "memroy", "has no attribute `memroy`"),
    ("NAM003", "model X of Gpu { memory 80Gi memory 40Gi }", "memory", "`memory` is given already"),
    ("TYP002", "model X like H100 { memory 80 }", "80", "has no unit"),
    ("TYP003", "model X like H100 { memory 400 Gbit/s }", "400 Gbit/s", "is an amount of bits per second"),
    ("TYP005", "model X like H100 { arch Hoper }", "Hoper", "`Hoper` is no value of `arch`"),
    ("TYP001", "model X of Gpu { arch Ampere, Hopper }", "arch Ampere, Hopper", "takes one value, not 2"),
    ("NAM003", 'model X of Gpu { features "a", "a" }', '"a"', "is given already"),
    ("NAM009", 'model X of Gpu { features "a b" }', '"a b"', "would be published as `feature_a b`"),
    ("RUL012", 'model X of Gpu { uuid "1" }', "uuid", "`uuid` is unique in a cluster"),
    ("TYP014", "model X of Gpu { arch Hopper tolerance 3% }", "arch Hopper tolerance 3%", "has no tolerance"),
    ("TYP014", "model X of Gpu { memory 8Gi tolerance 100% }", "memory 8Gi tolerance 100%", "not below 100%"),
    ("RUL003", "parameters P of Gpu { field a text }", "P", "parameters `P` have no `api`"),
    ("NAM005", "parameters P of Gpuu { api a.b/v1 P }", "Gpuu", "device `Gpuu` is not declared"),
    ("NAM003", "parameters P of Gpu { api a.b/v1 P field a text field a int }", "a", "field `a` is declared already"),
    ("TYP005", "parameters P of Gpu { api a.b/v1 P field a one of x default y }", "y", "`y` is no value of field `a`"),
    ("NAM007", "claim c { request g = 1 of gpuu }", "gpuu", "class `gpuu` is not declared"),
    ("HWR006", 'claim c { request g = 1 of H100 "1g" }', '"1g"', "`H100` is a model and has no profiles"),
    ("NAM005", "class c of Gpuu", "Gpuu", "device or model `Gpuu` is not declared"),
    ("NAM009", "class my_gpu of Gpu", "my_gpu", "class `my_gpu` must be"),
    ("NAM005", "class c of Gpu { config Confi { } }", "Confi", "parameters `Confi` are not declared"),
    ("RUL005", 'class c of Gpu { config Conf { note = "x" } }', "Conf", "field `image` of `Conf` is not set"),
    (
        "RUL005",
        'class c of Gpu { config Conf { image = "x" } } claim k { request g = 1 of c }',
        "request g = 1 of c",
        "field `note` of `Conf` is not set",
    ),
    ("NAM001", 'class c of Gpu { config Conf { image = "x" note = "x" intervall = Short } }', "intervall", "no field"),
    ("NAM003", 'class c of Gpu { config Conf { image = "x" note = "x" note = "y" } }', "note", "is set already"),
    ("TYP001", 'class c of Gpu { config Conf { image = "x" note = 5 } }', "5", "field `note` is text, got number `5`"),
    ("TYP002", 'class c of Gpu { config Conf { image = "x" note = "x" limit = 5 } }', "5", "has no unit"),
    ("RUL008", "class c of Gpu { config NicConf { } }", "NicConf", "configures another driver than `gpu.acme.com`"),
    ("NAM003", "class c of Nic { config NicConf { } config NicConf { } }", "config NicConf { }", "configured already"),
    ("NAM009", 'class c of Gpu { extended resource "gpu" }', '"gpu"', "must have a domain"),
    ("NAM009", 'class c of Gpu { extended resource "x.kubernetes.io/gpu" }', '"x.kubernetes.io/gpu"', "of Kubernetes"),
    (
        "RUL006",
        'claim c { request g = 1 of gpu config Conf { note = "x" image = "y" } }',
        "image",
        "administrators only",
    ),
    ("RUL008", 'claim c { request n = 1 of nic config Conf { note = "x" } }', "Conf", "no request goes to driver"),
    (
        "RUL008",
        'claim c { request n = 1 of nic config Conf for n { note = "x" } }',
        "n",
        "goes to driver `nic.acme.com`",
    ),
    ("NAM014", 'claim c { request g = 1 of gpu config Conf for h { note = "x" } }', "h", "has no request `h`"),
    ("RUL001", "claim c { request g = 0 of gpu }", "0", "asks for 0 devices"),
    ("RUL001", "claim c { request g = -1 of gpu }", "-1", "asks for -1 devices"),
    ("RUL002", "claim c { request g = 33 of gpu }", "33", "more than 32 devices"),
    ("RUL002", "claim c { request g = 30 of gpu request h = 3 of gpu }", "3", "more than 32 devices"),
    ("RUL002", f"claim c {{ {many('request r{} = all of gpu', 33)} }}", "request r32 = all of gpu", "33 requests"),
    ("RUL002", f"claim c {{ request g = 1 of gpu {many('same root', 33)} }}", "same root", "33 constraints"),
    (
        "RUL002",
        f"claim c {{ request g = 1 of gpu {{ {many('tolerate any', 17)} }} }}",
        "tolerate any",
        "16 tolerations",
    ),
    ("NAM003", "claim c { request g = 1 of gpu request g = 1 of gpu }", "g", "request `g` is declared already"),
    ("NAM009", "claim c { request my_gpu = 1 of gpu }", "my_gpu", "request `my_gpu` must be"),
    ("NAM009", "claim My { request g = 1 of gpu }", "My", "claim `My` must be"),
    ("NAM001", "claim c { request g = 1 of gpu same rot }", "rot", "has no attribute `rot`"),
    ("RUL009", "claim c { request g = 1 of gpu same memory }", "memory", "`memory` is a capacity"),
    ("RUL009", "claim c { request g = 1 of gpu same features }", "features", "may be published as flags"),
    ("RUL009", "claim c { request g = 1 of gpu request n = 1 of nic same arch }", "arch", "as `nic.acme.com/arch`"),
    ("RUL009", "claim c { request g = 1 of gpu same std.numa.node }", "std.numa.node", "does not publish"),
    ("NAM014", "claim c { request g = 1 of gpu same root of g, n }", "n", "has no request `n`"),
    ("NAM003", "claim c { request g = 1 of gpu same root of g, g }", "g", "request `g` is named twice"),
    ("RUL011", "claim c { request g = 1 of gpu { takes uuid 1 } }", "uuid", "only of a capacity"),
    ("TYP002", "claim c { request g = 1 of gpu { takes memory 1 } }", "1", "has no unit"),
    ("NAM003", "claim c { request g = 1 of gpu { takes streams 1 takes streams 2 } }", "streams", "taken already"),
    ("NAM009", 'claim c { request g = 1 of gpu { tolerate "a b" } }', '"a b"', "taint `a b` must be"),
    ("NAM009", 'claim c { request g = 1 of gpu { tolerate a.b/x = "#" } }', '"#"', "value `#` of a taint"),
    ("TST004", 'test "t" { given 1 H100 claim a single }', '"t"', "expects nothing"),
    ("TST001", 'test "t" { given 1 H100 claim a single expect b placed }', "b", "no claim `b` is made above"),
    ("NAM005", 'test "t" { given 1 H10 claim a single expect a placed }', "H10", "model `H10` is not declared"),
    ("NAM005", 'test "t" { given 1 H100 claim a singel expect a placed }', "singel", "claim `singel` is not declared"),
    ("NAM003", 'test "t" { given 1 H100 claim a, a single expect a placed }', "a", "claim `a` is made already"),
    ("NAM003", 'test "t" { claim a single expect a placed expect a refused }', "a", "is said already"),
    (
        "NAM003",
        'test "t" { claim a single expect a placed } test "t" { claim a single expect a placed }',
        '"t"',
        "already",
    ),
    ("TST003", 'test "t" { given 0 H100 claim a single expect a refused }', "0", "from 1 to"),
    (
        "NAM001",
        'test "t" { given 1 H100 { eccc = true } claim a single expect a refused }',
        "eccc",
        "no attribute `eccc`",
    ),
    (
        "RUL012",
        'test "t" { given 2 H100 { uuid = "x" } claim a single expect a placed }',
        "uuid",
        "2 devices are given",
    ),
    ("NAM009", 'test "t" { given 1 H100 on "A B" claim a single expect a placed }', '"A B"', "node `A B` must be"),
    ("RUL001", 'test "t" { given 1 H100 claim a 0 of gpu expect a placed }', "0", "asks for 0 devices"),
]


@pytest.mark.parametrize(("code", "text", "underlined", "message"), ALONE, ids=[f"{b[0]} {b[1][:50]}" for b in ALONE])
def test_a_wrong_declaration(code: str, text: str, underlined: str, message: str) -> None:
    _only(f"{HEADER}{text}\n", code, underlined, message)


@pytest.mark.parametrize(("code", "text", "underlined", "message"), ADDED, ids=[f"{b[0]} {b[1][:50]}" for b in ADDED])
def test_a_wrong_declaration_beside_good_ones(code: str, text: str, underlined: str, message: str) -> None:
    _only(f"{HEADER}{SCHEMA}{text}\n", code, underlined, message)


def _only(text: str, code: str, underlined: str, message: str) -> None:
    policies, found = load(Source("gpu.dra", text))
    assert policies is None
    assert [d.code for d in found] == [code], found
    assert found[0].span is not None
    assert found[0].span.text == underlined
    assert message in found[0].message
    assert found[0].help


def test_the_good_file_is_good() -> None:
    policies, found = load(Source("gpu.dra", HEADER + SCHEMA))
    assert policies is not None, found
    [policy] = [policy for policy in policies if policy.given]
    assert policy.name == "gpu.acme.com"
    assert policy.version == "1.0.0"
    assert policy.devices["Gpu"].attributes["root"].published.qualified == "resource.kubernetes.io/pcieRoot"


def test_names_of_keywords_are_names_like_others() -> None:
    text = """device device {
  driver driver.example.org
  attribute version version  attribute model text  attribute class text  attribute node int  capacity memory bytes
}
model model of device { node 1  version 1.2 }
class class of device { require version >= 1.2 and model == "x" and class != "y" and node == 0 and memory >= 1Gi }
claim claim { request request = 1 of class  same node of request }
"""
    assert load(Source("a.dra", HEADER + text))[1] == []


def test_a_model_takes_over_the_values_of_the_one_it_is_like() -> None:
    policies, _ = load(Source("gpu.dra", f"{HEADER}{SCHEMA}model H200 like H100 {{ memory 141Gi }}\n"))
    assert policies is not None
    [policy] = [policy for policy in policies if policy.given]
    values = policy.models["H200"].values
    assert {name: value.span.text for name, value in values.items()} == {
        "arch": "arch Hopper",
        "memory": "memory 141Gi",
    }


PRIVATE = (
    HEADER
    + """device Gpu {
  driver gpu.acme.com
  attribute minor int private
  attribute bus   text optional private
  flag      bound private
  capacity  memory bytes
}
model H100 of Gpu { memory 80Gi  minor 4 }
fabric f joins H100 { every pair 1 GB/s }
class h100 of H100
class gpu of Gpu
subject { field team text from claim label "team" }
machine one {
  devices gpu[0..1] of H100 named "gpu-{bus}"
  place gpu[0..1] bus "0000:1b:00.0" "0000:1c:00.0", gpu[0..1] bound true
}
setup Gpu { for each device { node "/dev/gpu{minor}" when bound  env BUS = "x" when has bus } }
"""
)
"""What the driver alone knows names devices and sets them up; no rule may read it."""


@pytest.mark.parametrize(
    ("written", "underlined"),
    [
        ("class small of Gpu { require minor == 4 }", "minor"),
        ("class small of Gpu { require has bus }", "bus"),
        ('class small of Gpu { require bus starts with "0" }', "bus"),
        ("class small of Gpu { require not bound }", "bound"),
        ("class small of Gpu { require minor in 3, 4 }", "minor"),
        ("class small of Gpu { require 4 < minor }", "minor"),
        ("class small of Gpu { prefer most minor }", "minor"),
        ("class small of Gpu { prefer bound }", "bound"),
        ("define small of Gpu = minor == 4", "minor"),
        ("claim c { request g = 2 of gpu { require minor == 4 } }", "minor"),
        ("claim c { request g = 2 of gpu  same minor }", "minor"),
        ("claim c { request g = 2 of gpu  same minor else same node }", "minor"),
        ("refuse gpu when bound", "bound"),
        ('refuse gpu when subject.team == "a" and minor == 4', "minor"),
        ("fabric g joins H100 { every pair same minor 1 GB/s }", "minor"),
        ("fabric g joins H100 { torus x 2 at minor 1 GB/s }", "minor"),
    ],
)
def test_no_rule_reads_what_is_private(written: str, underlined: str) -> None:
    policies, problems = load(Source("a.dra", PRIVATE + written))
    assert policies is None
    assert [(one.code, one.span.text if one.span else "") for one in problems] == [("NAM019", underlined)]
    assert problems[0].related


def test_what_is_private_names_devices_and_is_not_published() -> None:
    from dra_policy.render import Catalog, Fleet

    policies, problems = load(Source("a.dra", PRIVATE + "advertise when bound"))
    assert policies is not None, problems
    fleet = Fleet(Catalog.of(policies))
    machine = fleet.catalog.machine("one")
    assert machine is not None
    fleet.place(machine, "n", {})
    (one,) = fleet.slices()
    assert [device.name for device in one.spec.devices] == ["gpu-0000-1b-00-0", "gpu-0000-1c-00-0"]
    assert all(not device.attributes and list(device.capacity) == ["memory"] for device in one.spec.devices)


def test_a_class_of_a_model_does_not_ask_for_what_is_private() -> None:
    from dra_policy.language import lower

    policies, _ = load(Source("a.dra", PRIVATE))
    assert policies is not None
    rules = {str(name): rules for name, rules in lower(policies).classes.items()}
    assert not [one for one in rules["h100"].selectors if "minor" in one.origin.text]


@pytest.mark.parametrize(
    "statements",
    [
        'class c of Gpu { config Conf { image = "x" } }',
        'class c of Gpu { config Conf { image = "x" } } claim k { request g = 1 of c  config Conf { note = "n" } }',
        'class c of Gpu { config Conf { image = "x"  note = "n" } } claim k { request g = 1 of c }',
    ],
)
def test_a_class_gives_a_part_of_the_configuration_and_claims_the_rest(statements: str) -> None:
    assert load(Source("a.dra", HEADER + SCHEMA + statements))[1] == []


@pytest.mark.parametrize(
    "statement", ["costs of Gpu node hugepages-2Mi 1Gi per device", "costs of Gpu node hugepages-1Gi 1 per memory"]
)
def test_a_device_costs_huge_pages(statement: str) -> None:
    assert load(Source("a.dra", HEADER + SCHEMA + statement))[1] == []
    (wrong,) = load(Source("a.dra", HEADER + SCHEMA + statement.replace("Mi ", "Mb ").replace("Gi ", "Gb ")))[1][:1]
    assert wrong.code == "SET002"


def test_zero_needs_no_unit() -> None:
    assert load(Source("a.dra", HEADER + SCHEMA + "model H1 of Gpu { memory 0 }"))[1] == []


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('setup Gpu { for claim { hook createRuntim "/a" } }', "SET005", "did you mean `createRuntime`?"),
        ('setup Gpu { for claim { hook later "/a" } }', "SET005", "`poststop`"),
    ],
)
def test_a_hook_at_a_stage_that_runtimes_have(text: str, code: str, said: str) -> None:
    (wrong,) = load(Source("a.dra", HEADER + SCHEMA + text))[1]
    assert wrong.code == code
    assert said in wrong.help


def test_what_the_standard_library_has_is_said() -> None:
    (wrong,) = load(Source("a.dra", "policy a.b version 1.0 language 1\nimport std.cpu"))[1]
    assert wrong.code == "NAM010"
    assert "`std.numa`, `std.pcie`" in wrong.help


def test_a_mode_of_the_models_of_a_device_is_said_of_the_model() -> None:
    text = 'modes of H100 { mode mig partition { profile "1" times 2 gives memory 1Gi } }  binds of Gpu mig when Ready'
    (wrong,) = load(Source("a.dra", HEADER + SCHEMA + text))[1]
    assert wrong.code == "HWR006"
    assert "it is a mode of `H100`" in wrong.help


def test_costs_of_a_device_that_there_is_not_are_told_once() -> None:
    found = load(Source("a.dra", HEADER + SCHEMA + "costs of Nope node memory 1Mi per 1Gi of memory"))[1]
    assert [one.code for one in found] == ["NAM005"]
