"""The software TLB: an invisible cache over the architectural one, read by native code on every access."""

from __future__ import annotations

from array import array

from emu import state

_TABLES = (state.LOAD_TLB, state.STORE_TLB, state.FETCH_TLB)
_NEVER = state.MASK64
"""A tag that no lookup can produce."""
_BLANK = memoryview(array("Q", [_NEVER]) * (state.SLOTS - state.LOAD_TLB))
_PAGE_BITS = 12
_INDEX = state.TLB_ENTRIES - 1


class SoftTlb:
    """Direct-mapped entries in the state buffer, tagged with the page and the translation context's number.

    An entry exists only where nothing interesting can happen. Contexts are numbered as they appear, so that going
    back to one (an exception return, a MECID written back) finds its entries again.
    """

    _FIRST, _LAST = 1, 1023

    def __init__(self, slots: memoryview) -> None:
        self._slots = slots
        self._contexts: dict[object, int] = {}
        self._is_empty = False
        self.flush()

    def enter(self, key: object) -> None:
        """Make the context with this key the current one."""
        number = self._contexts.get(key)
        if number is None:
            if len(self._contexts) >= self._LAST:
                self._contexts.clear()
                self._is_empty = False
                self.flush()
            number = self._contexts[key] = len(self._contexts) + self._FIRST
        self._slots[state.CONTEXT] = number << 2

    def enter_none(self) -> None:
        """A context in which nothing is ever cached."""
        self._slots[state.CONTEXT] = 0

    def fill(self, table: int, va: int, first: int, second: int = 0, third: int = 0) -> None:
        """Add an entry for va's page in the current context; the three words are the table's own."""
        context = self._slots[state.CONTEXT]
        if not context:
            return
        entry = table + 4 * ((va >> _PAGE_BITS) & _INDEX)
        slots = self._slots
        slots[entry] = va & ~0xFFF | context
        slots[entry + 1], slots[entry + 2], slots[entry + 3] = first, second, third
        self._is_empty = False

    def find(self, table: int, va: int, size: int) -> tuple[int, int, int] | None:
        """(arena offset, owner id, flags of a store's record) of an access within a page that an entry allows."""
        slots = self._slots
        entry = table + 4 * ((va >> _PAGE_BITS) & _INDEX)
        if slots[entry] != va & ~0xFFF | slots[state.CONTEXT] or (va & 0xFFF) + size > 0x1000:
            return None
        if va & (size - 1) & slots[entry + 3]:
            return None
        return (va + slots[entry + 1]) & state.MASK64, slots[entry + 2], slots[entry + 3] >> state.RECORD_SHIFT

    def flush(self) -> None:
        """Forget everything."""
        if self._is_empty:
            return
        self._slots[state.LOAD_TLB : state.SLOTS] = _BLANK
        self._is_empty = True

    def forget_fetch(self, va: int) -> None:
        """Make the next fetch from va's page ask again."""
        self._slots[state.FETCH_TLB + 4 * ((va >> _PAGE_BITS) & _INDEX)] = _NEVER

    def drop(self, va: int, size: int) -> None:
        """Forget a range of addresses in every context (their top bits are not compared: tags and tops vary)."""
        pages = max(1, size >> _PAGE_BITS)
        if pages >= state.TLB_ENTRIES:
            self.flush()
            return
        first = va >> _PAGE_BITS
        for page in range(first, first + pages):
            offset = 4 * (page & _INDEX)
            for table in _TABLES:
                self._slots[table + offset] = _NEVER
