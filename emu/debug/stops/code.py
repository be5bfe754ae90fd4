"""Breakpoints at work: which of them are reached at an instruction that is about to be executed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from emu.architecture import PAGE, Access
from emu.debug.stops.point import StopPoint
from emu.debug.stops.specification import CodeStop
from emu.isa.ops import Mode

if TYPE_CHECKING:
    from emu.cpu import Cpu


class Judge(Protocol):
    """Who decides what becomes of a breakpoint that is reached."""

    def reached_code(self, points: Iterable[StopPoint], pc: int) -> bool:
        """Count the points; whether any of them ends the run."""
        ...


class CodeStops:
    """The addresses that engines have to ask about, and the answer: once for each instruction that is executed."""

    def __init__(self, cpu: Cpu, judge: Judge) -> None:
        self._cpu = cpu
        self._judge = judge
        self._virtual: dict[int, tuple[StopPoint, ...]] = {}
        self._physical: dict[int, tuple[StopPoint, ...]] = {}
        self._decided: tuple[int, int] | None = None
        self._answer = False
        self.addresses: frozenset[int] = frozenset()
        """Virtual and physical addresses; both agree in the place within a page, which is what engines look at."""

    def install(self, points: Iterable[StopPoint]) -> None:
        """Watch for these, all of them enabled and with an address."""
        self._virtual, self._physical = {}, {}
        for point in points:
            assert isinstance(point.stop, CodeStop)
            places = self._physical if point.stop.place.is_physical else self._virtual
            for address in point.addresses:
                places[address] = (*places.get(address, ()), point)
        self.addresses = frozenset((*self._virtual, *self._physical))

    def begin(self) -> None:
        """A run begins: what was decided before it counts no longer."""
        self._decided = None

    def stops_before(self, pc: int) -> bool:
        """Whether the run ends before the instruction at pc. Engines may ask more than once about the same one."""
        points = self._virtual.get(pc, ())
        if self._physical:
            points += self._physical_points(pc)
        if not points:
            return False
        here = self._cpu.instructions, pc
        if here != self._decided:
            self._decided = here
            self._answer = self._judge.reached_code(points, pc)
        return self._answer

    def _physical_points(self, pc: int) -> tuple[StopPoint, ...]:
        if not any((pc ^ address) % PAGE == 0 for address in self._physical):
            return ()
        cpu = self._cpu
        where = cpu.mmu.look(cpu.request(pc, 4, Access.FETCH, Mode.NORMAL))
        return () if where is None else self._physical.get(where.pa, ())
