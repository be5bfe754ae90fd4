"""Everything about a machine that looking at it must not change."""

from __future__ import annotations

import hashlib
from typing import Any

import emu


def everything(machine: emu.Machine) -> dict[str, Any]:
    """Registers, engine caches, memory, owners, writers, TLB, cached granules, logs, hits, devices, to be compared."""
    kept = machine.snapshot()
    cpu, memory = machine.cpu, machine.memory
    pages = {page: hashlib.sha256(b"".join(part or b"" for part in copy)).digest() for page, copy in kept.pages.items()}
    return {
        "slots": bytes(cpu.slots),
        "pages": pages,
        "generations": kept.bookkeeping.generations,
        "owner ids": len(memory.encrypted._owners),
        "tlb": kept.mmu.entries,
        "fills": cpu.mmu.tlb.filled,
        "granules": kept.mmu.granules,
        "log": kept.mmu.log,
        "cache": kept.cache,
        "hits": list(machine.mec.hits),
        "hit count": machine.mec.hit_count,
        "exceptions": list(machine.exceptions),
        "count": cpu.exceptions.count,
        "console": machine.console,
        "devices": kept.devices,
        "never written": kept.never_written,
        "pending": kept.pending,
        "stop": cpu.stop,
        "last access": machine.last_access,
        "findings": machine.mec.finding_count,
    }


def compare(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Fails with the name of what is different."""
    assert [name for name in before if before[name] != after[name]] == []
