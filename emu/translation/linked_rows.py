"""The rows of the TLB that are in use: found by address, and in the order in which they were filled."""

from __future__ import annotations

from emu import tlb_rows as rows
from emu.tlb_rows import TlbRows

_PAGE_SHIFT = 12


class LinkedRows(TlbRows):
    """Rows linked by age, and by page in buckets; those larger than a page are in a list of their own."""

    __slots__ = ()

    def find(self, space: int, tag: int, address: int) -> int | None:
        """The oldest page row, else the oldest larger one, that translates an address (without tag) here; its number.

        `space` and `tag` are those of `emu.translation.tlb_entry.space_of` and `emu.tlb_rows.tag_of`.
        """
        words = self.words
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
        first = self.large
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

    def by_age(self) -> list[int]:
        """The rows in use, oldest first."""
        words, found = self.words, []
        link = words[rows.OLDEST]
        while link:
            found.append(link - 1)
            link = words[rows.ROWS + (link - 1) * rows.ROW + rows.NEWER]
        return found

    def add(self, space: int, tag: int, base: int, size: int, output: int, leaf: int) -> int:
        """Take a free row for input addresses from `base`; it is the youngest now. There must be one.

        `leaf` is the bytes of the leaf that it comes from. Returns the row's number.
        """
        words = self.words
        link = words[rows.FREE]
        at = rows.ROWS + (link - 1) * rows.ROW
        words[rows.FREE] = words[at + rows.NEXT]
        serial = words[rows.FILLED]
        words[rows.FILLED] = serial + 1
        words[rows.COUNT] += 1
        words[at + rows.TAG] = tag
        words[at + rows.SERIAL] = serial
        words[at + rows.USED] = words[rows.WATCH]
        words[at + rows.CLASS] = 0
        words[at + rows.BASE], words[at + rows.SIZE] = base, size
        words[at + rows.OUTPUT] = output
        words[at + rows.NEXT] = words[at + rows.NEWER] = 0
        newest = words[rows.NEWEST]
        words[at + rows.OLDER] = newest
        words[rows.NEWEST] = link
        if newest:
            words[rows.ROWS + (newest - 1) * rows.ROW + rows.NEWER] = link
        else:
            words[rows.OLDEST] = link
        if size != 1 << _PAGE_SHIFT:
            words[at] = space
            words[at + rows.PLAIN] = 1
            item = self.large + rows.LARGE * words[rows.LARGE_COUNT]
            words[item], words[item + 1], words[item + 2], words[item + 3] = base, size, link, leaf
            words[rows.LARGE_COUNT] += 1
            return link - 1
        page = base >> _PAGE_SHIFT
        words[at] = page << rows.SPACE_BITS | space
        words[at + rows.PLAIN] = int(leaf == size)
        place = rows.HEADS + (page & rows.BUCKETS - 1)
        while words[place]:
            place = rows.ROWS + (words[place] - 1) * rows.ROW + rows.NEXT
        words[place] = link
        return link - 1

    def remove(self, row: int) -> None:
        """Make a row free."""
        words, link = self.words, row + 1
        at = rows.ROWS + row * rows.ROW
        key = words[at]
        older, newer = words[at + rows.OLDER], words[at + rows.NEWER]
        if older:
            words[rows.ROWS + (older - 1) * rows.ROW + rows.NEWER] = newer
        else:
            words[rows.OLDEST] = newer
        if newer:
            words[rows.ROWS + (newer - 1) * rows.ROW + rows.OLDER] = older
        else:
            words[rows.NEWEST] = older
        if words[at + rows.SIZE] != 1 << _PAGE_SHIFT:
            self._unlist(link)
        else:
            place = rows.HEADS + (key >> rows.SPACE_BITS & rows.BUCKETS - 1)
            while words[place] != link:
                place = rows.ROWS + (words[place] - 1) * rows.ROW + rows.NEXT
            words[place] = words[at + rows.NEXT]
        words[at], words[at + rows.NEXT] = rows.UNUSED, words[rows.FREE]
        words[rows.FREE] = link
        words[rows.COUNT] -= 1

    def _unlist(self, link: int) -> None:
        """Take a row from the list of large entries."""
        words, first = self.words, self.large
        words[rows.LARGE_COUNT] -= 1
        end = first + rows.LARGE * words[rows.LARGE_COUNT]
        if words[end + 2] == link:
            return
        at = first
        while words[at + 2] != link:
            at += rows.LARGE
        words[at:end] = memoryview(bytes(words[at + rows.LARGE : end + rows.LARGE])).cast("Q")
