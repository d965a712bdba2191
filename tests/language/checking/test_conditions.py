"""Mistakes in conditions: the code, the underlined text, and what the message and the help say."""

import pytest

from dra_policy.language import load
from dra_policy.source import Source

SCHEMA = """policy gpu.acme.com version 1.0.0 language 1
import std.numa
device Gpu {
  driver gpu.acme.com
  attribute uuid     text unique in cluster
  attribute arch     one of Ampere, Hopper
  attribute ver      version publish as driverVersion
  attribute numa     std.numa.node optional
  attribute minor    int
  attribute label    text optional
  attribute features set of text publish as list or flags "feature_{value}"
  attribute tags     set of text
  flag      ecc      absent means false
  flag      mig
  capacity  memory   bytes
  capacity  line     bits
  capacity  rate     bytes per second
  capacity  streams  count
  capacity  power    watts optional
}
device Nic { driver nic.acme.com  attribute mtu int }
define modern of Gpu = arch == Hopper
define near of Gpu = has numa and numa == 0
define known of Gpu = has numa
define wide of Nic = mtu >= 9000
"""

GOOD = [
    "ecc == true and ecc == mig and not mig",
    "arch == Hopper and Hopper != arch and arch == uuid",
    "ver in 550.54, 551.0 and ver >= 550.54",
    'arch in tags and uuid in tags and "fp8" in features',
    "minor not in 1, 2 and minor >= -1",
    "memory >= 8 Gbit and line >= 1 GB and 40Gi <= memory and memory in 40Gi, 80Gi",
    "rate >= 400 Gbit/s and rate in 50 GB/s",
    'uuid starts with "GPU" ignoring case and uuid matches "^a|b$" and arch == hopper ignoring case'.replace(
        "arch == hopper", 'arch == "Hopper"'
    ),
    "has numa and numa >= 1 and numa < 4",
    "has numa and (ecc or numa == 0)",
    "(has numa and numa == 0) or ecc",
    "not has numa or numa == 0",
    "not (not has numa or ecc) and numa == 1",
    "not (has numa and numa == 0)",
    "has power and has numa and power <= 700 W and numa == 0",
    "(has numa and ecc or has numa and mig) and numa == 0",
    "has numa and std.numa.node == 0",
    "known and numa == 0",
    "not known or numa == 0",
    "near and numa == 0",
    "modern or not modern",
    "true and not false",
    "gpu.acme.com.modern",
]

BAD = [
    # code, condition, underlined, message, help
    ("NAM001", "memroy >= 1Gi", "memroy", "device `Gpu` has no attribute `memroy`", "did you mean `memory`?"),
    ("NAM001", "uuid == memry", "memry", "has no attribute `memry`", "did you mean `memory`?"),
    ("NAM001", '"x" in fetures', "fetures", "has no attribute `fetures`", "did you mean `features`?"),
    ("NAM001", "modrn", "modrn", "has no attribute `modrn`", "did you mean `modern`?"),
    ("NAM001", "has nuna", "nuna", "has no attribute `nuna`", "did you mean `numa`?"),
    ("NAM002", "mtu >= 9000", "mtu", "device `Nic` has", "this is about `Gpu`"),
    ("TYP001", "ecc == 1", "1", "`ecc` is true or false, got number `1`", "write `true` or `false`"),
    ("TYP001", "uuid == Foo", "Foo", "`uuid` is text, got name `Foo`", 'write "Foo", in quotes'),
    ("TYP001", 'ver >= "550.54"', '"550.54"', "`ver` is a version, got text", "write `550.54.0`, without quotes"),
    ("TYP001", "ver >= 550", "550", "got number `550`", "write `550.0.0`"),
    ("TYP001", "minor == 1.5", "1.5", "`minor` is a whole number, got `1.5`", "write a whole number"),
    ("TYP001", "minor in 1, x", "x", "got name `x`", "whole number"),
    ("TYP001", 'memory >= "40"', '"40"', "got text", "write `40Gi` or `40 GB`, without quotes"),
    ("TYP001", "memory >= true", "true", "`memory` is an amount of bytes, got `true`", "write an amount such as"),
    ("TYP001", "fp8 in features", "fp8", "a value of `features` is text, got name `fp8`", 'write "fp8", in quotes'),
    ("TYP001", "minor == memory", "minor == memory", "`minor` is a whole number, but `memory` is", "one type"),
    (
        "TYP001",
        "minor in tags",
        "minor in tags",
        "`minor` is a whole number, and `tags` is a set of texts",
        "the set holds",
    ),
    ("TYP001", "uuid matches label", "label", "`matches` takes a text in quotes", 'write "label"'),
    ("TYP002", "memory >= 40", "40", "`memory` is an amount of bytes, and `40` has no unit", "`40Gi` or `40 GB`"),
    ("TYP002", "memory >= 40.5", "40.5", "`40.5` has no unit", "`40.5Gi`"),
    ("TYP002", "rate >= 450", "450", "`450` has no unit", "write `450 GB/s`"),
    ("TYP003", "memory >= 450 GB/s", "450 GB/s", "is an amount of bytes per second", "`memory` is not per second"),
    ("TYP003", "rate >= 450 GB", "450 GB", "`450 GB` is an amount of bytes", "write `/s` behind the unit"),
    ("TYP003", "memory >= 1 h", "1 h", "`1 h` is a duration", "write an amount such as `40Gi`"),
    ("TYP003", "streams >= 4 GB", "4 GB", "`streams` is a count", "write `4000000000`"),
    ("TYP003", "memory < rate", "memory < rate", "but `rate` is an amount of bytes per second", "one type"),
    ("TYP003", "memory == line", "memory == line", "`line` is an amount of bits", "Kubernetes converts no units"),
    ("TYP005", "arch == Hoper", "Hoper", "`Hoper` is no value of `arch`", "did you mean `Hopper`?"),
    ("TYP005", 'arch == "Ada"', '"Ada"', "`Ada` is no value of `arch`", "one of `Ampere`, `Hopper`"),
    ("TYP005", "arch in Ampere, Hoper", "Hoper", "`Hoper` is no value", "did you mean `Hopper`?"),
    ("TYP006", "numa == 0", "numa", "`numa` is optional", "write `has numa and ...` before it"),
    ("TYP006", "std.numa.node == 0", "std.numa.node", "`numa` is optional", "has numa"),
    ("TYP006", "numa == 0 and has numa", "numa", "`numa` is optional", "before it"),
    ("TYP006", "has numa or numa == 0", "numa", "here it is known to be absent", "`not has numa or ...`"),
    ("TYP006", "has numa or ecc or numa == 0", "numa", "known to be absent", "has numa and"),
    ("TYP006", "not has numa and numa == 0", "numa", "known to be absent", "has numa and"),
    ("TYP006", "(has numa or ecc) and numa == 0", "numa", "a device may not publish it", "has numa and"),
    ("TYP006", "not (has numa and ecc) or numa == 0 or not numa == 1 or power > 1 W", "power", "optional", "has power"),
    ("TYP006", "not known and numa == 0", "numa", "known to be absent", "has numa and"),
    ("TYP006", "uuid starts with label", "label", "`label` is optional", "has label"),
    ("TYP006", "power <= 700 W", "power", "`power` is optional", "absent means"),
    (
        "TYP007",
        "arch > Ampere",
        "arch > Ampere",
        "`>` has no meaning here: `arch` is one of",
        "write `==`, `!=` or `in`",
    ),
    ("TYP007", "ecc < mig", "ecc < mig", "`<` has no meaning here", "only numbers, amounts and versions"),
    ("TYP007", 'features == "fp8"', '"fp8"', "`features` is a set of texts", 'write `"fp8" in features`'),
    ("TYP007", "features == tags", "features == tags", "a set cannot be compared", "ask for a value of it"),
    ("TYP007", 'features contains "fp8"', 'features contains "fp8"', "tests a text", 'write `"fp8" in features`'),
    ("TYP007", '"x" in uuid', "uuid", "`uuid` is text, not a set", "a set behind it"),
    ("TYP007", 'memory starts with "4"', 'memory starts with "4"', "tests a text", "compare it with `==`"),
    ("TYP007", "minor == 1 ignoring case", "minor == 1 ignoring case", "no meaning here", "leave it out"),
    ("TYP007", "tags in 1, 2", "tags in 1, 2", "`in` asks for one value", "in tags"),
    ("TYP008", "memory", "memory", "`memory` alone is no condition", "has memory"),
    ("TYP008", "not minor", "minor", "it is a whole number", "minor == ..."),
    ("TYP008", "4", "4", "number `4` is no condition", "compare it with a name"),
    ("TYP008", "modern == true", "modern", "is a condition and has no value", "write `modern` or `not modern`"),
    ("TYP008", "wide", "wide", "a condition on device `Nic`, not on `Gpu`", "define one of `Gpu`"),
    ("TYP009", 'uuid matches "a(?=b)"', '"a(?=b)"', "no regular expression", "no look-ahead"),
    ("TYP009", 'uuid matches "("', '"("', "no regular expression", "RE2"),
    ("TYP010", "memory < 0.0000000001 B", "0.0000000001 B", "finer than a billionth", "nine places"),
    ("TYP012", "has features", "has features", "cannot be told", "without flags the set is empty"),
    ("TYP012", "uuid in features", "uuid", "only a fixed value", "write a text"),
    ("TYP013", "minor == 9223372036854775808", "9223372036854775808", "outside the whole numbers", "from -9223"),
    ("TYP013", "memory < 8Ei", "8Ei", "more than a Kubernetes quantity holds", "9223372036854775807 of bytes"),
    ("TYP013", "streams < 9223372036854775808", "9223372036854775808", "more than a Kubernetes", "9223372036854775807"),
    ("TYP014", "1 == 1", "1 == 1", "both sides are fixed values", "compare a name"),
    ("TYP014", "1 in 1, 2", "1 in 1, 2", "both sides of `in` are fixed values", "before `in`"),
    ("TYP014", "arch in uuid", "uuid", "`uuid` is no fixed value", "write `arch == uuid`"),
    ("TYP014", '"a" starts with "b"', '"a"', "is a fixed value", "write a name"),
    ("NAM009", '"a b" in features', '"a b"', "published as `feature_a b`", "change the pattern"),
]


def source(condition: str) -> Source:
    return Source("gpu.dra", f"{SCHEMA}class c of Gpu {{ require {condition} }}\n")


@pytest.mark.parametrize("condition", GOOD)
def test_good_conditions_are_accepted(condition: str) -> None:
    assert load(source(condition))[1] == []


@pytest.mark.parametrize(
    ("code", "condition", "underlined", "message", "help_"), BAD, ids=[f"{b[0]} {b[1]}" for b in BAD]
)
def test_one_mistake_gives_one_message(code: str, condition: str, underlined: str, message: str, help_: str) -> None:
    policies, found = load(source(condition))
    assert policies is None
    assert [d.code for d in found] == [code], found
    [d] = found
    assert d.span is not None
    assert d.span.text == underlined
    assert message in d.message
    assert help_ in d.help


def test_several_mistakes_are_found_in_one_run_in_order() -> None:
    _, found = load(source("memroy >= 40 and arch == Hoper and numa == 0 and ver >= 1 and memory >= 1 W"))
    assert [d.code for d in found] == ["NAM001", "TYP005", "TYP006", "TYP001", "TYP003"]


def test_a_mistake_in_a_define_is_told_at_the_define_alone() -> None:
    text = (
        SCHEMA + "define odd of Gpu = memroy >= 40Gi\nclass c of Gpu { require odd }\nclass d of Gpu { require odd }\n"
    )
    _, found = load(Source("gpu.dra", text))
    assert [(d.code, d.span.line) for d in found if d.span] == [("NAM001", 26)]


@pytest.mark.parametrize(
    "text", ["define a of Gpu = a", "define a of Gpu = not b\ndefine b of Gpu = c\ndefine c of Gpu = a"]
)
def test_a_define_that_refers_to_itself(text: str) -> None:
    _, found = load(Source("gpu.dra", f"{SCHEMA}{text}\nclass x of Gpu {{ require a }}\n"))
    assert [d.code for d in found] == ["NAM006"]
    assert len(found[0].related) == text.count("define") - 1


def test_defines_that_double_meet_a_limit_instead_of_an_endless_text() -> None:
    chain = "define d0 of Gpu = ecc\n" + "".join(
        f"define d{i} of Gpu = d{i - 1} and not d{i - 1}\n" for i in range(1, 40)
    )
    _, found = load(Source("gpu.dra", f"{SCHEMA}{chain}class x of Gpu {{ require d39 }}\n"))
    assert [d.code for d in found] == ["RUL010"]


def test_defines_that_nest_deep_meet_a_limit() -> None:
    chain = "define d0 of Gpu = ecc\n" + "".join(f"define d{i} of Gpu = not d{i - 1}\n" for i in range(1, 3000))
    _, found = load(Source("gpu.dra", f"{SCHEMA}{chain}class x of Gpu {{ require d2999 }}\n"))
    assert [d.code for d in found] == ["RUL010"]


def test_a_condition_of_more_than_ten_kib_is_refused() -> None:
    alternatives = " or ".join(f'uuid == "GPU-{i:060}"' for i in range(200))
    _, found = load(source(alternatives))
    assert [d.code for d in found] == ["RUL010"]


def test_clauses_stand_alone_and_proofs_stay_together() -> None:
    text = 'ecc and has numa and memory >= 1Gi and numa == 0 and  # near\n "a  b" in tags'
    policies, found = load(source(text))
    assert policies is not None, found
    words = [clause.words for clause in policies.classes["c"].clauses]
    assert words == ["ecc", "has numa and numa == 0", "memory >= 1Gi", '"a  b" in tags']


def test_many_long_conditions_are_more_than_a_class_holds() -> None:
    requires = "".join(
        "require " + " or ".join(f'uuid == "GPU-{i:03}-{j:050}"' for j in range(70)) + "\n" for i in range(40)
    )
    _, found = load(Source("gpu.dra", f"{SCHEMA}class c of Gpu {{\n{requires}}}\n"))
    assert [(d.code, d.span.text) for d in found if d.span] == [("RUL010", "c")]


def test_a_configuration_of_more_than_ten_kib_is_refused() -> None:
    values = " ".join(f'names = "{i:0100}"' for i in range(110))
    text = f"parameters P of Gpu {{ api a.b/v1 P field names set of text }}\nclass c of Gpu {{ config P {{ {values} }} }}\n"
    _, found = load(Source("gpu.dra", SCHEMA + text))
    assert [d.code for d in found] == ["RUL010"]
