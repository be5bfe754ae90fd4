"""The architectural TLB's storage: rows of words in host memory, which Python and native code read and write alike.

A row that Python made has its entry as an object beside it; one that native code made is a class of translations
(everything but the addresses), two addresses and a moment. Rows are linked twice: by age, and by page in buckets.
Links are row numbers plus 1; 0 ends a list.
"""

from __future__ import annotations

import ctypes
from array import array

# The header, in words.
CAPACITY, COUNT, OLDEST, NEWEST, FREE, FILLED, LARGE_COUNT, LARGE_LIST, WATCH = range(9)
"""LARGE_LIST: host address of the list of entries larger than a page, oldest first. WATCH: see USED."""
BUCKETS = 4096
HEADS = 16
"""First row of each bucket of page entries, oldest first; the bucket is the page number's low bits."""
ROWS = HEADS + BUCKETS
LARGE = 4
"""Words of an item in the list of large entries: base, size, link, bytes of the leaf that it comes from."""
MOST_LARGE = 32
"""With more large entries than that, native code leaves everything to Python."""
# A row, in words.
ROW = 16
(KEY, TAG, NEXT, OLDER, NEWER, SERIAL, CLASS, BASE) = range(8)
(OUTPUT, INSTRUCTION, PC, PLACE, SIZE, PLAIN, MIDDLE, USED) = range(8, 16)
"""KEY: page number << SPACE_BITS | space for a page, space alone for larger entries. TAG: see `tag_of`. SERIAL: the
fill's number. CLASS: number of a class plus 1, or 0. PLACE: exception level | Security state << 2.
PLAIN: 1 for a page whose leaf is no larger, which native code may replace. MIDDLE: of native code's row for both stages
the intermediate address between BASE and OUTPUT. USED: what WATCH was when the entry was made or last answered."""
MOST_CLASSES = 128
"""Classes that have numbers."""
UNUSED = (1 << 64) - 1
"""KEY of a row that holds no entry."""
SPACE_BITS = 6
ASID_MASK = (1 << 20) - 1
_VMID_SHIFT, _IPA_SHIFT = 20, 40


class TlbRows:
    """The words themselves: `words[index]` in Python, `address` for native code."""

    __slots__ = ("_blank", "_buffer", "address", "large", "words")

    def __init__(self, capacity: int) -> None:
        self.large = ROWS + capacity * ROW
        """Where the list of large entries begins."""
        self._buffer = (ctypes.c_uint64 * (self.large + capacity * LARGE))()
        self.address: int = ctypes.addressof(self._buffer)
        self.words: memoryview = memoryview(self._buffer).cast("B").cast("Q")
        self.words[CAPACITY], self.words[LARGE_LIST] = capacity, self.address + 8 * self.large
        free = array("Q", bytes(8 * capacity * ROW))
        free[KEY::ROW] = array("Q", [UNUSED]) * capacity
        free[NEXT::ROW] = array("Q", [*range(2, capacity + 1), 0])
        self._blank = memoryview(free)
        self.clear()

    def clear(self) -> None:
        """No entry is valid; the count of fills goes on."""
        words = self.words
        words[COUNT] = words[OLDEST] = words[NEWEST] = words[LARGE_COUNT] = 0
        words[HEADS:ROWS] = _NO_HEADS
        words[ROWS : self.large] = self._blank
        words[FREE] = 1


_NO_HEADS = memoryview(array("Q", bytes(8 * BUCKETS)))


def tag_of(vmid: int | None, asid: int | None, ipa_pas: int | None) -> int:
    """What an entry is tagged with beside its space: each None is 0, each value itself plus 1, the ASID lowest."""
    tag = 0 if asid is None else asid + 1
    if vmid is not None:
        tag |= vmid + 1 << _VMID_SHIFT
    if ipa_pas is not None:
        tag |= ipa_pas + 1 << _IPA_SHIFT
    return tag


def parts_of(tag: int) -> tuple[int | None, int | None, int | None]:
    """The same back from a tag."""
    asid, vmid, ipa_pas = tag & ASID_MASK, tag >> _VMID_SHIFT & ASID_MASK, tag >> _IPA_SHIFT
    return (vmid - 1 if vmid else None), (asid - 1 if asid else None), (ipa_pas - 1 if ipa_pas else None)
