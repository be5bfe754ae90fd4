"""The moments of a run that are kept whole, in order; the old ones grow sparse as memory runs out."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from emu.architecture import PAGE
from emu.memory import PageCopy
from emu.snapshot import Snapshot

_FIXED = 16 << 10
"""Bytes that a moment takes besides pages and console, roughly."""


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """The machine at one instruction count. A `pinned` one is what somebody made of it there: no run leads to it."""

    instruction: int
    snapshot: Snapshot
    companions: tuple[object, ...] = ()
    is_pinned: bool = False


class Moments:
    """At most `most` moments in about `budget` bytes; those that somebody's change made stay whatever they take."""

    def __init__(self, budget: int, most: int) -> None:
        self._budget, self._most = budget, most
        self._items: list[Kept] = []
        self._counts: list[int] = []
        self.bytes = 0
        """What they take together, roughly."""

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Kept]:
        return iter(self._items)

    def at_or_before(self, instruction: int) -> Kept | None:
        """The last moment that is not after an instruction count."""
        at = bisect_right(self._counts, instruction)
        return self._items[at - 1] if at else None

    def before(self, instruction: int) -> Kept | None:
        at = bisect_left(self._counts, instruction)
        return self._items[at - 1] if at else None

    def next_pinned(self, instruction: int) -> Kept | None:
        """The first change that somebody made after an instruction count."""
        at = bisect_right(self._counts, instruction)
        return next((item for item in self._items[at:] if item.is_pinned), None)

    def add(self, item: Kept) -> None:
        at = bisect_left(self._counts, item.instruction)
        self._items.insert(at, item)
        self._counts.insert(at, item.instruction)
        self.bytes += self._own_bytes(at)
        while (self.bytes > self._budget or len(self._items) > self._most) and self._thin():
            pass

    def cut(self, instruction: int) -> None:
        """Forget what is at an instruction count or after it."""
        while self._counts and self._counts[-1] >= instruction:
            self._remove(len(self._items) - 1)

    def _own_bytes(self, at: int) -> int:
        """What nobody else in the list holds too: copies of pages are shared between neighbours."""
        mine = self._items[at].snapshot
        before = self._items[at - 1].snapshot.pages if at else {}
        after = self._items[at + 1].snapshot.pages if at + 1 < len(self._items) else {}
        own = sum(
            _bytes(copy)
            for page, copy in mine.pages.items()
            if before.get(page) is not copy and after.get(page) is not copy
        )
        return own + _FIXED + len(mine.console) + 100 * len(mine.pages)

    def _remove(self, at: int) -> None:
        self.bytes -= self._own_bytes(at)
        del self._items[at], self._counts[at]

    def _thin(self) -> bool:
        """Drop the moment that is missed least: whose neighbours are close, for how long ago it is."""
        end = self._counts[-1]
        worst, cost = 0, float("inf")
        for at in range(1, len(self._items) - 1):
            if self._items[at].is_pinned:
                continue
            missed = (self._counts[at + 1] - self._counts[at - 1]) / (end - self._counts[at - 1] + 1)
            if missed < cost:
                worst, cost = at, missed
        if worst:
            self._remove(worst)
        return bool(worst)


def _bytes(copy: PageCopy) -> int:
    return PAGE + PAGE // 4 + (PAGE if copy.writers is not None else 0)
