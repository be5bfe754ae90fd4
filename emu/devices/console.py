"""The guest's console: what it has printed, and what is typed for it, through the UART and through semihosting."""

from __future__ import annotations

from collections.abc import Callable

KEPT = 1 << 22
"""Bytes of output that stay: of twice as many the older half goes. A guest may print without end."""


class Console:
    """Bytes both ways. What is typed waits here for semihosting; the UART has a queue of its own."""

    def __init__(self) -> None:
        self._printed = bytearray()
        self._typed = bytearray()
        self.listeners: list[Callable[[bytes], None]] = []
        """Told of output as it appears."""

    @property
    def printed(self) -> bytes:
        """What there is since reset: its last 4 to 8 MiB."""
        return bytes(self._printed)

    @property
    def unread(self) -> bytes:
        """What was typed and not read yet."""
        return bytes(self._typed)

    def print(self, data: bytes) -> None:
        """More output."""
        self._printed += data
        if len(self._printed) > 2 * KEPT:
            del self._printed[:-KEPT]
        for listener in self.listeners:
            listener(data)

    def type(self, data: bytes) -> None:
        """More input."""
        self._typed += data

    def look(self, size: int) -> bytes:
        """The next so many bytes of input, or what there is of them; they stay where they are."""
        return bytes(self._typed[:size])

    def read(self, size: int) -> bytes:
        """Take up to so many bytes of input."""
        data = self.look(size)
        del self._typed[:size]
        return data

    def clear(self) -> None:
        """Nothing has been printed; what was typed still waits."""
        self._printed.clear()

    def restore(self, printed: bytes, typed: bytes) -> None:
        """Be what it was when it had this; tells nobody."""
        self._printed[:] = printed
        self._typed[:] = typed
