"""Which entries of the TLB have answered, and how often.

Engines keep caches of their own over the TLB and ask it rarely: only the reference engine's answers are all there are.
Which entries have been used at all since a moment is known of every engine, if it forgot those caches then.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from emu import tlb_rows as rows
from emu.translation.linked_rows import LinkedRows


class TlbUses:
    """Of the rows of one TLB."""

    def __init__(self, linked: LinkedRows) -> None:
        self._linked = linked
        self._words = linked.words
        self._answers = array("Q", bytes(8 * linked.words[rows.CAPACITY]))
        """By row: how often `note` was called for the entry."""
        self.is_counting = True
        """Whether all answers are known: not where an engine keeps some to itself."""
        self.is_watched = False
        """Whether `used` has been true of every use since `watch`; not of another moment that was restored."""

    def begin(self, row: int) -> None:
        """A row has a new entry, which has answered nothing yet."""
        self._answers[row] = 0

    def note(self, row: int) -> None:
        """A row's entry has answered an access, or a walk's question to stage 2."""
        words = self._words
        words[rows.ROWS + row * rows.ROW + rows.USED] = words[rows.WATCH]
        self._answers[row] += 1

    def answers(self) -> tuple[int, ...]:
        """How often each entry has answered since it was made, oldest first; nothing where that is not known."""
        return tuple(self._answers[row] for row in self._linked.by_age()) if self.is_counting else ()

    def restore(self, counts: Sequence[int]) -> None:
        """What `answers` gave when these entries were there; nothing if it was not known then."""
        if self.is_counting and counts:
            for row, count in zip(self._linked.by_age(), counts, strict=True):
                self._answers[row] = count

    def watch(self) -> None:
        """No entry has been used since this moment. Caches over the TLB must ask again at every page's next access."""
        self._words[rows.WATCH] += 1
        self.is_watched = True

    def used(self) -> tuple[bool, ...]:
        """Whether each entry was made or has answered since `watch`, oldest first."""
        words = self._words
        return tuple(
            words[rows.ROWS + row * rows.ROW + rows.USED] == words[rows.WATCH] for row in self._linked.by_age()
        )
