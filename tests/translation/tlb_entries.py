"""TLB entries, operands and registers for tests of the TLB."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from emu.architecture import PA, PAS, MecidSource, Regime, Security
from emu.architecture import VA as Va
from emu.translation.attributes import stage1_attributes
from emu.translation.permissions import ALL
from emu.translation.records import Translation
from emu.translation.tlb import Tlb
from emu.translation.tlb_entry import TlbEntry
from emu.translation.tlbi import Stages
from tests.translation.bench import (
    BASE,
    HCR_VM,
    SCR_STATE,
    TCR_TWO,
    VTCR,
    Bench,
)

VA, IPA, DATA = 0x40_0000, 0x1_0000_0000, BASE + 0x10_0000
NON_SECURE = Security.NON_SECURE
EL1: dict[str, Any] = {"el": 1, "security": NON_SECURE}


def entry(
    stages: Stages = Stages.BOTH,
    regime: Regime = Regime.EL10,
    security: Security = NON_SECURE,
    vmid: int | None = 1,
    asid: int | None = 7,
    base: int = VA,
    size: int = 0x1000,
    ipa_pas: PAS | None = None,
) -> TlbEntry:
    translation = Translation(
        Va(base), size, PA(0), PAS.NON_SECURE, ALL, None, stage1_attributes(0xFF, 3), MecidSource.ZERO, "", 3
    )
    return TlbEntry(stages, regime, security, vmid, asid, translation, None, ipa_pas)


def registers(security: Security = NON_SECURE, hcr: int = HCR_VM, vmid: int = 1) -> dict[str, int]:
    regs: dict[str, int] = defaultdict(int)
    regs.update(SCR_EL3=SCR_STATE[security], HCR_EL2=hcr, VTCR_EL2=VTCR, VTTBR_EL2=vmid << 48, TCR_EL1=TCR_TWO)
    return regs


def removes(name: str, operand: int, held: TlbEntry, regs: dict[str, int] | None = None, el: int = 2) -> bool:
    tlb = Tlb()
    tlb.insert(held)
    removed = tlb.invalidate(name, operand, regs or registers(), el)
    assert removed == (() if len(tlb) else (held,))
    return not len(tlb)


def va_operand(va: int, asid: int = 0) -> int:
    return asid << 48 | va >> 12 & ((1 << 44) - 1)


def range_operand(base: int, scale: int, number: int, *, tg: int = 1, asid: int = 0) -> int:
    granule = {0: 12, 1: 12, 2: 14, 3: 16}[tg]
    return asid << 48 | tg << 46 | scale << 44 | number << 39 | (base >> granule & ((1 << 37) - 1))


def hits(bench: Bench, va: int, **where: Any) -> bool:
    before = len(bench.memory.reads)
    bench.go(va, **where)
    return len(bench.memory.reads) == before
