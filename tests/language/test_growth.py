"""Work grows with the length of what is written: parsing, formatting, checking, lowering and linting, by counted calls.

Each family is one construct, many times over. Counts are those of Python's profiler, calls of functions in Python and C
alike, so they do not depend on the machine; from one size to the next, twice as long, there may be 2.3 times as many.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import pairwise
from types import FrameType
from typing import Any, Final

import pytest

from dra_policy.diagnostics import as_text
from dra_policy.language import format_policy, load, parse
from dra_policy.language.lowered import lower
from dra_policy.lint import lint
from dra_policy.source import Source

MOST: Final = 2.3
DOUBLINGS: Final = int(os.environ.get("DRA_POLICY_DOUBLINGS", "2"))
SIZES: Final = tuple(40 * 2**number for number in range(DOUBLINGS + 1))
"""From what is more than the limits of an object of the API on: behind those, more has to be looked at."""
HEAD: Final = "policy a.example version 1.0.0 language 1\n"
GPU: Final = """device Gpu {
  driver gpu.example.org
  attribute uuid text optional
  attribute numa int optional
  flag ecc absent means false
  capacity memory bytes
  capacity power watts optional
}
model Big of Gpu { memory 80Gi  power 700 W }
"""
SUBJECT: Final = """subject {
  field team text from namespace label "example.org/team" absent means "none"
  field priority int from pod priority default 0
}
"""
CLASS: Final = "class gpu of Gpu\n"
SITE: Final = HEAD + GPU + SUBJECT + CLASS

Texts = list[str]


def many(n: int, line: str) -> str:
    """A line so many times; `{i}` is its number, `{j}` the next one, `{k}` a small amount."""
    return "\n".join(
        line.replace("{i}", str(i)).replace("{j}", str(i + 1)).replace("{k}", str(i % 70 + 1)) for i in range(n)
    )


def joined(n: int, part: str, between: str) -> str:
    return between.join(many(n, part).splitlines())


def block(head: str, n: int, line: str, tail: str = "}") -> str:
    """A statement whose block holds a line so many times."""
    return f"{head} {{\n{many(n, line)}\n{tail}\n"


UNIT: Final = """device D{i} {
  driver d{i}.example.org
  attribute numa int optional
  flag ecc absent means false
  capacity memory bytes
}
model M{i} of D{i} { memory 80Gi }
modes of M{i} { mode whole  mode part{i} partition { profile "p" times 2 gives memory 8Gi } }
share s{i} of M{i} whole { at most 4 claims }
fabric f{i} joins D{i} { every pair 1 GB/s }
machine m{i} { devices gpu[0..3] of M{i} whole  place gpu[0..3] numa 0 }
parameters P{i} of D{i} { api d{i}.example.org/v1 P{i}  field interval int default 1 }
health of D{i} { event "x" taints d{i}.example.org/x = "y" NoSchedule }
class c{i} of D{i} { require memory >= 40Gi because "b"  prefer ecc  config P{i} { interval = 2 } }
claim k{i} { request r = 2 of c{i} { tolerate d{i}.example.org/x }  same numa }
quota q{i} of D{i} { subject team == "t{i}"  at most 3 }
refuse c{i} when subject.priority < {i} because "no"
keep 1 of M{i} per node free for c{i}
gang g{i} of 2 k{i} { distinct node }
"""

FAMILIES: Final[dict[str, Callable[[int], Texts]]] = {
    "devices": lambda n: [HEAD + many(n, "device D{i} { driver d{i}.example.org  capacity memory bytes }")],
    "models": lambda n: [HEAD + GPU + many(n, "model M{i} of Gpu { memory {j}Gi }")],
    "models like models": lambda n: [
        f"{HEAD}{GPU}model M0 of Gpu {{ memory 1Gi }}\n" + many(n, "model M{j} like M{i} { memory {j}Gi }")
    ],
    "classes": lambda n: [
        HEAD + GPU + many(n, "class c{i} of Gpu { require ecc and memory >= {k}Gi  prefer power < {j} W weight 5 }")
    ],
    "rules of a class": lambda n: [f"{HEAD}{GPU}class gpu of Gpu {{ {many(n, 'require memory != {j}Gi')} }}"],
    "a condition of many that hold": lambda n: [
        f"{HEAD}{GPU}class gpu of Gpu {{ require {joined(n, 'memory != {j}Gi', ' and ')} }}"
    ],
    "a condition of many of which one holds": lambda n: [
        f"{HEAD}{GPU}class gpu of Gpu {{ require {joined(n, 'memory == {j}Gi', ' or ')} }}"
    ],
    "a list of values": lambda n: [
        f"{HEAD}{GPU}class gpu of Gpu {{ require has uuid and uuid in {joined(n, chr(34) + 'u{i}' + chr(34), ', ')} }}"
    ],
    "defines": lambda n: [HEAD + GPU + many(n, "define d{i} of Gpu = memory > {k}Gi and ecc")],
    "claims": lambda n: [
        HEAD + GPU + CLASS + many(n, "claim k{i} { request r = 2 of gpu { require memory >= {k}Gi }  same numa }")
    ],
    "claims of models": lambda n: [
        HEAD + GPU + many(n, "model M{i} of Gpu { memory {j}Gi }\nclaim k{i} { request r = 1 of M{i} }")
    ],
    "claims of pairs": lambda n: [
        HEAD + GPU + CLASS + many(n, "claim k{i} { pairs 2 of (a: gpu, b: gpu) { same numa } }")
    ],
    "quotas": lambda n: [
        SITE + many(n, 'quota q{i} of Gpu { subject team == "t{i}"  at most {j}  borrow from cohort all }')
    ],
    "refusals": lambda n: [
        SITE + many(n, 'refuse gpu when subject.priority < {i} and subject.team == "t{i}" because "b"')
    ],
    "windows": lambda n: [
        SITE
        + many(
            n,
            "window w{i} { every day 1:00 to 2:00 tz UTC }\nrefuse gpu when now after w{i}.start and now before w{i}.end",
        )
    ],
    "what is kept": lambda n: [SITE + many(n, "class g{i} of Gpu\nkeep {j} of Big per node free for g{i}")],
    "tolerations": lambda n: [SITE + many(n, "class g{i} of Gpu\ntolerate example.org/t{i} for g{i} 30 min")],
    "gangs": lambda n: [f"{SITE}claim k {{ request r = 1 of gpu }}\n" + many(n, "gang g{i} of 2 k { distinct node }")],
    "parameters": lambda n: [
        HEAD
        + GPU
        + block("parameters P of Gpu", n, "field f{i} int default {i}", "api gpu.example.org/v1 P }")
        + block("class c of Gpu { config P", n, "f{i} = {j}", "} }")
    ],
    "switches": lambda n: [HEAD + GPU + many(n, "gate G{i} default off")],
    "modes": lambda n: [f"{HEAD}{GPU}modes of Big {{ {many(n, 'mode m{i} gives memory {k}Gi')} }}"],
    "profiles": lambda n: [
        HEAD + GPU + block("modes of Big { mode part partition", n, 'profile "p{i}" times 2 gives memory {k}Gi', "} }")
    ],
    "shares": lambda n: [
        HEAD + GPU + many(n, "model M{i} of Gpu { memory {j}Gi }\nshare s{i} of M{i} { at most 4 claims }")
    ],
    "places of a machine": lambda n: [
        HEAD + GPU + block("machine m", n, "devices gpu[{i}] of Big\nplace gpu[{i}] numa {i}")
    ],
    "links of a machine": lambda n: [
        f"{HEAD}{GPU}fabric f joins Big {{ every pair 1 GB/s }}\n"
        + block("machine m", n, "link f gpu[{i}] to gpu[{j}]", f"devices gpu[0..{n}] of Big }}")
    ],
    "events": lambda n: [
        HEAD + GPU + block("health of Gpu", n, 'event "e{i}" taints gpu.example.org/e{i} = "x" NoSchedule')
    ],
    "set-up": lambda n: [HEAD + GPU + block("setup Gpu { for claim", n, 'env E{i} = "{i}"', "} }")],
    "tests": lambda n: [HEAD + GPU + CLASS + many(n, 'test "t{i}" { given 1 Big  claim a 1 of gpu  expect a placed }')],
    "steps of a test": lambda n: [
        HEAD + GPU + CLASS + block('test "t"', n, "claim a{i} 1 of gpu\nexpect a{i} placed", "given 9 Big }")
    ],
    "imports in a chain": lambda n: [
        f"policy p{i}.example version 1.0.0 language 1\n"
        + (f"import p{i + 1}.example\n" if i < n - 1 else "")
        + f"device D{i} {{ driver d{i}.example.org  flag ecc absent means false }}\nclass c{i} of D{i} {{ require ecc }}\n"
        for i in range(n)
    ],
    "everything": lambda n: [HEAD + SUBJECT + many(n // 5, UNIT)],
    "everything in files": lambda n: [
        HEAD + SUBJECT,
        *(
            f"policy u{i}.example version 1.0.0 language 1\nimport a.example\n" + UNIT.replace("{i}", str(i))
            for i in range(n // 5)
        ),
    ],
    "comments": lambda n: [HEAD + GPU + many(n, "# comment {i}\nmodel M{i} of Gpu { memory {j}Gi }  # behind it")],
    "mistakes": lambda n: [HEAD + GPU + many(n, "class c{i} of Gpu { require missing{i} }")],
    "mistakes of form": lambda n: [HEAD + GPU + many(n, "clas c{i} of Gpu { requires ecc }")],
}


def calls(action: Callable[[], Any]) -> tuple[int, Any]:
    """How many calls of functions something takes, and its result."""
    count = 0

    def counted(frame: FrameType, event: str, of: object) -> None:
        nonlocal count
        del frame, of
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        result = action()
    finally:
        sys.setprofile(before)
    return count, result


def work(texts: Texts) -> dict[str, int]:
    """The calls of each stage that a policy gets to."""
    # Another name for each text of another run: what is known of one file helps with no other.
    sources = [Source(f"{len(texts)}-{number}.dra", text) for number, text in enumerate(texts)]
    found: dict[str, int] = {}
    found["parse"], parsed = calls(lambda: [parse(source) for source in sources])
    if not any(problems for _, problems in parsed):
        found["format"], _ = calls(lambda: [format_policy(file) for file, _ in parsed])
    found["check"], (policies, problems) = calls(lambda: load(*sources))
    if policies is not None:
        found["lower"], _ = calls(lambda: lower(policies))
        found["lint"], _ = calls(lambda: lint(policies))
    else:
        assert "missing0" in as_text(problems) or "clas" in texts[0], as_text(problems)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_twice_as_long_is_twice_the_work(family: str) -> None:
    load(Source("warm.dra", HEAD + GPU))  # what is made once, the grammar for one
    counts = [work(FAMILIES[family](size)) for size in SIZES]
    for stage in counts[-1]:
        grown = [later[stage] / earlier[stage] for earlier, later in pairwise(counts)]
        # What a small policy takes anyway hides how it grows, never that it grows too fast.
        assert max(grown) <= MOST, (stage, [one[stage] for one in counts])


def test_counts_do_not_depend_on_the_run() -> None:
    texts = FAMILIES["classes"](SIZES[0])
    work(texts)
    assert work(texts) == work(texts)
