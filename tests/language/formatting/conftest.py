"""Whole policy trees and odd layouts, as Hypothesis strategies."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import strategies as st

from dra_policy.language import format_policy, parse, tree
from dra_policy.language.parser import _grammar
from dra_policy.language.tables import END
from dra_policy.language.tokens import PolicyLexer
from dra_policy.language.units import UNITS
from dra_policy.source import Source

NOWHERE = Source("", "").span(0, 0)
WORDS = sorted(_grammar()[0].parser.lexer.words)
# Nearly every keyword is a name too; these are not, in some places.
VALUE_WORDS = frozenset(("true", "false"))
TYPE_WORDS = frozenset(
    [
        "text",
        "int",
        "bool",
        "version",
        "duration",
        "time",
        "one",
        "set",
        "bytes",
        "bits",
        "count",
        "hertz",
        "watts",
        "cores",
    ]
)

booleans = st.booleans()


def short(strategy):
    """The same with a short name: Hypothesis would print some of these as a hundred kilobytes."""

    @st.composite
    def drawn(draw):
        return draw(strategy)

    return drawn()


def made(kind, /, **fields):
    return short(st.builds(kind, **fields, span=st.just(NOWHERE)))


def names(*, without=frozenset(), path=False):
    part = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
    dotted = st.lists(part, min_size=1, max_size=3).map(".".join)
    dashed = st.lists(part, min_size=1, max_size=2).map("-".join)
    words = st.sampled_from(WORDS) | dotted | dashed
    if path:
        words |= st.tuples(dotted, part).map("/".join)
    return made(tree.Name, text=words.filter(lambda word: word not in without and word not in UNITS))


def several(strategy, least=1, most=3):
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


def maybe(strategy):
    return st.none() | strategy


def tuples(*, without=frozenset()):
    return several(names(without=without))


numbers = st.tuples(st.integers(0, 10**6), st.integers(0, 3)).map(lambda pair: Fraction(pair[0], 10 ** pair[1]))
texts = made(tree.Text, value=st.text(st.characters(exclude_categories=["Cs"]), max_size=12))
integers = made(tree.Integer, value=st.integers(-5, 10**6))
counts = made(tree.Integer, value=st.integers(0, 99))
amounts = made(tree.Amount, number=numbers, unit=st.sampled_from(sorted({u.canonical for u in UNITS.values()})))
versions = made(tree.Version, text=st.sampled_from(["550.54", "1.2.3", "1.0.0-rc.1", "1.0.0+build.5", "0.0"]))
literals = texts | integers | amounts | versions | made(tree.Boolean, value=booleans)
values = literals | names(without=VALUE_WORDS)
qualified = names(path=True)

# ------------------------------------------------------------------------------------------------------ conditions

references = names(without=VALUE_WORDS | {"has", "not"}, path=True).map(lambda name: tree.Reference(name, NOWHERE))
operands = references | literals
tests = (
    operands
    | made(tree.Has, name=names())
    | made(
        tree.Compare,
        operator=st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
        left=operands,
        right=operands,
        ignoring_case=booleans,
    )
    | made(
        tree.TextTest,
        kind=st.sampled_from(["starts with", "ends with", "contains", "matches"]),
        left=operands,
        right=operands,
        ignoring_case=booleans,
    )
    | made(tree.Membership, item=operands, options=several(operands), negated=booleans)
)


def _joined(inner):
    def of(kind):
        parts = inner.filter(lambda part: not isinstance(part, kind))
        return made(kind, operands=several(parts, 2, 3))

    return of(tree.And) | of(tree.Or) | made(tree.Not, operand=inner)


conditions = short(st.recursive(short(tests), _joined, max_leaves=8))

# ------------------------------------------------------------------------------------------------------ statements

plain_types = made(tree.PlainType, name=st.sampled_from(["text", "int", "bool", "version", "duration"]))
one_of = made(tree.OneOf, values=several(names() | texts, 1, 4))
dimensions = made(tree.Dimension, name=st.sampled_from(["bytes", "bits", "count"]), per_second=booleans) | made(
    tree.Dimension, name=st.sampled_from(["hertz", "watts", "cores"]), per_second=st.just(False)
)
types = (
    plain_types
    | one_of
    | made(tree.SetOf, element=plain_types | one_of)
    | dimensions
    | made(tree.NamedType, name=names(without=TYPE_WORDS, path=True))
)
published_name = names(without={"list", "flags"}, path=True) | texts
publish = (
    made(tree.PublishAs, name=published_name, form=st.sampled_from(["", "list"]), pattern=st.none())
    | made(tree.PublishAs, name=st.none(), form=st.just("list"), pattern=st.none())
    | made(tree.PublishAs, name=maybe(published_name), form=st.sampled_from(["flags", "list or flags"]), pattern=texts)
)


def attributes(keyword):
    return made(
        tree.Attribute,
        keyword=st.just(keyword),
        name=names(),
        type=st.none() if keyword == "flag" else types,
        optional=booleans,
        absent=maybe(values),
        private=booleans if keyword != "capacity" else st.just(False),
        unique=booleans if keyword == "attribute" else st.just(False),
        publish=maybe(publish),
        aliases=several(made(tree.Alias, name=qualified | texts), 0, 2) if keyword == "attribute" else st.just(()),
    )


devices = made(
    tree.Device,
    name=names(),
    members=several(
        made(tree.Driver, name=qualified)
        | attributes("attribute")
        | attributes("flag")
        | attributes("capacity")
        | made(tree.Renamed, old=names(), new=maybe(names()), because=maybe(texts)),
        0,
        4,
    ),
)
model_values = made(
    tree.ModelValue,
    name=names(without={"tolerance", "grid"}),
    values=several(values),
    tolerance=maybe(st.integers(0, 500).map(lambda tenths: Fraction(tenths, 1000))),
)
model_grids = made(tree.Grid, name=names(), size=counts, of=st.none())
models = made(
    tree.Model, name=names(), of=qualified, like=st.none(), values=several(model_values, 0, 4), grids=st.just(())
) | made(
    tree.Model,
    name=names(),
    of=st.none(),
    like=qualified,
    values=several(model_values, 0, 2),
    grids=several(model_grids, 0, 2),
)
parameters = made(
    tree.Parameters,
    name=names(),
    of=qualified,
    members=several(
        made(
            tree.Api,
            group=st.builds(tree.Name, st.just("gpu.acme.com"), st.just(NOWHERE)),
            version=st.builds(tree.Name, st.just("v1beta1"), st.just(NOWHERE)),
            kind=names(),
        )
        | made(
            tree.Field,
            name=names(),
            type=types,
            range=maybe(made(tree.Range, low=literals, high=literals, step=maybe(literals))),
            optional=booleans,
            default=several(values, 0, 2),
            trust=st.sampled_from(["user", "admin"]),
            agrees=maybe(made(tree.Per, name=names(), on_node=booleans)),
            unique=maybe(made(tree.Per, name=names(), on_node=booleans)),
        ),
        0,
        3,
    ),
)
said = st.builds(
    tree.Said,
    because=maybe(texts),
    strength=maybe(st.builds(tree.Name, st.sampled_from(["must", "should"]), st.just(NOWHERE))),
    enforced=maybe(st.builds(tree.Name, st.sampled_from(["cluster", "controller", "node"]), st.just(NOWHERE))),
    negotiable=booleans,
)
requires = made(tree.Require, condition=conditions, said=said)
targets = made(tree.Target, name=qualified, profile=maybe(texts))
settings = several(made(tree.Setting, name=names(), value=values), 0, 3)


def configs(requests):
    return made(tree.Config, parameters=qualified, requests=requests, settings=settings)


classes = made(
    tree.Class,
    name=names(),
    of=targets,
    members=several(requires | configs(st.just(())) | made(tree.ExtendedResource, name=texts), 0, 3),
)
effects = st.sampled_from(["", "NoSchedule", "NoExecute", "None"])
taints = made(tree.TaintKey, key=names(without={"any"}, path=True) | texts, value=maybe(texts), effect=effects) | made(
    tree.TaintKey, key=st.none(), value=st.none(), effect=effects
)
asked_members = several(
    requires | made(tree.Takes, capacity=names(), amount=literals, said=said) | made(tree.Tolerate, taint=taints),
    0,
    3,
)


def requests(name):
    asked = (
        made(
            tree.Asked,
            count=counts,
            most=maybe(counts),
            others=st.just(()),
            of=targets,
            shape=st.just(()),
            around=st.just(False),
            admin=booleans,
            members=asked_members,
        )
        | made(
            tree.Asked,
            count=counts,
            most=st.none(),
            others=st.just(()) | several(counts, 1, 3),
            of=targets,
            shape=several(counts, 2, 3),
            around=booleans,
            admin=booleans,
            members=asked_members,
        )
        | made(
            tree.Asked,
            count=st.none(),
            most=st.none(),
            others=st.just(()),
            of=targets,
            shape=st.just(()),
            around=st.just(False),
            admin=booleans,
            members=asked_members,
        )
    )
    return made(tree.Request, name=name, alternatives=asked.map(lambda one: (one,)), first=st.just(False))


claims = made(
    tree.Claim,
    name=names(),
    members=several(
        requests(names())
        | made(
            tree.Constraint,
            keyword=st.sampled_from(["same", "distinct"]),
            attribute=qualified,
            otherwise=several(qualified, 0, 2),
            requests=st.just(()) | tuples(),
            said=said,
        )
        | configs(st.just(()) | tuples()),
        0,
        4,
    ),
)
defines = made(tree.Define, name=names(), of=qualified, condition=conditions)
test_claims = made(
    tree.TestClaim,
    names=tuples(),
    template=names(without={"all", "gang"}, path=True),
    request=st.none(),
    namespace=st.none(),
    subject=st.just(()),
) | tuples().flatmap(
    lambda claimed: made(
        tree.TestClaim,
        names=st.just(claimed),
        template=st.none(),
        request=requests(st.just(claimed[0])),
        namespace=st.none(),
        subject=st.just(()),
    )
)
policy_tests = made(
    tree.Test,
    title=texts,
    steps=several(
        # Behind a number `machine` begins a machine.
        made(
            tree.GivenModel,
            count=counts,
            model=qualified.filter(lambda name: name.text != "machine"),
            node=maybe(texts),
            settings=settings,
        )
        | made(tree.GivenInventory, path=texts)
        | test_claims
        | made(
            tree.ExpectPlaced, names=tuples(), devices=several(texts, 0, 2), node=maybe(texts), reached=maybe(qualified)
        )
        | made(tree.ExpectRefused, names=tuples(), reason=maybe(texts), kind=st.sampled_from(["", "not now", "never"]))
        | made(tree.TestGang, names=tuples(), gang=qualified, subject=st.just(()))
        | made(
            tree.ExpectConfigured,
            names=tuples(),
            parameters=qualified,
            requests=st.just(()) | tuples(),
            settings=settings,
        ),
        0,
        4,
    ),
)
statements = attributes("attribute") | devices | models | parameters | classes | claims | defines | policy_tests
files = made(
    tree.PolicyFile,
    header=made(
        tree.Header,
        name=qualified,
        version=versions,
        language=st.builds(tree.Integer, st.just(1), st.just(NOWHERE)),
    ),
    imports=several(made(tree.Import, name=qualified, version=maybe(versions)), 0, 2),
    statements=several(statements, 0, 4),
    comments=st.just(()),
)

# --------------------------------------------------------------------------------------------------------- layouts


def tokens(text: str) -> list[str]:
    """The tokens of a text, comments left out."""
    lexer: PolicyLexer = _grammar()[0].parser.lexer
    found, at = [], 0
    while (token := lexer.token(text, at)).type != END:
        found.append(str(token))
        at = token.end_pos
    return found


def relaid(text: str, seed: int) -> tuple[str, list[str]]:
    """The same tokens with other white space and, for most seeds, comments between them; and the comments."""
    choose = random.Random(seed)
    many = choose.choice([0.0, 0.02, 0.1, 0.5])
    comments, parts = [], []
    for word in [*tokens(text), ""]:
        parts.append(choose.choice([" ", "  ", "\n", "\n\n\n", "\t", "\r\n"]))
        if choose.random() < many:
            comments.append("#" + choose.choice(["", " c", '# { "', " }", "\tx", ' "a']) + str(len(comments)))
            parts.append(comments[-1] + choose.choice(["\n", "\n\n\n"]))
        parts.append(word)
    return "".join(parts), comments


@dataclass(frozen=True, repr=False)
class Strategies:
    files: st.SearchStrategy[tree.PolicyFile]
    conditions: st.SearchStrategy[tree.Condition]
    amounts: st.SearchStrategy[tree.Amount]
    layouts: st.SearchStrategy[tuple[tree.PolicyFile, str, list[str]]]
    tokens: Callable[[str], list[str]]


@pytest.fixture(scope="session")
def policies(load_module) -> Strategies:
    walker = load_module(Path(__file__).parents[1] / "walks.py").Walker()
    # Trees of every construct, as a parse of a random text gives them, beside trees of any names and values.
    walked = st.integers(0, 10**9).map(lambda seed: parse(Source("walk.dra", walker.file(seed)))[0])
    every = files | walked

    @st.composite
    def layouts(draw) -> tuple[tree.PolicyFile, str, list[str]]:
        """A file, its text in some layout, and the comments in that text."""
        file = draw(every)
        text, comments = relaid(format_policy(file), draw(st.integers(0, 10**6)))
        return file, text, comments

    return Strategies(every, conditions, amounts, layouts(), tokens)
