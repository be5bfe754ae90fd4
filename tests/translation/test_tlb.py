"""The architectural TLB: what hits, what TLBI removes (mec-reference.md 4.9), replacement, staleness."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.architecture import PAS, Regime, Security
from emu.translation.records import FaultKind
from emu.translation.tlb import Tlb
from emu.translation.tlb_entry import TlbEntry
from emu.translation.tlbi import Stages
from tests.translation.bench import (
    AF,
    AMEC,
    AMEC0,
    AMEC1,
    BASE,
    EMEC,
    NG,
    READ_ONLY,
    S2_RW,
    SCR_MECEN,
    SCR_SCTLR2EN,
    SCR_TCR2EN,
    TCR_A1,
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
    registers,
    va_operand,
)

# Hits through the MMU


def test_asid_and_global(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF | NG)
    tables.map(VA + 0x1000, DATA, AF)
    bench.regs["TTBR0_EL1"] |= 5 << 48
    for va in (VA, VA + 0x1000):
        assert not hits(bench, va, **EL1)
        assert hits(bench, va, **EL1)
    bench.regs["TTBR0_EL1"] ^= 3 << 48
    assert not hits(bench, VA, **EL1)
    assert hits(bench, VA + 0x1000, **EL1)
    bench.regs["TTBR0_EL1"] ^= 3 << 48
    assert hits(bench, VA, **EL1)


def test_a1_takes_the_asid_from_ttbr1(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | NG)
    bench.regs["TTBR0_EL1"] |= 5 << 48
    bench.regs["TTBR1_EL1"] |= 6 << 48
    bench.regs["TCR_EL1"] |= 1 << 22
    bench.go(VA, **EL1)
    assert [held.asid for held in bench.mmu.tlb.entries()] == [6]


def test_asids_have_8_bits_without_as(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | NG)
    bench.regs["TCR_EL1"] &= ~(1 << 36)
    bench.regs["TTBR0_EL1"] |= 0x1234 << 48
    bench.go(VA, **EL1)
    assert [held.asid for held in bench.mmu.tlb.entries()] == [0x34]


@pytest.mark.parametrize("level", [2, 3])
def test_vmid_separates_guests(bench: Bench, level: int) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, IPA, AF, level)
    stage2 = bench.stage2(vmid=3)
    bench.identity2(stage2)
    stage2.map(IPA, BASE, S2_RW, level)
    bench.go(VA, **EL1)
    assert hits(bench, VA, **EL1)
    bench.regs["VTTBR_EL2"] ^= 7 << 48
    assert not hits(bench, VA, **EL1)


def test_el0_and_el1_share_entries_and_regimes_do_not(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF | 1 << 6)
    bench.el2().map(VA, DATA + 0x1000, AF)
    assert bench.go(VA, **EL1).pa == DATA
    assert hits(bench, VA, el=0, security=NON_SECURE)
    assert bench.go(VA, el=2, security=NON_SECURE).pa == DATA + 0x1000


def test_security_states_do_not_share_entries(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el2().map(VA, DATA, AF)
    bench.go(VA, security=NON_SECURE)
    bench.enter(Security.REALM)
    assert bench.go(VA).pas == PAS.REALM
    bench.enter(NON_SECURE)
    assert bench.go(VA, security=NON_SECURE).pas == PAS.NON_SECURE


def test_stage_2_entries_serve_table_fetches_and_data(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    stage1 = bench.el1()
    stage1.map(VA, IPA, AF)
    stage1.map(VA + 0x1000, IPA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    stage2.map(IPA, DATA, S2_RW)
    bench.go(VA, **EL1)
    bench.memory.reads.clear()
    bench.go(VA + 0x1000, **EL1)
    assert len(bench.memory.reads) == 4, "four stage-1 descriptors, all of stage 2 from the TLB"
    assert {held.stage for held in bench.mmu.tlb.entries()} == {"1+2", "2"}


def test_an_ipa_invalidation_leaves_combined_entries(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, IPA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    stage2.map(IPA, DATA, S2_RW)
    bench.go(VA, **EL1)
    stage2.map(IPA, DATA + 0x1000, S2_RW)
    assert bench.mmu.invalidate("IPAS2E1IS", IPA >> 12, 2) == 1
    assert bench.go(VA, **EL1).pa == DATA, "stale, until VMALLE1"
    bench.mmu.invalidate("VMALLE1IS", 0, 2)
    assert bench.go(VA, **EL1).pa == DATA + 0x1000


def test_a_stage_1_entry_is_not_used_once_stage_2_is_on(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.go(VA, **EL1)
    stage2 = bench.stage2(vmid=0)
    bench.identity2(stage2)
    assert not hits(bench, VA, **EL1)


def test_a_changed_table_is_not_seen_without_tlbi(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF)
    bench.go(VA, **EL1)
    tables.map(VA, DATA + 0x1000, AF)
    assert bench.go(VA, **EL1).pa == DATA
    bench.mmu.invalidate("VAAE1", VA >> 12, 1)
    assert bench.go(VA, **EL1).pa == DATA + 0x1000


def test_faults_are_never_cached(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, READ_ONLY)
    for _ in range(2):
        assert bench.fail(VA, **EL1).kind is FaultKind.ACCESS_FLAG
    tables.map(VA, DATA, AF)
    bench.go(VA, **EL1)


def test_replacement_is_first_in_first_out() -> None:
    bench = Bench(tlb_entries=4)
    bench.enter(NON_SECURE)
    tables = bench.el1()
    gone: list[int] = []
    bench.mmu.tlb.on_removed = lambda held: gone.append(held.base)
    for page in range(6):
        tables.map(VA + (page << 12), DATA, AF)
        bench.go(VA + (page << 12), **EL1)
        bench.go(VA, **EL1) if page < 4 else None
    assert gone == [VA, VA + 0x1000]
    assert [held.base for held in bench.mmu.tlb.entries()] == [VA + (page << 12) for page in range(2, 6)]


def test_removals_are_told(bench: Bench) -> None:
    bench.enter(NON_SECURE)
    bench.el1().map(VA, DATA, AF)
    bench.go(VA, **EL1)
    gone: list[TlbEntry] = []
    bench.mmu.tlb.on_removed = gone.append
    assert bench.mmu.invalidate("VMALLE1", 0, 1) == 1
    assert [held.base for held in gone] == [VA]


@given(
    st.lists(
        st.tuples(st.sampled_from(["in", "va", "asid", "all"]), st.integers(0, 15), st.integers(0, 3)), max_size=60
    )
)
def test_the_index_and_the_list_agree(steps: list[tuple[str, int, int]]) -> None:
    """Lookups through the index find what a plain search of the entries finds."""
    tlb, regs = Tlb(8), registers()
    for what, page, asid in steps:
        base = page << 12
        if what == "in":
            tlb.insert(entry(base=base if asid else base & ~0x3FFF, size=0x1000 if asid else 0x4000, asid=asid or None))
        elif what == "va":
            tlb.invalidate("VAE1", va_operand(base, asid), regs, 1)
        elif what == "asid":
            tlb.invalidate("ASIDE1", asid << 48, regs, 1)
        else:
            tlb.invalidate("VMALLE1", 0, regs, 1)
        for address, tag in product(range(0, 0x1_0000, 0x1000), range(1, 4)):
            found = tlb.lookup(Stages.BOTH, Regime.EL10, NON_SECURE, 1, tag, address)
            fitting = [
                held
                for held in tlb.entries()
                if held.base <= address < held.base + held.size and held.asid in (None, tag)
            ]
            assert (found is None) == (not fitting)
            assert found is None or any(found is held for held in fitting)
        assert len(tlb) <= 8


# A leaf that stage 2 cuts into pieces


def test_any_address_of_the_stage_1_leaf_removes_all_its_pieces(bench: Bench) -> None:
    """A 2 MiB block of stage 1 over 4 KiB pages of stage 2: one TLBI by VA is enough for all of it."""
    bench.enter(NON_SECURE)
    bench.el1().map(VA, IPA, AF, level=2)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    for page in range(3):
        stage2.map(IPA + (page << 12), DATA + (page << 12), S2_RW)
        bench.go(VA + (page << 12), **EL1)
    assert [held.size for held in bench.mmu.tlb.entries() if held.stage == "1+2"] == [0x1000] * 3
    assert bench.mmu.invalidate("VAAE1", VA + 0x1F_F000 >> 12, 1) == 3
    assert {held.stage for held in bench.mmu.tlb.entries()} == {"2"}


# What is remembered of the enables of MEC (mec-reference.md 1.6)


def mec_bench(bench: Bench) -> Tables:
    """Realm EL2 with every register at a number of its own."""
    bench.enter(Security.REALM, mec=True)
    tables = bench.el2()
    bench.regs["TCR2_EL2"] = AMEC0 | AMEC1
    for number, name in enumerate(("P0", "A0", "P1", "A1"), 1):
        bench.regs[f"MECID_{name}_EL2"] = number
    tables.map(VA, DATA, AF)
    tables.map(VA + 0x1000, DATA, AF | AMEC)
    return tables


@pytest.mark.parametrize(
    ("register", "mask"), [("SCTLR2_EL2", EMEC), ("SCR_EL3", SCR_SCTLR2EN), ("SCR_EL3", SCR_MECEN)]
)
def test_enables_of_mec_are_remembered_both_ways(bench: Bench, register: str, mask: int) -> None:
    mec_bench(bench)
    assert bench.go(VA).mecid == 1
    bench.regs[register] &= ~mask
    assert bench.go(VA).mecid == 1, "the entry made under 1 works as before"
    bench.mmu.invalidate("ALLE2", 0, 2)
    assert bench.go(VA).mecid == 0
    bench.regs[register] |= mask
    assert bench.go(VA).mecid == 0, "the entry made under 0 goes on giving MECID 0"
    bench.mmu.invalidate("ALLE2", 0, 2)
    assert bench.go(VA).mecid == 1


@pytest.mark.parametrize(("register", "mask"), [("TCR2_EL2", AMEC0), ("SCR_EL3", SCR_TCR2EN)])
def test_amec_is_remembered_only_while_it_is_1(bench: Bench, register: str, mask: int) -> None:
    mec_bench(bench)
    bench.regs[register] &= ~mask
    assert bench.fail(VA + 0x1000).kind is FaultKind.TRANSLATION
    assert len(bench.mmu.tlb) == 0
    bench.regs[register] |= mask
    assert bench.go(VA + 0x1000).mecid == 2, "0 to 1 needs no TLBI"
    bench.regs[register] &= ~mask
    assert bench.go(VA + 0x1000).mecid == 2, "1 to 0 does"
    bench.mmu.invalidate("VAE2", VA + 0x1000 >> 12, 2)
    assert bench.fail(VA + 0x1000).kind is FaultKind.TRANSLATION


def test_mecid_values_are_never_remembered(bench: Bench) -> None:
    mec_bench(bench)
    for value in (1, 7, 0xFFFF):
        bench.regs["MECID_P0_EL2"] = value
        assert bench.go(VA).mecid == value


def test_a1_changes_the_next_walk_at_once_and_the_asid_with_it(bench: Bench) -> None:
    mec_bench(bench)
    tables = bench.el2(e2h=True)
    for page in range(2):
        tables.map(VA + (page << 12), DATA, AF | NG)
    bench.regs["TTBR0_EL2"] |= 5 << 48
    bench.regs["TTBR1_EL2"] |= 6 << 48
    used = []
    for _ in range(2):
        bench.memory.reads.clear()
        bench.go(VA)
        used.append({mecid for _, _, mecid in bench.memory.reads})
        bench.regs["TCR_EL2"] ^= TCR_A1
    assert used == [{3}, {1}]
    assert [held.asid for held in bench.mmu.tlb.entries()] == [5, 6]


# Forgiving


def test_a_forgiving_tlb_never_contradicts_the_tables() -> None:
    bench = Bench(is_forgiving=True)
    tables = mec_bench(bench)
    assert bench.go(VA).pa == DATA
    tables.map(VA, DATA + 0x1000, AF)
    assert bench.go(VA).pa == DATA + 0x1000
    bench.regs["SCTLR2_EL2"] = 0
    assert bench.go(VA).mecid == 0
    (held,) = bench.mmu.tlb.entries()
    assert bench.mmu.compare(held).is_stale is False
    tables.map(VA, DATA, 0)
    assert bench.fail(VA).kind is FaultKind.ACCESS_FLAG
    assert len(bench.mmu.tlb) == 0


def test_a_forgiving_tlb_follows_stage_2_too() -> None:
    bench = Bench(is_forgiving=True)
    bench.enter(NON_SECURE)
    bench.el1().map(VA, IPA, AF)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    for output in (DATA, DATA + 0x1000):
        stage2.map(IPA, output, S2_RW)
        assert bench.go(VA, **EL1).pa == output
    assert not any(bench.mmu.compare(held).is_stale for held in bench.mmu.tlb.entries())
