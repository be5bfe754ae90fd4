"""The architectural TLB: finite, tagged, and as stale as software leaves it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace

from emu import tlb_rows as rows
from emu.architecture import IPA, PA, PAS, VA, Regime, Security
from emu.debug.events import Moment
from emu.tlb_rows import MOST_CLASSES, TlbRows, parts_of, tag_of
from emu.translation.records import Translation
from emu.translation.regimes import RegisterView
from emu.translation.tlbi import Scope, Stages, scope_of

_LOW56 = (1 << 56) - 1
_PAGE_SHIFT = 12
_SPAN_OF_FEW = 1 << 16
"""Bytes of a TLBI's span up to which its pages are looked up one by one."""
_FEW = 16
"""Entries that are looked at and removed one by one."""
_FEW_OF_ALL = 3
"""The same where there are no others."""
_LOW_PAGES = (1 << 44) - 1
_SPACE_MASK = (1 << rows.SPACE_BITS) - 1
_REGIMES = {Regime.EL3: 0, Regime.EL2: 1, Regime.EL20: 2, Regime.EL10: 3}
_STAGES = {Stages.STAGE1: 0, Stages.BOTH: 1, Stages.STAGE2: 2}


@dataclass(frozen=True, slots=True)
class TlbEntry:
    """One cached translation and everything that decides whether it may be used.

    `translation` names the register that supplies the MECID, never its value (mec-reference.md 1.6).
    """

    stages: Stages
    regime: Regime
    security: Security
    vmid: int | None
    """None where no VMID applies."""
    asid: int | None
    """None for a global translation or a regime without ASIDs."""
    translation: Translation
    filled_at: Moment | None = None
    ipa_pas: PAS | None = None
    """Of a stage-2 entry: the address space of its input."""

    @property
    def stage(self) -> str:
        """ "1", "1+2" or "2"."""
        return self.stages.value

    @property
    def base(self) -> int:
        """First input address: a VA, or an IPA for stage 2 alone."""
        return self.translation.va_base

    @property
    def size(self) -> int:
        """Bytes covered."""
        return self.translation.size

    @property
    def leaf(self) -> tuple[int, int]:
        """Input addresses [start, end), without the bits above 55, of the leaf that the entry comes from.

        A combined entry may cover only part of stage 1's leaf; a TLBI by any address of the leaf removes it.
        """
        size = self.translation.stage1_size or self.size
        start = self.base & -size & _LOW56
        return start, start + size

    def is_in(self, scope: Scope) -> bool:
        """Whether a TLBI with this scope removes the entry."""
        if self.regime is not scope.regime or self.security is not scope.security or self.stages not in scope.stages:
            return False
        if scope.vmid is not None and self.vmid != scope.vmid:
            return False
        if self.asid is None:
            if scope.is_global_kept:
                return False
        elif scope.asid is not None and self.asid != scope.asid:
            return False
        if scope.ipa_pas is not None and self.ipa_pas != scope.ipa_pas:
            return False
        if scope.span is None:
            return True
        start, end = self.leaf
        return start < scope.span[1] and scope.span[0] < end


Kept = TlbEntry | tuple[bytes, int, Translation]
"""An entry that has been removed: itself, or rows, its word in them, and the class that it can be made of."""
_CLASS_FIELDS = tuple(
    item.name
    for item in fields(Translation)
    if item.name not in ("va_base", "size", "pa_base", "ipa_base", "stage1_size")
)


def space_of(stages: Stages, regime: Regime, security: Security) -> int:
    """Stages, regime and Security state as one small number."""
    return _STAGES[stages] << 4 | _REGIMES[regime] << 2 | security


_SPACES = {
    space_of(stages, regime, security): (stages, regime, security)
    for stages in Stages
    for regime in Regime
    for security in Security
}


class Tlb:
    """`capacity` translations, replaced first in, first out, so that equal runs see equal contents.

    Whoever is answered by an entry says so (`note_use`). Engines keep caches of their own over the TLB and ask it
    rarely: only the reference engine's answers are all there are. Which entries have been used at all since a moment is
    known of every engine, if it forgot those caches then (`watch_uses`).
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
        self.rows = TlbRows(entries)
        self._words = self.rows.words
        self._answers = array("Q", bytes(8 * entries))
        """By row: how often `note_use` was called for the entry."""
        self.is_counting = True
        """Whether all answers are known: not where an engine keeps some to itself."""
        self.is_watched = False
        """Whether `used` has been true of every use since `watch_uses`; not of another moment that was restored."""
        self._objects: dict[int, tuple[int, TlbEntry]] = {}
        """By row: the entry as an object, and the SERIAL that the row had when it was made."""
        self._wide: dict[int, TlbEntry] = {}
        """By row: page entries of a leaf that is larger than they are."""
        self._spaces: dict[tuple[frozenset[Stages], Regime, Security], tuple[int, ...]] = {}
        self._classes: list[Translation] = []
        self._numbers: dict[tuple[object, ...], int] = {}

    def entries(self) -> tuple[TlbEntry, ...]:
        """Valid entries, oldest first."""
        return tuple(self._entry(row) for row in self._by_age())

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
        """The oldest page entry, else the oldest larger one, that translates an address (without tag) here."""
        row = self.find(space_of(stages, regime, security), tag_of(vmid, asid, ipa_pas), address)
        return None if row is None else self._entry(row)

    def find(self, space: int, tag: int, address: int) -> int | None:
        """The same by `space_of` and `tag_of`: the number of the row."""
        words = self._words
        page = address >> _PAGE_SHIFT
        key = page << rows.SPACE_BITS | space
        link = words[rows.HEADS + (page & rows.BUCKETS - 1)]
        while link:
            at = rows.ROWS + (link - 1) * rows.ROW
            if words[at] == key:
                difference = words[at + rows.TAG] ^ tag
                if not difference or (not difference & ~rows.ASID_MASK and not words[at + rows.TAG] & rows.ASID_MASK):
                    return link - 1
            link = words[at + rows.NEXT]
        first = self.rows.large
        for item in range(first, first + rows.LARGE * words[rows.LARGE_COUNT], rows.LARGE):
            if 0 <= address - words[item] < words[item + 1]:
                row = words[item + 2] - 1
                at = rows.ROWS + row * rows.ROW
                if words[at] != space:
                    continue
                difference = words[at + rows.TAG] ^ tag
                if not difference or (not difference & ~rows.ASID_MASK and not words[at + rows.TAG] & rows.ASID_MASK):
                    return row
        return None

    def insert(self, entry: TlbEntry) -> None:
        """Add an entry, replacing the oldest when the TLB is full."""
        words = self._words
        if words[rows.COUNT] >= self.capacity:
            oldest = words[rows.OLDEST] - 1
            if self.on_evicted is not None:
                self.on_evicted(self._entry(oldest))
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
        if row is not None and self._entry(row) is entry:
            self._remove(row)
            return
        for row in self._by_age():
            if self._entry(row) is entry:
                self._remove(row)
                return

    def invalidate(self, name: str, operand: int, regs: RegisterView, el: int) -> tuple[TlbEntry, ...]:
        """Perform a TLBI executed at `el`; returns the entries it removed. Raises KeyError for unknown names."""
        return tuple(self.revive(kept) for kept in self.invalidate_scope(scope_of(name, operand, regs, el)))

    def invalidate_scope(self, scope: Scope | None) -> tuple[Kept, ...]:
        """Remove what a scope covers (None: nothing); returns the entries it removed, for `revive`."""
        if scope is None or not self._words[rows.COUNT]:
            return ()
        covered = self._covered(scope)
        if not covered:
            return ()
        if len(covered) > _FEW_OF_ALL and len(covered) == self._words[rows.COUNT] and self.on_removed is None:
            return tuple(self._take_all(covered))
        return tuple([self._take(row) for row in covered])

    def revive(self, kept: Kept) -> TlbEntry:
        """A removed entry as an object."""
        if isinstance(kept, TlbEntry):
            return kept
        words = memoryview(kept[0]).cast("Q")
        return _entry_of(words, kept[1], kept[2])

    def clear(self) -> None:
        """Forget everything, telling nobody: a reset."""
        self.restore(())

    def restore(self, entries: Iterable[TlbEntry]) -> None:
        """Hold exactly these entries, oldest first, that nobody has used yet; tells nobody."""
        self.is_watched = False
        self.rows.clear()
        self._objects.clear()
        self._wide.clear()
        for entry in entries:
            self._add(entry)

    # --- uses -----------------------------------------------------------------------------------------------------

    def note_use(self, row: int) -> None:
        """A row's entry has answered an access, or a walk's question to stage 2."""
        words = self._words
        words[rows.ROWS + row * rows.ROW + rows.USED] = words[rows.WATCH]
        self._answers[row] += 1

    def answers(self) -> tuple[int, ...]:
        """How often each entry has answered since it was made, oldest first; nothing where that is not known."""
        return tuple(self._answers[row] for row in self._by_age()) if self.is_counting else ()

    def restore_answers(self, counts: Sequence[int]) -> None:
        """What `answers` gave when these entries were there; nothing if it was not known then."""
        if self.is_counting and counts:
            for row, count in zip(self._by_age(), counts, strict=True):
                self._answers[row] = count

    def watch_uses(self) -> None:
        """No entry has been used since this moment. Caches over the TLB must ask again at every page's next access."""
        self._words[rows.WATCH] += 1
        self.is_watched = True

    def used(self) -> tuple[bool, ...]:
        """Whether each entry was made or has answered since `watch_uses`, oldest first."""
        words = self._words
        return tuple(words[rows.ROWS + row * rows.ROW + rows.USED] == words[rows.WATCH] for row in self._by_age())

    # --- for native code ------------------------------------------------------------------------------------------

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

    def entry_of(self, row: int) -> TlbEntry:
        """A row's entry."""
        return self._entry(row)

    def holds(self, row: int, translation: Translation) -> bool:
        """Whether a row's entry is made of this very translation."""
        return self._entry(row).translation is translation

    def translation_of(self, row: int) -> Translation:
        """What a row's entry translates."""
        return self._entry(row).translation

    def classify(self, row: int, number: int) -> None:
        """Tell native code the class of a row's translation."""
        self._words[rows.ROWS + row * rows.ROW + rows.CLASS] = number + 1

    # --- inside ---------------------------------------------------------------------------------------------------

    def _by_age(self) -> list[int]:
        words, found = self._words, []
        link = words[rows.OLDEST]
        while link:
            found.append(link - 1)
            link = words[rows.ROWS + (link - 1) * rows.ROW + rows.NEWER]
        return found

    def _entry(self, row: int) -> TlbEntry:
        words, at = self._words, rows.ROWS + row * rows.ROW
        serial = words[at + rows.SERIAL]
        known = self._objects.get(row)
        if known is not None and known[0] == serial:
            return known[1]
        entry = _entry_of(words, at, self._classes[words[at + rows.CLASS] - 1])
        self._objects[row] = serial, entry
        return entry

    def _covered(self, scope: Scope) -> list[int]:
        """The rows that a scope is about, oldest first."""
        regime, security, stages, *_, span, _ = scope
        kind = stages, regime, security
        spaces = self._spaces.get(kind)
        if spaces is None:
            spaces = self._spaces[kind] = tuple(space_of(item, regime, security) for item in stages)
        if span is None:
            return self._tagged(scope, spaces)
        start, end = span
        if end - start > _SPAN_OF_FEW:
            return [row for row in self._tagged(scope, spaces) if self._entry(row).is_in(scope)]
        words, first = self._words, self.rows.large
        found = [row for row in self._wide if self._entry(row).is_in(scope)] if self._wide else []
        for item in range(first, first + rows.LARGE * words[rows.LARGE_COUNT], rows.LARGE):
            leaf = words[item + 3]
            base = words[item] & -leaf & _LOW56
            if base < end and start < base + leaf:
                row = words[item + 2] - 1
                at = rows.ROWS + row * rows.ROW
                if words[at] & _SPACE_MASK in spaces and self._is_tagged(words[at + rows.TAG], scope):
                    found.append(row)
        for page in range(start >> _PAGE_SHIFT, (end - 1 >> _PAGE_SHIFT) + 1):
            link = words[rows.HEADS + (page & rows.BUCKETS - 1)]
            while link:
                at = rows.ROWS + (link - 1) * rows.ROW
                key = words[at]
                if (
                    not (key >> rows.SPACE_BITS ^ page) & _LOW_PAGES
                    and key & _SPACE_MASK in spaces
                    and words[at + rows.PLAIN]
                    and self._is_tagged(words[at + rows.TAG], scope)
                ):
                    found.append(link - 1)
                link = words[at + rows.NEXT]
        if len(found) > 1:
            found.sort(key=self._serial)
        return found

    def _serial(self, row: int) -> int:
        return self._words[rows.ROWS + row * rows.ROW + rows.SERIAL]

    def _tagged(self, scope: Scope, spaces: tuple[int, ...]) -> list[int]:
        """The same but for the addresses."""
        words, end = self._words, self.rows.large
        if words[rows.COUNT] > _FEW:
            keys, tags, serials = (
                words[rows.ROWS + field : end : rows.ROW].tolist() for field in (rows.KEY, rows.TAG, rows.SERIAL)
            )
            known = {tag: self._is_tagged(tag, scope) for tag in set(tags)}
            chosen = [
                row
                for row, (key, tag) in enumerate(zip(keys, tags, strict=True))
                if known[tag] and key != rows.UNUSED and key & _SPACE_MASK in spaces
            ]
            chosen.sort(key=serials.__getitem__)
            return chosen
        found = []
        link = words[rows.OLDEST]
        while link:
            at = rows.ROWS + (link - 1) * rows.ROW
            if words[at] & _SPACE_MASK in spaces and self._is_tagged(words[at + rows.TAG], scope):
                found.append(link - 1)
            link = words[at + rows.NEWER]
        return found

    @staticmethod
    def _is_tagged(tag: int, scope: Scope) -> bool:
        """Whether an entry's tag is one that a scope is about."""
        asid = tag & rows.ASID_MASK
        if scope.vmid is not None and tag >> 20 & rows.ASID_MASK != scope.vmid + 1:
            return False
        if not asid:
            if scope.is_global_kept:
                return False
        elif scope.asid is not None and asid != scope.asid + 1:
            return False
        return scope.ipa_pas is None or tag >> 40 == scope.ipa_pas + 1

    def _take(self, row: int) -> Kept:
        """Remove a row; what is needed to tell of it later."""
        words, at = self._words, rows.ROWS + row * rows.ROW
        known = self._objects.get(row)
        if self.on_removed is not None or (known is not None and known[0] == words[at + rows.SERIAL]):
            return self._remove(row)
        number = words[at + rows.CLASS]
        kept = bytes(words[at : at + rows.ROW]), 0, self._classes[number - 1]
        self._unlink(row)
        return kept

    def _add(self, entry: TlbEntry) -> None:
        words = self._words
        link = words[rows.FREE]
        row = link - 1
        at = rows.ROWS + row * rows.ROW
        words[rows.FREE] = words[at + rows.NEXT]
        serial = words[rows.FILLED]
        words[rows.FILLED] = serial + 1
        words[rows.COUNT] += 1
        space = space_of(entry.stages, entry.regime, entry.security)
        translation = entry.translation
        base, size = translation.va_base, translation.size
        words[at + rows.TAG] = tag_of(entry.vmid, entry.asid, entry.ipa_pas)
        words[at + rows.SERIAL] = serial
        words[at + rows.USED] = words[rows.WATCH]
        self._answers[row] = 0
        words[at + rows.CLASS] = 0
        words[at + rows.BASE], words[at + rows.SIZE] = base, size
        words[at + rows.OUTPUT] = translation.pa_base
        words[at + rows.NEXT] = words[at + rows.NEWER] = 0
        newest = words[rows.NEWEST]
        words[at + rows.OLDER] = newest
        words[rows.NEWEST] = link
        if newest:
            words[rows.ROWS + (newest - 1) * rows.ROW + rows.NEWER] = link
        else:
            words[rows.OLDEST] = link
        self._objects[row] = serial, entry
        words[at + rows.PLAIN] = 0
        if size != 1 << _PAGE_SHIFT:
            words[at] = space
            words[at + rows.PLAIN] = 1
            item = self.rows.large + rows.LARGE * words[rows.LARGE_COUNT]
            words[item], words[item + 1], words[item + 2] = base, size, link
            words[item + 3] = translation.stage1_size or size
            words[rows.LARGE_COUNT] += 1
            return
        page = base >> _PAGE_SHIFT
        words[at] = page << rows.SPACE_BITS | space
        if translation.stage1_size not in (None, size):
            self._wide[row] = entry
        else:
            words[at + rows.PLAIN] = 1
        place = rows.HEADS + (page & rows.BUCKETS - 1)
        while words[place]:
            place = rows.ROWS + (words[place] - 1) * rows.ROW + rows.NEXT
        words[place] = link

    def _remove(self, row: int) -> TlbEntry:
        entry = self._entry(row)
        self._unlink(row)
        if self.on_removed is not None:
            self.on_removed(entry)
        return entry

    def _unlink(self, row: int) -> None:
        words, link = self._words, row + 1
        at = rows.ROWS + row * rows.ROW
        key, base, size = words[at], words[at + rows.BASE], words[at + rows.SIZE]
        older, newer = words[at + rows.OLDER], words[at + rows.NEWER]
        if older:
            words[rows.ROWS + (older - 1) * rows.ROW + rows.NEWER] = newer
        else:
            words[rows.OLDEST] = newer
        if newer:
            words[rows.ROWS + (newer - 1) * rows.ROW + rows.OLDER] = older
        else:
            words[rows.NEWEST] = older
        space = key & (1 << rows.SPACE_BITS) - 1
        if size != 1 << _PAGE_SHIFT:
            self._unlist(link)
        else:
            self._wide.pop(row, None)
            place = rows.HEADS + (key >> rows.SPACE_BITS & rows.BUCKETS - 1)
            while words[place] != link:
                place = rows.ROWS + (words[place] - 1) * rows.ROW + rows.NEXT
            words[place] = words[at + rows.NEXT]
        words[at], words[at + rows.NEXT] = rows.UNUSED, words[rows.FREE]
        words[rows.FREE] = link
        words[rows.COUNT] -= 1
        self._objects.pop(row, None)
        if self.on_gone is not None:
            self.on_gone(base, size, space >> 4 == _STAGES[Stages.STAGE2])

    def _unlist(self, link: int) -> None:
        """Take a row from the list of large entries."""
        words, first = self._words, self.rows.large
        words[rows.LARGE_COUNT] -= 1
        end = first + rows.LARGE * words[rows.LARGE_COUNT]
        if words[end + 2] == link:
            return
        at = first
        while words[at + 2] != link:
            at += rows.LARGE
        words[at:end] = memoryview(bytes(words[at + rows.LARGE : end + rows.LARGE])).cast("Q")

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
        stage2 = _STAGES[Stages.STAGE2] << 4
        keys = words[rows.ROWS : self.rows.large : rows.ROW].tolist()
        has_stage2 = any(keys[row] & _SPACE_MASK >= stage2 for row in order)
        self.restore(())
        if self.on_gone is not None:
            self.on_gone(0, 1 << 56, has_stage2)
        return kept


def _entry_of(words: memoryview, at: int, like: Translation) -> TlbEntry:
    """The entry that a row of native code means; its leaf is no larger than it is."""
    base, output = VA(words[at + rows.BASE]), PA(words[at + rows.OUTPUT])
    stages, regime, security = _SPACES[words[at] & (1 << rows.SPACE_BITS) - 1]
    vmid, asid, ipa_pas = parts_of(words[at + rows.TAG])
    place = words[at + rows.PLACE]
    moment = Moment(words[at + rows.INSTRUCTION], VA(words[at + rows.PC]), place & 3, Security(place >> 2))
    size = words[at + rows.SIZE]
    if stages is Stages.STAGE1:
        return TlbEntry(
            stages, regime, security, vmid, asid, replace(like, va_base=base, size=size, pa_base=output), moment
        )
    if stages is Stages.STAGE2:
        second = replace(like, va_base=base, size=size, pa_base=output, ipa_base=IPA(base))
        assert ipa_pas is not None
        return TlbEntry(stages, regime, security, vmid, asid, second, moment, PAS(ipa_pas))
    middle = IPA(words[at + rows.MIDDLE])
    both = replace(like, va_base=base, size=size, pa_base=output, ipa_base=middle, stage1_size=size)
    return TlbEntry(stages, regime, security, vmid, asid, both, moment)
