"""What a request takes of a device's capacities, and whether that much is left (H1-H7, H11, H12)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import ClassVar, cast

from dra_policy.allocation.capacity import Consumption, Misfit, Unrepresentable, consumption
from dra_policy.allocation.results import Cause
from dra_policy.allocation.rule import NEVER, Answer, Choice, Draws, Fault, Nature, Reach, Reads, Reply, Resource, Rule
from dra_policy.inventory import DeviceRecord, Usage
from dra_policy.resources import Features
from dra_policy.rules import Origin


class Consumptions:
    """What each request would take of each device: computed once, shared by the rules and the results."""

    __slots__ = ("_fractional", "_known")

    def __init__(self, features: Features) -> None:
        self._fractional = features.fractional_capacity_range
        self._known: dict[tuple[int, int], Consumption | Misfit | Unrepresentable] = {}

    def of(self, choice: Choice) -> Consumption | Misfit | Unrepresentable:
        key = (choice.asked.number, choice.record.index)
        known = self._known.get(key)
        if known is None:
            wanted = dict(choice.asked.ask.capacity)
            known = consumption(choice.record.device.capacity, wanted, fractional=self._fractional)
            self._known[key] = known
        return known

    def taken(self, choice: Choice) -> Consumption:
        """The amounts of a choice that was accepted."""
        amounts = self.of(choice)
        # Invariant: only devices that passed `CapacityPolicies` are chosen.
        assert isinstance(amounts, tuple)
        return amounts


class CapacityPolicies(Rule):
    """Refuses a device that could not serve the request even if nothing else used it (H3-H6); errors of H7."""

    __slots__ = ("_consumptions",)

    nature: ClassVar[Nature] = Nature(
        Cause.CAPACITY, ("H3", "H4", "H5", "H6", "H7"), Reach.DEVICE, frozenset({Reads.CAPACITY})
    )

    def __init__(self, consumptions: Consumptions) -> None:
        self._consumptions = consumptions

    def take(self, choice: Choice) -> Answer:
        amounts = self._consumptions.of(choice)
        if isinstance(amounts, Misfit):
            return Reply.REFUSED
        if isinstance(amounts, Unrepresentable):
            asked = choice.asked
            message = f"capacity `{amounts.capacity}`: {amounts.reason}"
            return Fault("H7", message, asked.ask.origin, asked.key, asked.result_name, str(choice.record.id))
        capacities = choice.record.device.capacity
        fits = all(amount <= capacities[name].value for name, amount in amounts)
        return Reply.TAKEN if fits else Reply.REFUSED

    def origin(self, choice: Choice) -> Origin:
        amounts = self._consumptions.of(choice)
        if isinstance(amounts, Misfit | Unrepresentable):
            return replace(choice.asked.ask.origin, text=amounts.reason)
        capacities = choice.record.device.capacity
        return _asked(choice, [name for name, amount in amounts if amount > capacities[name].value])

    def kind(self, choice: Choice) -> Hashable:
        return self._consumptions.of(choice), tuple(c.value for c in choice.record.device.capacity.values())


class RemainingCapacity(Rule):
    """Refuses a device of which too little is left, for every capacity of it, asked for or not (H6).

    What exclusive devices would consume is tested in the same way, but nothing is recorded for them. Amounts are
    whole billionths.
    """

    __slots__ = ("_chosen", "_consumptions", "_named", "_sharing", "_usage")

    nature: ClassVar[Nature] = Nature(
        Cause.CAPACITY, ("H6", "H11", "H12"), Reach.SHARES, frozenset({Reads.CAPACITY, Reads.USAGE, Reads.CHOICES})
    )

    def __init__(self, usage: Usage, consumptions: Consumptions, features: Features) -> None:
        self._usage = usage
        self._consumptions = consumptions
        self._sharing = features.consumable_capacity
        self._chosen: dict[int, tuple[dict[str, int], ...]] = {}
        self._named: dict[int, Choice] = {}

    def take(self, choice: Choice) -> Answer:
        record = choice.record
        amounts = self._consumptions.taken(choice)
        if not amounts:
            return Reply.TAKEN
        before = self._used(choice)
        capacities = record.device.capacity
        after = {name: before.get(name, 0) + amount.nano for name, amount in amounts}
        if any(total > capacities[name].value.nano for name, total in after.items()):
            return Reply.REFUSED
        if self._shared(record):
            self._chosen[record.index] = (*self._chosen.get(record.index, ()), after)
        return Reply.TAKEN

    def _shared(self, record: DeviceRecord) -> bool:
        return self._sharing and bool(record.device.allow_multiple_allocations)

    def _used(self, choice: Choice) -> dict[str, int]:
        """What of the device is used, by persisted allocations and in this call."""
        chosen = self._chosen.get(choice.record.index)
        if chosen:
            return chosen[-1]
        return {name: amount.nano for name, amount in self._usage.consumed(choice.record.id).items()}

    def undo(self, choice: Choice) -> None:
        record = choice.record
        if not self._shared(record) or not record.device.capacity:
            return
        rest = self._chosen[record.index][:-1]
        if rest:
            self._chosen[record.index] = rest
        else:
            del self._chosen[record.index]

    def state(self) -> Hashable:
        return frozenset((index, frozenset(stack[-1].items())) for index, stack in self._chosen.items())

    def origin(self, choice: Choice) -> Origin:
        used, capacities = self._used(choice), choice.record.device.capacity
        amounts = self._consumptions.taken(choice)
        return _asked(choice, [name for name, a in amounts if used.get(name, 0) + a.nano > capacities[name].value.nano])

    def kind(self, choice: Choice) -> Hashable:
        used = self._used(choice)
        left = {name: c.value.nano - used.get(name, 0) for name, c in choice.record.device.capacity.items()}
        return tuple(sorted(left.items())), self._shared(choice.record)

    def draws(self, choice: Choice) -> Draws:
        record = choice.record
        amounts = self._consumptions.of(choice)
        if not isinstance(amounts, tuple) or not amounts:
            return ()
        used, capacities = self._used(choice), record.device.capacity
        if any(used.get(name, 0) + amount.nano > capacities[name].value.nano for name, amount in amounts):
            return ((NEVER, 1),)
        if not self._shared(record):
            return ()  # H6: nothing is recorded for it
        self._named[record.index] = choice
        return tuple(
            (Resource(("capacity", name), (record.index, name)), amount.nano) for name, amount in amounts if amount.nano
        )

    def supply(self, resource: Resource) -> int:
        if resource is NEVER:
            return 0
        index, name = cast("tuple[int, str]", resource.key)
        # Invariant: `draws` has named the device.
        choice = self._named[index]
        return choice.record.device.capacity[name].value.nano - self._used(choice).get(name, 0)

    def exact(self, choice: Choice) -> bool:
        return isinstance(self._consumptions.of(choice), tuple)

    def touches(self, choice: Choice) -> tuple[Hashable, ...]:
        return (choice.record.index,) if self._shared(choice.record) else ()


def _asked(choice: Choice, short: list[str]) -> Origin:
    """The amounts of which there is too little, in the words of the request: equal for all devices that lack them."""
    ask = choice.asked.ask
    wanted = dict(ask.capacity)
    texts = [f"{name}: {wanted[name]}" if name in wanted else f"{name}: as much as the device gives" for name in short]
    return replace(ask.origin, text=", ".join(texts))


__all__ = ["CapacityPolicies", "Consumptions", "RemainingCapacity"]
