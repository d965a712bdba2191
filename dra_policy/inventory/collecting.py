"""Large things made at once: the collector of garbage stands back meanwhile.

Python's cyclic collector looks at everything alive whenever enough has been made. While a cluster is read, what is made
stays, so it would look at all of it again and again and find nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class _Pauses:
    """How many threads are making something large; the first stops the collector, the last starts it again."""

    def __init__(self) -> None:
        self.count = 0
        self.lock = Lock()


_pauses = _Pauses()


@contextmanager
def uncollected() -> Iterator[None]:
    """Make something that stays, without the cyclic collector; one that was off already stays off.

    >>> import gc
    >>> with uncollected():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    with _pauses.lock:
        ours = _pauses.count > 0 or gc.isenabled()
        if ours:
            _pauses.count += 1
            gc.disable()
    try:
        yield
    finally:
        if ours:
            with _pauses.lock:
                _pauses.count -= 1
                if not _pauses.count:
                    if not gc.get_freeze_count():
                        # What was made stays: it belongs with the old objects, without being looked at as a young one.
                        gc.freeze()
                        gc.unfreeze()
                    gc.enable()


__all__ = ["uncollected"]
