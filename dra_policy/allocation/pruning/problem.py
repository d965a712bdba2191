"""What a whole question asks for, as the bounds see it: bit sets of devices, amounts of resources, labels.

Devices are numbered in the order in which the search meets them, so that bit `1 << n` stands for the n-th one and what
follows a device are the bits above it. Requests are numbered through all claims. Claims of one shape share everything
but their number: a thousand equal claims are read once.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import pairwise

from dra_policy.allocation.in_use import DEVICE
from dra_policy.allocation.question import LIMIT, ClaimNeeds, Need
from dra_policy.allocation.rule import Choice, Fault, Reply, Resource, Rule, Tie
from dra_policy.allocation.ruleset import Rules
from dra_policy.inventory import DeviceRecord


def bits_of(mask: int) -> Iterator[int]:
    """The positions of the bits of a set, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


@dataclass(slots=True, eq=False)
class Profile:
    """What an alternative finds in each device, whoever asks: one for all alternatives that ask for the same.

    `mask` are the candidates that no rule refuses at the start. `draws` are resources by number and amounts. For each
    resource `levels` has the devices that draw a certain amount of it, largest amount first; for each family `sums` has
    the devices that draw a certain sum in it, smallest first, those that draw nothing left out. `own` are the resources
    on which other profiles draw otherwise by the same devices.
    """

    number: int
    needed: int
    every: bool
    admin: bool
    mask: int = 0
    hazard: bool = False
    exact: bool = True
    draws: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    touches: dict[int, int] = field(default_factory=dict)
    touched: int = 0
    resources: int = 0
    own: int = 0
    levels: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    sums: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Labels:
    """The labels that one tie sees on the devices of one profile: for each device a set of them, for each the devices.

    `space` tells labels of different meaning apart.
    """

    space: int
    of: dict[int, int]
    devices: dict[int, int]
    mask: int
    _unions: dict[int, int] = field(default_factory=dict)
    _found: dict[int, int] = field(default_factory=dict)

    def union(self, labels: int) -> int:
        """The devices that have some label of a set."""
        known = self._unions.get(labels)
        if known is None:
            known = 0
            for label, devices in self.devices.items():
                if labels >> label & 1:
                    known |= devices
            self._unions[labels] = known
        return known

    def on(self, devices: int) -> int:
        """The labels that some device of a set has."""
        known = self._found.get(devices)
        if known is None:
            known = 0
            for label, having in self.devices.items():
                if having & devices:
                    known |= 1 << label
            self._found[devices] = known
        return known


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One alternative of a request: its profile, and the labels of the ties that cover it, by position of the tie.

    `mask` are the devices of the profile that have a label for every tie. Ties that hold no two devices together are
    left out, and so is all but one of several that say the same.
    """

    profile: Profile
    mask: int
    covered: tuple[int, ...] = ()
    common: tuple[tuple[int, Labels], ...] = ()
    distinct: tuple[tuple[int, Labels], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What all claims of one shape have in common. `hazards` tells the requests that may be an error (D10, E5, H7, N2)."""

    number: int
    options: tuple[tuple[Option, ...], ...]
    kinds: tuple[Tie, ...]
    hazards: tuple[bool, ...]
    large: bool


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One request of the call. `base` is the number of its claim's first tie among all ties."""

    number: int
    claim: int
    position: int
    template: Template
    base: int
    options: tuple[Option, ...]


class Problem:
    """All requests of a call in order. `records` are the devices, `supply` the amounts of resources at the start."""

    def __init__(self, claims: Sequence[ClaimNeeds], rules: Rules) -> None:
        self._rules = rules
        self.claims = claims
        self.records = _in_order([need.devices for claim in claims for needs in claim.requests for need in needs])
        self._position = {record.index: number for number, record in enumerate(self.records)}
        self.resources: list[Resource] = []
        self.supply: list[int] = []
        self.family: list[int] = []
        self.families: list[Hashable] = []
        self._resource_numbers: dict[Resource, int] = {}
        self._family_numbers: dict[Hashable, int] = {}
        self._parts: dict[Hashable, int] = {}
        self._label_numbers: dict[Hashable, dict[Hashable, int]] = {}
        self._labels: dict[tuple[Hashable, int], Labels | None] = {}
        self._profiles: dict[Hashable, Profile] = {}
        self._known_shapes: dict[int, tuple[object, Profile]] = {}
        self._templates: dict[Hashable, tuple[object, Template]] = {}
        # Devices that only one choice at a time may have.
        self.single = 0
        self.ties: list[tuple[int, int]] = []
        requests: list[Request] = []
        for number, claim in enumerate(claims):
            template = self._template(claim)
            base, first = len(self.ties), len(requests)
            self.ties += ((number, position) for position in range(len(template.kinds)))
            requests += (
                Request(first + position, number, position, template, base, options)
                for position, options in enumerate(template.options)
            )
        self.requests = tuple(requests)
        templates = [template for _, template in self._templates.values()]
        self.profiles = tuple(self._profiles.values())
        self.exact = all(profile.exact for profile in self.profiles)
        self.large = any(template.large for template in templates)
        self.risky = any(any(template.hazards) for template in templates)
        self._touched: dict[int, int] = {}
        # For resources on which every alternative draws alike: who draws how much, largest amount first. And the
        # resources of each profile for which that is not so.
        self.levels: dict[int, tuple[tuple[int, int], ...]] = {}
        self._compare_draws()

    def _compare_draws(self) -> None:
        for resource in range(len(self.resources)):
            merged: dict[int, int] = {}
            drawing = 0
            for profile in self.profiles:
                for amount, devices in profile.levels.get(resource, ()):
                    merged[amount] = merged.get(amount, 0) | devices
                    drawing |= devices
            alike = sum(devices.bit_count() for devices in merged.values()) == drawing.bit_count() and all(
                sum(devices.bit_count() for _, devices in profile.levels.get(resource, ()))
                == (profile.mask & drawing).bit_count()
                for profile in self.profiles
            )
            if alike:
                self.levels[resource] = tuple(sorted(merged.items(), reverse=True))
            else:
                for profile in self.profiles:
                    if resource in profile.levels:
                        profile.own |= 1 << resource

    def position(self, record: DeviceRecord) -> int:
        """The number of a device."""
        return self._position[record.index]

    def rest_of_claim(self, request: Request) -> tuple[Request, ...]:
        """A request and those after it in its claim."""
        stop = request.number - request.position + len(request.template.options)
        return self.requests[request.number : stop]

    def label_name(self, space: Hashable, label: int) -> Hashable:
        """A label as the rule gave it."""
        return list(self._label_numbers[space])[label]

    def label_number(self, space: Hashable, label: Hashable) -> int:
        """The number of a label in its space."""
        return self._label_numbers[space][label]

    def tie_rule(self, tie: int) -> Rule:
        """The rule of a tie."""
        claim, position = self.ties[tie]
        return self.claims[claim].constraints[position]

    def touched(self, requests: int) -> int:
        """The parts of the rules' states that some choice for some request of a set could touch."""
        known = self._touched.get(requests)
        if known is None:
            known = 0
            for number in bits_of(requests):
                request = self.requests[number]
                for option in request.options:
                    known |= option.profile.touched
                    for tie in option.covered:
                        known |= self.tie_part(request.base + tie)
            self._touched[requests] = known
        return known

    def tie_part(self, tie: int) -> int:
        """The bit that stands for the state of a tie."""
        return self._part(("tie", tie))

    def _part(self, part: Hashable) -> int:
        number = self._parts.setdefault(part, len(self._parts))
        return 1 << number

    # --- reading claims

    def _template(self, claim: ClaimNeeds) -> Template:
        shape = claim.claim.shape
        places = {id(rule): position for position, rule in enumerate(claim.constraints)}
        covering = tuple(
            tuple(tuple(places[id(rule)] for rule in need.constraints) for need in needs) for needs in claim.requests
        )
        # Beside its constraints a claim may have rules that its shape does not tell.
        key = id(shape), covering, tuple([rule.space() for rule in claim.constraints])
        known = self._templates.get(key)
        if known is None:
            known = self._templates[key] = shape, self._read(claim, covering)
        return known[1]

    def _read(self, claim: ClaimNeeds, covering: tuple[tuple[tuple[int, ...], ...], ...]) -> Template:
        idle = _idle(claim, covering)
        options: list[tuple[Option, ...]] = []
        hazards: list[bool] = []
        for position, (needs, covers) in enumerate(zip(claim.requests, covering, strict=True)):
            hazard = False
            made: list[Option] = []
            for alternative, (need, cover) in enumerate(zip(needs, covers, strict=True)):
                profile = self._profile(need, claim.claim.shape.requests[position].asks[alternative])
                option = self._option(profile, need, claim, cover, idle)
                # E5: under a strict rule a refused device of an All request is an error.
                strict = need.asked.every and any(rule.nature.strict for rule in need.constraints)
                hazard |= profile.hazard or strict or option is None
                if option is None:
                    profile.exact = False
                made.append(option or Option(profile, 0))
            options.append(tuple(made))
            hazards.append(hazard)
        kinds = tuple(rule.tie for rule in claim.constraints)
        large = sum(max(need.needed for need in needs) for needs in claim.requests) > LIMIT
        return Template(len(self._templates), tuple(options), kinds, tuple(hazards), large)

    def _option(
        self, profile: Profile, need: Need, claim: ClaimNeeds, cover: tuple[int, ...], idle: frozenset[int]
    ) -> Option | None:
        """None if a label is an error (N2)."""
        ties: dict[Tie, list[tuple[int, Labels]]] = {Tie.COMMON: [], Tie.DISTINCT: []}
        mask = profile.mask
        for position in cover:
            rule = claim.constraints[position]
            if rule.tie is Tie.NONE:
                profile.exact = False
                continue
            labels = self._labelled(profile, need, rule)
            if labels is None:
                return None
            mask &= labels.mask
            if position not in idle:
                ties[rule.tie].append((position, labels))
        covered = tuple(position for position in cover if position not in idle)
        return Option(profile, mask, covered, tuple(ties[Tie.COMMON]), tuple(ties[Tie.DISTINCT]))

    def _labelled(self, profile: Profile, need: Need, rule: Rule) -> Labels | None:
        space = rule.space()
        key = space, profile.number
        if key in self._labels:
            return self._labels[key]
        numbers = self._label_numbers.setdefault(space, {})
        of: dict[int, int] = {}
        devices: dict[int, int] = {}
        mask = 0
        made: Labels | None = Labels(list(self._label_numbers).index(space), of, devices, 0)
        for record in need.devices:
            position = self._position[record.index]
            choice = Choice(need.asked, record)
            if not profile.mask >> position & 1:
                continue
            found = rule.labels(choice)
            if isinstance(found, Fault):
                made = None
                break
            if not found:
                continue
            if not rule.exact(choice):
                profile.exact = False
            bit = 1 << position
            mask |= bit
            labels = 0
            for label in found:
                number = numbers.setdefault(label, len(numbers))
                labels |= 1 << number
                devices[number] = devices.get(number, 0) | bit
            of[position] = labels
        if made is not None:
            made.mask = mask
        self._labels[key] = made
        return made

    def _profile(self, need: Need, shape: object) -> Profile:
        by_identity = self._known_shapes.get(id(shape))
        if by_identity is not None:
            return by_identity[1]
        key = (shape, need.needed)
        profile = self._profiles.get(key)
        if profile is None:
            profile = Profile(len(self._profiles), need.needed, need.asked.every, need.asked.admin)
            self._profiles[key] = profile
            self._fill(profile, need)
        # The shape is kept, so that its identity stays its own.
        self._known_shapes[id(shape)] = shape, profile
        return profile

    def _fill(self, profile: Profile, need: Need) -> None:
        rules, in_use = self._rules, self._rules.in_use
        shared = rules.shared()
        levels: dict[int, dict[int, int]] = {}
        sums: dict[int, dict[int, int]] = {}
        for record in need.devices:
            choice = Choice(need.asked, record)
            if in_use.never(choice):
                continue
            position = self._position[record.index]
            bit = 1 << position
            touched = 0
            steady = rules.steadily(choice)
            if isinstance(steady, Fault):
                profile.hazard = True
            for rule in shared:
                for part in rule.touches(choice):
                    touched |= self._part(part)
            profile.touches[position] = touched
            profile.touched |= touched
            if steady is not Reply.TAKEN:
                continue
            draws: list[tuple[int, int]] = []
            totals: dict[int, int] = {}
            for rule in shared:
                if not rule.exact(choice):
                    profile.exact = False
                for resource, amount in rule.draws(choice):
                    if resource.family == DEVICE:
                        self.single |= bit
                        continue
                    number = self._resource(resource, rule)
                    draws.append((number, amount))
                    family = self.family[number]
                    totals[family] = totals.get(family, 0) + amount
            if any(self.supply[number] < amount for number, amount in draws):
                continue
            profile.mask |= bit
            profile.draws[position] = tuple(draws)
            for number, amount in draws:
                profile.resources |= 1 << number
                drawing = levels.setdefault(number, {})
                drawing[amount] = drawing.get(amount, 0) | bit
            for family, amount in totals.items():
                summing = sums.setdefault(family, {})
                summing[amount] = summing.get(amount, 0) | bit
        profile.levels = {number: tuple(sorted(found.items(), reverse=True)) for number, found in levels.items()}
        profile.sums = {family: tuple(sorted(found.items())) for family, found in sums.items()}

    def _resource(self, resource: Resource, rule: Rule) -> int:
        number = self._resource_numbers.get(resource)
        if number is None:
            number = self._resource_numbers[resource] = len(self.resources)
            self.resources.append(resource)
            self.supply.append(rule.supply(resource))
            family = self._family_numbers.setdefault(resource.family, len(self._family_numbers))
            if family == len(self.families):
                self.families.append(resource.family)
            self.family.append(family)
        return number


def _idle(claim: ClaimNeeds, covering: tuple[tuple[tuple[int, ...], ...], ...]) -> frozenset[int]:
    """The ties that hold no two devices together, and those that say what an earlier one says."""
    idle: set[int] = set()
    said: set[Hashable] = set()
    for position, rule in enumerate(claim.constraints):
        if rule.tie is Tie.NONE:
            continue
        covered = tuple(
            (r, a) for r, covers in enumerate(covering) for a, cover in enumerate(covers) if position in cover
        )
        most: dict[int, int] = {}
        for request, alternative in covered:
            most[request] = max(most.get(request, 0), claim.requests[request][alternative].needed)
        says = rule.space(), covered
        if sum(most.values()) <= 1 or says in said:
            idle.add(position)
        said.add(says)
    return frozenset(idle)


def _in_order(lists: Iterable[tuple[DeviceRecord, ...]]) -> tuple[DeviceRecord, ...]:
    """All devices of lists that are parts of one order, in an order that all of them agree with."""
    distinct: dict[int, tuple[DeviceRecord, ...]] = {}
    for devices in lists:
        distinct.setdefault(id(devices), devices)
    parts = {tuple(record.index for record in devices): devices for devices in distinct.values()}
    records = {record.index: record for devices in parts.values() for record in devices}
    longest = max(parts, key=len, default=())
    if len(longest) == len(records):
        return tuple(records[index] for index in longest)
    sorter: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(records, ()))
    for part in parts:
        for before, after in pairwise(part):
            sorter.add(after, before)
    return tuple(records[index] for index in sorter.static_order())


__all__ = ["Labels", "Option", "Problem", "Profile", "Request", "Template", "bits_of"]
