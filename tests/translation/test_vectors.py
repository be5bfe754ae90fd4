"""The conformance vectors of mec-reference.md 6.5, as far as they are about translation."""

from __future__ import annotations

import pytest

from emu.architecture import PAS, Access, MecidSource, Security
from emu.features import Features
from emu.translation.faults import fault_status
from emu.translation.records import FaultKind, GpcFailure
from tests.translation.bench import (
    AF,
    AMEC,
    AMEC0,
    AMEC1,
    BASE,
    EMEC,
    HIGH,
    NS,
    NSE,
    S2_NS,
    S2_RW,
    SCR_MECEN,
    SCR_SCTLR2EN,
    SCR_TCR2EN,
    TCR_A1,
    Bench,
    M,
)

DATA = BASE + 0x10_0000
LOW = 0x40_0000


def realm_el2(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    tables = bench.el2()
    tables.map(LOW, DATA, AF)
    tables.map(LOW + 0x1000, DATA + 0x1000, AF | AMEC)
    bench.regs |= {"MECID_P0_EL2": 5, "MECID_A0_EL2": 9, "TCR2_EL2": AMEC0}


def realm_el20(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    tables = bench.el2(e2h=True)
    tables.map(LOW, DATA, AF)
    tables.map(LOW + 0x1000, DATA + 0x1000, AF | AMEC)
    tables.map(LOW + 0x2000, DATA + 0x2000, AF | AMEC | NS)
    bench.regs |= {
        "MECID_P0_EL2": 1,
        "MECID_A0_EL2": 2,
        "MECID_P1_EL2": 3,
        "MECID_A1_EL2": 4,
        "TCR2_EL2": AMEC0 | AMEC1,
    }


def walk_mecids(bench: Bench) -> set[int]:
    found = {mecid for _, pas, mecid in bench.memory.reads if pas == PAS.REALM}
    bench.memory.reads.clear()
    return found


def test_v1_realm_el2_picks_p0_or_a0_by_the_leaf(bench: Bench) -> None:
    realm_el2(bench)
    assert bench.go(LOW).mecid == 5
    assert bench.go(LOW + 0x1000).mecid == 9
    assert walk_mecids(bench) == {5}


@pytest.mark.parametrize(("va", "expected"), [(LOW, 1), (LOW + 0x1000, 2), (HIGH + LOW, 3), (HIGH + LOW + 0x1000, 4)])
def test_v2_realm_el20_picks_by_half_and_leaf(bench: Bench, va: int, expected: int) -> None:
    realm_el20(bench)
    assert bench.go(va).mecid == expected
    assert walk_mecids(bench) == {3}


@pytest.mark.parametrize("va", [LOW, HIGH + LOW])
def test_v2_walks_use_p0_when_tcr_a1_is_set(bench: Bench, va: int) -> None:
    realm_el20(bench)
    bench.regs["TCR_EL2"] |= TCR_A1
    bench.go(va)
    assert walk_mecids(bench) == {1}


def test_v3_amec_without_amec1_faults_at_the_leaf_and_is_not_cached(bench: Bench) -> None:
    realm_el20(bench)
    bench.regs["TCR2_EL2"] = AMEC0
    fault = bench.fail(HIGH + LOW + 0x1000)
    assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, 3)
    assert fault_status(fault) == 0b000111
    assert fault.reason == "leaf has AMEC=1 but TCR2_EL2.AMEC1 is 0 (VA[55]=1)"
    bench.regs["TCR2_EL2"] = AMEC0 | AMEC1
    assert bench.go(HIGH + LOW + 0x1000).mecid == 4


def test_v4_amec_on_a_non_secure_leaf_is_ignored(bench: Bench) -> None:
    realm_el20(bench)
    bench.regs["TCR2_EL2"] = 0
    located = bench.go(HIGH + LOW + 0x2000)
    assert (located.pas, located.mecid, located.source) == (PAS.NON_SECURE, 0, MecidSource.ZERO)


@pytest.mark.parametrize("tcr2", [0, AMEC0 | AMEC1])
def test_v5_without_emec_every_mecid_is_0_and_amec_is_ignored(bench: Bench, tcr2: int) -> None:
    realm_el20(bench)
    bench.regs |= {"SCTLR2_EL2": 0, "TCR2_EL2": tcr2}
    for va in (LOW, LOW + 0x1000, HIGH + LOW, HIGH + LOW + 0x1000):
        assert bench.go(va).mecid == 0
    assert walk_mecids(bench) == {0}


def test_v6_stage_2_leaves_choose_the_mecid_of_tables_and_data(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    stage1, stage2 = bench.el1(), bench.stage2()
    bench.regs |= {"VMECID_P_EL2": 7, "VMECID_A_EL2": 8}
    descriptor = stage1.map(LOW, DATA, AF)
    stage2.map(DATA, DATA, S2_RW)
    for level in range(4):
        page = stage1.slot(LOW, level) & ~0xFFF
        stage2.map(page, page, S2_RW | AMEC)
    located = bench.go(LOW, el=1)
    assert (located.mecid, located.source) == (7, MecidSource.VP)
    stage1_pages = {stage1.slot(LOW, level) & ~0xFFF for level in range(4)}
    assert descriptor & ~0xFFF in stage1_pages
    for pa, pas, mecid in bench.memory.reads:
        assert pas == PAS.REALM
        assert mecid == (8 if pa & ~0xFFF in stage1_pages else 7)
    assert {mecid for _, _, mecid in bench.memory.reads} == {7, 8}


def test_v7_realm_el1_with_both_stages_off_uses_vmecid_p(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    bench.regs["VMECID_P_EL2"] = 7
    located = bench.go(DATA, el=1)
    assert (located.pa, located.mecid, located.source) == (DATA, 7, MecidSource.VP)


def test_v8_a_non_secure_stage_2_leaf_gives_mecid_0_and_no_execution(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    stage1, stage2 = bench.el1(), bench.stage2()
    bench.regs["VMECID_P_EL2"] = 7
    stage1.map(LOW, 0x1_0000_0000, AF)
    bench.identity2(stage2)
    stage2.map(0x1_0000_0000, DATA, S2_RW | S2_NS)
    located = bench.go(LOW, el=1)
    assert (located.pa, located.pas, located.mecid) == (DATA, PAS.NON_SECURE, 0)
    fault = bench.fail(LOW, Access.FETCH, el=1)
    assert (fault.kind, fault.second_stage, fault.level, fault.s1ptw) == (FaultKind.PERMISSION, True, 3, False)
    assert fault.ipa == 0x1_0000_0000


@pytest.mark.parametrize(
    ("bits", "pas", "mecid"),
    [
        (NSE | NS, PAS.REALM, 12),
        (NSE | NS | AMEC, PAS.REALM, 12),
        (NSE, PAS.ROOT, 0),
        (NSE | AMEC, PAS.ROOT, 0),
        (NS, PAS.NON_SECURE, 0),
        (0, PAS.SECURE, 0),
    ],
)
def test_v9_el3_uses_its_own_mecid_for_the_realm_pas(bench: Bench, bits: int, pas: PAS, mecid: int) -> None:
    bench.enter(Security.REALM)
    bench.el3().map(LOW, DATA, AF | bits)
    bench.regs |= {"SCTLR2_EL3": EMEC, "MECID_RL_A_EL3": 12}
    located = bench.go(LOW, el=3, security=Security.ROOT)
    assert (located.pas, located.mecid) == (pas, mecid)
    assert {(pas, mecid) for _, pas, mecid in bench.memory.reads} == {(PAS.ROOT, 0)}


def test_v9_el3_without_its_emec_uses_mecid_0(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    bench.el3().map(LOW, DATA, AF | NSE | NS)
    bench.regs["MECID_RL_A_EL3"] = 12
    assert bench.go(LOW, el=3, security=Security.ROOT).mecid == 0


def test_v10_without_mecen_the_ids_count_as_0(bench: Bench) -> None:
    realm_el2(bench)
    bench.regs["SCR_EL3"] &= ~SCR_MECEN
    assert bench.go(LOW).mecid == 0
    assert bench.go(LOW + 0x1000).mecid == 0
    assert walk_mecids(bench) == {0}


def test_v16_a_new_mecid_is_used_through_an_old_tlb_entry(bench: Bench) -> None:
    realm_el2(bench)
    assert bench.go(LOW + 0x1000).mecid == 9
    bench.memory.reads.clear()
    bench.regs["MECID_A0_EL2"] = 10
    assert bench.go(LOW + 0x1000).mecid == 10
    assert bench.memory.reads == []


def test_v17_granule_protection_knows_nothing_of_mecids(bench: Bench) -> None:
    realm_el2(bench)
    level0, gpt = bench.page() & ~0xFFF, BASE  # a level 0 table of 512 GiB entries, then one level 1 entry per 64 KiB
    bench.regs["GPCCR_EL3"] = 1 << 16 | 3 << 12 | 0xF << 8 | 5 | 9 << 20
    bench.regs["GPTBR_EL3"] = level0 >> 12
    bench.put(level0, gpt | 3)  # 512 GiB of 16-granule entries would be 64 MiB: only those near BASE exist
    for chunk in range(BASE >> 16, (BASE + (8 << 20)) >> 16):
        entry = gpt + 8 * chunk
        bench.put(entry, 0xBBBB_BBBB_BBBB_BBBB)
    chunk = gpt + 8 * (DATA >> 16)
    bench.put(chunk, 0xBBBB_BBBB_BBBB_BB9B)
    assert bench.go(LOW).mecid == 5
    fault = bench.fail(LOW + 0x1000)
    assert fault.kind is FaultKind.GPC
    assert fault.gpc is not None
    assert (fault.gpc.failure, fault.gpc.pa, fault.gpc.gpi) == (GpcFailure.FAIL, DATA + 0x1000, 9)
    assert fault_status(fault) == 0b101000


def test_v18_bits_beyond_the_width_do_not_exist() -> None:
    bench = Bench(Features(mecid_width=8))
    realm_el2(bench)
    bench.regs["MECID_P0_EL2"] = 0x1FFFF
    assert bench.go(LOW).mecid == 0xFF


def test_v19_without_tcr2en_amec0_counts_as_0(bench: Bench) -> None:
    realm_el2(bench)
    bench.regs["SCR_EL3"] &= ~SCR_TCR2EN
    fault = bench.fail(LOW + 0x1000)
    assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, 3)
    assert fault.reason == "leaf has AMEC=1 but TCR2_EL2.AMEC0=1 counts as 0: SCR_EL3.TCR2En=0"


def test_v20_without_sctlr2en_emec_counts_as_0(bench: Bench) -> None:
    realm_el2(bench)
    bench.regs["SCR_EL3"] &= ~SCR_SCTLR2EN
    assert bench.go(LOW).mecid == 0
    assert bench.go(LOW + 0x1000).mecid == 0


def test_mmu_off_at_el20_uses_p0_in_both_halves_of_the_address_space(bench: Bench) -> None:
    realm_el20(bench)
    bench.regs["SCTLR_EL2"] &= ~M
    assert bench.go(DATA).source is MecidSource.P0
    assert bench.go(DATA).mecid == 1


def test_a_cached_entry_made_with_amec1_set_survives_clearing_it(bench: Bench) -> None:
    """1.4: AMECx=1 may be cached, so 1 to 0 needs a TLBI."""
    realm_el20(bench)
    va = HIGH + LOW + 0x1000
    assert bench.go(va).mecid == 4
    bench.regs["TCR2_EL2"] = AMEC0
    assert bench.go(va).mecid == 4
    bench.mmu.invalidate("ALLE2", 0, 2)
    assert bench.fail(va).kind is FaultKind.TRANSLATION


def test_a_cached_entry_keeps_the_emec_it_was_made_under(bench: Bench) -> None:
    """1.6: EMEC may be cached in a TLB."""
    realm_el2(bench)
    assert bench.go(LOW).mecid == 5
    bench.regs["SCTLR2_EL2"] = 0
    assert bench.go(LOW).mecid == 5
    bench.mmu.invalidate("VAE2", LOW >> 12, 2)
    assert bench.go(LOW).mecid == 0


def test_tables_stored_under_another_mecid_walk_as_noise(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    tables = bench.el2()
    bench.regs |= {"MECID_P0_EL2": 5}
    slot = tables.map(LOW, DATA, AF)
    bench.put_as(slot, DATA | AF | 3, PAS.REALM, 6)
    found = bench.mmu.access(bench.request(LOW))
    walk = bench.mmu.explain(bench.request(LOW))
    assert walk.steps[-1].is_mismatch
    assert walk.steps[-1].owner == (PAS.REALM, 6, 0)
    assert walk.steps[-1].descriptor != DATA | AF | 3
    assert getattr(found, "pa", None) != DATA
