"""Every answer to a tiny question with set rules and preferences, judged by the definitions one by one."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

from dra_policy.rules.sets import (
    Amount,
    Closeness,
    EveryPairLinked,
    LeastStranded,
    LinkedBy,
    Meets,
    Pack,
    Preference,
    Shaped,
    Spread,
    Strength,
)
from dra_policy.topology import Wires

NUMA, SLOT = "acme.com/numa", "acme.com/slot"
FULL = Fraction(100)


def number_of(device):
    return int(device["name"][1:])


def attribute(device, name):
    return next(iter(device.get("attributes", {}).get(name.partition("/")[2], {None: None}).values()))


class Reference:
    """All answers to a question; an answer has for each claim and request the alternative and the devices."""

    def __init__(self, question):
        self.question = question
        self.devices = question["devices"]
        self.held = [n for n in question["held"] if n < len(self.devices)]
        self.links = {}
        for own in question["sets"]:
            for rule in own:
                fabric = getattr(getattr(rule, "score", rule), "fabric", None)
                if fabric is not None:
                    self.links[id(fabric)] = self._links(fabric)
        self.free = int(question["counters"][0]["counters"]["slices"]["value"]) - sum(map(self.drawn, self.held))

    def _links(self, fabric):
        found = {}
        for wiring in fabric.wirings:
            if isinstance(wiring, Wires):
                for wire in wiring.wires:
                    pair = frozenset((wire.a, wire.b))
                    found[pair] = found.get(pair, 0) + wire.bandwidth
            else:
                for n in range(6):
                    x, y = n % 3, n // 3
                    found[frozenset((n, (x + 1) % 3 + 3 * y))] = Fraction(2)
                    if not y:
                        found[frozenset((n, n + 3))] = Fraction(1)
        return {pair: bandwidth for pair, bandwidth in found.items() if max(pair) < len(self.devices)}

    def drawn(self, n):
        parts = self.devices[n].get("consumesCounters", ())
        return sum(int(part["counters"]["slices"]["value"]) for part in parts)

    def shared(self, n):
        return self.devices[n].get("allowMultipleAllocations", False)

    def asks(self, request):
        return request.get("firstAvailable") or [request["exactly"]]

    def matching(self, ask):
        return [n for n, d in enumerate(self.devices) if not ask.get("selectors") or attribute(d, SLOT) >= 1]

    def requests(self):
        return [
            (c, r, request)
            for c, claim in enumerate(self.question["claims"])
            for r, request in enumerate(claim["spec"]["devices"]["requests"])
        ]

    def answers(self):
        """Every answer that Kubernetes would accept, first fit first."""
        found = [{}]
        for c, r, request in self.requests():
            longer = []
            for answer in found:
                taken = {n for _, chosen in answer.values() for n in chosen if not self.shared(n)} | set(self.held)
                for alternative, ask in enumerate(self.asks(request)):
                    matching = self.matching(ask)
                    candidates = [n for n in matching if n not in taken]
                    if ask["allocationMode"] == "All":
                        ways = [tuple(matching)] if matching and matching == candidates else []
                    else:
                        ways = combinations(candidates, ask["count"])
                    longer += ({**answer, (c, r): (alternative, chosen)} for chosen in ways)
            found = longer
        return [answer for answer in found if self.lawful(answer)]

    def lawful(self, answer):
        chosen = [n for _, own in answer.values() for n in own]
        # G5: of several shares of a device only the first draws.
        if sum(map(self.drawn, set(chosen))) > max(self.free, 0):
            return False
        for c, claim in enumerate(self.question["claims"]):
            if claim["spec"]["devices"].get("constraints"):
                chosen = [n for (at, _), (_, own) in answer.items() if at == c for n in own]
                values = {attribute(self.devices[n], NUMA) for n in chosen}
                if None in values or len(values) > 1:
                    return False
        return True

    # --- what a rule is about

    def covers(self, rule, request, alternative):
        name, ask = request["name"], self.asks(request)[alternative]
        return not rule.requests or name in rule.requests or f"{name}/{ask.get('name', '')}" in rule.requests

    def covered(self, rule, c, answer):
        """The devices that a rule is about, request by request."""
        return [
            answer[c, r][1]
            for at, r, request in self.requests()
            if at == c and self.covers(rule, request, answer[c, r][0])
        ]

    def about(self, rule, c, answer):
        return [n for chosen in self.covered(rule, c, answer) for n in chosen]

    # --- rules

    def holds(self, rule, c, answer, level=None):
        chosen = self.about(rule, c, answer)
        match rule:
            case Closeness():
                wanted = rule.levels if level is None else (rule.levels[level],)
                return any(self.near(one, chosen) for one in wanted)
            case Shaped():
                return not chosen or self.is_block(rule, chosen)
        links = self.links[id(rule.fabric)]

        def linked(a, b):
            return a == b or links.get(frozenset((a, b)), -1) >= rule.at_least

        if isinstance(rule, EveryPairLinked):
            return all(linked(a, b) for a, b in combinations(chosen, 2))
        reached = set(chosen[:1])
        for _ in chosen:
            reached |= {b for a in reached for b in chosen if linked(a, b)}
        return reached == set(chosen)

    def near(self, level, chosen):
        if not level.attribute:
            return True
        values = {attribute(self.devices[n], level.attribute[0]) for n in chosen}
        return len(values) <= 1 and None not in values

    def is_block(self, rule, chosen):
        if len(set(chosen)) < len(chosen):
            return False
        sides = (*rule.sides, *([1] * (2 - len(rule.sides))))
        for order in {sides, sides[::-1]} if rule.turned else {sides}:
            for x, y in product(range(3), range(2)):
                cells = set()
                for dx, dy in product(range(order[0]), range(order[1])):
                    over = x + dx >= 3
                    if y + dy >= 2 or (over and not (rule.around and order[0] < 3)):
                        break
                    cells.add((x + dx) % 3 + 3 * (y + dy))
                else:
                    if cells == set(chosen):
                        return True
        return False

    # --- scores

    def score(self, rule, c, answer):
        if isinstance(rule, Closeness):
            count = len(rule.levels)
            reached = next((n for n in range(count) if self.holds(rule, c, answer, n)), count)
            return FULL * (count - reached) / count
        if not isinstance(rule, Preference):
            return FULL if self.holds(rule, c, answer) else Fraction(0)
        covered, chosen = self.covered(rule, c, answer), self.about(rule, c, answer)
        match rule.score:
            case Meets():
                return self.mean(covered, {n: FULL * (attribute(d, NUMA) == 1) for n, d in enumerate(self.devices)})
            case Amount(names, most):
                return self.mean(covered, self.proportions(rule, c, answer, names[0], most))
            case LeastStranded():
                return self.stranded(rule, c, answer)
            case Pack(by) | Spread(by):
                if not chosen:
                    return FULL
                share = FULL * Fraction(self.opened(rule, c, answer, by), len(chosen))
                return share if isinstance(rule.score, Spread) else FULL - share
            case LinkedBy(fabric):
                links = self.links[id(fabric)]
                pairs = [links.get(frozenset(pair), 0) for pair in combinations(chosen, 2)]
                if not pairs:
                    return FULL
                return FULL * sum(pairs) / (len(pairs) * max(links.values())) if links else Fraction(0)

    @staticmethod
    def mean(covered, scores):
        if not covered:
            return FULL
        return sum(sum(scores[n] for n in own) / Fraction(len(own)) for own in covered) / Fraction(len(covered))

    def proportions(self, rule, c, answer, name, most):
        candidates = {
            n
            for at, r, request in self.requests()
            if at == c and self.covers(rule, request, answer[c, r][0])
            for n in self.matching(self.asks(request)[answer[c, r][0]])
        }

        def amount(n):
            if name == SLOT:
                return attribute(self.devices[n], SLOT)
            capacity = self.devices[n].get("capacity")
            return None if capacity is None else int(capacity["memory"]["value"])

        known = [amount(n) for n in candidates if amount(n) is not None]
        scores = dict.fromkeys(range(len(self.devices)), Fraction(0))
        for n in candidates:
            if amount(n) is not None:
                low, high = min(known), max(known)
                gained = amount(n) - low if most else high - amount(n)
                scores[n] = FULL * gained / (high - low) if high > low else FULL
        return scores

    def opened(self, rule, c, answer, by):
        def groups(n):
            if by:
                value = attribute(self.devices[n], by[0])
                return {("device", n)} if value is None else {value}
            return {"board"} if self.devices[n].get("consumesCounters") else {("device", n)}

        open_, opened = set().union(*map(groups, self.held)), 0
        for at, r, request in self.requests():
            alternative, chosen = answer[at, r]
            for n in chosen:
                opened += at == c and self.covers(rule, request, alternative) and not groups(n) & open_
                open_ |= groups(n)
        return opened

    def stranded(self, rule, c, answer):
        drawing = [n for n, d in enumerate(self.devices) if d.get("consumesCounters") and n not in self.held]
        left = self.free
        if left < 0:
            return FULL
        open_ = {n for n in drawing if self.drawn(n) <= left}
        total, lost, drawing = len(open_), 0, set(drawing)
        for at, r, request in self.requests():
            alternative, chosen = answer[at, r]
            for n in chosen:
                if n in drawing:
                    drawing.discard(n)
                    left -= self.drawn(n)
                    kept = {other for other in open_ if other != n and self.drawn(other) <= left}
                    lost += (at == c and self.covers(rule, request, alternative)) * (len(open_ - {n}) - len(kept))
                    open_ = kept
        return FULL - FULL * Fraction(lost, total) if total else FULL

    # --- the best answer

    def musts(self):
        return [
            (c, rule)
            for c, own in enumerate(self.question["sets"])
            for rule in own
            if not isinstance(rule, Preference) and rule.strength is Strength.MUST
        ]

    def wishes(self):
        return [
            (c, rule)
            for c, own in enumerate(self.question["sets"])
            for rule in own
            if isinstance(rule, Preference) or rule.strength is Strength.SHOULD
        ]

    def worth(self, answer):
        tiers = {}
        for c, rule in self.wishes():
            tier, weight = (rule.tier, rule.weight) if isinstance(rule, Preference) else (0, 100)
            tiers[tier] = tiers.get(tier, 0) + weight * self.score(rule, c, answer)
        return tuple(tiers[tier] for tier in sorted(tiers))

    def best(self):
        """Levels, and all answers that go with them, best first, and first fit first among the best."""
        answers = [a for a in self.answers() if all(self.holds(rule, c, a) for c, rule in self.musts())]
        levels = []
        for c, rule in self.musts():
            if isinstance(rule, Closeness) and answers:
                levels.append(
                    next(n for n in range(len(rule.levels)) if any(self.holds(rule, c, a, n) for a in answers))
                )
                answers = [a for a in answers if self.holds(rule, c, a, levels[-1])]
        # The alternatives are those of the first fit.
        answers = [a for a in answers if all(a[at][0] == answers[0][at][0] for at in a)]
        return levels, sorted(answers, key=self.worth, reverse=True)  # stable: ties stay in order
