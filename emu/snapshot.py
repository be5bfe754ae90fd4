"""A whole machine at one moment: what belongs to it, taken and put back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emu.architecture import PAGE
from emu.errors import EmuError
from emu.mec.cache import CacheState
from emu.mec.memory import Bookkeeping
from emu.mec.rules import CheckerState
from emu.memory import PageCopy
from emu.registers.pending import Pending
from emu.translation.mmu import MmuState
from emu.translation.records import Request

if TYPE_CHECKING:
    from emu.cpu import Cpu
    from emu.debug.exception_log import ExceptionLog
    from emu.debug.wild_guest import WildGuest
    from emu.devices.board import Board
    from emu.devices.console import Console
    from emu.mec.rules import RuleChecker


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole machine at one moment; `Machine.restore` returns to it."""

    state: bytes
    pages: dict[int, PageCopy]
    bookkeeping: Bookkeeping
    cache: CacheState
    mmu: MmuState
    console: bytes
    hits: int
    hit_count: int
    exceptions: int
    devices: tuple[object, ...]
    never_written: frozenset[str]
    pending: dict[str, Pending]
    checker: CheckerState
    last_access: Request | None = None
    """The last data access; None before the first."""
    faults: tuple[int, int] = (0, 0)
    """What the watch over a guest that faults in its own vector remembers."""
    taken_of: object = field(default=None, compare=False, repr=False)
    """Known to the machine it was taken of alone."""


class Moments:
    """Takes snapshots of one machine's parts, and puts them back."""

    def __init__(
        self,
        cpu: Cpu,
        board: Board,
        console: Console,
        exceptions: ExceptionLog,
        checker: RuleChecker,
        wild_guest: WildGuest,
    ) -> None:
        self._cpu, self._memory = cpu, cpu.memory
        self._board, self._console = board, console
        self._exceptions, self._checker, self._wild_guest = exceptions, checker, wild_guest
        self._machine = object()
        """Stands for the machine in its snapshots, which keep nothing of it alive."""

    def take(self, before: Snapshot | None, is_unwanted: Callable[[], bool] | None = None) -> Snapshot:
        """Now. What did not change since `before` is shared with it. Raises UnwantedError once it `is_unwanted`."""
        cpu, memory = self._cpu, self._memory
        return Snapshot(
            cpu.architectural_state(),
            memory.copy_pages({} if before is None else before.pages, is_unwanted),
            memory.encrypted.bookkeeping(),
            CacheState() if memory.cache is None else memory.cache.state(),
            cpu.mmu.snapshot(),
            self._console.printed,
            len(cpu.hits),
            cpu.hit_count,
            len(self._exceptions),
            self._board.snapshot(),
            frozenset(cpu.regs.never_written),
            cpu.acting.pending(),
            self._checker.snapshot(),
            cpu.last_access,
            self._wild_guest.snapshot(),
            self._machine,
        )

    def put_back(self, snapshot: Snapshot) -> None:
        """The moment that a snapshot was taken at. Raises EmuError for one of another machine."""
        if snapshot.taken_of is not self._machine:
            raise EmuError("the snapshot is of another machine: each returns to its own moments alone")
        cpu, memory = self._cpu, self._memory
        for page in memory.restore_pages(snapshot.pages):
            cpu.code_written(page * PAGE, PAGE)
        memory.encrypted.restore(snapshot.bookkeeping)
        if memory.cache is not None:
            memory.cache.restore(snapshot.cache)
        cpu.mmu.restore(snapshot.mmu)
        cpu.flush_translations()
        del cpu.hits[snapshot.hits :]
        cpu.hit_count = snapshot.hit_count
        self._exceptions.cut(snapshot.exceptions)
        self._board.restore(snapshot.devices, snapshot.console)
        cpu.regs.never_written.clear()
        cpu.regs.never_written.update(snapshot.never_written)
        cpu.restore_architectural_state(snapshot.state, snapshot.pending, snapshot.last_access)
        self._checker.restore(snapshot.checker)
        self._wild_guest.restore(snapshot.faults)
