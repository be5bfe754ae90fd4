"""The ownership map page by page, as queries and reports show it: objects for few pages, arrays for many."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import BLOCK, PA, PAGE, PAS
from emu.debug.events import Owner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHIFT = PAGE.bit_length() - 1
_BLOCKS = PAGE // BLOCK
_AT_ONCE = 4096
"""Pages whose tags are compared in one operation: a few megabytes."""


@dataclass(frozen=True, slots=True)
class MecPage:
    """A 4 KiB page with at least one owned block.

    The owner named is that of most of its owned blocks; `mixed` says that others exist.
    """

    pa: PA
    pas: PAS
    mecid: int
    generation: int
    mixed: bool
    owned_blocks: int
    """How many of its 256 blocks have any owner."""


@dataclass(frozen=True, slots=True)
class PageTable:
    """Every page with an owned block as arrays of one length, in the order of the regions that were asked for.

    `mixed` and the choice of `owner` as in `MecPage`; `owner` is an owner id (`EncryptedMemory.owner`).
    """

    pa: NDArray[np.int64]
    owner: NDArray[np.uint32]
    owned_blocks: NDArray[np.uint16]
    mixed: NDArray[np.bool_]


class PageMap:
    """Summaries of pages, made again only for pages whose owners changed since somebody looked."""

    def __init__(self, tags: memoryview, mask: int) -> None:
        """`tags` is a view of u32, one for each block; `mask` has the bits of a tag that hold the owner id."""
        self._tags = tags
        self._mask = mask
        count = (len(tags) * BLOCK + PAGE - 1) >> _SHIFT
        self._ever = bytearray(count)
        self._changed = bytearray(count)
        self._open = bytearray(count)
        """Pages whose unowned blocks get owners without a note."""
        self._owner = bytearray(4 * count)
        """For each page the owner id of most of its owned blocks, 0 where there is none: u32."""
        self._owned = bytearray(2 * count)
        """For each page how many blocks are owned: u16."""
        self._mixed = bytearray(count)
        self._regions: tuple[tuple[int, int, int], ...] = ()
        self._table: PageTable | None = None
        self._known: dict[int, MecPage] = {}
        self._unlisted: list[NDArray[np.intp]] = []
        """Pages whose summaries changed since they were listed as objects."""
        self._listed: list[MecPage] = []
        self._positions: dict[int, int] = {}
        """Where each page is in the list."""

    def note(self, offset: int) -> None:
        """A block of the page at this arena offset got another owner."""
        page = offset >> _SHIFT
        self._ever[page] = self._changed[page] = 1

    def open(self, offset: int) -> None:
        """From now on unowned blocks of the page at this arena offset may get owners without a `note`."""
        page = offset >> _SHIFT
        self._open[page] = self._ever[page] = self._changed[page] = 1

    def forget(self) -> None:
        """Tags were written from outside, wherever there had ever been any."""
        self._changed[:] = self._ever

    def table(self, regions: Iterable[tuple[int, int, int]]) -> PageTable:
        """Every page with an owned block of these regions (physical address, arena offset, size), in their order."""
        import numpy as np

        self._refresh(regions)
        if self._table is None:
            owner = np.frombuffer(self._owner, dtype=np.uint32)
            chosen, addresses = [], []
            for base, start, size in self._regions:
                first, last = start >> _SHIFT, (start + size) >> _SHIFT
                numbers = np.flatnonzero(owner[first:last]) + first
                chosen.append(numbers)
                addresses.append((numbers << _SHIFT) + (base - start))
            every = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.intp)
            self._table = PageTable(
                np.concatenate(addresses).astype(np.int64) if addresses else np.zeros(0, dtype=np.int64),
                owner[every],
                np.frombuffer(self._owned, dtype=np.uint16)[every],
                np.frombuffer(self._mixed, dtype=np.bool_)[every],
            )
        return self._table

    def pages(self, regions: Iterable[tuple[int, int, int]], owner: Callable[[int], Owner]) -> list[MecPage]:
        """The same as objects."""
        self._refresh(regions)
        if self._unlisted:
            import numpy as np

            changed = np.unique(np.concatenate(self._unlisted))
            self._unlisted.clear()
            self._build(changed, owner)
            self._list_again(changed.tolist())
        return list(self._listed)

    def _refresh(self, regions: Iterable[tuple[int, int, int]]) -> None:
        """Summaries of the pages that changed."""
        import numpy as np

        asked = tuple(regions)
        if asked != self._regions:
            self._regions = asked
            self._table = None
            self._known.clear()
            self._positions.clear()
            self._owner[:] = bytes(len(self._owner))
            self.forget()
        is_open = np.frombuffer(self._open, dtype=np.uint8)
        changed = np.flatnonzero(np.frombuffer(self._changed, dtype=np.uint8) | is_open)
        if not len(changed):
            return
        self._changed[:] = bytes(len(self._changed))
        for start in range(0, len(changed), _AT_ONCE):
            differing = self._summarize(changed[start : start + _AT_ONCE])
            if len(differing):
                self._unlisted.append(differing)
                self._table = None

    def _summarize(self, numbers: NDArray[np.intp]) -> NDArray[np.intp]:
        """Compares the tags of these pages; returns the pages whose summaries are other ones now."""
        import numpy as np

        tags = np.frombuffer(self._tags, dtype=np.uint32)
        rows = tags[: len(tags) // _BLOCKS * _BLOCKS].reshape(-1, _BLOCKS)[numbers] & self._mask
        most = rows.max(axis=1)
        owned = np.count_nonzero(rows, axis=1)
        is_mixed = (owned > 0) & (np.count_nonzero(rows == most[:, None], axis=1) != owned)
        for index in np.flatnonzero(is_mixed).tolist():
            row = rows[index]
            ids, counts = np.unique(row[row != 0], return_counts=True)
            most[index] = ids[counts.argmax()]
        np.frombuffer(self._open, dtype=np.uint8)[numbers[owned == _BLOCKS]] = 0  # nothing is left to claim
        known = (
            (np.frombuffer(self._owner, dtype=np.uint32), most),
            (np.frombuffer(self._owned, dtype=np.uint16), owned),
            (np.frombuffer(self._mixed, dtype=np.bool_), is_mixed),
        )
        differs = np.zeros(len(numbers), dtype=np.bool_)
        for old, new in known:
            differs |= old[numbers] != new
            old[numbers] = new
        return numbers[differs]

    def _build(self, numbers: NDArray[np.intp], owner: Callable[[int], Owner]) -> None:
        """Objects for these pages."""
        import numpy as np

        addresses = np.full(len(numbers), -1, dtype=np.int64)
        for base, start, size in self._regions:
            inside = (numbers >= start >> _SHIFT) & (numbers < (start + size) >> _SHIFT)
            addresses[inside] = (numbers[inside] << _SHIFT) + (base - start)
        identities = np.frombuffer(self._owner, dtype=np.uint32)[numbers]
        owners = {identity: owner(identity) for identity in np.unique(identities).tolist() if identity}
        owned = np.frombuffer(self._owned, dtype=np.uint16)[numbers]
        is_mixed = np.frombuffer(self._mixed, dtype=np.bool_)[numbers]
        for number, pa, identity, count, mixed in zip(
            numbers.tolist(), addresses.tolist(), identities.tolist(), owned.tolist(), is_mixed.tolist(), strict=True
        ):
            if not identity or pa < 0:
                self._known.pop(number, None)
                continue
            who = owners[identity]
            self._known[number] = MecPage(PA(pa), who.pas, who.mecid, who.generation, mixed, count)

    def _list_again(self, changed: list[int]) -> None:
        if all((number in self._known) and (number in self._positions) for number in changed):
            for number in changed:
                self._listed[self._positions[number]] = self._known[number]
            return
        order = self._order()
        self._listed = [self._known[number] for number in order]
        self._positions = {number: position for position, number in enumerate(order)}

    def _order(self) -> list[int]:
        """Numbers of the pages that have an owner, region by region."""
        import numpy as np

        numbers = np.fromiter(self._known, dtype=np.int64, count=len(self._known))
        numbers.sort()
        found: list[int] = []
        for _, start, size in self._regions:
            first, last = np.searchsorted(numbers, (start >> _SHIFT, (start + size) >> _SHIFT))
            found += numbers[first:last].tolist()
        return found
