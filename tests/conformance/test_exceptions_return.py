"""ERET: what a legal return restores, every kind of illegal one, and the Illegal Execution state (Arm ARM D1.4)."""

from __future__ import annotations

import pytest

from tests.conformance import words as w
from tests.conformance.board import (
    CODE,
    DAIF,
    E2H,
    EEL2,
    HCR_RW,
    IL,
    NRW,
    NS,
    NSE,
    OPEN,
    PAN,
    SCTLR,
    TGE,
    UAO,
    Board,
    C,
    N,
    V,
    Z,
    esr,
    spsr,
)
from tests.conformance.tables import TBI, TBI0, TCR_TWO

TARGET = CODE + 0x400
ILLEGAL_STATE, PC_ALIGNMENT = 0x0E, 0x22
RESERVED = OPEN & ~NS | NSE


def returns(board: Board, el: int, to: int, spsr_value: int, **registers: int) -> None:
    """At `el`, one ERET with this SPSR, to TARGET."""
    board.put(TARGET, w.NOP)
    board.sysreg[f"ELR_EL{el}"] = to
    board.sysreg[f"SPSR_EL{el}"] = spsr_value
    for name, value in registers.items():
        board.sysreg[name] = value
    board.put(board.cpu.pc, w.ERET)
    board.machine.run(1)


@pytest.mark.parametrize(("el", "to"), [(el, to) for el in (1, 2, 3) for to in range(el + 1)])
@pytest.mark.parametrize("handler", [True, False])
def test_a_legal_return_restores_the_whole_of_pstate(board: Board, el: int, to: int, handler: bool) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    returns(board, el, TARGET, N | Z | C | V | 0b0101 << 6 | spsr(to, handler=handler) & 0xF)
    cpu = board.cpu
    assert (cpu.pc, cpu.el, cpu.nzcv, cpu.daif) == (TARGET, to, 0b1111, 0b0101)
    assert cpu.spsel == int(handler and to > 0)


@pytest.mark.parametrize("bit", [PAN, UAO])
def test_a_legal_return_restores_pan_and_uao(board: Board, bit: int) -> None:
    board.enter(2, HCR_EL2=HCR_RW)
    returns(board, 2, TARGET, bit | spsr(1))
    board.does(w.mrs(0, "PAN"), w.mrs(1, "UAO"))
    assert (board.x[0], board.x[1]) == (PAN if bit == PAN else 0, UAO if bit == UAO else 0)


def test_each_level_has_its_own_stack_pointer(board: Board) -> None:
    board.enter(3, SP_EL0=0x100, SP_EL1=0x110, SP_EL2=0x120)
    board.cpu.sp = 0x130
    for el, sp in ((2, 0x120), (1, 0x110), (0, 0x100)):
        board.enter(el, HCR_EL2=HCR_RW, SP_EL0=0x100, SP_EL1=0x110, SP_EL2=0x120)
        assert board.cpu.sp == sp
    board.enter(1, handler=False, HCR_EL2=HCR_RW, SP_EL0=0x100, SP_EL1=0x110)
    assert board.cpu.sp == 0x100


def test_a_return_sets_the_event_register(board: Board) -> None:
    """D1.6: an exception return is a wake-up event, so a WFE that follows is not trapped."""
    board.enter(1, HCR_EL2=HCR_RW | 1 << 14)
    board.does(w.WFE)
    assert board.takes(w.WFE).el == 2


def test_a_return_clears_the_exclusive_monitor(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW, SCTLR_EL1=SCTLR)
    board.does(w.mov(1, CODE + 0x800), w.ldxr(0, 1))
    returns(board, 1, TARGET, spsr(1))
    board.does(w.stxr(2, 0, 1))
    assert board.x[2] == 1


ILLEGAL = [
    pytest.param(3, OPEN | NS, HCR_RW, NRW | spsr(1), id="to AArch32, which no level has"),
    pytest.param(3, OPEN | NS, HCR_RW, NRW | DAIF, id="to AArch32 User mode"),
    pytest.param(3, OPEN | NS, HCR_RW, DAIF | 0b0001, id="to EL0 with SP_EL1 selected"),
    pytest.param(3, OPEN | NS, HCR_RW, DAIF | 0b0110, id="M[1] set, EL1"),
    pytest.param(3, OPEN | NS, HCR_RW, DAIF | 0b0010, id="M[1] set, EL0"),
    pytest.param(3, OPEN | NS, HCR_RW, DAIF | 0b1111, id="M[1] set, EL3"),
    pytest.param(1, OPEN | NS, HCR_RW, spsr(2), id="from EL1 up to EL2"),
    pytest.param(1, OPEN | NS, HCR_RW, spsr(3), id="from EL1 up to EL3"),
    pytest.param(2, OPEN | NS, HCR_RW, spsr(3), id="from EL2 up to EL3"),
    pytest.param(2, OPEN | NS, HCR_RW, DAIF | 0b1010, id="M[1] set, from EL2 to EL2"),
    pytest.param(1, OPEN | NS, HCR_RW, DAIF | 0b0001, id="from EL1 to EL0 with SP_EL1"),
    pytest.param(3, OPEN, HCR_RW, spsr(2), id="to Secure EL2 while it is off"),
    pytest.param(3, OPEN | NS, HCR_RW | TGE, spsr(1), id="to EL1 with TGE"),
    pytest.param(2, OPEN | NS, HCR_RW | TGE, spsr(1), id="from EL2 to EL1 with TGE"),
    pytest.param(2, OPEN | NS, HCR_RW | TGE | E2H, spsr(1), id="from an EL2 host to EL1 with TGE"),
    pytest.param(3, OPEN | NS | NSE, HCR_RW | TGE, spsr(1), id="to Realm EL1 with TGE"),
    pytest.param(3, OPEN | EEL2, HCR_RW | TGE, spsr(1), id="to Secure EL1 with TGE and Secure EL2 on"),
    pytest.param(3, RESERVED, HCR_RW, spsr(2), id="to EL2 with the reserved {NSE,NS}={1,0}"),
    pytest.param(3, RESERVED, HCR_RW, spsr(1), id="to EL1 with the reserved {NSE,NS}={1,0}"),
    pytest.param(3, RESERVED, HCR_RW, spsr(0), id="to EL0 with the reserved {NSE,NS}={1,0}"),
]


@pytest.mark.parametrize(("el", "scr", "hcr", "value"), ILLEGAL)
def test_an_illegal_return_stays_and_makes_the_next_instruction_fault(
    board: Board, el: int, scr: int, hcr: int, value: int
) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    value = value & ~DAIF | N | V | 0b1010 << 6
    returns(board, el, TARGET, value, SCR_EL3=scr, HCR_EL2=hcr)
    cpu = board.cpu
    # Condition flags and interrupt masks come from the SPSR all the same; EL and stack pointer stay. (After a return to
    # AArch32 bits [63:32] and [1:0] of the PC are UNKNOWN: they are those of ELR here, which the manual allows.)
    assert (cpu.pc, cpu.el, cpu.spsel, cpu.nzcv, cpu.daif) == (TARGET, el, 1, 0b1001, 0b1010)
    taken = board.takes(w.NOP)
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (el, 0x200, esr(ILLEGAL_STATE), TARGET)
    kept = IL | N | V | 0b1010 << 6 | el << 2 | 1
    assert taken.spsr & ~(UAO | PAN) == kept
    board.does(w.NOP)  # the vector itself runs: IL is 0 again


LEGAL = [
    pytest.param(3, OPEN | EEL2, HCR_RW, spsr(2), id="to Secure EL2 while it is on"),
    pytest.param(3, OPEN, HCR_RW | TGE, spsr(1), id="to Secure EL1 with TGE but no Secure EL2"),
    pytest.param(3, RESERVED, HCR_RW, spsr(3), id="to EL3 itself with the reserved {NSE,NS}={1,0}"),
    pytest.param(2, OPEN | NS, HCR_RW | TGE, spsr(0), id="from EL2 to EL0 with TGE"),
    pytest.param(3, OPEN | NS | NSE, HCR_RW, spsr(2), id="to Realm EL2"),
]


@pytest.mark.parametrize(("el", "scr", "hcr", "value"), LEGAL)
def test_returns_that_look_illegal_and_are_not(board: Board, el: int, scr: int, hcr: int, value: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    returns(board, el, TARGET, value, SCR_EL3=scr, HCR_EL2=hcr)
    assert (board.cpu.pc, board.cpu.el) == (TARGET, value >> 2 & 3)
    board.does(w.NOP)


def test_an_illegal_return_restores_pan(board: Board) -> None:
    board.enter(2, HCR_EL2=HCR_RW)
    returns(board, 2, TARGET, PAN | spsr(3))
    assert board.cpu.pan == 1


# SPSR.IL=1: a legal return into the Illegal Execution state.


@pytest.mark.parametrize(
    ("to", "hcr", "target", "offset"),
    [(0, 0, 1, 0x400), (0, TGE, 2, 0x400), (1, 0, 1, 0x200), (2, 0, 2, 0x200), (3, 0, 3, 0x200)],
)
def test_spsr_il_is_restored_and_faults_at_the_new_level(
    board: Board, to: int, hcr: int, target: int, offset: int
) -> None:
    board.enter(3, HCR_EL2=HCR_RW | hcr)
    returns(board, 3, TARGET, IL | spsr(to))
    assert (board.cpu.el, board.cpu.pc) == (to, TARGET)
    taken = board.takes(w.svc(0))
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (target, offset, esr(ILLEGAL_STATE), TARGET)
    assert taken.spsr == IL | spsr(to)


def test_a_misaligned_pc_comes_before_the_illegal_state(board: Board) -> None:
    """D1.3.5, priorities: PC alignment, then Instruction Aborts, then Illegal Execution state."""
    board.enter(3, HCR_EL2=HCR_RW)
    returns(board, 3, TARGET + 2, IL | spsr(1))
    taken = board.takes(w.NOP, pa=TARGET)
    assert (taken.el, taken.esr, taken.far, taken.elr) == (1, esr(PC_ALIGNMENT), TARGET + 2, TARGET + 2)
    assert taken.spsr == IL | spsr(1)


def test_an_instruction_abort_comes_before_the_illegal_state(board: Board) -> None:
    board.enter(3, HCR_EL2=HCR_RW)
    nowhere = 1 << 52
    returns(board, 3, nowhere, IL | spsr(1))
    taken = board.takes(w.NOP, pa=TARGET)
    # The MMU is off and the address has bits beyond the physical address size: Address size fault, level 0.
    assert (taken.el, taken.esr, taken.far) == (1, esr(0x21, 0b000000), nowhere)
    assert taken.spsr == IL | spsr(1)


# Tags in return addresses and branches (D4.1.1 AArch64.BranchAddr): with TBI a tag does not reach the PC.


@pytest.mark.parametrize(
    ("to", "hcr", "registers"),
    [
        (1, 0, {"TCR_EL1": TCR_TWO | TBI0}),
        (0, 0, {"TCR_EL1": TCR_TWO | TBI0}),
        (2, 0, {"TCR_EL2": TBI}),
        (2, E2H, {"TCR_EL2": TCR_TWO | TBI0}),
        (3, 0, {"TCR_EL3": TBI}),
    ],
)
def test_a_return_drops_the_tag_where_tbi_is_on(board: Board, to: int, hcr: int, registers: dict[str, int]) -> None:
    board.enter(3, HCR_EL2=HCR_RW | hcr, **registers)
    returns(board, 3, 0x5A << 56 | TARGET, spsr(to))
    assert board.cpu.pc == TARGET
    board.does(w.NOP)


def test_a_return_keeps_the_tag_where_tbi_is_off(board: Board) -> None:
    board.enter(3, HCR_EL2=HCR_RW, TCR_EL1=TCR_TWO)
    tagged = 0x5A << 56 | TARGET
    returns(board, 3, tagged, spsr(1))
    assert board.cpu.pc == tagged
    taken = board.takes(w.NOP, pa=TARGET)
    assert (taken.esr, taken.far, taken.elr) == (esr(0x21, 0b000000), tagged, tagged)


def test_an_illegal_return_drops_the_tag_as_its_own_level_says(board: Board) -> None:
    """AArch64.ExceptionReturn: only an illegal return to AArch32 leaves bits of the PC UNKNOWN."""
    board.enter(2, HCR_EL2=HCR_RW, TCR_EL2=TBI)
    returns(board, 2, 0x5A << 56 | TARGET, spsr(3))
    assert board.cpu.pc == TARGET


def test_a_return_with_spsr_il_drops_the_tag_too(board: Board) -> None:
    board.enter(3, HCR_EL2=HCR_RW, TCR_EL1=TCR_TWO | TBI0)
    returns(board, 3, 0x5A << 56 | TARGET, IL | spsr(1))
    assert board.cpu.pc == TARGET


def test_a_branch_drops_the_tag_where_tbi_is_on(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW, TCR_EL1=TCR_TWO | TBI0)
    board.put(TARGET, w.svc(0))
    taken = board.takes(w.mov(1, 0x5A << 56 | TARGET), w.br(1))
    assert (taken.esr, taken.elr) == (esr(0x15), TARGET + 4)


def test_a_branch_keeps_the_tag_where_tbi_is_off(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW, TCR_EL1=TCR_TWO)
    tagged = 0x5A << 56 | TARGET
    taken = board.takes(w.mov(1, tagged), w.br(1))
    assert (taken.esr, taken.far, taken.elr) == (esr(0x21, 0b000000), tagged, tagged)
