"""A whole machine at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from emu.mec.cache import CacheState
from emu.mec.memory import Bookkeeping
from emu.mec.rules import CheckerState
from emu.memory import PageCopy
from emu.registers.pending import Pending
from emu.translation.mmu import MmuState


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
