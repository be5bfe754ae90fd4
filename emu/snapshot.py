"""A whole machine at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from emu.mec.memory import Bookkeeping
from emu.translation.mmu import MmuState


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole machine at one moment; `Machine.restore` returns to it."""

    state: bytes
    pages: dict[int, tuple[bytes, bytes]]
    bookkeeping: Bookkeeping
    mmu: MmuState
    console: bytes
    hits: int
    hit_count: int
    exceptions: int
    devices: tuple[object, ...]
    never_written: frozenset[str]
