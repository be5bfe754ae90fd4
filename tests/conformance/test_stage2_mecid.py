"""Vectors V6 to V8 of mec-reference.md 6.5: Realm EL1 and EL0, through stage 2."""

from __future__ import annotations

import pytest

from emu import PAS, MecidSource, Security
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, EMEC, HCR_RW, JUMPED, SPARE, Board, esr, spsr
from tests.conformance.realm import LOW, GuestTables, realm_el1
from tests.conformance.tables import AMEC, NORMAL, READ_ONLY, S2_NS, S2_RW, USER, UXN
from tests.conformance.walks import fetches, walk_hits

STAGE1 = [SPARE, SPARE + 0x1000, SPARE + 0x2000, SPARE + 0x3000]
FOREIGN = 0x77


def v6_tables(board: Board) -> GuestTables:
    """Stage 1 tables in pages whose stage 2 leaves have AMEC=1; those of the data and of the code have AMEC=0."""
    tables = GuestTables(board, stage1_pages=list(STAGE1))
    for page in STAGE1:
        tables.stage2.map(page, page, S2_RW | AMEC)
    return tables.put()


def test_v6_data_uses_vmecid_p(any_board: Board) -> None:
    realm_el1(any_board, v6_tables(any_board))
    any_board.store(LOW, 0xABCD)
    assert any_board.owner(DATA) == (PAS.REALM, 7)
    assert any_board.load(LOW) == 0xABCD
    assert any_board.hits == []


def test_v6_a_load_of_foreign_data_names_vmecid_p(any_board: Board) -> None:
    any_board.store_as(FOREIGN, {DATA: 0xABCD})
    realm_el1(any_board, v6_tables(any_board))
    assert any_board.load(LOW) != 0xABCD
    [hit] = any_board.hits
    assert (hit.va, hit.pa, hit.mecid, hit.source, hit.owner) == (LOW, DATA, 7, MecidSource.VP, FOREIGN)


def test_v6_stage_1_fetches_use_vmecid_a_and_stage_2_fetches_vmecid_p(any_board: Board) -> None:
    realm_el1(any_board, v6_tables(any_board))
    stage2_walk = [(2, 7, MecidSource.VP)] * 3
    stage1_fetch = [(1, 8, MecidSource.VA)]
    assert fetches(any_board, LOW) == 3 * (stage2_walk + stage1_fetch) + stage2_walk


def test_v6_real_walks_read_stage_1_tables_of_vmecid_a_and_stage_2_tables_of_vmecid_p(any_board: Board) -> None:
    tables = v6_tables(any_board)
    stage1_leaf, stage2_leaf = tables.stage1.slot(LOW, 3), tables.stage2.slot(DATA, 3)
    any_board.store_as(8, {stage1_leaf: tables.stage1.entries[stage1_leaf]})
    any_board.store_as(7, {stage2_leaf: tables.stage2.entries[stage2_leaf]})
    realm_el1(any_board, tables)
    any_board.store(LOW, 1)
    assert any_board.owner(DATA) == (PAS.REALM, 7)
    assert any_board.hits == []


def test_v6_a_stage_1_table_of_vmecid_p_is_noise_to_the_walk(any_board: Board) -> None:
    tables = v6_tables(any_board)
    leaf = tables.stage1.slot(LOW, 3)
    any_board.store_as(7, {leaf: tables.stage1.entries[leaf]})
    realm_el1(any_board, tables)
    any_board.execute(w.mov(1, LOW), w.ldr(0, 1))
    hit = walk_hits(any_board)[0]
    assert (hit.pa, hit.mecid, hit.source, hit.owner) == (leaf, 8, MecidSource.VA, 7)


def test_v6_a_stage_2_table_of_vmecid_a_is_noise_to_the_walk(any_board: Board) -> None:
    tables = v6_tables(any_board)
    leaf = tables.stage2.slot(DATA, 3)
    any_board.store_as(8, {leaf: tables.stage2.entries[leaf]})
    realm_el1(any_board, tables)
    any_board.execute(w.mov(1, LOW), w.ldr(0, 1))
    hit = walk_hits(any_board)[0]
    assert (hit.pa, hit.mecid, hit.source, hit.owner) == (leaf, 7, MecidSource.VP, 8)


def test_v6_data_through_a_stage_2_leaf_with_amec_uses_vmecid_a_and_needs_no_enable(any_board: Board) -> None:
    """Fact 7: stage 2 has no AMECx, so TCR2_EL2 has no say."""
    tables = GuestTables(any_board)
    tables.stage2.map(DATA, DATA, S2_RW | AMEC)
    realm_el1(any_board, tables.put(), TCR2_EL2=0)
    any_board.store(LOW, 1)
    assert any_board.owner(DATA) == (PAS.REALM, 8)


def test_v6_amec_in_a_stage_1_leaf_of_el1_means_nothing(any_board: Board) -> None:
    tables = GuestTables(any_board)
    tables.stage1.map(LOW, DATA, NORMAL | UXN | AMEC)
    realm_el1(any_board, tables.put())
    any_board.store(LOW, 1)
    assert any_board.owner(DATA) == (PAS.REALM, 7)


def test_v6_el0_uses_the_same_registers(any_board: Board) -> None:
    tables = GuestTables(any_board)
    tables.stage1.map_code(NORMAL | USER | READ_ONLY)
    tables.stage1.map(LOW, DATA, NORMAL | USER)
    realm_el1(any_board, tables.put(), el=0)
    any_board.store(LOW, 1)
    assert any_board.owner(DATA) == (PAS.REALM, 7)


def test_v6_without_emec_stage_2_outputs_mecid_0(any_board: Board) -> None:
    tables = v6_tables(any_board)
    realm_el1(any_board, tables, SCTLR2_EL2=0)
    any_board.store(LOW, 1)
    assert any_board.owner(DATA) == (PAS.REALM, 0)
    assert {mecid for _, mecid, _ in fetches(any_board, LOW)} == {0}


def test_v7_with_both_stages_off_realm_el1_uses_vmecid_p(any_board: Board) -> None:
    any_board.enter(1, Security.REALM, HCR_EL2=HCR_RW, SCTLR2_EL2=EMEC, VMECID_P_EL2=7, VMECID_A_EL2=8)
    any_board.store(DATA, 0x99)
    assert any_board.owner(DATA) == (PAS.REALM, 7)
    assert any_board.load(DATA) == 0x99


def test_v7_stage_1_without_stage_2_walks_and_outputs_under_vmecid_p(any_board: Board) -> None:
    """1.5 (a) and (d): EL1&0 with stage 2 off."""
    tables = GuestTables(any_board).put()
    leaf = tables.stage1.slot(LOW, 3)
    any_board.store_as(7, {leaf: tables.stage1.entries[leaf]})
    realm_el1(any_board, tables, HCR_EL2=HCR_RW)
    any_board.store(LOW, 1)
    assert any_board.owner(DATA) == (PAS.REALM, 7)
    assert fetches(any_board, LOW) == [(1, 7, MecidSource.VP)] * 3
    assert any_board.hits == []


def test_v7_stage_2_without_stage_1_decides_alone(any_board: Board) -> None:
    tables = GuestTables(any_board)
    tables.stage2.map(DATA, DATA, S2_RW | AMEC)
    realm_el1(any_board, tables.put(), SCTLR_EL1=0)
    any_board.store(DATA, 1)
    assert any_board.owner(DATA) == (PAS.REALM, 8)


def non_secure_data(board: Board) -> GuestTables:
    tables = GuestTables(board)
    tables.stage2.map(DATA, DATA, S2_RW | S2_NS)
    return tables.put()


def test_v8_a_non_secure_stage_2_leaf_outputs_the_non_secure_space(any_board: Board) -> None:
    realm_el1(any_board, non_secure_data(any_board))
    any_board.store(LOW, 0x31)
    assert any_board.owner(DATA) == (PAS.NON_SECURE, 0)
    assert any_board.load(LOW) == 0x31


def test_v8_amec_on_such_a_leaf_is_ignored(any_board: Board) -> None:
    tables = GuestTables(any_board)
    tables.stage2.map(DATA, DATA, S2_RW | S2_NS | AMEC)
    realm_el1(any_board, tables.put())
    any_board.store(LOW, 0x31)
    assert any_board.owner(DATA) == (PAS.NON_SECURE, 0)


def test_v8_execution_from_it_is_a_stage_2_permission_fault(board: Board) -> None:
    board.put(DATA, w.NOP)
    realm_el1(board, non_secure_data(board))
    taken = board.takes(w.mov(1, LOW), w.br(1))
    assert (taken.el, taken.offset) == (2, 0x400)
    assert taken.esr == esr(0x20, 0b001111)
    assert (taken.far, taken.elr, taken.spsr) == (LOW, LOW, spsr(1) | JUMPED)


def test_v8_execution_through_a_realm_leaf_is_allowed(board: Board) -> None:
    board.put(DATA, w.NOP, w.svc(3))
    realm_el1(board, GuestTables(board).put())
    taken = board.takes(w.mov(1, LOW), w.br(1))
    assert (taken.el, taken.esr, taken.elr) == (1, esr(0x15, 3), LOW + 8)


@pytest.mark.parametrize(("is_write", "wnr"), [(False, 0), (True, 1 << 6)])
def test_a_stage_1_table_in_a_non_secure_page_is_a_stage_2_permission_fault_on_the_walk(
    board: Board, is_write: bool, wnr: int
) -> None:
    """3.3: a walk of Realm EL1&0 may not leave the Realm. S1PTW=1, so HPFAR_EL2 holds the table's IPA (4.11)."""
    tables = GuestTables(board, stage1_pages=list(STAGE1))
    for page in STAGE1:
        tables.stage2.map(page, page, S2_RW)
    leaf = tables.stage1.slot(LOW, 3)
    tables.stage2.map(leaf & ~0xFFF, leaf & ~0xFFF, S2_RW | S2_NS)
    realm_el1(board, tables.put())
    taken = board.store_fault(LOW) if is_write else board.load_fault(LOW)
    assert (taken.el, taken.offset) == (2, 0x400)
    assert taken.esr == esr(0x24, 1 << 7 | wnr | 0b001111)
    assert (taken.far, taken.elr) == (LOW, CODE + 4 * len(w.mov(1, LOW)))
    assert board.sysreg["HPFAR_EL2"] == leaf >> 12 << 4
