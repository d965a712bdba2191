"""One board as devices: whole, every legal partition, shares, and the counters that keep them apart.

Devices stand in the order in which modes and profiles are written, each mode in front of its shares: a first fit takes
the first that matches, so what a vendor writes first is preferred.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import islice

from dra_policy.expression import DeviceFacts, compile_tree
from dra_policy.language.boards import Draw, Mode, Modes, Pool, Profile, Reachable, Share, counter_name
from dra_policy.language.counting import MOST_COUNTERS
from dra_policy.language.hardware import Advertised
from dra_policy.language.machinery import Budget
from dra_policy.language.predicates import lower_condition
from dra_policy.language.schema import AttributeSchema, ModelSchema
from dra_policy.language.types import Constant
from dra_policy.render.catalog import Catalog
from dra_policy.render.guards import Drawing, Guard, mode_guards, place_guards
from dra_policy.render.sharing import shared_capacities
from dra_policy.render.values import (
    Values,
    attributes_of,
    device_name,
    exact,
    is_bytes,
    label,
    profile_label,
    quantity,
    texts,
    with_texts,
)
from dra_policy.render.variants import Variant, is_position, of_mode, positions_of, with_share
from dra_policy.resources import (
    Counter,
    CounterSet,
    Device,
    DeviceCapacity,
    DeviceCounterConsumption,
    DeviceTaint,
    Features,
    NodeAllocatableMapping,
    NodeAllocatableOverhead,
    NodeAllocatableResource,
)

SET_COUNTERS = 32
"""A6: counters of a set; a board with more has a second set."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A board that stands somewhere. `values` are its own, above those of its model; `name` is that of its devices.

    With `mode`, `share` or `profile` only that is published; `profile` begins at `start` and was made for good.
    `named` are texts for templates: place, node, pool. A board that is `called` so keeps the name in its only mode.
    `budgets` are those of its machine, by the name of their counter set.
    """

    model: ModelSchema
    name: str
    values: Values = field(default_factory=dict)
    mode: Mode | None = None
    profile: Profile | None = None
    start: int | None = None
    share: Share | None = None
    taints: tuple[tuple[str, str, str], ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    reachable: Reachable | None = None
    called: bool = False
    budgets: Mapping[str, Mapping[Budget, Fraction | AttributeSchema]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """One device; `schema` are its values by schema, `reachable` says from where it alone can be used."""

    device: Device
    values: Values
    reachable: Reachable | None


@dataclass(frozen=True, slots=True)
class BoardDevices:
    """All devices of one board, and its counter sets. A board that can be cut has slices of its own."""

    devices: tuple[Published, ...]
    counters: tuple[CounterSet, ...] = ()
    cut: bool = False


def devices_of(board: Placed, catalog: Catalog, *, lists: bool) -> BoardDevices:
    """The devices of a board; `lists` tells whether the target has list attributes."""
    return _Board(board, catalog, lists).published()


def unguarded_modes(model: ModelSchema, catalog: Catalog) -> list[tuple[str, str]]:
    """Pairs of modes of a model that exclude each other, and that no counters keep apart."""
    return _Board(Placed(model, "board"), catalog, lists=False).unguarded


def board_values(board: Placed) -> dict[AttributeSchema, tuple[Constant, ...]]:
    """What a board is: its own values above those of its model, in the order of the schema."""
    model = {value.attribute: value.constants for value in board.model.values.values()}
    given = {**model, **board.values}
    found = {one: given[one] for one in board.model.device.attributes.values() if one in given}
    # A set in one text is there, empty, where nothing is in it.
    empty = [one for one in board.model.device.attributes.values() if one.joined_by and one.required]
    return found | {one: () for one in empty if one not in found}


class _Board:
    def __init__(self, board: Placed, catalog: Catalog, lists: bool) -> None:
        self.board = board
        self.catalog = catalog
        self.lists = lists
        self.modes: Modes | None = catalog.modes(board.model)
        self.values = board_values(board)
        self.known = {"parent": board.name, **{name: label(text) for name, text in board.named.items()}}
        self.variants = list(self._variants())
        self.uncounted = self._uncounted()
        self.guarding: dict[Variant, dict[str, tuple[Fraction, bool]]] = {}
        self.unguarded: list[tuple[str, str]] = []
        # Invariant: a board with one device needs no counters.
        self.totals = self._totals() if len(self.variants) > 1 else {}
        self.sets = self._sets()

    def published(self) -> BoardDevices:
        devices = [self._device(variant) for variant in self.variants]
        cut = len(self.variants) > 1 and any(one.profile is not None and one.profile.positions for one in self.variants)
        conditions = self.catalog.advertised(self.board.model)
        kept = tuple(one for one in devices if _advertised(self.board.model, one, conditions, lists=self.lists))
        return BoardDevices(kept, self._counter_sets() if kept else (), cut)

    # ------------------------------------------------------------------------------------------------- what it can be

    def _variants(self) -> Iterator[Variant]:
        board = self.board
        if board.profile is not None:
            positions = board.profile.positions
            starts = () if not positions else (board.start if board.start is not None else positions[0].starts[0],)
            made_for_good = Variant(board.mode, board.profile, starts)
            yield made_for_good if board.share is None else with_share(made_for_good, board.share)
            return
        if board.share is not None:
            yield from self._of_share(board.share)
            return
        if board.mode is not None:
            yield from of_mode(board.mode)
            return
        shares = self.catalog.shares(board.model)
        whole = [share for share in shares if share.mode is None]
        if self.modes is None:
            yield from [Variant(None, share=share) for share in whole] or [Variant(None)]
        else:
            for mode in self.modes.modes.values():
                made = list(of_mode(mode))
                if not mode.partition and whole:
                    yield from (with_share(one, share) for one in made for share in whole)
                else:
                    yield from made
                yield from (with_share(one, share) for share in shares if share.mode is mode for one in made)

    def _of_share(self, share: Share) -> Iterator[Variant]:
        made = [Variant(None)] if share.mode is None else list(of_mode(share.mode))
        yield from (with_share(one, share) for one in made)

    # ------------------------------------------------------------------------------------------------------- counters

    def _totals(self) -> dict[str, tuple[Fraction, bool]]:
        """The counters of the board by name: how much there is, and whether it is written in powers of 1024."""
        found: dict[str, tuple[Fraction, bool]] = {}
        for variant in self.variants:
            for name, (total, _, binary) in self._own_draws(variant).items():
                found.setdefault(name, (total, binary))
        for mode, count in self.uncounted.items():
            found.setdefault(_guard(mode), (Fraction(count), False))
        self._add_guards(found)
        if not any(total for total, _ in found.values()) and sum(map(self._takes_all, self.variants)) > 1:
            # Nothing is drawn, so one counter stands for the board.
            found["board"] = Fraction(1), False
        return found

    def _takes_all(self, variant: Variant) -> bool:
        """Whether a device has the whole board, whatever else it draws on: it is no partition, and beside no mode."""
        mode = variant.mode
        return mode is None or not (mode.partition or mode.name in self._beside)

    @cached_property
    def _beside(self) -> frozenset[str]:
        """The modes that may be in use at the same time as others."""
        modes = {} if self.modes is None else self.modes.modes
        pairs = [(name, other) for name, mode in modes.items() for other in mode.beside if other in modes]
        return frozenset(name for pair in pairs for name in pair)

    def _are_beside(self, one: str, other: str) -> bool:
        """Whether two modes may be in use at the same time."""
        modes = {} if self.modes is None else self.modes.modes
        return one in modes and other in modes and (other in modes[one].beside or one in modes[other].beside)

    def _uncounted(self) -> dict[Mode, int]:
        """Modes of which a device draws nothing, and how many devices they have: a counter keeps the whole board away."""
        found: dict[Mode, int] = {}
        whole = any(map(self._takes_all, self.variants))
        places: dict[int, set[Hashable]] = {}
        for variant in self.variants:
            places.setdefault(id(variant.mode), set()).add(variant.place)
        for variant in self.variants:
            mode = variant.mode
            if mode is None or self._takes_all(variant) or not (mode.partition or whole):
                continue
            if not any(amount for _, amount, _ in self._own_draws(variant).values()):
                found[mode] = len(places[id(mode)])
        return found

    def _add_guards(self, totals: dict[str, tuple[Fraction, bool]]) -> None:
        """Add the counters that keep apart what nothing that is drawn keeps apart (`guards`)."""
        some = [one for one in self.variants if not self._takes_all(one)]
        if not any(one.share is not None for one in some) and len({one.mode for one in some}) < 2:
            return

        def drawings() -> list[Drawing]:
            return [
                Drawing(
                    "" if one.mode is None else counter_name(one.mode.name),
                    one.place,
                    {name: amount for name, (_, amount, _) in self._own_draws(one).items()}
                    | {name: amount for name, (amount, _) in self.guarding.get(one, {}).items()},
                )
                for one in some
            ]

        def use(guards: Iterable[Guard]) -> None:
            for guard in guards:
                totals[guard.name] = Fraction(guard.total), False
                for number, amount in guard.draws.items():
                    self.guarding.setdefault(some[number], {})[guard.name] = Fraction(amount), False

        def apart(one: str, other: str) -> bool:
            return not self._are_beside(names[one], names[other])

        def known() -> dict[str, Fraction]:
            return {name: total for name, (total, _) in totals.items()}

        names = {counter_name(one.mode.name): one.mode.name for one in some if one.mode is not None}
        use(islice(place_guards(drawings(), known()), max(0, MOST_COUNTERS - len(totals))))
        found, self.unguarded = mode_guards(drawings(), known(), apart, MOST_COUNTERS - len(totals))
        self.unguarded = [(names[one], names[other]) for one, other in self.unguarded]
        use(found)

    def _own_draws(self, variant: Variant) -> dict[str, tuple[Fraction, Fraction, bool]]:
        """What is said to be drawn, by counter: how much there is, how much is drawn, and how it is written."""
        found: dict[str, tuple[Fraction, Fraction, bool]] = {}
        mode, profile = variant.mode, variant.profile
        for grid, position in positions_of(variant):
            found[f"{counter_name(grid.name)}-{position}"] = Fraction(1), Fraction(1), False
        if profile is not None and profile.positions:
            for grid in {positions.grid for positions in profile.positions}:
                for position in range(grid.size):
                    found.setdefault(f"{counter_name(grid.name)}-{position}", (Fraction(1), Fraction(0), False))
        if mode is not None and mode.counted and profile is not None:
            for value in {**mode.gives, **profile.gives}.values():
                if value.attribute.is_capacity and isinstance(value.constants[0].value, Fraction):
                    self._add(found, value.attribute, value.constants[0].value)
        draws: list[Draw] = [] if mode is None else list(mode.draws)
        draws += [] if profile is None else profile.draws
        draws += [] if variant.share is None else variant.share.draws
        for draw in draws:
            if draw.amount is not None:
                self._add(found, draw.of, draw.amount)
        return found

    def _add(
        self, found: dict[str, tuple[Fraction, Fraction, bool]], of: Pool | AttributeSchema, amount: Fraction
    ) -> None:
        total = self._total(of)
        if total is not None:
            name = counter_name(of.name if isinstance(of, Pool) else of.published.identifier)
            before = found.get(name, (total, Fraction(0), False))[1]
            found[name] = total, before + amount, is_bytes(of.type)

    def _total(self, of: Pool | AttributeSchema) -> Fraction | None:
        pool = of if isinstance(of, Pool) else self.catalog.pool(self.board.model, of.name)
        constant = next(iter(() if isinstance(of, Pool) else self.values.get(of, ())), None)
        if constant is None and pool is not None:
            constant = pool.amount
        return constant.value if constant is not None and isinstance(constant.value, Fraction) else None

    def _draws(self, variant: Variant) -> dict[str, tuple[Fraction, bool]]:
        """What a device takes of the counters of its board."""
        if not self.totals:
            return {}
        own = {name: (amount, binary) for name, (_, amount, binary) in self._own_draws(variant).items()}
        mode = variant.mode
        if self._takes_all(variant):
            return self.totals
        if mode is not None and mode in self.uncounted and not any(amount for amount, _ in own.values()):
            own[_guard(mode)] = Fraction(1), False
        own |= self.guarding.get(variant, {})
        # A grid draws on the positions that it takes; capacities are named even where nothing of them is taken.
        return {name: one for name, one in own.items() if one[0] or not is_position(name, variant)}

    def _counter_sets(self) -> tuple[CounterSet, ...]:
        sets: dict[str, dict[str, Counter]] = {}
        for name, (total, binary) in self.totals.items():
            sets.setdefault(self.sets[name], {})[name] = Counter(value=exact(total, binary=binary))
        return tuple(CounterSet(name=name, counters=counters) for name, counters in sets.items())

    def _sets(self) -> dict[str, str]:
        """The counter set that each counter is in."""
        template = "" if self.modes is None else self.modes.counters
        name = device_name(template or "{parent}-counters", self.known, self.values)
        found: dict[str, str] = {}
        for place, counter in enumerate(self.totals):
            number = place // SET_COUNTERS
            found[counter] = name if number == 0 else f"{name}-{number + 1}"
        return found

    # -------------------------------------------------------------------------------------------------------- devices

    def _device(self, variant: Variant) -> Published:
        board = self.board
        values = self._values(variant)
        draws = self._draws(variant)
        consumed: dict[str, dict[str, Counter]] = {}
        for name, (amount, binary) in draws.items():
            consumed.setdefault(self.sets[name], {})[name] = Counter(value=exact(amount, binary=binary))
        consumed |= self._budgeted(values)
        bindings = self.catalog.bindings(board.model, variant.mode)
        capacity = {
            schema.published.key: DeviceCapacity(value=quantity(constants[0]))
            for schema, constants in values.items()
            if schema.is_capacity
        }
        if variant.share is not None:
            capacity = shared_capacities(variant.share, capacity)
        device = Device(
            name=self._name(variant),
            attributes=attributes_of(values, lists=self.lists),
            capacity=capacity,
            consumes_counters=tuple(
                DeviceCounterConsumption(counter_set=name, counters=counters) for name, counters in consumed.items()
            ),
            taints=tuple(
                DeviceTaint(key=key, value=value or None, effect=effect) for key, value, effect in board.taints
            ),
            binds_to_node=True if bindings else None,
            binding_conditions=tuple(dict.fromkeys(name for one in bindings for name in one.conditions)),
            binding_failure_conditions=tuple(dict.fromkeys(name for one in bindings for name in one.failures)),
            allow_multiple_allocations=True if variant.share is not None else None,
            node_allocatable_resources=self._costs(values),
        )
        own = None if variant.profile is None else variant.profile.reachable
        return Published(device, values, own or board.reachable)

    def _budgeted(self, values: Values) -> dict[str, dict[str, Counter]]:
        """What a device draws on the budgets of its machine."""
        found: dict[str, dict[str, Counter]] = {}
        for name, budgets in self.board.budgets.items():
            for budget, each in budgets.items():
                amounts = (each,) if isinstance(each, Fraction) else (one.value for one in values.get(each, ()))
                amount = next(iter(amounts), None)
                if isinstance(amount, Fraction) and amount:
                    counter = Counter(value=exact(amount, binary=is_bytes(budget.type)))
                    found.setdefault(name, {})[counter_name(budget.name)] = counter
        return found

    def _values(self, variant: Variant) -> Values:
        """What a device publishes; a partition has no capacity of its board, and nothing that is unique to it."""
        mode, profile, board = variant.mode, variant.profile, self.board
        values: dict[AttributeSchema, tuple[Constant, ...]] = dict(self.values)
        if profile is not None:
            values = {one: constants for one, constants in values.items() if not (one.is_capacity or one.unique)}
        given = {**({} if mode is None else mode.gives), **({} if profile is None else profile.gives)}
        for value in given.values():
            values[value.attribute] = value.constants
        if board.profile is not None:
            values |= board.values
        if mode is not None:
            values = {one: constants for one, constants in values.items() if one not in mode.without}
        known = texts(self.values) | {"parent": board.name} | dict(board.named)
        if mode is not None:
            known["mode"] = mode.name
        if profile is not None:
            known |= {"profile": profile.name, "number": str(variant.number)}
            known |= {} if profile.id is None else {"id": str(profile.id)}
            if variant.starts:
                covered = profile.positions[0].covered(variant.starts[0])
                known |= {"start": str(covered[0]), "end": str(covered[-1]), "positions": ",".join(map(str, covered))}
        # The schema's order, whatever gave a value.
        made = with_texts(values, known, self.values)
        return {one: made[one] for one in board.model.device.attributes.values() if one in made}

    def _name(self, variant: Variant) -> str:
        name = self._unshared_name(variant)
        share = variant.share
        if share is None or self.board.share is not None or self._is_board_itself(share):
            return name
        return f"{name}-{label(share.name)}"

    def _is_board_itself(self, share: Share) -> bool:
        """Whether the device of a share is the board's own: the share is of the board, and the only one."""
        others = {one.share for one in self.variants if one.share is not None and one.share.mode is None}
        return share.mode is None and len(others) == 1

    def _unshared_name(self, variant: Variant) -> str:
        mode, profile = variant.mode, variant.profile
        own = self.board.called or (mode is not None and not mode.named)
        if mode is None or (self.board.mode is mode and profile is self.board.profile and own):
            return self.board.name
        if profile is None:
            if mode.named:
                return device_name(mode.named, self.known | {"mode": label(mode.name)}, self.values)
            first = next(one for one in self.variants if one.profile is None)
            return self.board.name if first.mode is mode else f"{self.board.name}-{label(mode.name)}"
        if self.board.profile is not None:
            return self.board.name
        template = profile.named or mode.named
        if not template:
            several = len(variant.starts) > 0 and any(len(one.starts) > 1 for one in profile.positions)
            ending = "-{start}" if several else "-{number}" if profile.times > 1 else ""
            template = "{parent}-{mode}-{profile}" + ending
        covers = [one.covered(start) for one, start in zip(profile.positions, variant.starts, strict=True)]
        known = self.known | {
            "mode": label(mode.name),
            "profile": profile_label(profile.name),
            "id": "" if profile.id is None else str(profile.id),
            "start": "-".join(map(str, variant.starts)),
            "end": "-".join(str(covered[-1]) for covered in covers),
            "positions": "-".join(str(one) for covered in covers for one in covered),
            "number": str(variant.number),
        }
        return device_name(template, known, self.values)

    def _costs(self, values: Values) -> dict[str, NodeAllocatableResource]:
        found: dict[str, NodeAllocatableResource] = {}
        for cost in self.catalog.costs(self.board.model):
            amount = quantity(cost.amount)
            match cost.per:
                case "claim":
                    said = NodeAllocatableResource(overhead=NodeAllocatableOverhead(per_pod=amount))
                case "capacity" if cost.capacity is not None:
                    if cost.capacity not in values:
                        continue
                    key = cost.capacity.published.key
                    mapping = NodeAllocatableMapping(capacity_key=key, capacity_multiplier=amount)
                    said = NodeAllocatableResource(mapping=mapping)
                case _:
                    said = NodeAllocatableResource(mapping=NodeAllocatableMapping(device_multiplier=amount))
            found[cost.resource] = said
        return found


def with_private(one: Published, *, lists: bool) -> Device:
    """A device with what its driver knows and does not publish."""
    private = attributes_of(one.values, lists=lists, private=True)
    return one.device.model_copy(update={"attributes": {**one.device.attributes, **private}}) if private else one.device


def _advertised(model: ModelSchema, one: Published, conditions: Sequence[Advertised], *, lists: bool) -> bool:
    """Whether a device meets every condition under which its driver publishes it, by all that the driver knows."""
    if not conditions:
        return True
    features = Features().switched({"ListTypeAttributes": lists})
    facts = DeviceFacts.of(model.device.driver, with_private(one, lists=lists))
    return all(
        compile_tree(lower_condition(condition.condition, lists=lists), features).evaluate(facts)
        for condition in conditions
    )


def _guard(mode: Mode) -> str:
    return counter_name(mode.name)


__all__ = [
    "BoardDevices",
    "Placed",
    "Published",
    "board_values",
    "devices_of",
    "unguarded_modes",
    "with_private",
]
