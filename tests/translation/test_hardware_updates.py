"""FEAT_HAFDBS: hardware sets the Access flag and the dirty state (mec-reference.md 4.8)."""

from __future__ import annotations

from typing import Any

import pytest

from emu.architecture import PAS, Access, Security
from emu.features import Features
from emu.translation.faults import fault_status
from emu.translation.records import FaultKind
from tests.translation.bench import AF, BASE, EL0, READ_ONLY, S2_NORMAL, S2_READ, S2_WRITE, SIZE, Bench, Tables

VA, DATA, IPA = 0x40_0000, BASE + 0x10_0000, 0x5000_0000
TABLE_IPA = 0x6000_0000
HA, HD, HA2, HD2 = 1 << 39, 1 << 40, 1 << 21, 1 << 22
DBM = 1 << 51
EL1: dict[str, Any] = {"el": 1, "security": Security.NON_SECURE}


def word(bench: Bench, pa: int) -> int:
    return int.from_bytes(bench.memory.encrypted.peek(pa - BASE, 8), "little")


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.enter(Security.NON_SECURE)
    return bench


def stage1(bench: Bench, bits: int, control: int = HA | HD) -> int:
    """One page; returns where its descriptor is."""
    slot = bench.el1().map(VA, DATA, bits)
    bench.regs["TCR_EL1"] |= control
    return slot


def test_without_ha_the_access_flag_faults(bench: Bench) -> None:
    slot = stage1(bench, 0, HD)
    assert bench.fail(VA, **EL1).kind is FaultKind.ACCESS_FLAG
    assert not word(bench, slot) & AF


def test_without_the_feature_nothing_is_updated() -> None:
    bench = Bench(Features(hafdbs=0))
    bench.enter(Security.NON_SECURE)
    slot = stage1(bench, DBM | READ_ONLY)
    assert bench.fail(VA, **EL1).kind is FaultKind.ACCESS_FLAG
    assert bench.memory.swaps == []
    assert not word(bench, slot) & AF


def test_the_first_feature_level_has_no_dirty_state() -> None:
    bench = Bench(Features(hafdbs=1))
    bench.enter(Security.NON_SECURE)
    slot = stage1(bench, DBM | READ_ONLY)
    bench.go(VA, **EL1)
    assert word(bench, slot) & AF
    assert bench.fail(VA, Access.WRITE, **EL1).kind is FaultKind.PERMISSION


def test_a_read_sets_the_access_flag_and_no_more(bench: Bench) -> None:
    slot = stage1(bench, DBM | READ_ONLY)
    bench.go(VA, **EL1)
    assert word(bench, slot) == DATA | DBM | READ_ONLY | AF | 3
    assert [held.translation.is_clean for held in bench.mmu.tlb.entries()] == [True]


def test_a_write_through_a_clean_tlb_entry_goes_back_to_the_table(bench: Bench) -> None:
    slot = stage1(bench, DBM | READ_ONLY)
    bench.go(VA, **EL1)
    assert bench.go(VA, Access.WRITE, **EL1).pa == DATA
    assert word(bench, slot) == DATA | DBM | AF | 3
    assert [held.translation.is_clean for held in bench.mmu.tlb.entries()] == [False]
    bench.memory.reads.clear()
    bench.go(VA, Access.WRITE, **EL1)
    assert bench.memory.reads == []


def test_read_only_without_dbm_stays_read_only(bench: Bench) -> None:
    slot = stage1(bench, AF | READ_ONLY)
    assert bench.fail(VA, Access.WRITE, **EL1).kind is FaultKind.PERMISSION
    assert word(bench, slot) & READ_ONLY


def test_a_denied_access_updates_nothing(bench: Bench) -> None:
    slot = stage1(bench, READ_ONLY)
    assert bench.fail(VA, Access.WRITE, **EL1).kind is FaultKind.PERMISSION
    assert not word(bench, slot) & AF


def test_tables_without_writes_keep_dbm_from_working(bench: Bench) -> None:
    tables = bench.el1()
    tables.table_bits = 1 << 62
    slot = tables.map(VA, DATA, AF | DBM | READ_ONLY)
    bench.regs["TCR_EL1"] |= HA | HD
    assert bench.fail(VA, Access.WRITE, **EL1).kind is FaultKind.PERMISSION
    assert word(bench, slot) & READ_ONLY


def test_an_address_translation_sets_the_access_flag_and_never_dirties(bench: Bench) -> None:
    slot = stage1(bench, DBM | READ_ONLY)
    par, fault = bench.mmu.at("S1E1W", VA, 2)  # type: ignore[arg-type]
    assert fault is None
    assert par is not None
    assert not par & 1
    assert word(bench, slot) == DATA | DBM | READ_ONLY | AF | 3


def test_cache_maintenance_never_dirties(bench: Bench) -> None:
    slot = stage1(bench, DBM | READ_ONLY)
    bench.go(VA, Access.WRITE, is_cache_maintenance=True, **EL1)
    assert word(bench, slot) == DATA | DBM | READ_ONLY | AF | 3


def test_looking_changes_nothing(bench: Bench) -> None:
    slot = stage1(bench, DBM | READ_ONLY)
    before = word(bench, slot)
    for access in (Access.READ, Access.WRITE):
        assert bench.mmu.look(bench.request(VA, access, **EL1)) is not None
        walk = bench.mmu.explain(bench.request(VA, access, **EL1))
        assert walk.fault is None
    assert word(bench, slot) == before
    assert bench.memory.swaps == []


def test_the_story_tells_what_hardware_will_do(bench: Bench) -> None:
    stage1(bench, DBM | READ_ONLY)
    meanings = {item.name: item.meaning for item in bench.mmu.explain(bench.request(VA, **EL1)).steps[-1].fields}
    assert meanings["AF"] == "not accessed: hardware sets it with the first access"
    assert meanings["DBM"] == "yes, the leaf is clean: the first store is allowed and clears AP[2]"
    bench.go(VA, Access.WRITE, **EL1)
    meanings = {item.name: item.meaning for item in bench.mmu.explain(bench.request(VA, **EL1)).steps[-1].fields}
    assert meanings["AF"] == "accessed"
    assert meanings["DBM"] == "yes, the leaf is dirty: it has been written"


def test_a_descriptor_that_cannot_be_written_is_an_external_abort(bench: Bench, monkeypatch: Any) -> None:
    stage1(bench, 0)
    monkeypatch.setattr(bench.memory, "swap_u64", lambda *_: None)
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.EXTERNAL_WALK, 3)


def test_a_descriptor_that_changes_meanwhile_is_walked_again(bench: Bench, monkeypatch: Any) -> None:
    slot = stage1(bench, 0)
    swap, changed = bench.memory.swap_u64, []

    def racing(pa: Any, *rest: Any) -> int | None:
        if not changed:
            changed.append(pa)
            bench.put(slot, DATA + 0x1000 | 3)
        return swap(pa, *rest)

    monkeypatch.setattr(bench.memory, "swap_u64", racing)
    assert bench.go(VA, **EL1).pa == DATA + 0x1000
    assert word(bench, slot) == DATA + 0x1000 | AF | 3


# Both stages


def both(bench: Bench, leaf: int, table_bits: int, first: int = AF | EL0) -> tuple[int, Tables, int]:
    """Stage 1 tables at TABLE_IPA; (stage 1 slot, stage 2, stage 2 slot of the last stage 1 table's page)."""
    stage2 = bench.stage2()
    bench.regs["VTCR_EL2"] |= HA2 | HD2
    tables = bench.el1()
    slot = tables.map(VA, IPA, first)
    bench.identity2(stage2, S2_NORMAL | S2_READ | S2_WRITE | AF)
    page = slot & ~0xFFF
    last = stage2.map(TABLE_IPA, page, table_bits)
    upper = tables.slot(VA, 2)
    bench.put(upper, TABLE_IPA | 3)
    stage2.map(IPA, DATA, leaf)
    return slot, stage2, last


def test_stage_2_sets_its_own_flag_and_dirty_state(bench: Bench) -> None:
    _, stage2, _ = both(bench, S2_NORMAL | S2_READ | DBM, S2_NORMAL | S2_READ | AF)
    at = stage2.slot(IPA, 3)
    bench.go(VA, **EL1)
    assert word(bench, at) == DATA | S2_NORMAL | S2_READ | DBM | AF | 3
    bench.go(VA, Access.WRITE, **EL1)
    assert word(bench, at) == DATA | S2_NORMAL | S2_READ | S2_WRITE | DBM | AF | 3
    assert not any(held.translation.is_write_pending for held in bench.mmu.tlb.entries())


def test_an_update_of_a_stage_1_descriptor_is_a_write_at_stage_2(bench: Bench) -> None:
    slot, _, last = both(bench, S2_NORMAL | S2_READ | AF, S2_NORMAL | S2_READ | DBM, first=EL0)
    bench.regs["TCR_EL1"] |= HA
    bench.go(VA, **EL1)
    assert word(bench, slot) & AF
    assert word(bench, last) & (S2_WRITE | AF) == S2_WRITE | AF  # the table's page is dirty now
    assert len(bench.memory.swaps) == 3  # the page's flag by the fetch, its dirty state, the stage 1 flag


def test_without_write_permission_the_update_faults_at_stage_2(bench: Bench) -> None:
    slot, _, _ = both(bench, S2_NORMAL | S2_READ | AF, S2_NORMAL | S2_READ | AF, first=EL0)
    bench.regs["TCR_EL1"] |= HA
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level, fault.second_stage, fault.s1ptw) == (FaultKind.PERMISSION, 3, True, True)
    assert fault.ipa == TABLE_IPA | slot & 0xFFF
    assert not word(bench, slot) & AF


def test_stage_1_is_dirty_even_where_stage_2_then_faults(bench: Bench) -> None:
    first = AF | EL0 | DBM | READ_ONLY
    slot, _, _ = both(bench, S2_NORMAL | S2_READ | AF, S2_NORMAL | S2_READ | S2_WRITE | AF, first=first)
    bench.regs["TCR_EL1"] |= HA | HD
    bench.go(VA, **EL1)
    fault = bench.fail(VA, Access.WRITE, **EL1)
    assert (fault.kind, fault.second_stage, fault.s1ptw) == (FaultKind.PERMISSION, True, False)
    assert not word(bench, slot) & READ_ONLY


def test_updates_use_the_context_of_the_walk() -> None:
    bench = Bench()
    bench.enter(Security.REALM, mec=True)
    bench.regs["MECID_P0_EL2"] = 9
    slot = bench.el2().map(VA, DATA, 0)
    bench.regs["TCR_EL2"] |= 1 << 21
    bench.go(VA)
    assert [(pa, pas, mecid) for pa, pas, mecid, _ in bench.memory.swaps] == [(slot, PAS.REALM, 9)]
    owner = bench.memory.encrypted.owner_at(slot - BASE)
    assert owner is not None
    assert (owner.pas, owner.mecid) == (PAS.REALM, 9)


# Level -1


def test_level_minus_1_has_codes_of_its_own(bench: Bench) -> None:
    bench.el1()
    bench.regs["TCR_EL1"] = 12 | 16 << 16 | 2 << 30 | 6 << 32 | 1 << 59
    bench.regs["TTBR0_EL1"] = bench.page()
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level, fault_status(fault)) == (FaultKind.TRANSLATION, -1, 0b101011)
    bench.regs["TTBR0_EL1"] = BASE + SIZE
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level, fault_status(fault)) == (FaultKind.EXTERNAL_WALK, -1, 0b010011)
    root = bench.page()
    bench.regs["TTBR0_EL1"] = root
    bench.regs["TCR_EL1"] &= ~(7 << 32) | 1 << 32  # 36 bits of output
    bench.put(root, 1 << 40 | 3)
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level, fault_status(fault)) == (FaultKind.ADDRESS_SIZE, -1, 0b101001)


def test_a_txsz_below_its_minimum_is_a_fault(bench: Bench) -> None:
    bench.el1().map(VA, DATA, AF)
    bench.regs["TCR_EL1"] = bench.regs["TCR_EL1"] & ~0x3F | 15
    fault = bench.fail(VA, **EL1)
    assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, 0)
    assert fault.reason == "TCR_ELx.T0SZ is 15, below its minimum of 16"
