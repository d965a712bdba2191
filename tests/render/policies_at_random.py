"""Random policies, fleets and claims of the language, small enough to be read when they fail."""

from __future__ import annotations

import random
from dataclasses import dataclass

NODE = "node-1"
COLORS = ("red", "green", "blue")


@dataclass(frozen=True)
class Case:
    """A policy, boards by model and count with settings, and the claims that are made in turn."""

    text: str
    boards: tuple[tuple[str, int, tuple[tuple[str, str], ...]], ...]
    asked: tuple[str, ...]


def random_case(rng: random.Random) -> Case:
    """A policy of one driver with two models, and five claims."""
    made = _Policy(rng)
    text = made.text()
    boards = tuple(
        (model, rng.randint(1, 2), tuple(made.settings(model)))
        for model in rng.choices(made.models, k=rng.randint(1, 3))
    )
    return Case(text, boards, tuple(rng.choices(made.claims, k=6)))


class _Policy:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.models = ["Big", "Small"]
        self.claims: list[str] = []
        self.cut = rng.random() < 0.5
        self.shared = rng.random() < 0.5
        self.streams = rng.random() < 0.3

    def text(self) -> str:
        rng = self.rng
        lines = [
            "policy gpu.example.com version 1.0.0 language 1",
            "import std.numa",
            "device Gpu {",
            "  driver gpu.example.com",
            "  attribute kind one of gpu, mig publish as type",
            f"  attribute color one of {', '.join(COLORS)} publish as colour",
            "  attribute lane int optional",
            "  attribute numa std.numa.node optional",
            "  attribute firmware version optional publish as firmwareVersion",
            '  attribute features set of text publish as list or flags "feature_{value}"',
            "  flag ecc absent means false",
            "  capacity memory bytes",
            "  capacity cores count optional",
            "  capacity streams count optional",
            "  grid slice 4",
            "}",
            f'model Big of Gpu {{ kind gpu  color {rng.choice(COLORS)}  memory 80Gi  cores 8  features "fp8", "int4" }}',
            f"model Small of Gpu {{ kind gpu  color {rng.choice(COLORS)}  memory 40Gi tolerance 5%  streams 4 }}",
        ]
        if self.cut:
            lines += [
                "pool engines of Big count 3",
                "modes of Big {",
                "  mode whole",
                '  mode mig partition named "{parent}-mig-{profile}-{start}" gives kind mig {',
                '    profile "1g" takes 1 slice at 0..3 gives memory 20Gi, cores 2 draws engines 1',
                '    profile "2g" takes 2 slice at 0, 2 gives memory 40Gi, cores 4',
                '    profile "3g" takes 3 slice at 0 gives memory 60Gi draws engines 2',
                "  }",
                "}",
            ]
        if self.shared:
            of = "Big whole" if self.cut else "Big"
            lines.append(f"share crowd of {of} {{ at most {rng.randint(1, 3)} claims }}")
        if self.streams:
            lines.append("share viewers of Small { each takes streams 1 to 4 step 1 default 1 }")
        lines += [f"class c{number} of Gpu {{ {self._requires()} }}" for number in range(2)]
        lines.append(f"class big of Big {{ {self._requires() if rng.random() < 0.4 else ''} }}")
        if self.cut:
            lines.append('class one of mig "1g"')
            lines.append(f"class part of mig {{ require memory >= {rng.choice((20, 30, 40))}Gi }}")
        if self.shared:
            lines.append("class some of crowd")
        if self.streams:
            lines.append("class stream of viewers")
        for number in range(4):
            lines += self._claim(f"claim{number}")
        return "\n".join(lines) + "\n"

    def settings(self, model: str) -> list[tuple[str, str]]:
        """Values of one board's own."""
        rng = self.rng
        found = [("color", f'"{rng.choice(COLORS)}"')] if rng.random() < 0.3 else []
        if rng.random() < 0.7:
            found.append(("numa", str(rng.randint(0, 1))))
        if rng.random() < 0.5:
            found.append(("lane", str(rng.randint(0, 3))))
        if rng.random() < 0.5:
            found.append(("firmware", f"{rng.randint(1, 3)}.{rng.randint(0, 9)}.0"))
        if rng.random() < 0.5:
            found.append(("ecc", rng.choice(("true", "false"))))
        if model == "Small" and rng.random() < 0.3:
            found.append(("memory", "41Gi"))
        return found

    # ------------------------------------------------------------------------------------------------------- conditions

    def _requires(self) -> str:
        return " ".join(f"require {self._condition(2)}" for _ in range(self.rng.randint(0, 2)))

    def _condition(self, depth: int) -> str:
        rng = self.rng
        kind = rng.random()
        if depth == 0 or kind < 0.5:
            return self._atom()
        if kind < 0.6:
            return f"not ({self._condition(depth - 1)})"
        word = " and " if kind < 0.8 else " or "
        return "(" + word.join(self._condition(depth - 1) for _ in range(2)) + ")"

    def _atom(self) -> str:
        rng = self.rng
        number, comparison = rng.randint(0, 3), rng.choice(("==", "!=", "<", "<=", ">", ">="))
        return rng.choice(
            (
                f"color == {rng.choice(COLORS)}",
                f"color in {', '.join(rng.sample(COLORS, 2))}",
                f"(has lane and lane {comparison} {number})",
                f"(not has lane or lane {comparison} {number})",
                f"(has numa and numa == {number % 2})",
                f"(has firmware and firmware {comparison} {number}.5)",
                f"memory {comparison} {rng.choice((20, 40, 60, 80))}Gi",
                f"(has cores and cores {comparison} {2 * number})",
                rng.choice(('"fp8" in features', '"bf16" not in features', '"int4" in features')),
                "ecc",
                "not ecc",
                f'color starts with "{rng.choice(("r", "g", "b"))}"',
                f'color contains "{rng.choice(("RE", "e"))}" ignoring case',
                f'color matches "^{rng.choice(("r|b", ".e", "b.*"))}"',
                "kind == gpu",
            )
        )

    # ----------------------------------------------------------------------------------------------------------- claims

    def _claim(self, name: str) -> list[str]:
        rng = self.rng
        self.claims.append(name)
        lines = [f"claim {name} {{"]
        names = [f"r{number}" for number in range(rng.choice((1, 1, 2)))]
        for one in names:
            kind = rng.random()
            if kind < 0.2:
                lines.append(f"  request {one} = first of {', '.join(self._ask() for _ in range(rng.randint(2, 3)))}")
            elif kind < 0.3:
                lines.append(f"  request {one} = all of {self._class()}")
            elif kind < 0.4:
                lines.append(f"  request {one} = 1 to {rng.randint(2, 3)} of {self._class()}")
            else:
                lines.append(f"  request {one} = {self._ask()}")
        if rng.random() < 0.4:
            keyword = rng.choice(("same", "same", "distinct"))
            of = "" if rng.random() < 0.5 else f" of {', '.join(rng.sample(names, rng.randint(1, len(names))))}"
            lines.append(f"  {keyword} {rng.choice(('color', 'numa', 'lane', 'kind'))}{of}")
        return [*lines, "}"]

    def _ask(self) -> str:
        rng = self.rng
        named = self._class()
        body = self._requires() if rng.random() < 0.5 else ""
        if named == "stream" and rng.random() < 0.6:
            body = f"takes streams {rng.randint(1, 3)}"
        return f"{rng.choice((1, 1, 1, 2))} of {named}" + (f" {{ {body} }}" if body else "")

    def _class(self) -> str:
        known = ["c0", "c1", "big"] + ["one", "part"] * self.cut + ["some"] * self.shared + ["stream"] * self.streams
        return self.rng.choice(known)
