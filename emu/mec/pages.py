"""The ownership map page by page, as queries and reports show it."""

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
        self._known: dict[int, MecPage] = {}
        self._regions: tuple[tuple[int, int, int], ...] = ()
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

    def pages(self, regions: Iterable[tuple[int, int, int]], owner: Callable[[int], Owner]) -> list[MecPage]:
        """Every page with an owned block of these regions (physical address, arena offset, size), in their order."""
        import numpy as np

        asked = tuple(regions)
        if asked != self._regions:
            self._regions = asked
            self._known.clear()
            self._positions.clear()
            self.forget()
        is_open = np.frombuffer(self._open, dtype=np.uint8)
        changed = np.flatnonzero(np.frombuffer(self._changed, dtype=np.uint8) | is_open)
        if len(changed):
            self._changed[:] = bytes(len(self._changed))
            for start in range(0, len(changed), _AT_ONCE):
                self._summarize(changed[start : start + _AT_ONCE], owner)
            self._list_again(changed.tolist())
        return list(self._listed)

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

    def _summarize(self, numbers: NDArray[np.intp], owner: Callable[[int], Owner]) -> None:
        import numpy as np

        tags = np.frombuffer(self._tags, dtype=np.uint32)
        rows = tags[: len(tags) // _BLOCKS * _BLOCKS].reshape(-1, _BLOCKS)[numbers] & self._mask
        most = rows.max(axis=1)
        owned = np.count_nonzero(rows, axis=1)
        is_mixed = np.count_nonzero(rows == most[:, None], axis=1) != owned
        addresses = np.full(len(numbers), -1, dtype=np.int64)
        for base, start, size in self._regions:
            inside = (numbers >= start >> _SHIFT) & (numbers < (start + size) >> _SHIFT)
            addresses[inside] = (numbers[inside] << _SHIFT) + (base - start)
        owners = {identity: owner(identity) for identity in np.unique(most).tolist() if identity}
        for index, (number, pa, identity, count, mixed) in enumerate(
            zip(numbers.tolist(), addresses.tolist(), most.tolist(), owned.tolist(), is_mixed.tolist(), strict=True)
        ):
            if not identity or pa < 0:
                self._known.pop(number, None)
                continue
            if count == _BLOCKS:  # nothing is left to claim
                self._open[number] = 0
            if mixed:
                row = rows[index]
                ids, counts = np.unique(row[row != 0], return_counts=True)
                who = owner(int(ids[counts.argmax()]))
            else:
                who = owners[identity]
            self._known[number] = MecPage(PA(pa), who.pas, who.mecid, who.generation, mixed, count)
