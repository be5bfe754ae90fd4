"""What the screen's list of events remembers of a run, without slowing down a guest that has very many of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.debug.events import (
    Event,
    ExceptionReturned,
    ExceptionTaken,
    FirmwareCalled,
    Hit,
    KeyRefreshed,
    LineWrittenBack,
    MecidWritten,
    TlbInvalidated,
)

if TYPE_CHECKING:
    import emu

KEPT = 2_000
KINDS: tuple[type[Event], ...] = (MecidWritten, KeyRefreshed, TlbInvalidated, Hit, LineWrittenBack)
"""What the log follows all the time; the rarer and the noisier kinds are there for rules and traces."""
FREQUENT: tuple[type[Event], ...] = (ExceptionTaken, ExceptionReturned, FirmwareCalled)
"""What native code does by itself where nobody listens: a guest may make millions of them a second."""
MOST_FREQUENT = 10_000
"""So many of those are listened to between two stops."""


class EventLog:
    """Listens to one machine. A companion of its history: it goes back in time with it."""

    def __init__(self, machine: emu.Machine) -> None:
        self._machine = machine
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._frequent = 0
        self._deaf: Callable[[], None] | None = None
        """Ends listening to what is frequent; None where that has happened."""
        self.deaf_since: int | None = None
        """The instruction count from which on frequent events are missing; None where none is."""
        machine.events.subscribe(self._remember, *KINDS)
        self.listen()

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(self._events)

    def listen(self) -> None:
        """The machine rests, or is about to run: everything is listened to again."""
        self._frequent = 0
        if self._deaf is None:
            self._deaf = self._machine.events.subscribe(self._remember_frequent, *FREQUENT)

    def take_missed(self) -> int | None:
        """Since when frequent events were not listened to in the last run; asked once for each run."""
        missed, self.deaf_since = self.deaf_since, None
        return missed

    def _remember(self, event: Event) -> None:
        last = self._events[-1] if self._events else None
        if isinstance(event, Hit) and isinstance(last, Hit) and event.pc == last.pc:
            return  # a loop over foreign memory would push out everything else; the hits' own pane has them all
        self._events.append(event)

    def _remember_frequent(self, event: Event) -> None:
        self._events.append(event)
        self._frequent += 1
        if self._frequent >= MOST_FREQUENT and self._deaf is not None:
            self._deaf()
            self._deaf = None
            self.deaf_since = event.moment.instruction

    # Going back in time.

    def keep(self) -> object:
        return tuple(self._events)

    def put_back(self, kept: object) -> None:
        assert isinstance(kept, tuple)
        self._events.clear()
        self._events.extend(kept)
