"""What all rules of a site work with during one call."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from dra_policy.allocation.configuration import FROM_CLAIM, FROM_CLASS
from dra_policy.allocation.rule import Asked, Choice
from dra_policy.allocation.sharing import Consumptions
from dra_policy.allocation.site.boards import board_of
from dra_policy.allocation.site.ledger import Holder, configs_for
from dra_policy.allocation.site.matching import MATCHING
from dra_policy.allocation.site.question import Asker, SiteQuestion
from dra_policy.inventory import DeviceRecord, NodeView
from dra_policy.resources import DeviceAllocationConfiguration
from dra_policy.rules import ClaimKey, ClaimRules, ClassName, ClassRules, Origin
from dra_policy.rules.conditions import Condition
from dra_policy.rules.deciding import Setting, Truth, truth
from dra_policy.rules.site import BoardKey, Strength
from dra_policy.rules.subjects import Missing


class Context:
    """One call: the question to the site, the node, and the claims."""

    __slots__ = ("_boards", "_configs", "_settings", "claims", "classes", "consumptions", "levels", "question", "view")

    def __init__(
        self,
        question: SiteQuestion,
        view: NodeView,
        claims: Sequence[ClaimRules],
        classes: Mapping[ClassName, ClassRules],
        consumptions: Consumptions,
    ) -> None:
        self.question = question
        self.view = view
        self.claims = tuple(claims)
        self.classes = classes
        self.consumptions = consumptions
        self.levels = question.rules.level_labels()
        self._settings: dict[int, Setting] = {}
        self._boards: dict[BoardKey, Mapping[Hashable, tuple[DeviceRecord, ...]]] = {}
        self._configs: dict[int, tuple[DeviceAllocationConfiguration, ...]] = {}

    def asker(self, asked: Asked) -> Asker:
        return self.question.asker(asked.claim)

    def key(self, asked: Asked) -> ClaimKey:
        """The claim's own key: in prepared questions claims go by their position."""
        return self.claims[asked.claim].key

    def pods(self, asked: Asked) -> frozenset[str]:
        """The pods that use the claim, or one of its own."""
        return pods_of(self.key(asked), self.asker(asked).pods)

    def setting(self, claim: int) -> Setting:
        """What conditions are decided on for a claim, but for the device."""
        known = self._settings.get(claim)
        if known is None:
            node = self.view.node.metadata
            subject, now = self.question.asker(claim).subject, self.question.now
            known = self._settings[claim] = Setting(subject, now, node.name, node.labels, self.levels)
        return known

    def decide(self, condition: Condition, claim: int) -> Truth:
        """What a condition says of a claim on this node, whatever the device."""
        return truth(condition, self.setting(claim))

    def decide_on(self, condition: Condition, choice: Choice) -> Truth:
        """What a condition says of a choice."""
        record = choice.record
        return truth(condition, replace(self.setting(choice.asked.claim), facts=record.facts, device=record.device))

    def holders(self, record: DeviceRecord) -> tuple[Holder, ...]:
        """Who holds a device before the call."""
        return self.question.ledger.holders(record.id)

    def held_on(self, key: BoardKey, board: Hashable) -> Iterator[tuple[DeviceRecord, Holder]]:
        """What claims outside of the call hold of a board: as far as the node sees it, or on all nodes that it spans."""
        if key.spans_nodes:
            question = self.question
            known = question.kept.get(("boards", key))
            if not isinstance(known, dict):
                known = question.kept["boards", key] = _by_board(question, key)
            yield from known.get(board, ())
            return
        for record in self._on_board(key, board):
            for holder in self.holders(record):
                yield record, holder

    def _on_board(self, key: BoardKey, board: Hashable) -> tuple[DeviceRecord, ...]:
        """The devices of a board, as far as the node knows of them."""
        known = self._boards.get(key)
        if known is None:
            found: dict[Hashable, list[DeviceRecord]] = {}
            for record in self.view.records.values():
                part = board_of(record, key)
                if not isinstance(part, Missing):
                    found.setdefault(part, []).append(record)
            known = self._boards[key] = {part: tuple(records) for part, records in found.items()}
        return known.get(board, ())

    def consumed(self, choice: Choice) -> Mapping[str, Fraction]:
        """What a choice takes of the capacities of a shareable device; nothing of others."""
        if not choice.record.device.allow_multiple_allocations:
            return {}
        amounts = self.consumptions.of(choice)
        return {name: amount.value for name, amount in amounts} if isinstance(amounts, tuple) else {}

    def configs(self, asked: Asked) -> tuple[DeviceAllocationConfiguration, ...]:
        """The configuration that a request would be allocated with: that of its class, then the claim's (E14)."""
        known = self._configs.get(asked.number)
        if known is None:
            class_ = self.classes.get(asked.ask.class_name)
            of_class = () if class_ is None else class_.configs
            given = [
                DeviceAllocationConfiguration(source=FROM_CLASS, requests=(), opaque=config.opaque)
                for config in of_class
            ]
            given += [
                DeviceAllocationConfiguration(source=FROM_CLAIM, requests=config.requests, opaque=config.opaque)
                for config in self.claims[asked.claim].configs
            ]
            known = self._configs[asked.number] = configs_for(given, asked.result_name)
        return known


def _by_board(question: SiteQuestion, key: BoardKey) -> dict[Hashable, list[tuple[DeviceRecord, Holder]]]:
    """Who holds devices of each board, anywhere in the cluster."""
    found: dict[Hashable, list[tuple[DeviceRecord, Holder]]] = {}
    for device, holders in question.ledger.devices():
        slots = question.snapshot.indices_of(device)
        if not slots:
            continue
        record = question.snapshot.device(slots[0])
        board = board_of(record, key)
        if not isinstance(board, Missing):
            found.setdefault(board, []).extend((record, holder) for holder in holders)
    return found


def pods_of(claim: ClaimKey, pods: frozenset[str]) -> frozenset[str]:
    """The pods of a claim; one that no pod is known for counts as one of a pod of its own."""
    return pods or frozenset((f"of claim {claim}",))


def matches(condition: Condition, record: DeviceRecord, strength: Strength) -> Truth:
    """Whether a rule is about a device. Where nobody can tell, a `SHOULD` is not, and a `MUST` refuses."""
    found = MATCHING.of(condition, record)
    return False if isinstance(found, Missing) and strength is Strength.SHOULD else found


def undecided(origin: Origin, missing: Missing) -> Origin:
    """A rule that refuses because nobody can tell."""
    return replace(origin, text=f"{origin.text} (nobody can tell: {missing.reason})")


__all__ = ["Context", "matches", "pods_of", "undecided"]
