"""The software TLB: an invisible cache over the architectural one, read by native code on every access."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable

from emu import state

_TABLES = (state.LOAD_TLB, state.STORE_TLB, state.FETCH_TLB)
_NUMBER = {table: number for number, table in enumerate(_TABLES)}
_NEVER = state.MASK64
"""A tag that no lookup can produce."""
_BLANK = memoryview(array("Q", [_NEVER]) * (state.GRANTS - state.LOAD_TLB))
_BLANK_PART = _BLANK[: 4 * state.PART]
_FEW_PARTS = 20
"""Parts that are blanked one by one."""
_PAGE_BITS = 12
_INDEX = state.TLB_ENTRIES - 1
_SALT_BLOCK = state.TLB_ENTRIES // len(state.SALTS)
"""Pages in a row whose places stay together whatever the salt."""


class SoftTlb:
    """Direct-mapped entries in the state buffer, tagged with the page and the translation context's number.

    An entry exists only where nothing interesting can happen. Contexts are numbered as they appear. What another
    context or page pushed out of the buffer is kept aside, so that going back to a context (an exception return, a
    MECID written back) finds its entries again at the price of a call.
    """

    _FIRST, _LAST = 1, state.CONTEXTS - 2  # the last number would make `_NEVER` of an odd address at the very top
    _MOST_KEPT = 1 << 16

    def __init__(self, slots: memoryview) -> None:
        self._slots = slots
        self._contexts: dict[object, int] = {}
        self._is_empty = False
        self.on_renumbered: Callable[[], None] | None = None
        """Told when the contexts' numbers get another meaning."""
        self._kept: dict[int, dict[int, tuple[int, int, int]]] = {}
        """By page modulo TLB_ENTRIES: tag, with the table's number in the low bits, to the entry's other words."""
        self._kept_count = 0
        self._by_page: dict[int, list[tuple[int, int]]] = {}
        """By page of the arena: (page modulo TLB_ENTRIES, key in `_kept`) of the entries that lead there, perhaps gone
        by now."""
        self._quick = (ctypes.c_uint64 * state.CONTEXTS)()
        slots[state.QUICK] = ctypes.addressof(self._quick)
        self.on_flush: Callable[[], None] | None = None
        """Told when everything is forgotten."""
        self.dropped = (ctypes.c_uint8 * state.TLB_ENTRIES)()
        """By page modulo TLB_ENTRIES: 1 where native code has dropped what is in the buffer, but not what is kept."""
        slots[state.DROPPED] = ctypes.addressof(self.dropped)
        slots[state.FILLED_PARTS] = state.MASK64  # zeros are no blank entries
        self.flush()

    def place(self, table: int, va: int) -> int:
        """The slot where the entry for va's page in the current context is, or would be."""
        salt = (self._slots[state.CONTEXT] & state.SALT_MASK) << state.SALT_SHIFT
        return table + 4 * ((va ^ salt) >> _PAGE_BITS & _INDEX)

    @staticmethod
    def _place_of(key: int) -> int:
        """The slot of the entry with this key in `_kept`."""
        tag = key & ~3
        salted = tag ^ (tag & state.SALT_MASK) << state.SALT_SHIFT
        return _TABLES[key & 3] + 4 * (salted >> _PAGE_BITS & _INDEX)

    def enter(self, key: object) -> None:
        """Make the context with this key the current one."""
        number = self._contexts.get(key)
        if number is None:
            if len(self._contexts) >= self._LAST:
                self._contexts.clear()
                self._is_empty = False
                self.flush()
                if self.on_renumbered is not None:
                    self.on_renumbered()
            number = self._contexts[key] = _scattered(len(self._contexts) + self._FIRST)
        self._slots[state.CONTEXT] = number << 2

    def enter_none(self) -> None:
        """A context in which nothing is ever cached."""
        self._slots[state.CONTEXT] = 0

    def fill(self, table: int, va: int, offset: int, first: int, second: int = 0, third: int = 0) -> None:
        """Add an entry for va's page in the current context; the three words are the table's own.

        `offset` is where va leads in the arena.
        """
        context = self._slots[state.CONTEXT]
        if not context:
            return
        if self._kept_count >= self._MOST_KEPT:
            self._wipe()
        index = (va >> _PAGE_BITS) & _INDEX
        tag = va & ~0xFFF | context
        key = tag | _NUMBER[table]
        if self.dropped[index]:
            self._kept.pop(index, None)
            self.dropped[index] = 0
        self._kept.setdefault(index, {})[key] = first, second, third
        self._by_page.setdefault(offset >> _PAGE_BITS, []).append((index, key))
        self._kept_count += 1
        self._put(self.place(table, va), tag, first, second, third)
        self._is_empty = False

    def _put(self, entry: int, tag: int, first: int, second: int, third: int) -> None:
        slots = self._slots
        slots[entry + 1], slots[entry + 2], slots[entry + 3] = first, second, third
        slots[entry] = tag
        slots[state.FILLED_PARTS] |= 1 << ((entry - state.LOAD_TLB >> 2 & _INDEX) // state.PART)

    def refill(self, table: int, va: int) -> bool:
        """Put an entry back that others pushed out; False where there is none for va's page in this context."""
        index = (va >> _PAGE_BITS) & _INDEX
        tag = va & ~0xFFF | self._slots[state.CONTEXT]
        if self.dropped[index]:
            self._kept.pop(index, None)
            self.dropped[index] = 0
        others = self._kept.get(index)
        kept = None if others is None else others.get(tag | _NUMBER[table])
        if kept is None:
            return False
        self._put(self.place(table, va), tag, *kept)
        return True

    def find(self, table: int, va: int, size: int) -> tuple[int, int, int] | None:
        """(arena offset, owner id, flags of a store's record) of an access within a page that an entry allows."""
        slots = self._slots
        entry = self.place(table, va)
        if (va & 0xFFF) + size > 0x1000:
            return None
        if slots[entry] != va & ~0xFFF | slots[state.CONTEXT] and not self.refill(table, va):
            return None
        if va & (size - 1) & slots[entry + 3]:
            return None
        return (va + slots[entry + 1]) & state.MASK64, slots[entry + 2], slots[entry + 3] >> state.RECORD_SHIFT

    def flush(self) -> None:
        """Forget everything, and what native code knows of contexts."""
        self.forget_quick()
        if self.on_flush is not None:
            self.on_flush()
        self._wipe()

    def ask_again(self) -> None:
        """Have the next access of every page ask the MMU (or native code that goes by the same TLB)."""
        self._wipe()

    def teach_quick(self, number: int, memo: int) -> None:
        """Where in the host's memory native code finds what it knows of a context (`emu.engine.refill`)."""
        self._quick[number] = memo

    def forget_quick(self) -> None:
        """Native code knows nothing of any context."""
        ctypes.memset(self._quick, 0, ctypes.sizeof(self._quick))

    def _wipe(self) -> None:
        """Forget every entry."""
        if self._is_empty and not self._slots[state.REFILLED]:
            return
        self._slots[state.REFILLED] = 0
        self._blank()
        self._kept.clear()
        self._kept_count = 0
        self._by_page.clear()
        self._is_empty = True

    def _blank(self) -> None:
        """No entry is in the buffer."""
        slots = self._slots
        parts = slots[state.FILLED_PARTS]
        slots[state.FILLED_PARTS] = 0
        if parts.bit_count() > _FEW_PARTS:
            slots[state.LOAD_TLB : state.GRANTS] = _BLANK
            return
        while parts:
            lowest = parts & -parts
            parts ^= lowest
            first = 4 * state.PART * (lowest.bit_length() - 1)
            for table in _TABLES:
                slots[table + first : table + first + 4 * state.PART] = _BLANK_PART

    def forget_fetch(self, va: int) -> None:
        """Make the next fetch from va's page ask again."""
        index = (va >> _PAGE_BITS) & _INDEX
        for salt in state.SALTS:
            self._slots[state.FETCH_TLB + 4 * (index ^ salt)] = _NEVER
        kept = self._kept.get(index)
        if kept is not None:  # the top byte of a branch's target may not be that of the fetch
            for key in [key for key in kept if key & 3 == _NUMBER[state.FETCH_TLB]]:
                del kept[key]

    def look_fetch(self, va: int) -> tuple[int, int] | None:
        """(the two words) of the fetch entry for va's page in this context; None where there is none."""
        entry = self.place(state.FETCH_TLB, va)
        slots = self._slots
        if slots[entry] != va & ~0xFFF | slots[state.CONTEXT] and not self.refill(state.FETCH_TLB, va):
            return None
        return slots[entry + 1], slots[entry + 2]

    def drop(self, va: int, size: int) -> None:
        """Forget a range of addresses in every context (their top bits are not compared: tags and tops vary)."""
        pages = max(1, size >> _PAGE_BITS)
        if self._is_empty and not self._slots[state.REFILLED]:
            return
        if pages >= state.TLB_ENTRIES:
            self._wipe()
            return
        first = (va >> _PAGE_BITS) & _INDEX
        last = first + pages
        if last > state.TLB_ENTRIES:
            self._drop(0, last - state.TLB_ENTRIES)
            last = state.TLB_ENTRIES
        self._drop(first, last)

    def drop_physical(self, first: int, last: int) -> None:
        """Forget whatever leads to the arena's pages from `first` to before `last`."""
        if self._is_empty and not self._slots[state.REFILLED]:
            return
        if self._slots[state.REFILLED]:  # nobody knows where those entries lead
            self._wipe()
            return
        if last - first < len(self._by_page):
            pages = [page for page in range(first, last) if page in self._by_page]
        else:
            pages = [page for page in self._by_page if first <= page < last]
        for page in pages:
            for index, key in self._by_page.pop(page):
                kept = self._kept.get(index)
                if kept is not None:
                    kept.pop(key, None)
                self._remove(key)

    def _remove(self, key: int) -> None:
        """Take an entry out of the buffer, if it is there."""
        entry = self._place_of(key)
        if self._slots[entry] == key & ~3:
            self._slots[entry] = _NEVER

    def _drop(self, first: int, last: int) -> None:
        """Forget the pages whose numbers modulo TLB_ENTRIES are from `first` to before `last`, in every context.

        Native code fills entries that nobody keeps aside, so that every place is looked at where one may be.
        """
        if last - first == 1:
            slots = self._slots
            for salt in state.SALTS:
                at = 4 * (first ^ salt)
                slots[state.LOAD_TLB + at] = slots[state.STORE_TLB + at] = slots[state.FETCH_TLB + at] = _NEVER
            self._kept.pop(first, None)
            return
        at = first
        if last - first >= _SALT_BLOCK:  # whatever the salts, that is everywhere
            self._blank()
            at = last
        while at < last:
            end = min(last, (at | _SALT_BLOCK - 1) + 1)
            for salt in state.SALTS:
                for table in _TABLES:
                    place = table + 4 * (at ^ salt)
                    self._slots[place : place + 4 * (end - at)] = _BLANK[: 4 * (end - at)]
            at = end
        for index in [index for index in self._kept if first <= index < last]:
            del self._kept[index]


def _scattered(number: int) -> int:
    """The bits of a context's number the other way round, so that neighbours are far apart in the buffer."""
    return int(f"{number:010b}"[::-1], 2)
