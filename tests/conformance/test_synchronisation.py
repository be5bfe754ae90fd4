"""Context synchronisation (mec-reference.md 1.5, 1.6 and 5.4 #8): an MSR the MMU sees acts with the next such event."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import emu
from emu import PAS, Security
from emu.architecture import Access
from emu.debug.events import BarrierExecuted, MecidWritten, PendingUsed, RegisterWritten, Synchronised
from tests.conformance import words as w
from tests.conformance.board import AMEC0, CODE, DATA, E2H, EMEC, HCR_RW, OPEN, SCTLR, SCTLR_M, VECTORS, Board, spsr
from tests.conformance.realm import (
    ALTERNATE,
    ALTERNATE_PA,
    HIGH,
    LOW,
    PRIMARY,
    GuestTables,
    realm_el1,
    realm_el2,
    realm_el20,
)
from tests.conformance.tables import MAIR, NORMAL, TCR_ONE, XN, Tables

EIGHT = bytes(range(8))
PLAIN = int.from_bytes(EIGHT, "little")


@pytest.fixture
def immediate(engine: str) -> Board:
    return Board(engine, sync="immediate")


def alternate_of_9(board: Board) -> None:
    """A doubleword at ALTERNATE under MECID_A0_EL2 = 9, seen from V1's machine with A0 = 4."""
    board.store_as(9, {ALTERNATE_PA: PLAIN})
    realm_el2(board, MECID_A0_EL2=4)


# An ISB forgotten.


def test_without_isb_a_load_still_uses_the_old_mecid(board: Board) -> None:
    alternate_of_9(board)
    board.does(
        w.mov(1, ALTERNATE),
        w.mov(2, 9),
        w.msr("MECID_A0_EL2", 2),
        w.ldr(3, 1),
        w.mrs(4, "MECID_A0_EL2"),
        w.ISB,
        w.ldr(5, 1),
    )
    assert board.x[3] != PLAIN
    assert board.x[4] == 9, "a direct read sees a direct write"
    assert board.x[5] == PLAIN
    assert [(hit.mecid, hit.owner) for hit in board.hits] == [(4, 9)]


def test_without_isb_a_store_still_uses_the_old_mecid(board: Board) -> None:
    alternate_of_9(board)
    board.does(w.mov(1, ALTERNATE), w.mov(2, 7), w.msr("MECID_A0_EL2", 2), w.str_(2, 1))
    assert board.owner(ALTERNATE_PA) == (PAS.REALM, 4)


def test_in_the_immediate_machine_a_forgotten_isb_does_not_show(immediate: Board) -> None:
    alternate_of_9(immediate)
    immediate.does(w.mov(1, ALTERNATE), w.mov(2, 9), w.msr("MECID_A0_EL2", 2), w.ldr(3, 1))
    assert immediate.x[3] == PLAIN
    assert immediate.machine.registers.pending() == {}


def test_of_two_writes_the_last_wins_and_until_then_the_synchronised_value_acts(board: Board) -> None:
    alternate_of_9(board)
    board.does(
        w.mov(1, ALTERNATE), w.mov(2, 9), w.msr("MECID_A0_EL2", 2), w.mov(2, 6), w.msr("MECID_A0_EL2", 2), w.str_(2, 1),
    )  # fmt: skip
    assert board.owner(ALTERNATE_PA) == (PAS.REALM, 4)
    board.does(w.ISB, w.str_(2, 1))
    assert board.owner(ALTERNATE_PA) == (PAS.REALM, 6)


def test_writing_the_acting_value_back_leaves_nothing_to_wait_for(board: Board) -> None:
    alternate_of_9(board)
    board.does(w.mov(2, 9), w.msr("MECID_A0_EL2", 2))
    assert set(board.machine.registers.pending()) == {"MECID_A0_EL2"}
    board.does(w.mov(2, 4), w.msr("MECID_A0_EL2", 2))
    assert board.machine.registers.pending() == {}


def test_pending_tells_both_values_and_when(board: Board) -> None:
    alternate_of_9(board)
    before = board.machine.instructions
    board.does(w.mov(2, 9), w.msr("MECID_A0_EL2", 2), w.NOP)
    [(name, (acting, programmed, moment))] = board.machine.registers.pending().items()
    assert (name, acting, programmed, moment.instruction, moment.el) == ("MECID_A0_EL2", 4, 9, before + 1, 2)


# Whatever the MMU reads waits, and nothing else does.


def test_v16_ids_change_through_a_tlb_hit_with_no_more_than_an_isb(board: Board) -> None:
    """EL2&0's upper half, as RMM's slots: MSR MECID_A1_EL2, ISB, access."""
    realm_el20(board)
    va, pa = HIGH + LOW + 0x1000, DATA + 0x1_1000
    board.store(va, 1)
    assert board.owner(pa) == (PAS.REALM, 4)
    for mecid in (5, 6, 4):
        entries = board.machine.tlb.entries()
        board.does(w.mov(1, va), w.mov(2, mecid), w.msr("MECID_A1_EL2", 2), w.ISB, w.str_(2, 1))
        assert board.owner(pa) == (PAS.REALM, mecid)
        assert board.machine.tlb.entries() == entries


def test_a_fetch_goes_by_the_old_mecid_too(board: Board) -> None:
    """The instructions behind the MSR were stored under MECID 5; P0 becomes 6, which only the ISB makes act."""
    tables = Tables(board)
    tables.map_code(NORMAL)
    tables.map(LOW, DATA, NORMAL)
    code = w.assemble(w.msr("MECID_P0_EL2", 2), w.NOP, w.NOP, w.ISB, w.NOP, w.NOP)
    board.store_as(5, {DATA + at: int.from_bytes(code[at : at + 8], "little") for at in range(0, len(code), 8)})
    realm_el2(board, tables.put())
    board.x[2] = 6
    board.cpu.pc = LOW
    board.machine.run(4)
    assert board.cpu.pc == LOW + 16
    assert board.hits == []
    board.machine.run(1)
    assert [(hit.access, hit.mecid, hit.owner) for hit in board.hits] == [(Access.FETCH, 6, 5)]


def test_a_new_ttbr_waits_and_tables_are_walked_from_the_old_one(board: Board) -> None:
    old, new = Tables(board).map_code(NORMAL), Tables(board).map_code(NORMAL)
    old.map(LOW, DATA, NORMAL | XN)
    new.map(LOW, DATA + 0x1000, NORMAL | XN)
    new.put()
    realm_el2(board, old.put())
    board.machine.write(DATA, (1).to_bytes(8, "little"))
    board.machine.write(DATA + 0x1000, (2).to_bytes(8, "little"))
    tlbi = w.sys("TLBI ALLE2")
    board.does(w.mov(1, LOW), w.mov(2, new.root), w.msr("TTBR0_EL2", 2), tlbi, w.ldr(3, 1), w.ISB, tlbi, w.ldr(4, 1))
    assert (board.x[3], board.x[4]) == (1, 2)


def test_the_mmu_goes_on_with_the_isb(board: Board) -> None:
    tables = Tables(board).map_code(NORMAL)
    tables.map(LOW, DATA, NORMAL | XN)
    realm_el2(board, tables.put(), SCTLR_EL2=SCTLR)
    board.machine.write(DATA, EIGHT)
    board.does(w.mov(1, LOW), w.mov(2, SCTLR | SCTLR_M), w.msr("SCTLR_EL2", 2), w.ISB, w.ldr(3, 1))
    assert board.x[3] == PLAIN
    realm_el2(board, tables, SCTLR_EL2=SCTLR)
    # With the MMU still off the address is a physical one, and nothing is there.
    assert board.takes(w.mov(1, LOW), w.mov(2, SCTLR | SCTLR_M), w.msr("SCTLR_EL2", 2), w.ldr(3, 1)).iss & 0x3F == 0x10


def test_emec_waits(board: Board) -> None:
    realm_el2(board, SCTLR2_EL2=0)
    board.does(w.mov(1, PRIMARY), w.mov(2, EMEC), w.msr("SCTLR2_EL2", 2), w.str_(2, 1))
    assert board.owner(DATA) == (PAS.REALM, 0)


def test_e2h_waits_and_with_it_the_regime(board: Board) -> None:
    realm_el2(board, SCTLR_EL2=SCTLR)
    board.does(w.mov(2, HCR_RW | E2H), w.msr("HCR_EL2", 2))
    assert board.cpu.regime is emu.Regime.EL2
    board.does(w.ISB)
    assert board.cpu.regime is emu.Regime.EL20


def test_pan_and_the_stack_pointer_do_not_wait(board: Board) -> None:
    realm_el2(board)
    board.does(w.mov(2, 0x1000), w.msr("SP_EL0", 2), w.mov(3, 1 << 22), w.msr("PAN", 3), w.msr_immediate("SPSel", 0))
    assert (board.cpu.pan, board.cpu.sp) == (1, 0x1000)
    assert board.machine.registers.pending() == {}


def test_what_a_debugger_writes_acts_at_once(board: Board) -> None:
    alternate_of_9(board)
    board.does(w.mov(2, 6), w.msr("MECID_A0_EL2", 2))
    board.sysreg["MECID_A0_EL2"] = 9
    assert board.machine.registers.pending() == {}
    assert board.load(ALTERNATE) == PLAIN


# What synchronises.


def test_eret_is_enough_for_a_new_vmecid(board: Board) -> None:
    """RMM's REC entry: MSR VMECID_P_EL2 and ERET, with no ISB."""
    tables = GuestTables(board).put()
    realm_el1(board, tables, el=2, VMECID_P_EL2=0, ELR_EL2=CODE + 0x100, SPSR_EL2=spsr(1))
    board.put(CODE + 0x100, w.mov(1, LOW), w.str_(1, 1))
    board.put(CODE, w.mov(2, 7), w.msr("VMECID_P_EL2", 2), w.ERET)
    board.machine.run(3)
    assert (board.cpu.el, board.machine.registers.pending()) == (1, {})
    board.machine.run(len(w.mov(1, LOW)) + 1)
    assert board.owner(DATA) == (PAS.REALM, 7)


def test_an_exception_is_enough(board: Board) -> None:
    """At EL2, an UNDEFINED instruction after the MSR: the handler stores under the new id."""
    realm_el2(board)
    taken = board.takes(w.mov(1, ALTERNATE), w.mov(2, 3), w.msr("MECID_A0_EL2", 2), w.UNALLOCATED)
    assert (taken.el, board.machine.registers.pending()) == (2, {})
    board.put(board.cpu.pc, w.str_(2, 1))
    board.machine.run(1)
    assert board.owner(ALTERNATE_PA) == (PAS.REALM, 3)


def test_the_access_that_faults_was_still_of_the_old_context(board: Board) -> None:
    """MAIR, TCR and AMEC0 = 0 -> 1: the load takes the fault of the old value, its repetition succeeds (1.6, #11)."""
    realm_el2(board, TCR2_EL2=0)
    taken = board.takes(w.mov(1, ALTERNATE), w.mov(2, AMEC0), w.msr("TCR2_EL2", 2), w.ldr(3, 1))
    assert taken.iss & 0x3F == 0b000111
    board.retries()


def test_at_goes_by_the_old_vmecid(board: Board) -> None:
    """The tables of stage 2 belong to MECID 7: AT reads them before the ISB, and noise after it."""
    tables = GuestTables(board)
    board.store_as(7, tables.stage2.entries)
    tables.stage1.put()
    realm_el1(board, tables, el=2)
    at, forget = w.sys("AT S12E1R", 1), w.sys("TLBI ALLE1")
    board.does(
        w.mov(1, LOW), w.mov(2, 6), w.msr("VMECID_P_EL2", 2), at, w.mrs(3, "PAR_EL1"),
        forget, w.ISB, at, w.mrs(4, "PAR_EL1"),
    )  # fmt: skip
    assert board.x[3] & 1 == 0
    assert board.x[3] & 0xF_FFFF_F000 == DATA
    assert board.x[4] & 1 == 1
    assert {hit.mecid for hit in board.hits} == {6}


def test_tlbi_goes_by_the_old_vmid(board: Board) -> None:
    tables = GuestTables(board).put()
    realm_el1(board, tables)
    board.load(LOW)

    def vmids() -> set[int | None]:
        return {entry.vmid for entry in board.machine.tlb.entries() if entry.regime is emu.Regime.EL10}

    assert vmids() == {0}
    other = tables.stage2.root | 5 << 48
    for name, value in {"ELR_EL3": CODE, "SPSR_EL3": spsr(2)}.items():
        board.sysreg[name] = value
    board.cpu.change_stack(2, 1)
    board.cpu.context_changed()
    board.sysreg["SCTLR_EL2"] = SCTLR
    board.cpu.pc = CODE + 0x800
    all_of_vmid = w.sys((4, 8, 7, 6))  # TLBI VMALLS12E1
    board.does(w.mov(2, other), w.msr("VTTBR_EL2", 2), w.ISB, all_of_vmid)
    assert vmids() == {0}
    board.does(w.mov(3, tables.stage2.root), w.msr("VTTBR_EL2", 3), all_of_vmid)
    assert vmids() == {0}, "VMID 5 is still the acting one"
    board.does(w.ISB, all_of_vmid)
    assert vmids() == set()


def test_a_snapshot_keeps_what_waits(board: Board) -> None:
    alternate_of_9(board)
    board.does(w.mov(1, ALTERNATE), w.mov(2, 9), w.msr("MECID_A0_EL2", 2))
    machine = board.machine
    kept, pending = machine.snapshot(), machine.registers.pending()
    board.does(w.ISB, w.ldr(3, 1))
    assert board.x[3] == PLAIN
    machine.restore(kept)
    assert machine.registers.pending() == pending
    board.does(w.ldr(3, 1))
    assert board.x[3] != PLAIN
    board.does(w.ISB, w.ldr(3, 1))
    assert board.x[3] == PLAIN


def test_reset_forgets_what_waits(board: Board) -> None:
    alternate_of_9(board)
    board.does(w.mov(2, 9), w.msr("MECID_A0_EL2", 2))
    board.machine.reset()
    assert board.machine.registers.pending() == {}


# Events.

Recorder = Callable[..., list[object]]


@pytest.fixture
def record(board: Board) -> Recorder:
    def start(*kinds: type) -> list[object]:
        heard: list[object] = []
        board.machine.events.subscribe(heard.append, *kinds)
        return heard

    return start


def test_every_msr_to_a_steering_register_is_told(board: Board, record: Recorder) -> None:
    alternate_of_9(board)
    heard = record(RegisterWritten, MecidWritten)
    board.does(w.mov(2, 0x1_0009), w.msr("MECID_A0_EL2", 2), w.msr("TPIDR_EL2", 2))
    mecid, written = heard
    assert (mecid.register, mecid.old, mecid.new) == ("MECID_A0_EL2", 4, 9)
    assert (written.register, written.old, written.new, written.given) == ("MECID_A0_EL2", 4, 9, 0x1_0009)
    board.sysreg["MECID_P0_EL2"] = 1
    assert [event for event in heard if isinstance(event, RegisterWritten)] == [written]


def test_synchronised_names_the_registers_and_the_cause(board: Board, record: Recorder) -> None:
    realm_el2(board)
    heard = record(Synchronised)
    board.does(w.mov(2, 9), w.ISB, w.msr("MECID_A0_EL2", 2), w.msr("MECID_P1_EL2", 2), w.ISB, w.ISB)
    board.takes(w.mov(2, 8), w.msr("MECID_P1_EL2", 2), w.UNALLOCATED)
    board.put(board.cpu.pc, w.mov(2, 7), w.msr("MECID_P1_EL2", 2), w.ERET)
    board.machine.run(3)
    assert [(event.cause, event.registers) for event in heard] == [
        ("ISB", ("MECID_P1_EL2",)),  # A0 was 9 already
        ("exception entry", ("MECID_P1_EL2",)),
        ("exception return", ("MECID_P1_EL2",)),
    ]


def test_an_access_by_an_old_value_is_told_once_for_each_kind_and_write(board: Board, record: Recorder) -> None:
    alternate_of_9(board)
    heard = record(PendingUsed)
    write = [w.mov(2, 9), w.msr("MECID_A0_EL2", 2)]
    board.does(w.mov(1, ALTERNATE), write, w.ldr(3, 1), w.ldr(3, 1), w.str_(3, 1))
    assert [(event.register, event.access, event.used, event.pending, event.va) for event in heard] == [
        ("MECID_A0_EL2", Access.READ, 4, 9, ALTERNATE), ("MECID_A0_EL2", Access.WRITE, 4, 9, ALTERNATE),
    ]  # fmt: skip
    assert heard[0].written.instruction < heard[0].moment.instruction
    heard.clear()
    board.does(w.ISB, w.ldr(3, 1), w.mov(2, 8), w.msr("MECID_A0_EL2", 2), w.ldr(3, 1))
    assert [(event.used, event.pending) for event in heard] == [(9, 8)]


def test_an_access_that_the_new_value_would_not_change_is_not_told(board: Board, record: Recorder) -> None:
    """Code and the AMEC=0 page go by P0, whatever A0 is; the ISB's own fetch is of no interest either."""
    alternate_of_9(board)
    heard = record(PendingUsed)
    board.does(w.mov(1, PRIMARY), w.mov(2, 9), w.msr("MECID_A0_EL2", 2), w.ldr(3, 1), w.ISB)
    assert heard == []


def test_a_walk_by_an_old_ttbr_is_told_though_the_tlb_will_keep_its_result(board: Board, record: Recorder) -> None:
    old, new = Tables(board).map_code(NORMAL), Tables(board).map_code(NORMAL)
    old.map(LOW, DATA, NORMAL | XN)
    new.map(LOW, DATA + 0x1000, NORMAL | XN)
    new.put()
    realm_el2(board, old.put())
    heard = record(PendingUsed)
    board.does(w.mov(1, LOW), w.mov(2, new.root), w.msr("TTBR0_EL2", 2), w.ldr(3, 1), w.ISB)
    assert [(event.register, event.access) for event in heard] == [("TTBR0_EL2", Access.READ)]


def test_two_registers_that_only_together_change_an_access_are_both_told(board: Board, record: Recorder) -> None:
    """EMEC=0 and P0=0: a new P0 does nothing without EMEC, EMEC nothing without P0."""
    realm_el2(board, SCTLR2_EL2=0, MECID_P0_EL2=0)
    heard = record(PendingUsed)
    board.does(
        w.mov(1, PRIMARY), w.mov(2, 5), w.msr("MECID_P0_EL2", 2), w.mov(2, EMEC), w.msr("SCTLR2_EL2", 2), w.str_(2, 1),
    )  # fmt: skip
    assert {event.register for event in heard if event.access is Access.WRITE} == {"MECID_P0_EL2", "SCTLR2_EL2"}


def test_at_by_an_old_vmecid_is_told(board: Board, record: Recorder) -> None:
    tables = GuestTables(board)
    board.store_as(7, tables.stage2.entries)
    tables.stage1.put()
    realm_el1(board, tables, el=2)
    heard = record(PendingUsed)
    board.does(w.mov(1, LOW), w.mov(2, 6), w.msr("VMECID_P_EL2", 2), w.sys("AT S12E1R", 1))
    assert [(event.register, event.va) for event in heard] == [("VMECID_P_EL2", LOW)]


def test_listening_begins_with_writes_that_wait_already(board: Board, record: Recorder) -> None:
    alternate_of_9(board)
    board.store(ALTERNATE, 0)  # the engine has seen the page
    board.does(w.mov(1, ALTERNATE), w.mov(2, 9), w.msr("MECID_A0_EL2", 2))
    heard = record(PendingUsed)
    board.does(w.ldr(3, 1))
    assert [event.register for event in heard] == ["MECID_A0_EL2"]


@pytest.mark.parametrize(
    ("word", "kind", "domain"),
    [
        (w.ISB, "ISB", "SY"),
        (0xD503_3F9F, "DSB", "SY"),
        (0xD503_3B9F, "DSB", "ISH"),
        (0xD503_339F, "DSB", "OSH"),
        (0xD503_379F, "DSB", "NSH"),
        (0xD503_3FBF, "DMB", "SY"),
        (0xD503_3EBF, "DMB", "ST"),
        (0xD503_39BF, "DMB", "ISHLD"),
        (0xD503_32BF, "DMB", "OSHST"),
    ],
)
def test_barriers_are_told_to_those_who_listen(
    board: Board, record: Recorder, word: int, kind: str, domain: str
) -> None:
    board.enter(2)
    board.does(word)
    heard = record(BarrierExecuted)
    board.does(word, w.NOP)
    assert [(event.kind, event.domain, event.moment.el) for event in heard] == [(kind, domain, 2)]


def test_an_isb_with_nothing_to_do_stays_in_native_code(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board("interpreter")
    board.enter(2)
    escaped: list[object] = []
    real = board.cpu.escape
    monkeypatch.setattr(board.cpu, "escape", lambda kind, word: (escaped.append(kind), real(kind, word))[1])
    board.does(w.ISB, w.DSB, w.ISB, w.NOP)
    assert escaped == []
    board.does(
        w.mov(2, 1), w.msr("MECID_A0_EL2", 2) if board.cpu.security is Security.REALM else w.msr("TTBR0_EL2", 2), w.ISB
    )
    assert len(escaped) == 2


# rme-sysarch-acs (6.3).


def test_the_acs_sequence_for_a_new_id_at_el3_works(any_board: Board) -> None:
    """EMEC by read-modify-write with neither ISB nor TLBI; then MSR MECID_RL_A_EL3, ISB, TLBI ALLE3IS without DSB."""
    board = any_board
    tables = Tables(board).map_code(NORMAL | 1 << 11)
    tables.map(LOW, DATA, NORMAL | XN | 1 << 11 | 1 << 5)
    board.enter(3, Security.REALM, scr=OPEN, TCR_EL3=TCR_ONE, MAIR_EL3=MAIR, TTBR0_EL3=tables.put().root,
                SCTLR_EL3=SCTLR | SCTLR_M)  # fmt: skip
    board.load(LOW)  # an entry from before EMEC is in the TLB
    alle3is = w.sys((6, 8, 3, 0))
    board.does(w.mrs(2, "SCTLR2_EL3"), w.mov(3, EMEC), 0xAA03_0042, w.msr("SCTLR2_EL3", 2))  # ORR X2, X2, X3

    def new_id(mecid: int) -> list[w.Code]:
        return [w.mov(2, mecid), w.msr("MECID_RL_A_EL3", 2), w.ISB, alle3is]

    board.does(new_id(1), w.mov(1, LOW), w.mov(4, 0x1234), w.str_(4, 1))
    assert board.owner(DATA) == (PAS.REALM, 1)
    board.does(new_id(2), w.ldr(5, 1))
    assert board.x[5] != 0x1234
    board.does(new_id(1), w.ldr(5, 1))
    assert board.x[5] == 0x1234


def test_vectors_are_where_a_new_vbar_says_without_isb(board: Board) -> None:
    """VBAR is read by the exception itself, which synchronises."""
    board.enter(3)
    board.does(w.mov(2, VECTORS[2]), w.msr("VBAR_EL3", 2))
    board.put(board.cpu.pc, w.UNALLOCATED)
    board.machine.run(1)
    assert board.cpu.pc == VECTORS[2] + 0x200
