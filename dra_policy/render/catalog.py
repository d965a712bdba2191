"""What policies say of each board, found by model: its modes, pools, shares, and what happens around its devices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from dra_policy.language.boards import Board, Mode, Modes, Pool, Reachable, Share
from dra_policy.language.checked import CheckedPolicies
from dra_policy.language.hardware import Advertised, Binding, Cost, Hardware
from dra_policy.language.machinery import Machine
from dra_policy.language.schema import ModelSchema


class _OfBoard(Protocol):
    @property
    def board(self) -> Board | None: ...


_Said = TypeVar("_Said", bound=_OfBoard)


def _of(model: ModelSchema, said: Iterable[_Said]) -> tuple[_Said, ...]:
    return tuple(one for one in said if one.board is model or one.board is model.device)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All hardware of policies that were checked together."""

    hardware: tuple[Hardware, ...]

    @classmethod
    def of(cls, policies: CheckedPolicies) -> Catalog:
        return cls(tuple(policy.hardware for policy in policies))

    def modes(self, model: ModelSchema) -> Modes | None:
        """The modes of a model: its own, else those of its device."""
        found = [modes for one in self.hardware for modes in one.modes]
        for board in (model, model.device):
            for modes in found:
                if modes.board is board:
                    return modes
        return None

    def shares(self, model: ModelSchema) -> tuple[Share, ...]:
        """The shares of a model and of its device, in order of policies."""
        return _of(model, (share for one in self.hardware for share in one.shares.values()))

    def pool(self, model: ModelSchema, name: str) -> Pool | None:
        """The pool of a board of a name."""
        found = _of(model, (pool for one in self.hardware for pool in one.pools.values()))
        return next((pool for pool in found if pool.name == name), None)

    def costs(self, model: ModelSchema) -> tuple[Cost, ...]:
        """What each device of a model also takes of its node."""
        return _of(model, (cost for one in self.hardware for cost in one.costs))

    def advertised(self, model: ModelSchema) -> tuple[Advertised, ...]:
        """The conditions under which a device of a model is published."""
        return _of(model, (condition for one in self.hardware for condition in one.advertised))

    def bindings(self, model: ModelSchema, mode: Mode | None) -> tuple[Binding, ...]:
        """What a device of a model in a mode waits for."""
        said = _of(model, (binding for one in self.hardware for binding in one.bindings))
        return tuple(one for one in said if one.mode is None or one.mode is mode)

    def reachable(self, model: ModelSchema) -> Reachable | None:
        """From where devices of a model can be used that belong to no one node; None if they belong to one."""
        found = _of(model, (reach for one in self.hardware for reach in one.reachable))
        return found[0] if found else None

    def machine(self, name: str) -> Machine | None:
        """The machine of a name."""
        return next((one.machines[name] for one in self.hardware if name in one.machines), None)


__all__ = ["Catalog"]
