"""The ownership map page by page, as queries and reports show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from emu.architecture import BLOCK, PA, PAGE, PAS
from emu.debug.events import Owner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHIFT = PAGE.bit_length() - 1
_BLOCKS = PAGE // BLOCK
_AT_ONCE = 4096
"""Pages whose tags are compared in one operation: a few megabytes."""


Scan = Callable[[int, int, int, int, int], None]
"""Native code that looks at the tags of pages in a row: all host addresses but for the second. (tags of the first page,
how many pages, and for each page: the highest owner id (u32), owned blocks (u16), whether there are others (u8))."""


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


class Pages(Sequence[MecPage]):
    """Summaries of pages at one moment, made into objects one by one as somebody looks at them."""

    def __init__(self, table: PageTable, owners: dict[int, Owner]) -> None:
        """`owners` are those that the table names, by id."""
        self.table = table
        self._owners = owners

    def __len__(self) -> int:
        return len(self.table.pa)

    @overload
    def __getitem__(self, index: int) -> MecPage: ...
    @overload
    def __getitem__(self, index: slice) -> list[MecPage]: ...
    def __getitem__(self, index: int | slice) -> MecPage | list[MecPage]:
        if isinstance(index, slice):
            return list(self._made(index))
        return next(self._made(slice(index, index + 1 or None)), None) or self._missing(index)

    def __iter__(self) -> Iterator[MecPage]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._made(slice(start, start + _AT_ONCE))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(page == same for page, same in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))

    def of(self, owner: Owner) -> list[MecPage]:
        """The pages known by this owner."""
        import numpy as np

        wanted = [identity for identity, held in self._owners.items() if held == owner]
        found = np.flatnonzero(np.isin(self.table.owner, np.array(wanted, dtype=np.uint32)))
        return [self[number] for number in found.tolist()]

    def at(self, pa: int) -> MecPage | None:
        """The page at an address; None where nothing is owned."""
        import numpy as np

        found = np.flatnonzero(self.table.pa == pa & -PAGE)
        return self[int(found[0])] if len(found) else None

    def _missing(self, index: int) -> MecPage:
        raise IndexError(f"there is no page number {index} of {len(self)}")

    def _made(self, part: slice) -> Iterator[MecPage]:
        owners, table = self._owners, self.table
        for pa, identity, count, mixed in zip(
            table.pa[part].tolist(),
            table.owner[part].tolist(),
            table.owned_blocks[part].tolist(),
            table.mixed[part].tolist(),
            strict=True,
        ):
            who = owners[identity]
            yield MecPage(PA(pa), who.pas, who.mecid, who.generation, mixed, count)


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
        self._columns: tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.bool_]] | None = None
        """By page: the owner id it is known by or 0, owned blocks, whether there are other owners."""
        self._regions: tuple[tuple[int, int, int], ...] = ()
        self._listed: Pages | None = None
        self.scan: Scan | None = None
        """Does what `_summary` does for whoever has native code."""

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

    def pages(self, regions: Iterable[tuple[int, int, int]], owner: Callable[[int], Owner]) -> Pages:
        """Every page with an owned block of these regions (physical address, arena offset, size), in their order."""
        import numpy as np

        asked = tuple(regions)
        if self._columns is None:
            count = len(self._ever)
            self._columns = np.zeros(count, np.uint32), np.zeros(count, np.uint16), np.zeros(count, np.bool_)
        is_open = np.frombuffer(self._open, dtype=np.uint8)
        changed = np.flatnonzero(np.frombuffer(self._changed, dtype=np.uint8) | is_open)
        is_other = self._summarize(changed) if len(changed) else False
        if len(changed):
            self._changed[:] = bytes(len(self._changed))
        if self._listed is None or is_other or asked != self._regions:
            self._regions = asked
            self._listed = self._list(owner)
        return self._listed

    def _list(self, owner: Callable[[int], Owner]) -> Pages:
        import numpy as np

        assert self._columns is not None
        identities, counts, mixed = self._columns
        numbers, addresses = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for base, start, size in self._regions:
            found = np.flatnonzero(identities[start >> _SHIFT : start + size >> _SHIFT])
            numbers.append(found + (start >> _SHIFT))
            addresses.append((found << _SHIFT) + base)
        chosen = np.concatenate(numbers)
        held = identities[chosen]
        owners = {identity: owner(identity) for identity in np.flatnonzero(np.bincount(held)).tolist()}
        return Pages(PageTable(np.concatenate(addresses), held, counts[chosen], mixed[chosen]), owners)

    def _summarize(self, numbers: NDArray[np.intp]) -> bool:
        """Look at pages again; returns whether any of them is not what it was."""
        import numpy as np

        assert self._columns is not None
        tags = np.frombuffer(self._tags, dtype=np.uint32)
        rows = tags[: len(tags) // _BLOCKS * _BLOCKS].reshape(-1, _BLOCKS)
        is_other = False
        for start in range(0, len(numbers), _AT_ONCE):
            some = numbers[start : start + _AT_ONCE]
            first, last = int(some[0]), int(some[-1])
            is_run = last - first + 1 == len(some)
            part = rows[first : last + 1] if is_run else rows[some]
            found = self._summary(part)
            identities, counts, mixed = self._columns
            is_same = (
                np.array_equal(identities[some], found[0])
                and np.array_equal(counts[some], found[1])
                and np.array_equal(mixed[some], found[2])
            )
            if not is_same:
                is_other = True
                identities[some], counts[some], mixed[some] = found
            full = some[found[1] == _BLOCKS]  # nothing is left to claim
            np.frombuffer(self._open, dtype=np.uint8)[full] = 0
        return is_other

    def _summary(self, rows: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint16], NDArray[np.bool_]]:
        """The columns for some pages."""
        import numpy as np

        mask = np.uint32(self._mask)
        if self.scan is not None:
            size = len(rows)
            identities, counts = np.zeros(size, np.uint32), np.zeros(size, np.uint16)
            mixed = np.zeros(size, np.bool_)
            places = (array.ctypes.data for array in (identities, counts, mixed))
            self.scan(rows.ctypes.data, size, *places)
        else:
            held = rows & mask
            identities = held.max(axis=1)
            counts = np.count_nonzero(held, axis=1).astype(np.uint16)
            mixed = np.count_nonzero(held == identities[:, None], axis=1) != counts
        rivals = np.flatnonzero(mixed)
        if len(rivals):
            identities[rivals] = _commonest(rows[rivals] & mask)
        return identities, counts, mixed


def _commonest(rows: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """In each row the id other than 0 that most blocks have; of several the lowest."""
    import numpy as np

    ordered = np.sort(rows, axis=1)
    best = np.zeros(len(rows), dtype=np.uint32)
    most = np.zeros(len(rows), dtype=np.int64)
    length = np.zeros(len(rows), dtype=np.int64)
    for block in range(_BLOCKS):
        held = ordered[:, block]
        goes_on = held == ordered[:, block - 1] if block else np.zeros(len(rows), np.bool_)
        length = np.where(goes_on, length + 1, 1)
        is_better = (length > most) & (held != 0)
        most[is_better], best[is_better] = length[is_better], held[is_better]
    return best
