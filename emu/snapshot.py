"""A whole machine at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from emu.mec.cache import CacheState
from emu.mec.memory import Bookkeeping
from emu.mec.rules import CheckerState
from emu.memory import PageCopy
from emu.registers.pending import Pending
from emu.translation.mmu import MmuState
from emu.translation.records import Request


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
