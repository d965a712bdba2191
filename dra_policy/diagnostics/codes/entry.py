"""What stands in the table of codes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of mistake: what it is, what to avoid, what to prefer, and why it matters."""

    code: str
    title: str
    avoid: str
    prefer: str
    rationale: str
