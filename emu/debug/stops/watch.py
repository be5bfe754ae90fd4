"""Watchpoints at work: which accesses touch a watched range, and what is known about each.

Engines keep no fast way to a page that `withholds` names, so that every access to it comes through the CPU model, which
tells here. All other pages are as fast as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import PA, PAGE, PAS, Access, MecidSource
from emu.debug.events import Owner
from emu.debug.stops.point import StopPoint
from emu.debug.stops.specification import WatchStop

if TYPE_CHECKING:
    from emu.cpu import Cpu
    from emu.translation.mmu import Located

_ADDRESS = (1 << 56) - 1
"""Bits of a virtual address that are compared: not those that may be a tag."""

Pieces = Sequence[tuple[int, int, "Located"]]
"""(virtual address, bytes, where) of the parts of an access, one for each page it touches."""


@dataclass(frozen=True, slots=True)
class Accessed:
    """One access to memory that a watchpoint may be interested in."""

    access: Access
    """Descriptor fetches are WALK, and so are updates of descriptors, which have an `old`."""
    va: int | None
    """None for a table walk's own."""
    pa: PA
    size: int
    value: int
    old: int | None
    """Of a write: what the owner of the memory saw there before; None where that is not known, as for a device."""
    pas: PAS
    mecid: int
    source: MecidSource | None
    owner: Owner | None
    """Who owned the memory before the access."""


class AccessWatch:
    """The watchpoints that are on, by the ranges they watch."""

    def __init__(self, cpu: Cpu, tell: Callable[[Sequence[StopPoint], Accessed], None]) -> None:
        self._cpu = cpu
        self._tell = tell
        self._virtual: list[tuple[int, int, StopPoint]] = []
        self._physical: list[tuple[int, int, StopPoint]] = []

    def install(self, points: Iterable[StopPoint]) -> bool:
        """Watch for these. Returns whether table walks have to be told of."""
        self._virtual, self._physical = [], []
        walks = False
        for point in points:
            stop, start = point.stop, point.address
            assert isinstance(stop, WatchStop)
            assert start is not None
            if stop.place.is_physical:
                self._physical.append((start, start + stop.size, point))
            else:
                start &= _ADDRESS
                self._virtual.append((start, start + stop.size, point))
            walks |= stop.walks
        return walks

    def withholds(self, va: int, pa: int) -> bool:
        """Whether engines must come to the CPU model for every access to this page, given by any address in it."""
        va &= _ADDRESS & ~(PAGE - 1)
        pa &= ~(PAGE - 1)
        return any(first < va + PAGE and va < end for first, end, _ in self._virtual) or any(
            first < pa + PAGE and pa < end for first, end, _ in self._physical
        )

    # What the CPU model tells.

    def loaded(self, va: int, size: int, value: int, pieces: Pieces) -> None:
        """A load was made."""
        points = self._touched(va, size, pieces)
        if points:
            self._report(points, Access.READ, va, size, value, None, pieces[0][2], self._owner(pieces))

    def storing(self, va: int, size: int, value: int, pieces: Pieces) -> Callable[[], None] | None:
        """A store is about to be made; what to call once it was."""
        points = self._touched(va, size, pieces)
        if not points:
            return None
        owner, old = self._owner(pieces), self._old(pieces)
        kept = value & (1 << 8 * size) - 1
        return lambda: self._report(points, Access.WRITE, va, size, kept, old, pieces[0][2], owner)

    def walked(self, pa: PA, pas: PAS, mecid: int, value: int, old: int | None) -> None:
        """A walk read a descriptor, or wrote one where there is an `old` value."""
        points = [
            point
            for first, end, point in self._physical
            if isinstance(point.stop, WatchStop)
            and point.stop.walks
            and first < pa + 8
            and pa < end
            and (point.stop.reads if old is None else point.stop.writes)
            and point.stop.pas in (None, pas)
        ]
        if points:
            owner = self._cpu.memory.owner_of(pa)
            self._tell(points, Accessed(Access.WALK, None, pa, 8, value, old, pas, mecid, None, owner))

    # Inside.

    def _touched(self, va: int, size: int, pieces: Pieces) -> list[StopPoint]:
        start = va & _ADDRESS
        points = [point for first, end, point in self._virtual if first < start + size and start < end]
        for _, length, where in pieces:
            pa = where.pa
            points += [
                point
                for first, end, point in self._physical
                if first < pa + length and pa < end and point not in points
            ]
        return points

    def _report(
        self, points: list[StopPoint], access: Access, va: int, size: int, value: int, old: int | None,
        where: Located, owner: Owner | None,
    ) -> None:  # fmt: skip
        wanted = [point for point in points if _wants(point, access, where.pas)]
        if wanted:
            self._tell(
                wanted, Accessed(access, va, where.pa, size, value, old, where.pas, where.mecid, where.source, owner)
            )

    def _owner(self, pieces: Pieces) -> Owner | None:
        return self._cpu.memory.owner_of(pieces[0][2].pa)

    def _old(self, pieces: Pieces) -> int | None:
        value = shift = 0
        for _, size, where in pieces:
            memory = self._cpu.memory
            if memory.ram_offset(where.pa) is None:
                return None
            if memory.cache is not None:
                part, _ = memory.cache.look(where.pa, size, where.pas, where.mecid)
            else:
                part = int.from_bytes(memory.peek(where.pa, size), "little")
            value |= part << shift
            shift += 8 * size
        return value


def _wants(point: StopPoint, access: Access, pas: PAS) -> bool:
    stop = point.stop
    assert isinstance(stop, WatchStop)
    return (stop.reads if access is Access.READ else stop.writes) and stop.pas in (None, pas)
