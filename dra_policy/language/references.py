"""What refers to what: an order in which everything comes after what it refers to, and the circles."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

from dra_policy.diagnostics import Related
from dra_policy.source import Span

Vertex = TypeVar("Vertex", bound=Hashable)

# Of a longer circle the middle is left out: nobody reads a thousand names.
LONGEST_PATH = 8


@dataclass(frozen=True, slots=True)
class Link(Generic[Vertex]):
    """One reference: what it refers to, and where."""

    to: Vertex
    span: Span


@dataclass(frozen=True, slots=True)
class Circle(Generic[Vertex]):
    """Vertices that refer to each other: `vertices[i]` refers to the next one at `links[i]`, the last to the first."""

    vertices: tuple[Vertex, ...]
    links: tuple[Link[Vertex], ...]

    def related(self, names: Sequence[str]) -> tuple[Related, ...]:
        """The next few references of the circle, behind the first; `names` pairs with `vertices`."""
        following = [*names[1:], names[0]]
        steps = islice(zip(names, following, self.links, strict=True), 1, LONGEST_PATH)
        return tuple(Related(link.span, f"`{name}` refers to `{to}` here") for name, to, link in steps)

    def path(self, names: Sequence[str]) -> str:
        """The way round in words; the middle of a long one is left out."""
        if len(names) > LONGEST_PATH:
            names = [*names[: LONGEST_PATH - 1], names[-1]]
            steps = [f"`{name}`" for name in (*names, names[0])]
            steps.insert(LONGEST_PATH - 1, "...")
            return " -> ".join(steps)
        return " -> ".join(f"`{name}`" for name in (*names, names[0]))


def in_dependency_order(
    graph: Mapping[Vertex, Sequence[Link[Vertex]]],
) -> tuple[list[Vertex], list[Circle[Vertex]]]:
    """Every vertex after those it refers to, and each circle once; safe at any depth.

    References to vertices that are not in the graph are passed over. In a circle the first vertex that was met comes
    last.

    >>> in_dependency_order({"a": [], "b": []})
    (['a', 'b'], [])
    """
    order: list[Vertex] = []
    circles: list[Circle[Vertex]] = []
    done: set[Vertex] = set()
    for root in graph:
        if root in done:
            continue
        path: list[Vertex] = [root]
        taken: list[Link[Vertex]] = []
        waiting = [iter(graph[root])]
        on_path = {root}
        while path:
            link = next(waiting[-1], None)
            if link is None:
                vertex = path.pop()
                waiting.pop()
                if taken:
                    taken.pop()
                on_path.discard(vertex)
                done.add(vertex)
                order.append(vertex)
            elif link.to in on_path:
                start = path.index(link.to)
                circles.append(Circle(tuple(path[start:]), (*taken[start:], link)))
            elif link.to in graph and link.to not in done:
                path.append(link.to)
                taken.append(link)
                waiting.append(iter(graph[link.to]))
                on_path.add(link.to)
    return order, circles
