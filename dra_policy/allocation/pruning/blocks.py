"""Devices in blocks: what can be told apart by the requests from one on, and what cannot.

Two devices are connected if they draw on one resource or have a label in common under a tie; a block is all that hangs
together. Within a block, devices that agree in everything are a class. Blocks whose devices agree one by one in order,
up to which resources and labels they are, are of one type. Nothing connects two blocks, so exchanging two blocks of one
type, or two devices of one class, turns every solution for these requests into a solution; and because the order of
the devices is kept, into one of which the search says the same. This needs rules whose draws and labels are all that
they enforce (`Rule.exact`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeAlias

from dra_policy.allocation.pruning.problem import Option, Problem, Request, bits_of
from dra_policy.allocation.pruning.standing import ANY, Standing


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Devices that hang together. `classes` and `resources` are in the order in which they appear.

    `left` picks the amounts of the resources out of all; `written` is where the memory keeps how it writes states down.
    """

    type: int
    mask: int
    classes: tuple[int, ...]
    class_of: dict[int, int]
    resources: tuple[int, ...]
    labels: dict[tuple[int, int], int]
    left: Callable[[Sequence[int]], Hashable]
    written: dict[Hashable, tuple[Hashable, ...]] = field(default_factory=dict)


class Blocks:
    """The blocks of all devices that some alternatives could take."""

    def __init__(self, problem: Problem, options: Sequence[Option], types: dict[Hashable, int]) -> None:
        self.profiles = tuple({option.profile.number: option.profile for option in options}.values())
        self.mask = self._own = 0
        for option in options:
            self.mask |= option.mask
            self._own |= option.profile.own
        self.drawing: dict[int, int] = {}
        connections: list[int] = []
        for profile in self.profiles:
            for resource, levels in profile.levels.items():
                drawing = 0
                for _, devices in levels:
                    drawing |= devices
                self.drawing[resource] = self.drawing.get(resource, 0) | drawing & self.mask
        connections += self.drawing.values()
        labelled: dict[tuple[int, int], int] = {}
        for option in options:
            for _, labels in (*option.common, *option.distinct):
                for label, devices in labels.devices.items():
                    key = labels.space, label
                    labelled[key] = labelled.get(key, 0) | devices & self.mask
        connections += labelled.values()
        self.block_of: dict[int, Block] = {}
        self.block_with: dict[tuple[int, int], Block] = {}
        for mask in _connected(self.mask, connections):
            block = _block(problem, options, mask, types)
            for device in bits_of(mask):
                self.block_of[device] = block
            for key in block.labels:
                self.block_with[key] = block

    def touched(self, standing: Standing) -> int:
        """Devices of all blocks of which something is chosen or used up: some of each block."""
        found = (standing.chosen | standing.disturbed) & self.mask
        for resource in bits_of(standing.changed & self._own):
            found |= self.drawing.get(resource, 0)
        return found

    def marked(
        self, standing: Standing, requests: Iterable[Request]
    ) -> tuple[dict[int, list[tuple[int, int]]], tuple[int, ...]]:
        """What the ties of requests say about blocks.

        For each block, by its mask, ties and labels of its own that are fixed or used up; and ties whose common labels
        are nowhere.
        """
        marks: dict[int, list[tuple[int, int]]] = {}
        nowhere: list[int] = []
        seen: set[int] = set()
        for request in requests:
            for option in request.options:
                for kind, ties in ((ANY, option.common), (0, option.distinct)):
                    for position, labels in ties:
                        tie = request.base + position
                        state = standing.ties[tie]
                        if state == kind or tie in seen:
                            continue
                        seen.add(tie)
                        found = False
                        for label in bits_of(state):
                            block = self.block_with.get((labels.space, label))
                            if block is not None:
                                found = True
                                marks.setdefault(block.mask, []).append((tie, block.labels[labels.space, label]))
                        if kind == ANY and not found:
                            nowhere.append(tie)
        return marks, tuple(nowhere)

    def written(
        self,
        standing: Standing,
        usable: int,
        ahead: int,
        marks: dict[int, list[tuple[int, int]]],
    ) -> tuple[Any, ...]:
        """How things stand with the blocks that something has touched, up to the exchange of alike ones.

        `usable` are the devices that are still of use, `ahead` those that a request under way has not passed yet.
        """
        touched = self.touched(standing)
        for mask in marks:
            touched |= mask
        found: list[Any] = []
        while touched:
            block = self.block_of[(touched & -touched).bit_length() - 1]
            touched &= ~block.mask
            found.append(self._block_written(standing, block, usable, ahead, marks))
        found.sort()
        return tuple(found)

    def _block_written(
        self, standing: Standing, block: Block, usable: int, ahead: int, marks: dict[int, list[tuple[int, int]]]
    ) -> tuple[Hashable, ...]:
        own = block.mask & usable
        before = ahead & block.mask
        key = own, block.left(standing.left), before, tuple(marks.get(block.mask, ())) if marks else ()
        written = block.written.get(key)
        if written is None:
            left, drawing = standing.left, self.drawing
            amounts = tuple([left[r] if drawing[r] & own else 0 for r in block.resources])
            classes = tuple(
                [
                    ((devices & own).bit_count(), (devices & own & before).bit_count(), (devices & before).bit_count())
                    for devices in block.classes
                ]
            )
            written = block.written[key] = block.type, classes, amounts, tuple(sorted(key[3]))
        return written


def _connected(mask: int, connections: Iterable[int]) -> list[int]:
    """The parts of a set that hang together."""
    parts: list[int] = []
    whole = 0
    for connection in sorted(set(connections), key=int.bit_count, reverse=True):
        merged = connection
        if not merged:
            continue
        if merged & whole:
            apart: list[int] = []
            for part in parts:
                if part & merged:
                    merged |= part
                else:
                    apart.append(part)
            parts = apart
        parts.append(merged)
        whole |= merged
    return [*parts, *(1 << device for device in bits_of(mask & ~whole))]


_Seen: TypeAlias = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]
"""What an alternative sees in a device: draws, and labels as bits for each space, of common and distinct ties."""


def _block(problem: Problem, options: Sequence[Option], mask: int, types: dict[Hashable, int]) -> Block:
    resources: dict[int, int] = {}
    labels: dict[tuple[int, int], int] = {}
    classes: dict[Hashable, int] = {}
    masks: list[int] = []
    class_of: dict[int, int] = {}
    described: list[Hashable] = []
    for device in bits_of(mask):
        bit = 1 << device
        exact: list[Hashable] = [bool(problem.single & bit)]
        # Most alternatives see the same in a device: that is described once.
        descriptions: dict[_Seen, int] = {}
        described_here: list[Hashable] = [bool(problem.single & bit)]
        for number, option in enumerate(options):
            if not option.mask & bit:
                continue
            seen: _Seen = (
                option.profile.draws.get(device, ()),
                tuple([(space.space, space.of.get(device, 0)) for _, space in option.common]),
                tuple([(space.space, space.of.get(device, 0)) for _, space in option.distinct]),
            )
            same = descriptions.setdefault(seen, len(descriptions))
            exact.append((number, same))
            described_here.append((number, same))
        exact += descriptions
        for draws, common, distinct in descriptions:
            described_here.append(tuple([(resources.setdefault(r, len(resources)), amount) for r, amount in draws]))
            described_here += [
                tuple([labels.setdefault((space, label), len(labels)) for label in bits_of(found)])
                for tie in (common, distinct)
                for space, found in tie
            ]
        key = tuple(exact)
        if key not in classes:
            classes[key] = len(classes)
            masks.append(0)
        masks[classes[key]] |= bit
        class_of[device] = classes[key]
        described.append(tuple(described_here))
    supply = tuple(problem.supply[resource] for resource in resources)
    number = types.setdefault((tuple(described), supply), len(types))
    left = itemgetter(*resources) if resources else _nothing
    return Block(number, mask, tuple(masks), class_of, tuple(resources), labels, left)


def _nothing(left: Sequence[int]) -> Hashable:
    """What is left for a block that draws on nothing."""
    del left
    return ()


class Suffixes:
    """The blocks for the requests from each claim on; equal ones are worked out once."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._types: dict[Hashable, int] = {}
        self._known: dict[frozenset[int], Blocks] = {}
        self._options: dict[int, Option] = {}
        self._keys: list[frozenset[int]] = [frozenset()] * (len(problem.claims) + 1)
        own: set[int] = set()
        for request in reversed(problem.requests):
            self._options.update((id(option), option) for option in request.options)
            own.update(id(option) for option in request.options)
            key = self._keys[request.claim + 1]
            self._keys[request.claim] = key if own <= key else key | own
            if not request.position:
                own = set()

    def blocks(self, request: Request) -> Blocks:
        """The blocks for a request and all others of its claim and of later ones."""
        key = self._keys[request.claim]
        blocks = self._known.get(key)
        if blocks is None:
            # In the order of first appearance in the call, so that types mean the same for all of them.
            options = [option for identity, option in reversed(self._options.items()) if identity in key]
            blocks = self._known[key] = Blocks(self._problem, options, self._types)
        return blocks


__all__ = ["Block", "Blocks", "Suffixes"]
