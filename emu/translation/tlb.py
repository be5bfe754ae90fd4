"""The architectural TLB: finite, tagged, and as stale as software leaves it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields

from emu import tlb_rows as rows
from emu.architecture import PAS, Regime, Security
from emu.tlb_rows import MOST_CLASSES, tag_of
from emu.translation.coverage import Coverage
from emu.translation.linked_rows import LinkedRows
from emu.translation.records import Translation
from emu.translation.regimes import RegisterView
from emu.translation.tlb_entry import SPACE_MASK, STAGE2_SPACES, Kept, TlbEntry, entry_of_row, revive, space_of
from emu.translation.tlb_uses import TlbUses
from emu.translation.tlbi import Scope, Stages, scope_of

_FEW_OF_ALL = 3
"""Entries that are removed one by one although there are no others."""
_CLASS_FIELDS = tuple(
    item.name
    for item in fields(Translation)
    if item.name not in ("va_base", "size", "pa_base", "ipa_base", "stage1_size")
)


class Tlb:
    """`capacity` translations, replaced first in, first out, so that equal runs see equal contents.

    Whoever is answered by an entry says so (`uses`).
    """

    def __init__(self, entries: int = 128) -> None:
        self.capacity = entries
        self.on_filled: Callable[[TlbEntry], None] | None = None
        """Told of each new entry that is not native code's."""
        self.on_evicted: Callable[[TlbEntry], None] | None = None
        """Told of each entry that made room for another, before `on_removed` is."""
        self.on_removed: Callable[[TlbEntry], None] | None = None
        """Told of each entry that was replaced or invalidated."""
        self.on_gone: Callable[[int, int, bool], None] | None = None
        """The same for engines: (first input address, bytes, whether it was of stage 2 alone)."""
        self.rows = LinkedRows(entries)
        self.find = self.rows.find
        self.uses = TlbUses(self.rows)
        self._words = self.rows.words
        self._objects: dict[int, tuple[int, TlbEntry]] = {}
        """By row: the entry as an object, and the SERIAL that the row had when it was made."""
        self._wide: set[int] = set()
        """Page rows of a leaf that is larger than they are."""
        self._coverage = Coverage(self.rows, self.entry_of, self._wide)
        self._classes: list[Translation] = []
        self._numbers: dict[tuple[object, ...], int] = {}

    def entries(self) -> tuple[TlbEntry, ...]:
        """Valid entries, oldest first."""
        return tuple(self.entry_of(row) for row in self.rows.by_age())

    def entry_of(self, row: int) -> TlbEntry:
        """A row's entry."""
        words, at = self._words, rows.ROWS + row * rows.ROW
        serial = words[at + rows.SERIAL]
        known = self._objects.get(row)
        if known is not None and known[0] == serial:
            return known[1]
        entry = entry_of_row(words, at, self._classes[words[at + rows.CLASS] - 1])
        self._objects[row] = serial, entry
        return entry

    @property
    def filled(self) -> int:
        """How many entries were put in since the TLB was made; those of a restored snapshot count again."""
        return self._words[rows.FILLED]

    def __len__(self) -> int:
        return self._words[rows.COUNT]

    def lookup(
        self,
        stages: Stages,
        regime: Regime,
        security: Security,
        vmid: int | None,
        asid: int | None,
        address: int,
        ipa_pas: PAS | None = None,
    ) -> TlbEntry | None:
        """The entry that translates an address (without tag) here, as `LinkedRows.find` has it."""
        row = self.find(space_of(stages, regime, security), tag_of(vmid, asid, ipa_pas), address)
        return None if row is None else self.entry_of(row)

    def insert(self, entry: TlbEntry) -> None:
        """Add an entry, replacing the oldest when the TLB is full."""
        words = self._words
        if words[rows.COUNT] >= self.capacity:
            oldest = words[rows.OLDEST] - 1
            if self.on_evicted is not None:
                self.on_evicted(self.entry_of(oldest))
            self._remove(oldest)
        self._add(entry)
        if self.on_filled is not None:
            self.on_filled(entry)

    def remove(self, entry: TlbEntry) -> None:
        """Take out this very entry, if it is there."""
        row = self.find(
            space_of(entry.stages, entry.regime, entry.security),
            tag_of(entry.vmid, entry.asid, entry.ipa_pas),
            entry.base,
        )
        if row is not None and self.entry_of(row) is entry:
            self._remove(row)
            return
        for row in self.rows.by_age():
            if self.entry_of(row) is entry:
                self._remove(row)
                return

    def invalidate(self, name: str, operand: int, regs: RegisterView, el: int) -> tuple[TlbEntry, ...]:
        """Perform a TLBI executed at `el`; returns the entries it removed. Raises KeyError for unknown names."""
        return tuple(revive(kept) for kept in self.invalidate_scope(scope_of(name, operand, regs, el)))

    def invalidate_scope(self, scope: Scope | None) -> tuple[Kept, ...]:
        """Remove what a scope covers (None: nothing); returns the entries it removed, for `revive`."""
        if scope is None or not self._words[rows.COUNT]:
            return ()
        covered = self._coverage.rows(scope)
        if not covered:
            return ()
        if len(covered) > _FEW_OF_ALL and len(covered) == self._words[rows.COUNT] and self.on_removed is None:
            return tuple(self._take_all(covered))
        return tuple([self._take(row) for row in covered])

    def clear(self) -> None:
        """Forget everything, telling nobody: a reset."""
        self.restore(())

    def restore(self, entries: Iterable[TlbEntry]) -> None:
        """Hold exactly these entries, oldest first, that nobody has used yet; tells nobody."""
        self.uses.is_watched = False
        self.rows.clear()
        self._objects.clear()
        self._wide.clear()
        for entry in entries:
            self._add(entry)

    # For native code.

    def class_of(self, translation: Translation) -> int | None:
        """The number of what a translation is but for its addresses; None when there are too many classes."""
        key = tuple([getattr(translation, name) for name in _CLASS_FIELDS])
        number = self._numbers.get(key)
        if number is None:
            number = len(self._classes)
            if number >= MOST_CLASSES:
                return None
            self._numbers[key] = number
            self._classes.append(translation)
        return number

    def holds(self, row: int, translation: Translation) -> bool:
        """Whether a row's entry is made of this very translation."""
        return self.entry_of(row).translation is translation

    def translation_of(self, row: int) -> Translation:
        """What a row's entry translates."""
        return self.entry_of(row).translation

    def classify(self, row: int, number: int) -> None:
        """Tell native code the class of a row's translation."""
        self._words[rows.ROWS + row * rows.ROW + rows.CLASS] = number + 1

    def _take(self, row: int) -> Kept:
        """Remove a row; what is needed to tell of it later."""
        words, at = self._words, rows.ROWS + row * rows.ROW
        known = self._objects.get(row)
        if self.on_removed is not None or (known is not None and known[0] == words[at + rows.SERIAL]):
            return self._remove(row)
        number = words[at + rows.CLASS]
        kept = bytes(words[at : at + rows.ROW]), 0, self._classes[number - 1]
        self._drop(row)
        return kept

    def _remove(self, row: int) -> TlbEntry:
        entry = self.entry_of(row)
        self._drop(row)
        if self.on_removed is not None:
            self.on_removed(entry)
        return entry

    def _add(self, entry: TlbEntry) -> None:
        words, translation = self._words, entry.translation
        space = space_of(entry.stages, entry.regime, entry.security)
        tag = tag_of(entry.vmid, entry.asid, entry.ipa_pas)
        leaf = translation.stage1_size or translation.size
        row = self.rows.add(space, tag, translation.va_base, translation.size, translation.pa_base, leaf)
        if self.uses.is_counting:
            self.uses.begin(row)
        at = rows.ROWS + row * rows.ROW
        self._objects[row] = words[at + rows.SERIAL], entry
        if not words[at + rows.PLAIN]:
            self._wide.add(row)

    def _drop(self, row: int) -> None:
        words, at = self._words, rows.ROWS + row * rows.ROW
        space, base, size = words[at] & SPACE_MASK, words[at + rows.BASE], words[at + rows.SIZE]
        self.rows.remove(row)
        self._wide.discard(row)
        self._objects.pop(row, None)
        if self.on_gone is not None:
            self.on_gone(base, size, space >= STAGE2_SPACES)

    def _take_all(self, order: list[int]) -> list[Kept]:
        """Remove every entry there is, all at once."""
        words, kept = self._words, list[Kept]()
        content, objects, classes = bytes(words[rows.ROWS : self.rows.large]), self._objects, self._classes
        numbers = words[rows.ROWS + rows.CLASS : self.rows.large : rows.ROW].tolist()
        serials = words[rows.ROWS + rows.SERIAL : self.rows.large : rows.ROW].tolist()
        for row in order:
            known = objects.get(row)
            if known is not None and known[0] == serials[row]:
                kept.append(known[1])
            else:
                kept.append((content, row * rows.ROW, classes[numbers[row] - 1]))
        keys = words[rows.ROWS : self.rows.large : rows.ROW].tolist()
        has_stage2 = any(keys[row] & SPACE_MASK >= STAGE2_SPACES for row in order)
        self.restore(())
        if self.on_gone is not None:
            self.on_gone(0, 1 << 56, has_stage2)
        return kept
