"""Software step (Arm ARM D2.11): the state machine, who takes the exception, its syndrome, and what it leaves alone."""

from __future__ import annotations

import pytest

import emu
from emu import Security
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, E2H, EEL2, HCR_RW, OPEN, TGE, VECTORS, Board, esr, spsr

LOWER, SAME = 0x32, 0x33
FSC, ISV, EX = 0b100010, 1 << 24, 1 << 6
STEPPED = ISV | FSC
SS, KDE = 1 << 0, 1 << 13  # MDSCR_EL1
TDE, SDD = 1 << 8, 1 << 16  # MDCR_EL2, MDCR_EL3
STEP, D = 1 << 21, 1 << 9  # SPSR_ELx

OPEN_LOCKS = {"OSLAR_EL1": 0, "OSDLR_EL1": 0, "MDCR_EL2": 0, "MDCR_EL3": 0, "MDSCR_EL1": SS, "HCR_EL2": HCR_RW}


def enter(board: Board, el: int, security: Security = Security.NON_SECURE, step: int = STEP, **registers: int) -> None:
    """Enter a level with software step on, OS lock open, PSTATE.D clear and PSTATE.SS set unless told otherwise."""
    scr, at = registers.pop("scr", OPEN), registers.pop("at", CODE)
    board.enter(el, security, scr=scr, at=at, **(OPEN_LOCKS | {"SPSR_EL3": spsr(el) & ~D | step} | registers))


# Where it is enabled: AArch64.GenerateDebugExceptionsFrom, row by row.


@pytest.mark.parametrize(
    ("el", "security", "registers", "to"),
    [
        (0, Security.NON_SECURE, {}, 1),
        (0, Security.REALM, {}, 1),
        (0, Security.NON_SECURE, {"MDCR_EL2": TDE}, 2),
        (0, Security.NON_SECURE, {"HCR_EL2": HCR_RW | TGE}, 2),
        (0, Security.NON_SECURE, {"HCR_EL2": HCR_RW | TGE | E2H}, 2),
        (0, Security.SECURE, {}, 1),
        (0, Security.SECURE, {"MDCR_EL3": SDD}, None),
        (0, Security.SECURE, {"MDCR_EL2": TDE}, 1),  # there is no EL2 here
        (0, Security.SECURE, {"MDCR_EL2": TDE, "scr": OPEN | EEL2}, 2),
        (0, Security.REALM, {"MDCR_EL3": SDD}, 1),
        (0, Security.NON_SECURE, {"OSLAR_EL1": 1}, None),
        (0, Security.NON_SECURE, {"OSDLR_EL1": 1}, None),
        (0, Security.NON_SECURE, {"OSDLR_EL1": 1, "DBGPRCR_EL1": 1}, 1),
        (0, Security.NON_SECURE, {"MDSCR_EL1": 0}, None),
        (0, Security.NON_SECURE, {"MDSCR_EL1": KDE}, None),
        (0, Security.NON_SECURE, {"SPSR_EL3": spsr(0) | STEP}, 1),  # PSTATE.D masks only at the level it goes to
        (1, Security.NON_SECURE, {}, None),
        (1, Security.NON_SECURE, {"MDSCR_EL1": SS | KDE}, 1),
        (1, Security.NON_SECURE, {"MDSCR_EL1": SS | KDE, "SPSR_EL3": spsr(1) | STEP}, None),
        (1, Security.NON_SECURE, {"MDCR_EL2": TDE}, 2),
        (1, Security.NON_SECURE, {"MDCR_EL2": TDE, "SPSR_EL3": spsr(1) | STEP}, 2),
        (1, Security.SECURE, {"MDSCR_EL1": SS | KDE, "MDCR_EL3": SDD}, None),
        (2, Security.NON_SECURE, {"MDSCR_EL1": SS | KDE}, None),  # they would go to EL1
        (2, Security.NON_SECURE, {"MDCR_EL2": TDE}, None),
        (2, Security.NON_SECURE, {"MDCR_EL2": TDE, "MDSCR_EL1": SS | KDE}, 2),
        (2, Security.REALM, {"HCR_EL2": HCR_RW | TGE, "MDSCR_EL1": SS | KDE}, 2),
        (2, Security.NON_SECURE, {"MDCR_EL2": TDE, "MDSCR_EL1": SS | KDE, "SPSR_EL3": spsr(2) | STEP}, None),
        (3, Security.NON_SECURE, {"MDCR_EL2": TDE, "MDSCR_EL1": SS | KDE}, None),
    ],
)
def test_who_is_stepped_and_who_is_told(
    board: Board, el: int, security: Security, registers: dict[str, int], to: int | None
) -> None:
    enter(board, el, security, **registers)
    taken = board.execute(w.NOP, w.NOP, w.NOP)
    if to is None:
        assert taken is None
        return
    assert taken is not None
    same = to == el
    assert (taken.el, taken.offset) == (to, 0x200 if same else 0x400)
    assert (taken.esr, taken.elr) == (esr(SAME if same else LOWER, STEPPED), CODE + 4)
    masked = bool(registers.get("SPSR_EL3", 0) & D)
    assert taken.spsr == spsr(el) & ~(0 if masked else D)


def test_an_instruction_is_stepped_each_time_the_handler_returns(board: Board) -> None:
    enter(board, 0)
    board.put(CODE, w.mov(0, 1), w.mov(1, 2), w.mov(2, 3))
    for number in range(3):
        board.machine.run(1)
        assert board.cpu.el == 0
        board.machine.run(1)
        taken = board.taken(1, 0x400)
        assert (taken.esr, taken.elr) == (esr(LOWER, STEPPED), CODE + 4 * (number + 1))
        assert board.x[number] == number + 1
        board.sysreg["SPSR_EL1"] |= STEP
        board.put(board.cpu.pc, w.ERET)
        board.machine.run(1)
    assert board.cpu.pc == CODE + 12


def test_a_return_without_ss_takes_the_exception_at_once_and_says_that_nothing_was_stepped(board: Board) -> None:
    enter(board, 0, step=0)
    taken = board.takes(w.mov(0, 1))
    assert (taken.esr, taken.elr) == (esr(LOWER, FSC), CODE)


LDXR = [0xC85F_7C20, 0x885F_7C20, 0x085F_7C20, 0xC85F_FC20, 0xC87F_0820, 0x887F_8820]
"""LDXR X0, W0, LDXRB, LDAXR X0; LDXP X0, X2; LDAXP W0, W2, all of [X1]."""


@pytest.mark.parametrize("word", LDXR)
def test_a_load_exclusive_is_told(board: Board, word: int) -> None:
    enter(board, 0)
    board.x[1] = DATA
    taken = board.takes(word, w.NOP)
    assert taken.esr == esr(LOWER, STEPPED | EX)


CASPA = 0x0860_7C82
"""CASPA W0, W1, W2, W3, [X4]: between the load-exclusives in the encoding space."""


@pytest.mark.parametrize("word", [w.ldar(0, 1), w.stxr(2, 0, 1), w.stlr(0, 1), CASPA, w.ldr(0, 1)])
def test_other_accesses_are_not_load_exclusives(board: Board, word: int) -> None:
    enter(board, 0)
    board.x[1] = board.x[4] = DATA
    assert board.takes(word, w.NOP).esr == esr(LOWER, STEPPED)


# Exceptions of the stepped instruction.


def test_a_call_has_been_stepped_when_it_is_taken(board: Board) -> None:
    enter(board, 0)
    taken = board.takes(w.svc(5))
    assert (taken.el, taken.esr, taken.elr, taken.spsr) == (1, esr(0x15, 5), CODE + 4, spsr(0) & ~D)


def test_an_instruction_that_faults_has_not(board: Board) -> None:
    enter(board, 0)
    taken = board.takes(w.UNALLOCATED)
    assert (taken.el, taken.esr, taken.elr, taken.spsr) == (1, esr(0), CODE, spsr(0) & ~D | STEP)


def test_breakpoint_instructions_have_not(board: Board) -> None:
    enter(board, 0, MDCR_EL2=TDE)
    taken = board.takes(w.brk(7))
    assert (taken.el, taken.esr, taken.elr, taken.spsr) == (2, esr(0x3C, 7), CODE, spsr(0) & ~D | STEP)


@pytest.mark.parametrize(("word", "syndrome"), [(w.svc(5), FSC), (w.UNALLOCATED, FSC)])
def test_the_first_instruction_of_a_handler_that_is_stepped_itself_is_stopped_before(
    board: Board, word: int, syndrome: int
) -> None:
    """Debug exceptions to EL2 are enabled from EL1 too."""
    enter(board, 0, MDCR_EL2=TDE)
    board.put(CODE, word)
    board.machine.run(1)
    assert board.cpu.pc == VECTORS[1] + 0x400
    board.machine.run(1)
    taken = board.taken(2, 0x400)
    assert (taken.esr, taken.elr) == (esr(LOWER, syndrome), VECTORS[1] + 0x400)
    assert taken.spsr == spsr(1)  # on the way to EL1 PSTATE.D was set


# Priorities: it comes before anything that the instruction could do.


def test_it_comes_before_the_fetch(board: Board) -> None:
    enter(board, 0, step=0, at=0x7000_0002)
    board.machine.run(1)
    taken = board.taken(1, 0x400)
    assert (taken.esr, taken.elr) == (esr(LOWER, FSC), 0x7000_0002)


def test_it_comes_before_an_illegal_state(board: Board) -> None:
    enter(board, 0, step=0, SPSR_EL3=spsr(0) & ~D | 1 << 20)
    taken = board.takes(w.NOP)
    assert (taken.esr, taken.elr, taken.spsr) == (esr(LOWER, FSC), CODE, spsr(0) & ~D | 1 << 20)


def test_fault_addresses_stay(board: Board) -> None:
    enter(board, 0, FAR_EL1=0x1234)
    assert board.takes(w.NOP, w.NOP).far == 0x1234


# Exception returns: DebugExceptionReturnSS.


def test_a_return_from_a_level_that_is_stepped_does_not_bring_ss(board: Board) -> None:
    enter(board, 1, MDCR_EL2=TDE, ELR_EL1=CODE + 0x100, SPSR_EL1=spsr(0) | STEP)
    taken = board.takes(w.ERET)
    assert (taken.el, taken.esr, taken.elr, taken.spsr) == (2, esr(LOWER, STEPPED), CODE + 0x100, spsr(0))


def test_a_return_to_a_level_that_is_not_stepped_does_not_bring_ss(board: Board) -> None:
    enter(board, 1, MDSCR_EL1=SS)
    board.does(w.NOP, w.NOP)
    board.cpu.pc = CODE
    taken = board.takes(w.svc(0))
    assert taken.spsr == spsr(1) & ~D


def test_an_illegal_return_stays_with_the_level_it_is_made_from(board: Board) -> None:
    """At EL1 with D set nothing is stepped; the return to EL2 is illegal, D becomes 0 and EL1 is stepped."""
    registers = {"MDSCR_EL1": SS | KDE, "ELR_EL1": CODE + 0x100, "SPSR_EL1": spsr(2) & ~D | STEP}
    enter(board, 1, SPSR_EL3=spsr(1), **registers)
    board.put(CODE, w.ERET)
    board.machine.run(1)
    taken_at = board.cpu.pc
    assert taken_at == CODE + 0x100
    board.machine.run(1)
    taken = board.taken(1, 0x200)
    assert (taken.esr, taken.elr) == (esr(0x0E), CODE + 0x100)
    assert taken.spsr == spsr(1) & ~D | 1 << 20 | STEP


# Switching it on and off in flight.


def test_switched_on_by_msr_it_stops_the_next_instruction(board: Board) -> None:
    enter(board, 1, MDSCR_EL1=0)
    board.x[0] = SS | KDE
    taken = board.takes(w.msr("MDSCR_EL1", 0), w.NOP)
    assert (taken.esr, taken.elr) == (esr(SAME, FSC), CODE + 4)


def test_unmasked_by_daifclr_it_stops_the_next_instruction(board: Board) -> None:
    enter(board, 1, MDSCR_EL1=SS | KDE, SPSR_EL3=spsr(1))
    taken = board.takes(w.NOP, w.msr_immediate("DAIFClr", 8), w.NOP)
    assert (taken.esr, taken.elr) == (esr(SAME, FSC), CODE + 8)


def test_the_os_lock_switches_it_off(board: Board) -> None:
    enter(board, 1, MDSCR_EL1=SS | KDE)
    board.x[0] = 1
    board.does(w.msr("OSLAR_EL1", 0), w.NOP, w.NOP)


def test_a_long_run_goes_on_at_full_speed_behind_it(engine: str) -> None:
    """The engine comes back out of one-by-one execution, and its count is exact."""
    board = Board(engine)
    enter(board, 1, MDSCR_EL1=SS | KDE)
    board.x[0] = 0
    board.put(CODE, w.msr("MDSCR_EL1", 0), 0x1400_0000)
    before = board.machine.instructions
    stop = board.machine.run(5000)
    assert stop.reason is emu.StopReason.LIMIT
    assert board.machine.instructions == before + 5000
    assert board.cpu.pc == CODE + 4
    assert not board.cpu.debug.is_armed


def test_a_snapshot_keeps_where_stepping_stands(engine: str) -> None:
    board = Board(engine)
    enter(board, 0)
    board.put(CODE, w.NOP, w.NOP)
    board.machine.run(1)
    kept = board.machine.snapshot()
    for _ in range(2):
        board.machine.run(1)
        assert board.taken(1, 0x400).esr == esr(LOWER, STEPPED)
        board.machine.restore(kept)
