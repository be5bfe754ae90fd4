"""How much work something is, as multiples of a fixed piece of Python that runs in the same breath.

Seconds say more about the machine and its other programs than about what is tested.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


def _unit() -> float:
    """Processor time of the fixed piece, in seconds: 5 to 10 milliseconds on most machines of today."""
    began = time.thread_time()
    total = 0
    for number in range(100_000):
        total += number * number
    return max(time.thread_time() - began, 1e-3)


@contextmanager
def at_most(units: float, what: object = "") -> Iterator[None]:
    """The body must not take more processor time of its thread than `units` times the fixed piece.

    That runs before and after it: a machine that becomes slow on the way is no reason to fail. Nor is what the tests
    before have left: threads that still compile something, or millions of objects that the collector looks through.
    """
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        before = _unit()
        began = time.thread_time()
        yield
        taken = (time.thread_time() - began) / max(before, _unit())
    finally:
        if was_collecting:
            gc.enable()
    assert taken < units, f"{taken:.0f} units of work, not {units}: {what}"
