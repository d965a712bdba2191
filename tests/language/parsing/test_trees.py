"""What each statement becomes, and where it stands."""

from dataclasses import fields, is_dataclass
from fractions import Fraction

import pytest

from dra_policy.diagnostics import as_text
from dra_policy.language import parse, tree
from dra_policy.language.tree import (
    Amount,
    And,
    Boolean,
    Compare,
    Has,
    Integer,
    Membership,
    Name,
    Not,
    Or,
    Reference,
    Text,
    TextTest,
    Version,
)
from dra_policy.source import Source

HEADER = "policy gpu.acme.com version 2.1.0 language 1\n"
NOWHERE = Source("", "").span(0, 0)
NOTHING = tree.NOTHING_SAID


def target(word, profile=None):
    return tree.Target(name(word), profile, NOWHERE)


def asked(count, of, *, admin=False, members=()):
    return tree.Asked(count, None, (), of, (), False, admin, members, NOWHERE)


def request(word, *alternatives, first=False):
    return tree.Request(name(word), alternatives, first, NOWHERE)


def file(text):
    parsed, problems = parse(Source("test.dra", HEADER + text))
    assert not problems, as_text(problems)
    return parsed


def statement(text):
    (only,) = file(text).statements
    return only


def member(block, text):
    inside = statement(f"{block} {{ {text} }}")
    (only,) = getattr(inside, "members", None) or inside.steps
    return only


def condition(text):
    return statement(f"define a of b = {text}").condition


def name(text):
    return Name(text, NOWHERE)


def reference(text):
    return Reference(name(text), NOWHERE)


def text(value):
    return Text(value, NOWHERE)


def integer(value):
    return Integer(value, NOWHERE)


def test_header_and_imports():
    parsed = file("import std.pcie, example.org/training version 1.0\nimport x")
    assert parsed.header == tree.Header(name("gpu.acme.com"), Version("2.1.0", NOWHERE), integer(1), NOWHERE)
    assert parsed.imports == (
        tree.Import(name("std.pcie"), None, NOWHERE),
        tree.Import(name("example.org/training"), Version("1.0", NOWHERE), NOWHERE),
        tree.Import(name("x"), None, NOWHERE),
    )


def test_a_well_known_name_of_the_file():
    assert statement('attribute clique text publish as "example.org/clique"') == tree.Attribute(
        "attribute",
        name("clique"),
        tree.PlainType("text", NOWHERE),
        optional=False,
        absent=None,
        private=False,
        unique=False,
        publish=tree.PublishAs(text("example.org/clique"), "", None, NOWHERE),
        aliases=(),
        span=NOWHERE,
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("text", tree.PlainType("text", NOWHERE)),
        ("version", tree.PlainType("version", NOWHERE)),
        ('one of A, "b c"', tree.OneOf((name("A"), text("b c")), NOWHERE)),
        ("set of int", tree.SetOf(tree.PlainType("int", NOWHERE), NOWHERE)),
        ("set of one of a", tree.SetOf(tree.OneOf((name("a"),), NOWHERE), NOWHERE)),
        ("bytes", tree.Dimension("bytes", per_second=False, span=NOWHERE)),
        ("bits per second", tree.Dimension("bits", per_second=True, span=NOWHERE)),
        ("cores", tree.Dimension("cores", per_second=False, span=NOWHERE)),
        ("std.pcie.root", tree.NamedType(name("std.pcie.root"), NOWHERE)),
    ],
)
def test_types(written, expected):
    assert member("device d", f"capacity c {written}").type == expected


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ("", (False, None, False, None)),
        ("optional", (True, None, False, None)),
        ("absent means 7", (False, integer(7), False, None)),
        ("absent means Hopper", (False, name("Hopper"), False, None)),
        ("unique in cluster optional", (True, None, True, None)),
        ("publish as list optional", (True, None, False, tree.PublishAs(None, "list", None, NOWHERE))),
        (
            'publish as list or flags "f_{value}"',
            (False, None, False, tree.PublishAs(None, "list or flags", text("f_{value}"), NOWHERE)),
        ),
        ('publish as flags "f"', (False, None, False, tree.PublishAs(None, "flags", text("f"), NOWHERE))),
        ("publish as names list", (False, None, False, tree.PublishAs(name("names"), "list", None, NOWHERE))),
    ],
)
def test_clauses_of_an_attribute_in_any_order(clauses, expected):
    found = member("device d", f"attribute a text {clauses}")
    assert (found.optional, found.absent, found.unique, found.publish) == expected


def test_flag():
    found = member("device d", "flag ecc absent means false")
    assert (found.keyword, found.type, found.absent) == ("flag", None, Boolean(value=False, span=NOWHERE))


def test_other_members_of_a_device():
    assert member("device d", "driver gpu.acme.com") == tree.Driver(name("gpu.acme.com"), NOWHERE)
    assert member("device d", 'renamed a to b because "c"') == tree.Renamed(name("a"), name("b"), text("c"), NOWHERE)
    assert member("device d", "renamed a away") == tree.Renamed(name("a"), None, None, NOWHERE)


def test_model():
    found = statement('model H100 of AcmeGpu { memory 80Gi tolerance 2.5%  features "fp8", bf16  ecc true  v 1.2 }')
    assert found == tree.Model(
        name("H100"),
        name("AcmeGpu"),
        None,
        (
            tree.ModelValue(name("memory"), (Amount(Fraction(80), "Gi", NOWHERE),), Fraction(25, 1000), NOWHERE),
            tree.ModelValue(name("features"), (text("fp8"), name("bf16")), None, NOWHERE),
            tree.ModelValue(name("ecc"), (Boolean(value=True, span=NOWHERE),), None, NOWHERE),
            tree.ModelValue(name("v"), (Version("1.2", NOWHERE),), None, NOWHERE),
        ),
        (),
        NOWHERE,
    )
    assert statement("model H200 like H100") == tree.Model(name("H200"), None, name("H100"), (), (), NOWHERE)


def test_parameters():
    found = statement("parameters P of D { api a.b/v1 Kind  field f int default 3 trust admin  field g text optional }")
    assert found.members == (
        tree.Api(name("a.b"), name("v1"), name("Kind"), NOWHERE),
        tree.Field(
            name("f"),
            tree.PlainType("int", NOWHERE),
            range=None,
            optional=False,
            default=(integer(3),),
            trust="admin",
            agrees=None,
            unique=None,
            span=NOWHERE,
        ),
        tree.Field(
            name("g"),
            tree.PlainType("text", NOWHERE),
            range=None,
            optional=True,
            default=(),
            trust="user",
            agrees=None,
            unique=None,
            span=NOWHERE,
        ),
    )


def test_class():
    found = statement(
        'class c of d { require a because "b"  config P { x = Short }  extended resource "acme.com/gpu" }'
    )
    assert found == tree.Class(
        name("c"),
        target("d"),
        (
            tree.Require(reference("a"), tree.Said(because=text("b")), NOWHERE),
            tree.Config(name("P"), (), (tree.Setting(name("x"), name("Short"), NOWHERE),), NOWHERE),
            tree.ExtendedResource(text("acme.com/gpu"), NOWHERE),
        ),
        NOWHERE,
    )


def test_claim():
    found = statement(
        "claim c { request r = 2 of k { takes s 2 tolerate any } request all = all of k admin access"
        ' same n of r, all because "b" distinct m negotiable config P for r {} }'
    )
    assert found.members == (
        request(
            "r",
            asked(
                integer(2),
                target("k"),
                members=(
                    tree.Takes(name("s"), integer(2), NOTHING, NOWHERE),
                    tree.Tolerate(tree.TaintKey(None, None, "", NOWHERE), NOWHERE),
                ),
            ),
        ),
        request("all", asked(None, target("k"), admin=True)),
        tree.Constraint("same", name("n"), (), (name("r"), name("all")), tree.Said(because=text("b")), NOWHERE),
        tree.Constraint("distinct", name("m"), (), (), tree.Said(negotiable=True), NOWHERE),
        tree.Config(name("P"), (name("r"),), (), NOWHERE),
    )


@pytest.mark.parametrize(
    ("written", "negotiable", "because"),
    [
        ("", False, None),
        ("negotiable", True, None),
        ('negotiable because "b"', True, text("b")),
        ('because "b" negotiable', True, text("b")),
    ],
)
def test_what_is_negotiable(written, negotiable, because):
    (required,) = statement(f"class c of d {{ require negotiable {written} }}").members
    said = tree.Said(because=because, negotiable=negotiable)
    assert required == tree.Require(reference("negotiable"), said, NOWHERE)
    wanted, constraint = statement(
        f"claim c {{ request negotiable = 1 of k {{ takes negotiable 2 {'negotiable' * negotiable} }}"
        f" same negotiable of negotiable {written} }}"
    ).members
    takes = tree.Takes(name("negotiable"), integer(2), tree.Said(negotiable=negotiable), NOWHERE)
    assert wanted.alternatives[0].members == (takes,)
    word = name("negotiable")
    assert constraint == tree.Constraint("same", word, (), (word,), said, NOWHERE)


@pytest.mark.parametrize(
    ("written", "key", "value", "effect"),
    [
        ('tolerate a.b/xid = "79" NoSchedule', name("a.b/xid"), text("79"), "NoSchedule"),
        ("tolerate a.b/xid NoExecute", name("a.b/xid"), None, "NoExecute"),
        ('tolerate "any"', text("any"), None, ""),
        ("tolerate any NoSchedule", None, None, "NoSchedule"),
    ],
)
def test_tolerations(written, key, value, effect):
    (wanted,) = statement(f"claim c {{ request r = 1 of k {{ {written} }} }}").members
    assert wanted.alternatives[0].members == (tree.Tolerate(tree.TaintKey(key, value, effect, NOWHERE), NOWHERE),)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("given 2 H100", tree.GivenModel(integer(2), name("H100"), None, (), NOWHERE)),
        (
            'given 1 m on "n" { e = 1 }',
            tree.GivenModel(integer(1), name("m"), text("n"), (tree.Setting(name("e"), integer(1), NOWHERE),), NOWHERE),
        ),
        ('given inventory "i"', tree.GivenInventory(text("i"), NOWHERE)),
        ("claim a, b ring", tree.TestClaim((name("a"), name("b")), name("ring"), None, None, (), NOWHERE)),
        (
            "claim a, b 2 of k",
            tree.TestClaim(
                (name("a"), name("b")),
                None,
                request("a", asked(integer(2), target("k"))),
                None,
                (),
                NOWHERE,
            ),
        ),
        ("claim a, b gang train", tree.TestGang((name("a"), name("b")), name("train"), (), NOWHERE)),
        (
            'claim gang gang gang by { team = "cs" }',
            tree.TestGang((name("gang"),), name("gang"), (tree.Setting(name("team"), text("cs"), NOWHERE),), NOWHERE),
        ),
        (
            "expect a, b configured C for r, s { m.n = X }",
            tree.ExpectConfigured(
                (name("a"), name("b")),
                name("C"),
                (name("r"), name("s")),
                (tree.Setting(name("m.n"), name("X"), NOWHERE),),
                NOWHERE,
            ),
        ),
        ("expect a configured C { }", tree.ExpectConfigured((name("a"),), name("C"), (), (), NOWHERE)),
        ("expect a placed", tree.ExpectPlaced((name("a"),), (), None, None, NOWHERE)),
        (
            'expect a placed on "x", "y" on node "n"',
            tree.ExpectPlaced((name("a"),), (text("x"), text("y")), text("n"), None, NOWHERE),
        ),
        ('expect a placed on node "n"', tree.ExpectPlaced((name("a"),), (), text("n"), None, NOWHERE)),
        ("expect a refused", tree.ExpectRefused((name("a"),), None, "", NOWHERE)),
        ('expect a, b refused "r"', tree.ExpectRefused((name("a"), name("b")), text("r"), "", NOWHERE)),
    ],
)
def test_steps_of_a_test(written, expected):
    assert member('test "t"', written) == expected


def compare(left, operator, right, *, ignoring_case=False):
    return Compare(operator, left, right, ignoring_case, NOWHERE)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a", reference("a")),
        ("a or b and c", Or((reference("a"), And((reference("b"), reference("c")), NOWHERE)), NOWHERE)),
        ("(a or b) and c", And((Or((reference("a"), reference("b")), NOWHERE), reference("c")), NOWHERE)),
        ("a and (b and c) and d", And(tuple(map(reference, "abcd")), NOWHERE)),
        ("not a and b", And((Not(reference("a"), NOWHERE), reference("b")), NOWHERE)),
        ("not x == 1", Not(compare(reference("x"), "==", integer(1)), NOWHERE)),
        ("x >= 40 GiB", compare(reference("x"), ">=", Amount(Fraction(40), "Gi", NOWHERE))),
        ("x != 1.5 GHz", compare(reference("x"), "!=", Amount(Fraction(3, 2), "GHz", NOWHERE))),
        ('x == "a" ignoring case', compare(reference("x"), "==", text("a"), ignoring_case=True)),
        ("5 < x", compare(integer(5), "<", reference("x"))),
        ("v >= 550.54", compare(reference("v"), ">=", Version("550.54", NOWHERE))),
        ("x == true", compare(reference("x"), "==", Boolean(value=True, span=NOWHERE))),
        ('x starts with "a"', TextTest("starts with", reference("x"), text("a"), ignoring_case=False, span=NOWHERE)),
        (
            'x contains "a" ignoring case',
            TextTest("contains", reference("x"), text("a"), ignoring_case=True, span=NOWHERE),
        ),
        ('"fp8" in features', Membership(text("fp8"), (reference("features"),), negated=False, span=NOWHERE)),
        ("a not in B, 2", Membership(reference("a"), (reference("B"), integer(2)), negated=True, span=NOWHERE)),
        ("has numa", Has(name("numa"), NOWHERE)),
    ],
)
def test_conditions(written, expected):
    assert condition(written) == expected


@pytest.mark.parametrize("word", ["device", "memory", "version", "node", "model", "name", "class", "count", "text"])
def test_keywords_are_names_where_a_name_is_wanted(word):
    device = statement(f"device {word} {{ attribute {word} text flag {word} capacity {word} count }}")
    assert [part.name.text for part in device.members] == [word] * 3
    model = statement(f"model {word} of {word} {{ {word} {word} {word} 5 }}")
    assert [value.name.text for value in model.values] == [word] * 2
    claim = statement(
        f"claim {word} {{ request {word} = 1 of {word} {{ require {word} and has {word} }} same {word} }}"
    )
    assert claim.members[0].alternatives[0].of.name.text == word
    test = statement(f'test "t" {{ given 1 {word} claim {word}, {word} {word} expect {word} placed }}')
    assert test.steps[1].template.text == word


def test_a_number_does_not_take_the_next_name_for_its_unit():
    values = statement("model m of d { sockets 2 cores 64 cores min 3 memory 80 GiB s 1 h 3 }").values
    assert [value.name.text for value in values] == ["sockets", "cores", "min", "memory", "s", "h"]


def test_escapes():
    assert condition(r'x == "\"\\\n\t\u{1F600}"').right.value == '"\\\n\t\N{GRINNING FACE}'


def test_comments_are_kept_with_their_places():
    parsed = file('# above\nclass a of b # behind\n{ require x == "# none" } # last')
    assert [(c.text, c.trailing, c.span.text) for c in parsed.comments] == [
        ("# above", False, "# above"),
        ("# behind", True, "# behind"),
        ("# last", True, "# last"),
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_white_space():
    plain = "policy a version 1.0 language 1\n# c\nclass x of y\n"
    windows, problems = parse(Source("a.dra", "\ufeff" + plain.replace("\n", "\r\n")))
    assert not problems
    assert windows == parse(Source("a.dra", plain))[0]


def test_newlines_mean_nothing():
    one = file('class a of b { require x and y because "z" config P { q = 1 } }')
    many = file('class\na\nof\nb\n{\nrequire\nx\nand\ny\nbecause\n"z"\nconfig\nP\n{\nq\n=\n1\n}\n}')
    assert one == many


def spans(node):
    if isinstance(node, tuple):
        for part in node:
            yield from spans(part)
    elif is_dataclass(node):
        if hasattr(node, "span"):
            yield node
        for part in fields(node):
            if part.name != "span":
                yield from spans(getattr(node, part.name))


def test_every_part_knows_where_it_stands():
    written = 'class a of b {\n  require has numa and (x == 1 or not y)  because "z"\n}'
    parsed = file(written)
    source = parsed.span.source
    for node in spans(parsed):
        assert node.span.source is source
        assert node.span.text.strip()
    (found,) = parsed.statements
    assert found.span.text == written
    require = found.members[0]
    assert require.span.text == 'require has numa and (x == 1 or not y)  because "z"'
    assert [part.span.text for part in require.condition.operands] == ["has numa", "(x == 1 or not y)"]
    assert require.condition.operands[1].operands[1].span.text == "not y"
