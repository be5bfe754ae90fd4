"""The exceptions that a machine has taken: kept compactly while it runs, events for whoever looks."""

from __future__ import annotations

from emu.debug.events import ExceptionTaken
from emu.transitions import RECORD_SIZE, Transitions, read_log


class ExceptionLog:
    """The first `most` exceptions of a machine, oldest first."""

    def __init__(self, transitions: Transitions, most: int) -> None:
        self._transitions = transitions
        self._most = most
        self._events: list[ExceptionTaken] = []
        self._rest: list[bytes | ExceptionTaken] = []
        """What comes after the events: pieces of native code's log, and single exceptions."""
        self._count = 0

    def __len__(self) -> int:
        self._collect()
        return self._count

    def _collect(self) -> None:
        log = self._transitions.take_log()
        room = self._most - self._count
        if log and room > 0:
            piece = log[: RECORD_SIZE * room]
            self._rest.append(piece)
            self._count += len(piece) // RECORD_SIZE

    def add(self, event: ExceptionTaken) -> None:
        """An exception that Python took: it comes behind all that native code took until now."""
        self._collect()
        if self._count < self._most:
            self._rest.append(event)
            self._count += 1

    @property
    def events(self) -> list[ExceptionTaken]:
        """All of them."""
        self._collect()
        if self._rest:
            for piece in self._rest:
                self._events += read_log(piece) if isinstance(piece, bytes) else (piece,)
            self._rest.clear()
        return self._events

    def put_back(self, events: list[ExceptionTaken]) -> None:
        """Exceptions of a later moment, which the machine has gone forward to without taking them again."""
        known = self.events
        known += events[len(known) :]
        self._count = len(known)

    def cut(self, length: int) -> None:
        """Keep so many, the oldest."""
        del self.events[length:]
        self._count = len(self._events)
