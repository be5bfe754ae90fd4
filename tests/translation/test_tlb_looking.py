"""Looking at the TLB: staleness, snapshots, the log of invalidations and what would remove an entry."""

from __future__ import annotations

import pytest

from emu.architecture import PAS, Access, Regime, Security
from emu.translation.invalidations import KEPT, InvalidationLog, removers
from emu.translation.tlb import Tlb
from emu.translation.tlbi import Stages
from tests.translation.bench import (
    AF,
    AMEC,
    AMEC0,
    EMEC,
    HCR_E2H,
    HIGH,
    NG,
    READ_ONLY,
    S2_RW,
    SCR_MECEN,
    Bench,
    Tables,
)
from tests.translation.tlb_entries import (
    DATA,
    EL1,
    IPA,
    NON_SECURE,
    VA,
    entry,
    hits,
    range_operand,
    registers,
    removes,
    va_operand,
)

# Looking


def test_looking_uses_but_never_changes_the_tlb(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    found = bench.mmu.look(bench.request(VA, **EL1))
    assert found is not None
    assert found.pa == DATA
    assert (len(bench.mmu.tlb), bench.memory.reads) == (0, [])
    bench.go(VA, **EL1)
    tables.map(VA, DATA + 0x1000, AF)
    stale = bench.mmu.look(bench.request(VA, **EL1))
    assert stale is not None
    assert stale.pa == DATA
    assert bench.mmu.look(bench.request(VA + 0x1000, **EL1)) is None


def test_staleness_names_the_field(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    tables = bench.el2()
    bench.regs["MECID_P0_EL2"] = 5
    tables.map(VA, DATA, AF)
    bench.go(VA)
    (held,) = bench.mmu.tlb.entries()
    bench.memory.reads.clear()
    assert bench.mmu.staleness(held) is None
    tables.map(VA, DATA + 0x1000, AF)
    assert bench.mmu.staleness(held) == f"address: a fresh walk gives {DATA + 0x1000:#x}"
    tables.map(VA, DATA, AF | READ_ONLY)
    assert bench.mmu.staleness(held) == "permissions: a fresh walk gives r-x ---"
    tables.map(VA, DATA, AF | 1 << 5)
    assert fields(bench) == {"address space": "non-secure", "MECID": "0", "EMEC": "", "permissions": "rw- ---"}
    tables.map(VA, DATA, AF | 1 << 2)
    assert fields(bench) == {"memory type": "Device-nGnRnE, outer shareable"}
    tables.map(VA, DATA, 0)
    found = bench.mmu.compare(held)
    assert (found.is_stale, found.differences) == (True, ())
    assert found.fault.startswith("access flag fault at level 3")
    assert bench.memory.reads == []


def fields(bench: Bench) -> dict[str, str]:
    """What a fresh walk of the only entry gives, by field that differs."""
    (held,) = bench.mmu.tlb.entries()
    return {item.field: item.fresh for item in bench.mmu.compare(held).differences}


def test_staleness_names_size_and_global(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    slot = tables.map(VA, DATA, AF | NG)
    bench.go(VA, **EL1)
    tables.write(slot, DATA | AF | 3)
    assert fields(bench) == {"global": "global"}
    tables.write(slot, DATA | AF | NG | 1 << 52 | 3)
    assert fields(bench) == {"size": "64 KiB at level 3"}


def test_staleness_names_what_changed_of_the_enables(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    bench.regs["TCR2_EL2"] = AMEC0
    tables = bench.el2()
    tables.map(VA, DATA, AF | AMEC)
    bench.go(VA)
    (held,) = bench.mmu.tlb.entries()
    assert bench.mmu.compare(held).causes == ()
    bench.regs["TCR2_EL2"] = 0
    found = bench.mmu.compare(held)
    assert found.fault.startswith("translation fault at level 3")
    assert found.causes == ("created under AMEC0=1, which is 0 now",)
    bench.regs["TCR2_EL2"] = AMEC0
    bench.regs["SCTLR2_EL2"] &= ~EMEC
    assert bench.mmu.compare(held).causes == ("created under EMEC=1, which is 0 now",)
    assert fields(bench) == {"MECID": "0", "EMEC": "0"}
    bench.regs["SCTLR2_EL2"] |= EMEC
    bench.regs["SCR_EL3"] &= ~SCR_MECEN
    assert bench.mmu.compare(held).causes == ("created under SCR_EL3.MECEn=1, which is 0 now",)
    assert fields(bench) == {"MECID": "MECID_A0_EL2, which counts as 0"}


def test_staleness_of_stage_2_entries(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    stage2 = bench.stage2()
    stage2.map(IPA, DATA, S2_RW)
    bench.go(IPA, **EL1)
    (held,) = bench.mmu.tlb.entries()
    assert (held.stage, held.vmid, held.asid, held.base) == ("2", 1, None, IPA)
    assert bench.mmu.staleness(held) is None
    stage2.map(IPA, DATA + 0x1000, S2_RW)
    assert bench.mmu.staleness(held) == f"address: a fresh walk gives {DATA + 0x1000:#x}"


def test_entries_of_other_contexts_are_not_called_stale(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | NG)
    bench.go(VA, **EL1)
    (held,) = bench.mmu.tlb.entries()
    bench.regs["TTBR0_EL1"] = Tables(bench).root | 9 << 48
    assert bench.mmu.staleness(held) is None
    assert bench.mmu.compare(held).incomparable == "ASID 9 is current"


def test_entries_of_other_states_and_regimes_are_not_compared(bench: Bench) -> None:
    """Software keeps one set of EL2 registers for all states: they belong to the current one."""
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    bench.go(VA, security=NON_SECURE)
    (held,) = bench.mmu.tlb.entries()
    bench.enter(Security.REALM)
    assert bench.mmu.compare(held).incomparable == "the state below EL3 is realm now"
    bench.regs["SCR_EL3"] = 1 << 62
    assert bench.mmu.compare(held).incomparable == "the state below EL3 is reserved now"
    bench.enter(NON_SECURE)
    bench.regs["HCR_EL2"] |= HCR_E2H
    assert bench.mmu.compare(held).incomparable == "HCR_EL2.E2H=1 now"


def test_snapshots_bring_the_tlb_back(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.go(VA, **EL1)
    kept = bench.mmu.snapshot()
    bench.mmu.invalidate_all()
    assert len(bench.mmu.tlb) == 0
    bench.mmu.restore(kept)
    assert hits(bench, VA, **EL1)


def test_entries_know_when_they_were_filled(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.time = 1234
    bench.go(VA, **EL1)
    (held,) = bench.mmu.tlb.entries()
    assert held.filled_at is not None
    assert held.filled_at.instruction == 1234


# The log, and what would help


def test_the_log_tells_what_was_asked_and_removed(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | NG)
    bench.regs["TTBR0_EL1"] |= 5 << 48
    bench.go(VA, **EL1)
    bench.time = 99
    bench.mmu.invalidate("TLBI VALE1IS", va_operand(VA, 5) | 0b0111 << 44, 1)
    bench.mmu.invalidate("RVAAE1", range_operand(HIGH + VA, 0, 1) | 2 << 37, 1)
    bench.mmu.invalidate("RIPAS2E1", range_operand(VA, 0, 1, tg=0), 2)
    bench.mmu.invalidate("VMALLS12E1", 0, 2)
    bench.mmu.invalidate("RPALOS", 3 << 44 | 0x20_0000 >> 12, 3)
    bench.mmu.invalidate("PAALL", 0, 3)
    log = bench.mmu.log.entries()
    assert [(item.moment.instruction, item.operation, item.count) for item in log] == [
        (99, "VALE1IS", 1), (99, "RVAAE1", 0), (99, "RIPAS2E1", 0), (99, "VMALLS12E1", 0), (99, "RPALOS", 0),
        (99, "PAALL", 0),
    ]  # fmt: skip
    assert [held.base for held in log[0].removed] == [VA]
    assert [item.text for item in log] == [
        "VA 0x400000, ASID 5, hint: 4 KiB level 3, non-secure EL1&0, VMID 0",
        "VA 0xffff000000400000-0xffff000000403fff, any ASID, hint: level 2, non-secure EL1&0, VMID 0",
        "nothing: the range has no granule, or the state has no such regime",
        "everything, non-secure EL1&0, VMID 0, both stages",
        "PA 0x200000-0x3fffff",
        "all granule protection information",
    ]


def test_the_log_is_bounded_and_part_of_snapshots(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    kept = bench.mmu.snapshot()
    for _ in range(KEPT + 5):
        bench.time += 1
        bench.mmu.invalidate("ALLE2", 0, 2)
    log = bench.mmu.log.entries()
    assert (len(log), log[0].moment.instruction) == (KEPT, 6)
    bench.mmu.restore(kept)
    assert bench.mmu.log.entries() == ()


def test_a_snapshot_makes_nothing_of_the_log_that_nobody_looks_at(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.enter(NON_SECURE)
    for at in range(5):
        bench.time = at
        bench.mmu.invalidate("ALLE2", 0, 2)
    made: list[int] = []
    tell = InvalidationLog._told
    monkeypatch.setattr(InvalidationLog, "_told", lambda log, done: made.append(done[0][0]) or tell(log, done))
    kept = bench.mmu.snapshot()
    assert (made, len(bench.mmu.log)) == ([], 5)
    assert [item.moment.instruction for item in bench.mmu.log.entries(2)] == [3, 4]
    assert made == [3, 4]
    everything = bench.mmu.log.entries()
    bench.mmu.invalidate("ALLE1", 0, 2)
    bench.mmu.restore(kept)
    assert bench.mmu.log.entries() == everything
    assert bench.mmu.log.entries(0) == ()
    assert bench.mmu.log.entries(99) == everything


@pytest.mark.parametrize("stages", list(Stages))
@pytest.mark.parametrize("asid", [None, 7])
@pytest.mark.parametrize("base", [VA, HIGH + VA])
def test_every_remover_removes(stages: Stages, asid: int | None, base: int) -> None:
    """EL1&0; the narrowest first: it must not remove a neighbour."""
    if stages is Stages.STAGE2:
        held = entry(stages, asid=None, base=VA, ipa_pas=PAS.NON_SECURE)
    else:
        held = entry(stages, asid=asid, base=base)
    for operation, operand in removers(held):
        assert removes(operation, operand or 0, held), operation
    operation, operand = removers(held)[0]
    neighbour = entry(stages, asid=held.asid, base=held.base + 0x1000, ipa_pas=held.ipa_pas)
    assert not removes(operation, operand or 0, neighbour)


@pytest.mark.parametrize(("regime", "hcr"), [(Regime.EL2, 0), (Regime.EL20, HCR_E2H), (Regime.EL3, 0)])
def test_every_remover_of_other_regimes_removes(regime: Regime, hcr: int) -> None:
    security = Security.ROOT if regime is Regime.EL3 else NON_SECURE
    held = entry(Stages.STAGE1, regime, security, None, 7 if regime is Regime.EL20 else None)
    for operation, operand in removers(held):
        assert removes(operation, operand or 0, held, registers(hcr=hcr), 3), operation


def test_secure_removers_choose_the_ipa_space() -> None:
    for space in (PAS.SECURE, PAS.NON_SECURE):
        held = entry(Stages.STAGE2, security=Security.SECURE, asid=None, base=IPA, ipa_pas=space)
        for operation, operand in removers(held):
            assert removes(operation, operand or 0, held, registers(Security.SECURE)), operation


def test_fills_and_evictions_are_told_before_removals() -> None:
    tlb, told = Tlb(1), []
    tlb.on_filled = lambda held: told.append(("filled", held.base))
    tlb.on_evicted = lambda held: told.append(("evicted", held.base))
    tlb.on_removed = lambda held: told.append(("removed", held.base))
    tlb.insert(entry())
    tlb.insert(entry(base=VA + 0x1000))
    tlb.invalidate("ALLE1", 0, registers(), 2)
    assert told == [("filled", VA), ("evicted", VA), ("removed", VA), ("filled", VA + 0x1000), ("removed", VA + 0x1000)]


# Uses


def test_walks_ask_the_entries_of_stage_2_for_their_tables(bench: Bench) -> None:
    """Levels 0 to 3 of stage 1, each table in a page of its own; a second walk asks for all of them again."""
    bench.enter(NON_SECURE)
    stage1, stage2 = bench.el1(), bench.stage2()
    stage1.map(VA, IPA, AF)
    stage1.map(VA + 0x1000, IPA + 0x1000, AF)
    slots = [stage1.slot(VA, level) for level in range(4)]
    for slot in slots:
        stage2.map(slot & -0x1000, slot & -0x1000, S2_RW)
    stage2.map(IPA, DATA, S2_RW)
    stage2.map(IPA + 0x1000, DATA, S2_RW)

    def answers() -> dict[tuple[str, int], int]:
        tlb = bench.mmu.tlb
        return {(held.stage, held.base): count for held, count in zip(tlb.entries(), tlb.uses.answers(), strict=True)}

    tables = {("2", slot & -0x1000) for slot in slots}
    assert len(tables) == 4
    bench.go(VA, **EL1)
    assert answers() == dict.fromkeys(tables, 0) | {("2", IPA): 0, ("1+2", VA): 0}
    bench.go(VA + 8, **EL1)
    assert answers() == dict.fromkeys(tables, 0) | {("2", IPA): 0, ("1+2", VA): 1}
    bench.go(VA + 0x1000, **EL1)
    once = dict.fromkeys(tables, 1) | {("2", IPA): 0, ("1+2", VA): 1}
    assert answers() == once | {("2", IPA + 0x1000): 0, ("1+2", VA + 0x1000): 0}


def test_a_fault_by_an_entry_is_an_answer(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | READ_ONLY)
    bench.go(VA, **EL1)
    bench.fail(VA, Access.WRITE, **EL1)
    assert bench.mmu.tlb.uses.answers() == (1,)
    assert bench.mmu.look(bench.request(VA, **EL1)) is not None
    assert bench.mmu.tlb.uses.answers() == (1,)


def test_a_forgiving_tlb_counts_the_uses_that_the_tables_confirm() -> None:
    bench = Bench(is_forgiving=True)
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    bench.go(VA, **EL1)
    bench.go(VA, **EL1)
    assert bench.mmu.tlb.uses.answers() == (1,)
    tables.map(VA, DATA + 0x1000, AF)
    bench.go(VA, **EL1)
    assert bench.mmu.tlb.uses.answers() == (0,)
