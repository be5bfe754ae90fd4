"""Moments of one machine's run, kept while it runs, and what somebody changed in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from emu.debug.events import ENDS
from emu.debug.history.marks import Marks
from emu.debug.history.moments import Kept, Moments
from emu.errors import UnwantedError

if TYPE_CHECKING:
    from emu.machine import Machine

MOST_BYTES = 256 << 20
MOST_MOMENTS = 400
SPACING = 0.1
"""Host seconds of running between two moments that are kept: going back means running as long again at most."""
SHARE = 20
"""How many times longer than it took to keep the last moment the guest runs before the next: 5 % of the time."""
STEP_SECONDS = 20e-6
"""What a single step counts for."""
_UNLIMITED = 1 << 62


class Companion(Protocol):
    """Somebody who listens to the machine and has to go back in time with it."""

    def keep(self) -> object:
        """What to remember of this moment; not to be changed afterwards."""
        ...

    def put_back(self, kept: object) -> None: ...


class History:
    """Attach it to a machine: `machine.history = History(machine)`. A run is the same with it and without.

    Time is the instruction count. Running forward from any moment repeats what happened, to the bit; what came from
    outside, an edit or a line typed to the guest, is a moment of its own (`changed`), which a run that comes by
    continues from. Listeners of the machine hear what is repeated again; a `Companion` goes back itself.
    """

    def __init__(
        self,
        machine: Machine,
        companions: Sequence[Companion] = (),
        *,
        most_bytes: int = MOST_BYTES,
        most_moments: int = MOST_MOMENTS,
        spacing: float = SPACING,
    ) -> None:
        self._machine = machine
        self._companions = tuple(companions)
        self._limits = most_bytes, most_moments
        self._spacing = spacing
        self.first = self.furthest = machine.instructions
        """The instruction counts of the beginning, and of the furthest moment the machine has been at."""
        self.marks = Marks(machine, lambda: self.furthest)
        self.seconds = 0.0
        """Host seconds spent on keeping moments."""
        self.begin()

    def begin(self) -> None:
        """The run begins here: forget everything."""
        self.first = self.furthest = self._machine.instructions
        self.marks.begin()
        self._moments = Moments(*self._limits)
        self._last: Kept | None = None
        """Where the machine was last known whole: what it has in common with that is shared."""
        self._next: Kept | None = None
        """The next change that somebody made."""
        self._ran = 0.0
        self._began: float | None = None
        self._cost = 0.0
        self._insert(is_pinned=True)

    # --- what there is --------------------------------------------------------------------------------------------

    @property
    def is_in_the_past(self) -> bool:
        return self._machine.instructions < self.furthest

    @property
    def moments(self) -> Moments:
        return self._moments

    @property
    def cost(self) -> float:
        """Host seconds it took to keep a moment last."""
        return self._cost

    # --- what the machine tells -----------------------------------------------------------------------------------

    def room(self) -> int:
        """How far the machine may run before `passed` has to be told; it is about to."""
        self._began = time.perf_counter()
        return _UNLIMITED if self._next is None else self._next.instruction - self._machine.instructions

    def passed(self) -> None:
        """The machine has run: keep a moment where it is time to, do again what somebody did here."""
        now = self._machine.instructions
        if self._began is None:
            self._ran += STEP_SECONDS
        else:
            self._ran += time.perf_counter() - self._began
            self._began = None
        if self._next is not None and now >= self._next.instruction:
            self.marks.save()
            self._restore(self._next)
        elif self._ran >= self._spacing and self._ran >= SHARE * self._cost and not self._machine.is_pausing:
            self._keep_if_there_is_time()
        self.furthest = max(self.furthest, now)

    def _keep_if_there_is_time(self) -> None:
        """Nobody who asks for a pause waits for a copy of all memory: another moment will do."""
        started = time.perf_counter()
        try:
            self.keep(lambda: self._machine.is_pausing)
        except UnwantedError:
            self.seconds += time.perf_counter() - started

    # --- what others tell -----------------------------------------------------------------------------------------

    def changed(self) -> bool:
        """Somebody changed the machine. What came after this moment is gone; True where there was something."""
        now = self._machine.instructions
        was_more = now < self.furthest
        self._moments.cut(now)
        self.furthest = now
        self._next = None
        self.marks.cut(now)
        self._insert(is_pinned=True)
        return was_more

    def keep(self, is_unwanted: Callable[[], bool] | None = None) -> None:
        """Keep this moment, unless it is kept already or the guest has ended; UnwantedError once it `is_unwanted`."""
        stop, now = self._machine.cpu.stop, self._machine.instructions
        known = self._moments.at_or_before(now)
        if (known is None or known.instruction != now) and (stop is None or stop.reason not in ENDS):
            self._insert(is_unwanted=is_unwanted)

    # --- travelling -----------------------------------------------------------------------------------------------

    def here(self, is_unwanted: Callable[[], bool] | None = None) -> Kept:
        """This moment, for who wants to come back to it with `put_back`. Raises UnwantedError once it `is_unwanted`."""
        last = self._last
        snapshot = self._machine.snapshot(None if last is None else last.snapshot, is_unwanted)
        return Kept(self._machine.instructions, snapshot, tuple(other.keep() for other in self._companions))

    def put_back(self, kept: Kept) -> None:
        """Make the machine what it was at a moment."""
        self.marks.save()
        self._restore(kept)

    def _restore(self, kept: Kept) -> None:
        self._machine.restore(kept.snapshot)
        self.marks.put_back(kept.snapshot.exceptions, kept.snapshot.hits)
        for companion, item in zip(self._companions, kept.companions, strict=True):
            companion.put_back(item)
        self._last = kept
        self._next = self._moments.next_pinned(kept.instruction)
        self._ran = 0.0

    def _insert(self, is_pinned: bool = False, is_unwanted: Callable[[], bool] | None = None) -> None:
        started = time.perf_counter()
        here = self.here(is_unwanted)
        kept = Kept(here.instruction, here.snapshot, here.companions, is_pinned)
        self._moments.add(kept)
        self._last = kept
        self._ran = 0.0
        self._cost = time.perf_counter() - started
        self.seconds += self._cost
