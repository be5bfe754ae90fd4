"""The flaws of page tags that mec-reference.md 2.2 and 2.3 list: the machine has none of them.

Those that other files cover are not repeated: a, b, c, d, e (test_stage1_mecid, test_stage2_mecid), f, g, l, m, n, t
(test_memory_models, test_memory_mecid).
"""

from __future__ import annotations

import pytest

from emu import PAS, Security
from emu.debug.events import KeyRefreshed, OwnerChanged
from tests.conformance import words as w
from tests.conformance.board import AMEC0, CODE, DATA, E2H, EMEC, HCR_RW, PAN, SCTLR, SCTLR_M, TGE, Board, esr
from tests.conformance.realm import (
    ALTERNATE,
    ALTERNATE_PA,
    LOW,
    PRIMARY,
    PRIMARY_PA,
    GuestTables,
    el2_tables,
    realm_el1,
    realm_el2,
)
from tests.conformance.tables import AMEC, DEVICE, MAIR, NORMAL, TCR_ONE, TCR_TWO, USER, UXN, XN, Tables

OLD = 0x0123_4567_89AB_CDEF
UART = 0x0900_0000
NV = 1 << 42


# 2.2, remark 2: how many bits of a MECID are kept.


@pytest.mark.parametrize("other", [0x0105, 0x8005, 0x0004, 0x0000, 0xFFFF])
def test_all_sixteen_bits_of_a_mecid_tell_owners_apart(any_board: Board, other: int) -> None:
    any_board.store_as(5, {DATA: OLD})
    any_board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=other)
    assert any_board.load(DATA) != OLD
    assert (any_board.hits[-1].mecid, any_board.hits[-1].owner) == (other, 5)


# 2.2, remark 5 and mistake 14: AMEC is a bit of leaves.


def test_bit_63_of_a_table_descriptor_is_not_amec(any_board: Board) -> None:
    tables = el2_tables(any_board)
    for slot, descriptor in tables.entries.items():
        if descriptor & 3 == 3 and slot != tables.slot(PRIMARY, 3) and slot & ~0xFFF == tables.root:
            tables.entries[slot] |= AMEC
    tables.put()
    realm_el2(any_board, tables, TCR2_EL2=0)
    any_board.store(PRIMARY, OLD)
    assert any_board.owner(PRIMARY_PA) == (PAS.REALM, 5)


# 2.2, remark 12, and flaw r.


def test_a_mismatch_completes_and_takes_no_exception(any_board: Board) -> None:
    any_board.store_as(9, {PRIMARY_PA: OLD})
    realm_el2(any_board)
    before = len(any_board.machine.exceptions)
    any_board.load(PRIMARY)
    any_board.store(PRIMARY + 64, 1)
    assert len(any_board.machine.exceptions) == before


# Flaw h: loads that mismatch must not divert later stores.


def test_stores_after_a_load_that_mismatched_reach_memory(any_board: Board) -> None:
    any_board.store_as(9, {PRIMARY_PA: OLD, PRIMARY_PA + 0x100: OLD})
    realm_el2(any_board)
    for value in (1, 2, 3):
        any_board.load(PRIMARY)
        any_board.store(PRIMARY, value)
        assert any_board.load(PRIMARY) == value
        assert any_board.machine.read(PRIMARY_PA, 8) == value.to_bytes(8, "little")


def test_noise_is_no_channel_between_contexts(board: Board) -> None:
    """What one context stores over its noise changes nothing of what others see elsewhere."""
    board.store_as(9, {PRIMARY_PA: OLD, ALTERNATE_PA: OLD})
    realm_el2(board, MECID_P0_EL2=5, MECID_A0_EL2=7)
    noise = board.load(ALTERNATE)
    board.load(PRIMARY)
    board.store(PRIMARY, 0x1111)
    assert board.load(ALTERNATE) == noise


# Flaw i: looking, probing and address translation change nothing.


@pytest.mark.parametrize(
    "probe",
    [w.sys("AT S1E2R", 1), w.sys((4, 7, 8, 1), 1), w.sys("DC CVAC", 1), w.sys("DC CIVAC", 1), w.sys("DC IVAC", 1)],
    ids=["AT S1E2R", "AT S1E2W", "DC CVAC", "DC CIVAC", "DC IVAC"],
)
def test_probes_leave_owner_and_data(any_board: Board, probe: int) -> None:
    any_board.store_as(9, {PRIMARY_PA: OLD})
    realm_el2(any_board)
    changed: list[object] = []
    any_board.machine.events.subscribe(changed.append, OwnerChanged)
    any_board.does(w.mov(1, PRIMARY), probe)
    any_board.machine.translate(PRIMARY, "write")
    assert any_board.owner(PRIMARY_PA) == (PAS.REALM, 9)
    assert any_board.machine.read(PRIMARY_PA, 8) == OLD.to_bytes(8, "little")
    assert (any_board.hits, changed) == ([], [])


def test_a_store_that_faults_leaves_the_owner(any_board: Board) -> None:
    any_board.store_as(9, {PRIMARY_PA: OLD})
    tables = el2_tables(any_board)
    tables.map(PRIMARY, PRIMARY_PA, NORMAL | XN | 1 << 7)  # read-only
    tables.put()
    realm_el2(any_board, tables)
    any_board.store_fault(PRIMARY)
    assert any_board.owner(PRIMARY_PA) == (PAS.REALM, 9)


# Flaw j: both halves of a read-modify-write use the access's MECID, and the read one sees noise.


@pytest.mark.parametrize(
    ("atomic", "combine"),
    [
        (0xF822_0023, lambda seen, operand: seen + operand),  # LDADD X2, X3, [X1]
        (0xF822_3023, lambda seen, operand: seen | operand),  # LDSET
        (0xF822_8023, lambda _, operand: operand),  # SWP
    ],
    ids=["ldadd", "ldset", "swp"],
)
def test_an_atomic_reads_noise_and_stores_under_its_own_mecid(any_board: Board, atomic: int, combine: object) -> None:
    assert callable(combine)
    any_board.store_as(9, {PRIMARY_PA: OLD, PRIMARY_PA + 8: OLD})
    realm_el2(any_board)
    any_board.does(w.mov(1, PRIMARY), w.mov(2, 0x70), atomic)
    seen = any_board.x[3]
    assert seen != OLD
    assert (any_board.hits[-1].access, any_board.hits[-1].owner, any_board.hits[-1].mecid) == ("read", 9, 5)
    assert any_board.owner(PRIMARY_PA) == (PAS.REALM, 5)
    assert any_board.load(PRIMARY) == combine(seen, 0x70) & (1 << 64) - 1


# Flaw k: other spaces' stores and the loader.


def test_a_non_secure_store_over_realm_data_is_the_non_secure_spaces(any_board: Board) -> None:
    any_board.store_as(5, {DATA: OLD, DATA + 8: OLD})
    any_board.enter(2, Security.NON_SECURE)
    any_board.store(DATA, 1)
    assert any_board.owner(DATA) == (PAS.NON_SECURE, 0)
    any_board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    assert any_board.load(DATA) not in (1, OLD)


def test_an_image_loaded_over_owned_memory_is_readable_by_its_owner(any_board: Board) -> None:
    any_board.store_as(5, {DATA: OLD})
    any_board.machine.load_raw(b"firmware", DATA)
    any_board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    assert any_board.load(DATA) == int.from_bytes(b"firmware", "little")
    assert any_board.hits == []


# Flaw o: devices belong to nobody.


def test_devices_have_no_owner_and_no_key(any_board: Board) -> None:
    tables = el2_tables(any_board)
    tables.map(UART, UART, DEVICE | 1 << 10 | XN)
    tables.put()
    for mecid in (5, 6):
        realm_el2(any_board, tables, MECID_P0_EL2=mecid)
        any_board.does(w.mov(1, UART), w.mov(2, ord("x")), 0xB900_0022)  # STR W2, [X1]
    assert any_board.machine.console == "xx"
    assert any_board.owner(UART) is None
    assert any_board.hits == []


# Flaw p: leaves of every size.


@pytest.mark.parametrize(("level", "size"), [(1, 1 << 30), (2, 1 << 21), (3, 1 << 12)])
@pytest.mark.parametrize(("amec", "mecid"), [(0, 5), (AMEC, 9)])
def test_amec_counts_in_blocks_too(any_board: Board, level: int, size: int, amec: int, mecid: int) -> None:
    va = 0x10_0000_0000
    tables = Tables(any_board).map_code(NORMAL)
    tables.map(va, DATA & -size, NORMAL | XN | amec, level)
    tables.put()
    settings = {
        "SCTLR2_EL2": EMEC, "TCR2_EL2": AMEC0, "MECID_P0_EL2": 5, "MECID_A0_EL2": 9, "TCR_EL2": TCR_ONE,
        "MAIR_EL2": MAIR, "TTBR0_EL2": tables.root, "SCTLR_EL2": SCTLR | SCTLR_M,
    }  # fmt: skip
    any_board.enter(2, Security.REALM, **settings)
    any_board.store(va + (DATA & size - 1), OLD)
    assert any_board.owner(DATA) == (PAS.REALM, mecid)


# Flaw q: PSTATE.PAN and unprivileged accesses choose the same MECIDs.


@pytest.mark.parametrize("pan", [0, PAN])
def test_unprivileged_accesses_and_pan_make_no_difference_to_mecids(any_board: Board, pan: int) -> None:
    tables = Tables(any_board).map_code(NORMAL | UXN)
    tables.map(LOW, DATA, NORMAL | XN | USER)
    tables.map(LOW + 0x1000, DATA + 0x1000, NORMAL | XN | USER | AMEC)
    tables.put()
    settings = {
        "HCR_EL2": HCR_RW | E2H | TGE, "SCTLR2_EL2": EMEC, "TCR2_EL2": AMEC0, "MECID_P0_EL2": 5, "MECID_A0_EL2": 9,
        "TCR_EL2": TCR_TWO, "MAIR_EL2": MAIR, "TTBR0_EL2": tables.root, "SCTLR_EL2": SCTLR | SCTLR_M,
    }  # fmt: skip
    any_board.enter(2, Security.REALM, pstate=pan, **settings)
    for va, mecid in ((LOW, 5), (LOW + 0x1000, 9)):
        any_board.does(w.mov(1, va), w.mov(2, OLD), w.sttr(2, 1), w.ldtr(3, 1))
        assert any_board.x[3] == OLD
        assert any_board.owner(va - LOW + DATA) == (PAS.REALM, mecid)


# Flaw s and remark 6: tags are part of the saved state.


def test_owners_keys_and_data_come_back_with_a_snapshot(any_board: Board) -> None:
    any_board.store_as(5, {DATA: OLD})
    any_board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    machine = any_board.machine
    pages, snapshot = machine.mec.pages(), machine.snapshot()
    refreshed: list[object] = []
    machine.events.subscribe(refreshed.append, KeyRefreshed)
    machine.mec.refresh(5)
    any_board.set("MECID_P0_EL2", 6)
    any_board.store(DATA, 1)
    assert machine.mec.pages() != pages
    machine.restore(snapshot)
    assert machine.mec.pages() == pages
    assert any_board.load(DATA) == OLD
    assert any_board.hits == []
    assert len(refreshed) == 1


# Mistake 25, and a Realm's own EL1 under stage 2 (flaw a).


@pytest.mark.parametrize("written", [1, 8, 15])
def test_a_block_only_partly_rewritten_under_a_new_mecid_is_noise_beside_what_was_written(
    board: Board, written: int
) -> None:
    board.store_as(9, {DATA: OLD, DATA + 8: OLD})
    tables = GuestTables(board).put()
    realm_el1(board, tables)
    for at in range(written):
        board.store_byte(LOW + at, 0x11)
    low, high = board.load(LOW), board.load(LOW + 8)
    seen = low.to_bytes(8, "little") + high.to_bytes(8, "little")
    assert seen[:written] == b"\x11" * written
    assert seen[written:] != (OLD.to_bytes(8, "little") * 2)[written:]
    assert board.owner(DATA) == (PAS.REALM, 7)


# 1.8.


@pytest.mark.parametrize("operation", [(4, 7, 14, 7), (6, 7, 14, 5)], ids=["CIGDPAE", "CIGDPAPA"])
def test_maintenance_of_allocation_tags_is_undefined_without_mte(
    board: Board, operation: tuple[int, int, int, int]
) -> None:
    board.enter(3)
    assert board.takes(w.mov(2, 0), w.sys(operation, 2)).esr == esr(0x00)


def test_cipae_at_el1_is_undefined_even_with_nested_virtualization(board: Board) -> None:
    """1.8 and 7: the choice is UNDEFINED; HCR_EL2.NV does not trap it to EL2."""
    board.enter(1, Security.REALM, HCR_EL2=HCR_RW | NV, at=CODE)
    taken = board.takes(w.sys("DC CIPAE", 2))
    assert (taken.el, taken.esr) == (1, esr(0x00))


# 1.9: a change of a granule's space says nothing of keys; the same bytes under the other context are noise.


def test_contents_do_not_survive_a_change_of_space(any_board: Board) -> None:
    any_board.enter(2, Security.NON_SECURE)
    any_board.store(DATA, OLD)
    any_board.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=5)
    assert any_board.load(DATA) != OLD
    any_board.does(w.mov(1, DATA), w.mov(2, 0), 0xA900_0822)  # STP X2, X2, [X1]
    assert any_board.load(DATA) == 0
