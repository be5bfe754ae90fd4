"""The last moment before now at which something would have stopped the guest."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.debug.events import Stop, StopReason
from emu.debug.history.travel import Run, travel
from emu.debug.stops.point import KeptStop

if TYPE_CHECKING:
    from emu.machine import Machine

CAUGHT = (StopReason.BREAKPOINT, StopReason.WATCHPOINT, StopReason.CATCHPOINT, StopReason.FINDING)
MANY = 500
"""Stops in one stretch after which its later half is looked through first."""
SHORT = 4_000
"""Instructions of a stretch that is looked through whatever there is in it."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where the guest would have stopped, by instruction count, and how."""

    instruction: int
    stop: Stop


def last_stop(
    machine: Machine,
    stops: Iterable[KeptStop],
    run: Run | None = None,
    when: Callable[[], bool] | None = None,
    *,
    back_to: int = 0,
    with_now: bool = False,
) -> Generator[None, None, Found | None]:
    """The last moment before now, and not before `back_to`, at which one of these stops the guest; None for none.

    Runs through the stretches between kept moments, the latest first, and comes back to where it began. `with_now`:
    an access by the very last instruction counts for watchpoints with number 0, whose owner undoes it by a step.
    """
    history = machine.history
    assert history is not None
    search = _Search(machine, run or machine.run, with_now)
    origin = history.here()
    found: Found | None = None
    try:
        with machine.stops.only(stops, when):
            upper = origin.instruction
            while found is None and upper > max(back_to, history.first):
                lower = history.moments.before(upper)
                if lower is None:
                    break
                history.put_back(lower)
                found = yield from search.stretch(upper)
                upper = lower.instruction
                if found is None and upper == history.first:
                    found = search.at_once()
    finally:
        history.put_back(origin)
    return found if found is not None and found.instruction >= back_to else None


class _Search:
    def __init__(self, machine: Machine, run: Run, with_now: bool) -> None:
        self._machine, self._run, self._with_now = machine, run, with_now
        self._end = machine.instructions

    def at_once(self) -> Found | None:
        """A breakpoint at the very first instruction, which no run comes to."""
        machine = self._machine
        history, code = machine.history, machine.cpu.code_stops
        assert history is not None
        beginning = history.moments.at_or_before(history.first)
        if code is None or beginning is None:
            return None
        history.put_back(beginning)
        code.begin()
        return Found(history.first, machine.stops.stop_before()) if code.stops_before(machine.cpu.pc) else None

    def _limit(self, stop: Stop) -> int:
        """The instruction count before which a stop counts."""
        return self._end + (self._with_now and stop.reason is StopReason.WATCHPOINT and stop.number is None)

    def stretch(self, upper: int) -> Generator[None, None, Found | None]:
        """The last stop after here, up to an instruction count."""
        machine, history = self._machine, self._machine.history
        assert history is not None
        found: Found | None = None
        count = 0
        while (left := upper - machine.instructions) > 0:
            before = machine.instructions
            stop = self._run(left)
            yield
            now = machine.instructions
            if stop is not None and stop.reason in CAUGHT and now < self._limit(stop):
                found = Found(now, stop)
                count += 1
            elif stop is not None and now == before:
                return found  # the guest has ended
            if count >= MANY and upper - now > SHORT:
                here = history.here()
                middle = now + (upper - now) // 2
                yield from travel(machine, middle, self._run)
                later = yield from self.stretch(upper)
                if later is not None:
                    return later
                history.put_back(here)
                return (yield from self.stretch(middle)) or found
        return found
