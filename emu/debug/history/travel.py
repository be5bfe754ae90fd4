"""Going to another moment of the run: from the nearest one that is kept, forward."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from emu.debug.events import ENDS, Stop

if TYPE_CHECKING:
    from emu.machine import Machine

Run = Callable[[int], Stop | None]
"""Runs so many instructions at most; may come back earlier, with a stop or None."""
NEAR = 1 << 10
CHEAP = 0.02
"""Host seconds that keeping a moment may take for it to be done on the way."""


def travel(machine: Machine, instruction: int, run: Run | None = None) -> Generator[None, None, Stop | None]:
    """Goes to an instruction count, as near as the run ever came to it. Yields between pieces of the way.

    On the last part of a long way moments are kept closer and closer, so that the next step back is a short one.
    Returns the stop where the guest ends there. Closed on the way, it goes back to where it began.
    """
    history = machine.history
    assert history is not None
    wanted = min(max(instruction, history.first), history.furthest)
    nearest = history.moments.at_or_before(wanted)
    assert nearest is not None
    origin = history.here()
    run = run or machine.run
    try:
        if not nearest.instruction <= machine.instructions <= wanted:
            history.put_back(nearest)
        with machine.stops.suspended():
            return (yield from _forward(machine, wanted, run))
    except GeneratorExit:
        history.put_back(origin)
        raise


def _forward(machine: Machine, wanted: int, run: Run) -> Generator[None, None, Stop | None]:
    history = machine.history
    assert history is not None
    stop: Stop | None = None
    while (left := wanted - machine.instructions) > 0:
        is_long = left > 8 * NEAR and history.cost < CHEAP
        here = machine.instructions
        middle = wanted - max(left // 8, NEAR) if is_long else wanted
        while machine.instructions < middle:
            before = machine.instructions
            stop = run(middle - before)
            yield
            if stop is not None and stop.reason in ENDS and machine.instructions == before:
                return stop  # it ends here whatever anybody wants
        if is_long and machine.instructions > here:
            history.keep()
    return stop if stop is not None and stop.reason in ENDS else None
