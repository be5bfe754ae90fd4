"""Which entries a TLBI is about: found by page where it names few, else by what every row is tagged with."""

from __future__ import annotations

from collections.abc import Callable, Collection

from emu import tlb_rows as rows
from emu.architecture import Regime, Security
from emu.translation.linked_rows import LinkedRows
from emu.translation.tlb_entry import SPACE_MASK, TlbEntry, space_of
from emu.translation.tlbi import Scope, Stages

_LOW56 = (1 << 56) - 1
_PAGE_SHIFT = 12
_SPAN_OF_FEW = 1 << 16
"""Bytes of a TLBI's span up to which its pages are looked up one by one."""
_FEW = 16
"""Entries that are looked at one by one."""
_LOW_PAGES = (1 << 44) - 1


class Coverage:
    """Of the rows of one TLB."""

    def __init__(self, linked: LinkedRows, entry_of: Callable[[int], TlbEntry], wide: Collection[int]) -> None:
        """`wide` has the page rows of leaves that are larger than they are."""
        self._words, self._large = linked.words, linked.large
        self._entry_of = entry_of
        self._wide = wide
        self._spaces: dict[tuple[frozenset[Stages], Regime, Security], tuple[int, ...]] = {}

    def rows(self, scope: Scope) -> list[int]:
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
            return [row for row in self._tagged(scope, spaces) if self._entry_of(row).is_in(scope)]
        words, first = self._words, self._large
        found = [row for row in self._wide if self._entry_of(row).is_in(scope)] if self._wide else []
        for item in range(first, first + rows.LARGE * words[rows.LARGE_COUNT], rows.LARGE):
            leaf = words[item + 3]
            base = words[item] & -leaf & _LOW56
            if base < end and start < base + leaf:
                row = words[item + 2] - 1
                at = rows.ROWS + row * rows.ROW
                if words[at] & SPACE_MASK in spaces and self._is_tagged(words[at + rows.TAG], scope):
                    found.append(row)
        for page in range(start >> _PAGE_SHIFT, (end - 1 >> _PAGE_SHIFT) + 1):
            link = words[rows.HEADS + (page & rows.BUCKETS - 1)]
            while link:
                at = rows.ROWS + (link - 1) * rows.ROW
                key = words[at]
                if (
                    not (key >> rows.SPACE_BITS ^ page) & _LOW_PAGES
                    and key & SPACE_MASK in spaces
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
        words, end = self._words, self._large
        if words[rows.COUNT] > _FEW:
            keys, tags, serials = (
                words[rows.ROWS + field : end : rows.ROW].tolist() for field in (rows.KEY, rows.TAG, rows.SERIAL)
            )
            known = {tag: self._is_tagged(tag, scope) for tag in set(tags)}
            chosen = [
                row
                for row, (key, tag) in enumerate(zip(keys, tags, strict=True))
                if known[tag] and key != rows.UNUSED and key & SPACE_MASK in spaces
            ]
            chosen.sort(key=serials.__getitem__)
            return chosen
        found = []
        link = words[rows.OLDEST]
        while link:
            at = rows.ROWS + (link - 1) * rows.ROW
            if words[at] & SPACE_MASK in spaces and self._is_tagged(words[at + rows.TAG], scope):
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
