"""Vectors V1 to V5, V16, V19 and V20 of mec-reference.md 6.5: Realm EL2's own accesses and walks."""

from __future__ import annotations

import pytest

from emu import PAS, MecidSource
from tests.conformance import words as w
from tests.conformance.board import (
    AMEC0,
    AMEC1,
    CODE,
    DAIF,
    EMEC,
    MECEN,
    OPEN,
    SCTLR2EN,
    TCR2EN,
    Board,
    esr,
    spsr,
)
from tests.conformance.realm import (
    ALTERNATE,
    ALTERNATE_PA,
    LOW,
    NON_SECURE,
    NON_SECURE_PA,
    PRIMARY,
    PRIMARY_PA,
    HostTables,
    el2_tables,
    realm_el2,
    realm_el20,
)
from tests.conformance.tables import A1, HIGH, TCR_TWO
from tests.conformance.walks import fetches, walk_hits

HIGH_PRIMARY, HIGH_ALTERNATE, HIGH_NON_SECURE = HIGH + PRIMARY, HIGH + ALTERNATE, HIGH + NON_SECURE
UPPER = 0x1_0000
"""Distance in memory from the pages of the lower half to those of the upper half."""
FOREIGN = 0x77


# V1: E2H=0, P0=5, A0=9.


@pytest.mark.parametrize(("va", "pa", "mecid"), [(PRIMARY, PRIMARY_PA, 5), (ALTERNATE, ALTERNATE_PA, 9)])
def test_v1_a_store_uses_p0_or_a0_by_the_leaf(any_board: Board, va: int, pa: int, mecid: int) -> None:
    realm_el2(any_board)
    any_board.store(va, 0x1122_3344_5566_7788)
    assert any_board.owner(pa) == (PAS.REALM, mecid)
    assert any_board.load(va) == 0x1122_3344_5566_7788
    assert any_board.hits == []


@pytest.mark.parametrize(
    ("va", "pa", "mecid", "source"),
    [(PRIMARY, PRIMARY_PA, 5, MecidSource.P0), (ALTERNATE, ALTERNATE_PA, 9, MecidSource.A0)],
)
def test_v1_a_load_of_foreign_memory_is_a_hit_that_names_the_register(
    any_board: Board, va: int, pa: int, mecid: int, source: MecidSource
) -> None:
    any_board.store_as(FOREIGN, {pa: 1})
    realm_el2(any_board)
    assert any_board.load(va) != 1
    [hit] = any_board.hits
    assert (hit.va, hit.pa, hit.pas, hit.mecid, hit.source, hit.owner) == (va, pa, PAS.REALM, mecid, source, FOREIGN)
    assert (hit.access, hit.size, hit.el) == ("read", 8, 2)


@pytest.mark.parametrize("va", [PRIMARY, ALTERNATE])
def test_v1_walks_use_p0_whatever_the_leaf_says(any_board: Board, va: int) -> None:
    realm_el2(any_board)
    assert fetches(any_board, va) == [(1, 5, MecidSource.P0)] * 3


def test_v1_tables_stored_under_p0_walk(any_board: Board) -> None:
    tables = el2_tables(any_board).put()
    slot = tables.slot(PRIMARY, 3)
    any_board.store_as(5, {slot: tables.entries[slot]})
    realm_el2(any_board, tables)
    any_board.store(PRIMARY, 1)
    assert any_board.owner(PRIMARY_PA) == (PAS.REALM, 5)
    assert any_board.hits == []


def test_v1_tables_stored_under_a0_walk_as_noise(any_board: Board) -> None:
    tables = el2_tables(any_board).put()
    slot = tables.slot(PRIMARY, 3)
    any_board.store_as(9, {slot: tables.entries[slot]})
    realm_el2(any_board, tables)
    any_board.execute(w.mov(1, PRIMARY), w.ldr(0, 1))
    hit = walk_hits(any_board)[0]
    assert (hit.va, hit.pa, hit.mecid, hit.source, hit.owner) == (None, slot, 5, MecidSource.P0, 9)


# V2: E2H=1, P0=1, A0=2, P1=3, A1=4.


@pytest.mark.parametrize("tcr_a1", [0, A1])
@pytest.mark.parametrize(
    ("va", "pa", "mecid", "source"),
    [
        (PRIMARY, PRIMARY_PA, 1, MecidSource.P0),
        (ALTERNATE, ALTERNATE_PA, 2, MecidSource.A0),
        (HIGH_PRIMARY, PRIMARY_PA + UPPER, 3, MecidSource.P1),
        (HIGH_ALTERNATE, ALTERNATE_PA + UPPER, 4, MecidSource.A1),
    ],
)
def test_v2_the_half_and_the_leaf_choose_the_register(
    any_board: Board, tcr_a1: int, va: int, pa: int, mecid: int, source: MecidSource
) -> None:
    realm_el20(any_board, TCR_EL2=TCR_TWO | tcr_a1)
    any_board.store(va, 0x55)
    assert any_board.owner(pa) == (PAS.REALM, mecid)
    assert any_board.load(va) == 0x55
    any_board.store_as(FOREIGN, {pa: 0x66})
    realm_el20(any_board, TCR_EL2=TCR_TWO | tcr_a1)
    assert any_board.load(va) != 0x66
    [hit] = any_board.hits
    assert (hit.mecid, hit.source, hit.owner) == (mecid, source, FOREIGN)


@pytest.mark.parametrize(("tcr_a1", "mecid", "source"), [(0, 3, MecidSource.P1), (A1, 1, MecidSource.P0)])
@pytest.mark.parametrize("va", [PRIMARY, ALTERNATE, HIGH_PRIMARY, HIGH_ALTERNATE])
def test_v2_tcr_a1_chooses_the_register_of_walks_in_both_halves(
    any_board: Board, va: int, tcr_a1: int, mecid: int, source: MecidSource
) -> None:
    realm_el20(any_board, TCR_EL2=TCR_TWO | tcr_a1)
    assert fetches(any_board, va) == [(1, mecid, source)] * 3


@pytest.mark.parametrize(("tcr_a1", "right", "wrong"), [(0, 3, 1), (A1, 1, 3)])
@pytest.mark.parametrize("va", [PRIMARY, HIGH_PRIMARY])
def test_v2_real_walks_read_tables_of_that_context_and_no_other(
    any_board: Board, va: int, tcr_a1: int, right: int, wrong: int
) -> None:
    tables = HostTables(any_board).put()
    slot = (tables.upper if va == HIGH_PRIMARY else tables.lower).slot(va, 3)
    any_board.store_as(right, {slot: tables.entries[slot]})
    realm_el20(any_board, tables, TCR_EL2=TCR_TWO | tcr_a1)
    any_board.store(va, 1)
    assert any_board.hits == []
    any_board.store_as(wrong, {slot: tables.entries[slot]})
    realm_el20(any_board, tables, TCR_EL2=TCR_TWO | tcr_a1)
    any_board.execute(w.mov(1, va), w.ldr(0, 1))
    hit = walk_hits(any_board)[0]
    assert (hit.pa, hit.mecid, hit.owner) == (slot, right, wrong)


# V3: AMEC=1 above, AMEC1=0.


@pytest.mark.parametrize(("is_write", "iss"), [(False, 0b000111), (True, 1 << 6 | 0b000111)])
def test_v3_amec_without_amec1_is_a_translation_fault_at_level_3(board: Board, is_write: bool, iss: int) -> None:
    realm_el20(board, TCR2_EL2=AMEC0)
    taken = board.store_fault(HIGH_ALTERNATE) if is_write else board.load_fault(HIGH_ALTERNATE)
    assert (taken.el, taken.offset) == (2, 0x200)
    assert taken.esr == esr(0x25, iss)
    assert taken.far == HIGH_ALTERNATE
    assert taken.elr == CODE + 4 * len(w.mov(1, HIGH_ALTERNATE))
    assert taken.spsr == DAIF | 0b1001
    assert board.owner(ALTERNATE_PA + UPPER) is None


def test_v3_after_amec1_is_set_the_retry_needs_no_tlbi(any_board: Board) -> None:
    any_board.store_as(4, {ALTERNATE_PA + UPPER: 0x1234})
    realm_el20(any_board, TCR2_EL2=AMEC0)
    any_board.load_fault(HIGH_ALTERNATE)
    any_board.set("TCR2_EL2", AMEC0 | AMEC1)
    any_board.retries()
    assert any_board.x[0] == 0x1234
    assert any_board.hits == []


def test_v3_amec0_alone_governs_the_lower_half(board: Board) -> None:
    realm_el20(board, TCR2_EL2=AMEC1)
    assert board.load_fault(ALTERNATE).esr == esr(0x25, 0b000111)
    realm_el20(board, TCR2_EL2=AMEC0)
    board.store(ALTERNATE, 1)
    assert board.owner(ALTERNATE_PA) == (PAS.REALM, 2)


def test_v3_at_el2_without_e2h_amec0_governs_every_address(board: Board) -> None:
    realm_el2(board, TCR2_EL2=AMEC1)
    taken = board.load_fault(ALTERNATE)
    assert (taken.esr, taken.far) == (esr(0x25, 0b000111), ALTERNATE)


# V4: the leaf is Non-secure.


@pytest.mark.parametrize("tcr2", [0, AMEC0 | AMEC1])
@pytest.mark.parametrize(("va", "pa"), [(NON_SECURE, NON_SECURE_PA), (HIGH_NON_SECURE, NON_SECURE_PA + UPPER)])
def test_v4_amec_on_a_non_secure_leaf_is_ignored(any_board: Board, tcr2: int, va: int, pa: int) -> None:
    realm_el20(any_board, TCR2_EL2=tcr2)
    any_board.store(va, 0x99)
    assert any_board.owner(pa) == (PAS.NON_SECURE, 0)
    assert any_board.load(va) == 0x99


# V5: EMEC=0.


@pytest.mark.parametrize("tcr2", [0, AMEC0 | AMEC1])
@pytest.mark.parametrize(
    ("va", "pa"),
    [
        (PRIMARY, PRIMARY_PA),
        (ALTERNATE, ALTERNATE_PA),
        (HIGH_PRIMARY, PRIMARY_PA + UPPER),
        (HIGH_ALTERNATE, ALTERNATE_PA + UPPER),
    ],
)
def test_v5_without_emec_every_mecid_is_0_and_amec_never_faults(any_board: Board, tcr2: int, va: int, pa: int) -> None:
    realm_el20(any_board, SCTLR2_EL2=0, TCR2_EL2=tcr2)
    any_board.store(va, 0x42)
    assert any_board.owner(pa) == (PAS.REALM, 0)
    assert fetches(any_board, va) == [(1, 0, MecidSource.ZERO)] * 3
    assert any_board.hits == []


def test_v5_at_el2_without_e2h_too(any_board: Board) -> None:
    realm_el2(any_board, SCTLR2_EL2=0, TCR2_EL2=0)
    any_board.store(ALTERNATE, 0x42)
    assert any_board.owner(ALTERNATE_PA) == (PAS.REALM, 0)


def test_realm_el2_with_its_mmu_off_uses_p0(any_board: Board) -> None:
    """1.5 (c)."""
    realm_el2(any_board, SCTLR_EL2=0)
    any_board.store(PRIMARY_PA, 1)
    assert any_board.owner(PRIMARY_PA) == (PAS.REALM, 5)


def test_realm_el20_with_its_mmu_off_uses_p0(any_board: Board) -> None:
    realm_el20(any_board, SCTLR_EL2=0)
    any_board.store(PRIMARY_PA, 1)
    assert any_board.owner(PRIMARY_PA) == (PAS.REALM, 1)


# V16: a new value in a MECID register, and an ISB.


@pytest.mark.parametrize(
    ("register", "va", "pa"),
    [
        ("MECID_P0_EL2", PRIMARY, PRIMARY_PA),
        ("MECID_A0_EL2", ALTERNATE, ALTERNATE_PA),
        ("MECID_P1_EL2", HIGH_PRIMARY, PRIMARY_PA + UPPER),
        ("MECID_A1_EL2", HIGH_ALTERNATE, ALTERNATE_PA + UPPER),
    ],
)
def test_v16_a_new_mecid_acts_through_a_tlb_hit_at_once(any_board: Board, register: str, va: int, pa: int) -> None:
    tables = HostTables(any_board).put()
    realm_el20(any_board, tables)
    any_board.store(va, 0xA)
    cached = len(any_board.machine.tlb.entries())
    any_board.set(register, 0x1EE)
    any_board.store(va + 0x10, 0xB)
    assert len(any_board.machine.tlb.entries()) == cached
    assert any_board.owner(pa + 0x10) == (PAS.REALM, 0x1EE)
    before = len(any_board.hits)
    any_board.set(register, 0x1EF)
    assert any_board.load(va + 0x10) != 0xB
    assert (any_board.hits[before].mecid, any_board.hits[before].owner) == (0x1EF, 0x1EE)
    any_board.set(register, 0x1EE)
    assert any_board.load(va + 0x10) == 0xB


# V19 and V20: SCR_EL3 takes the enables away.


def test_v19_without_tcr2en_an_amec_leaf_faults_though_amec0_is_set(board: Board) -> None:
    realm_el2(board, scr=OPEN & ~TCR2EN, TCR2_EL2=AMEC0)
    taken = board.load_fault(ALTERNATE)
    assert (taken.el, taken.esr, taken.far) == (2, esr(0x25, 0b000111), ALTERNATE)
    board.enter(2)
    realm_el2(board, scr=OPEN & ~TCR2EN, TCR2_EL2=AMEC0)
    board.store(PRIMARY, 1)
    assert board.owner(PRIMARY_PA) == (PAS.REALM, 5)


@pytest.mark.parametrize(
    ("word", "iss"),
    [
        # Op0 3, Op2 3, Op1 4, CRn 2, Rt 6, CRm 0, read; then a write.
        (w.mrs(6, "TCR2_EL2"), 3 << 20 | 3 << 17 | 4 << 14 | 2 << 10 | 6 << 5 | 1),
        (w.msr("TCR2_EL2", 6), 3 << 20 | 3 << 17 | 4 << 14 | 2 << 10 | 6 << 5),
    ],
)
def test_v19_without_tcr2en_access_to_tcr2_traps_to_el3(board: Board, word: int, iss: int) -> None:
    realm_el2(board, scr=OPEN & ~TCR2EN)
    taken = board.takes(word)
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (3, 0x400, esr(0x18, iss), CODE)
    assert taken.spsr == spsr(2)


@pytest.mark.parametrize(("va", "pa"), [(PRIMARY, PRIMARY_PA), (ALTERNATE, ALTERNATE_PA)])
def test_v20_without_sctlr2en_every_mecid_is_0(any_board: Board, va: int, pa: int) -> None:
    realm_el2(any_board, scr=OPEN & ~SCTLR2EN, SCTLR2_EL2=EMEC)
    any_board.store(va, 1)
    assert any_board.owner(pa) == (PAS.REALM, 0)
    assert fetches(any_board, va) == [(1, 0, MecidSource.ZERO)] * 3


@pytest.mark.parametrize(
    ("word", "iss"),
    [
        (w.mrs(7, "SCTLR2_EL2"), 3 << 20 | 3 << 17 | 4 << 14 | 1 << 10 | 7 << 5 | 1),
        (w.msr("SCTLR2_EL2", 7), 3 << 20 | 3 << 17 | 4 << 14 | 1 << 10 | 7 << 5),
    ],
)
def test_v20_without_sctlr2en_access_to_sctlr2_traps_to_el3(board: Board, word: int, iss: int) -> None:
    realm_el2(board, scr=OPEN & ~SCTLR2EN)
    taken = board.takes(word)
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (3, 0x400, esr(0x18, iss), CODE)


@pytest.mark.parametrize(("va", "pa"), [(PRIMARY, PRIMARY_PA), (ALTERNATE, ALTERNATE_PA)])
def test_v10_without_mecen_the_registers_count_as_0(any_board: Board, va: int, pa: int) -> None:
    realm_el2(any_board, scr=OPEN & ~MECEN)
    any_board.store(va, 1)
    assert any_board.owner(pa) == (PAS.REALM, 0)


# What a TLB may keep (1.6).


def test_a_cached_amec_leaf_survives_amec1_being_cleared_until_a_tlbi(board: Board) -> None:
    realm_el20(board)
    board.store(HIGH_ALTERNATE, 1)
    board.set("TCR2_EL2", AMEC0)
    board.execute(w.mov(1, HIGH_ALTERNATE), w.ldr(0, 1))  # may hit, may fault: the manual allows both
    realm_el20(board)
    board.store(HIGH_ALTERNATE, 1)
    board.set("TCR2_EL2", AMEC0)
    board.does(w.sys("TLBI ALLE2"), w.DSB, w.ISB)
    assert board.load_fault(HIGH_ALTERNATE).esr == esr(0x25, 0b000111)


def test_emec_switched_on_acts_after_the_tlbi(any_board: Board) -> None:
    realm_el2(any_board, SCTLR2_EL2=0)
    any_board.store(LOW, 1)
    assert any_board.owner(PRIMARY_PA) == (PAS.REALM, 0)
    any_board.set("SCTLR2_EL2", EMEC)
    any_board.does(w.sys("TLBI ALLE2"), w.DSB, w.ISB)
    any_board.store(LOW + 0x10, 1)
    any_board.store(LOW, 1)
    assert any_board.owner(PRIMARY_PA) == (PAS.REALM, 5)
