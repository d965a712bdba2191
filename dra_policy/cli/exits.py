"""What the exit status of the process means."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """One meaning a number; scripts and CI may rely on them."""

    ANSWERED = 0
    """Every question has an answer; a refusal is an answer."""
    DIFFERENT = 1
    """The answers are not what was asked for: a failed test, a file to format, a claim without devices."""
    INVALID = 2
    """What was given cannot be used; nothing was done."""
    GAVE_UP = 3
    """The step limit came before an answer."""
    DEFECT = 70
    """A defect of this program."""
    NOT_WRITTEN = 74
    """The output could not be written: a full disk, for one."""
    INTERRUPTED = 130
    """Ctrl-C."""
    PIPE_CLOSED = 141
    """The reader of the output went away, as `head` does; the same number as a process that the signal ends."""
