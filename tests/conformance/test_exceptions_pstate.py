"""PSTATE: what exception entry sets and clears, and the instructions that write it (Arm ARM D1.3, C5.1.3, C5.2)."""

from __future__ import annotations

import pytest

from tests.conformance import words as w
from tests.conformance.board import (
    CODE,
    E2H,
    HCR_RW,
    PAN,
    SCTLR,
    SCTLR_UMA,
    SPAN,
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

ALL_MASKED = 0xF << 6
ENTRY = [(0, 0, 1), (0, TGE, 2), (1, 0, 1), (2, 0, 2), (3, 0, 3)]


@pytest.mark.parametrize(("el", "hcr", "to"), ENTRY)
def test_entry_masks_everything_selects_its_own_stack_and_clears_uao(board: Board, el: int, hcr: int, to: int) -> None:
    board.enter(el, pstate=UAO if el else 0, HCR_EL2=HCR_RW | hcr)
    if el:
        board.does(w.msr_immediate("DAIFClr", 0xF))
    taken = board.takes(w.svc(0))
    assert taken.spsr == (el << 2 | (1 if el else 0) | (UAO if el else ALL_MASKED))
    assert (board.cpu.el, board.cpu.spsel, board.cpu.daif) == (to, 1, 0xF)
    board.does(w.mrs(0, "UAO"), w.mrs(1, "DAIF"), w.mrs(2, "SPSel"), w.mrs(3, "CurrentEL"))
    assert [board.x[index] for index in range(4)] == [0, ALL_MASKED, 1, to << 2]


@pytest.mark.parametrize("pstate", [0, PAN])
@pytest.mark.parametrize(
    ("el", "hcr", "registers", "sets"),
    [
        (0, 0, {"SCTLR_EL1": SCTLR}, False),
        (0, 0, {"SCTLR_EL1": SCTLR & ~SPAN}, True),
        (1, 0, {"SCTLR_EL1": SCTLR}, False),
        (1, 0, {"SCTLR_EL1": SCTLR & ~SPAN}, True),
        (0, TGE | E2H, {"SCTLR_EL2": SCTLR}, False),
        (0, TGE | E2H, {"SCTLR_EL2": SCTLR & ~SPAN}, True),
        (2, TGE | E2H, {"SCTLR_EL2": SCTLR & ~SPAN}, True),
        (2, E2H, {"SCTLR_EL2": SCTLR & ~SPAN}, False),  # EL0 is not the host's: SPAN does not apply
        (0, TGE, {"SCTLR_EL1": SCTLR & ~SPAN}, False),
        (3, 0, {"SCTLR_EL1": SCTLR & ~SPAN}, False),
    ],
)
def test_span_decides_whether_entry_sets_pan(
    board: Board, pstate: int, el: int, hcr: int, registers: dict[str, int], sets: bool
) -> None:
    board.enter(el, pstate=pstate, HCR_EL2=HCR_RW | hcr, **registers)
    taken = board.takes(w.svc(0))
    assert taken.spsr & PAN == pstate
    assert board.cpu.pan == int(sets or bool(pstate))


def test_entry_keeps_the_flags(board: Board) -> None:
    board.enter(1, pstate=N | Z | C | V, HCR_EL2=HCR_RW)
    board.takes(w.svc(0))
    assert board.cpu.nzcv == 0xF


# Reading and writing the fields.


@pytest.mark.parametrize("el", [0, 1, 2, 3])
def test_nzcv_is_open_to_every_level(board: Board, el: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    board.does(w.mov(0, 0xFFFF_FFFF_A000_0001), w.msr("NZCV", 0), w.mrs(1, "NZCV"))
    assert (board.x[1], board.cpu.nzcv) == (N | C, 0b1010)


@pytest.mark.parametrize("el", [1, 2, 3])
def test_current_el(board: Board, el: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    board.does(w.mrs(0, "CurrentEL"))
    assert board.x[0] == el << 2


@pytest.mark.parametrize("el", [1, 2, 3])
def test_daif_by_register_and_by_immediate(board: Board, el: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    board.does(w.mov(0, 0b0101 << 6), w.msr("DAIF", 0), w.mrs(1, "DAIF"))
    board.does(w.msr_immediate("DAIFSet", 0b1000), w.mrs(2, "DAIF"))
    board.does(w.msr_immediate("DAIFClr", 0b0100), w.mrs(3, "DAIF"))
    assert [board.x[index] >> 6 for index in (1, 2, 3)] == [0b0101, 0b1101, 0b1001]


@pytest.mark.parametrize("el", [1, 2, 3])
@pytest.mark.parametrize(("field", "bit"), [("PAN", PAN), ("UAO", UAO), ("SPSel", 1)])
def test_pan_uao_and_spsel_by_register_and_by_immediate(board: Board, el: int, field: str, bit: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    board.does(w.msr_immediate(field, 1), w.mrs(1, field), w.msr_immediate(field, 0), w.mrs(2, field))
    board.does(w.mov(0, bit), w.msr(field, 0), w.mrs(3, field), w.msr(field, w.XZR), w.mrs(4, field))
    assert [board.x[index] for index in (1, 2, 3, 4)] == [bit, 0, bit, 0]


def test_only_bit_0_of_the_immediate_counts(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW)
    board.does(w.msr_immediate("PAN", 0b1111), w.mrs(1, "PAN"), w.msr_immediate("PAN", 0b1110), w.mrs(2, "PAN"))
    assert (board.x[1], board.x[2]) == (PAN, 0)


def test_spsel_changes_the_stack_pointer(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW, SP_EL0=0x1000, SP_EL1=0x2000)
    add_x0_sp = 0x9100_03E0  # MOV X0, SP
    board.does(add_x0_sp, w.msr_immediate("SPSel", 0), add_x0_sp | 1, w.msr_immediate("SPSel", 1), add_x0_sp | 2)
    assert [board.x[index] for index in range(3)] == [0x2000, 0x1000, 0x2000]


@pytest.mark.parametrize(("el", "name"), [(1, "SP_EL0"), (2, "SP_EL1"), (3, "SP_EL2"), (3, "SP_EL1"), (2, "SP_EL0")])
def test_a_higher_level_writes_the_stack_pointers_below(board: Board, el: int, name: str) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    board.does(w.mov(0, 0x1230), w.msr(name, 0), w.mrs(1, name))
    assert (board.x[1], board.sysreg[name]) == (0x1230, 0x1230)


# DAIF at EL0: SCTLR_EL1.UMA, and never under a host. The syndrome of the immediate forms has Op0=0 and Rt=31.

DAIF_WORDS = [
    (w.mrs(5, "DAIF"), 3 << 20 | 1 << 17 | 3 << 14 | 4 << 10 | 5 << 5 | 2 << 1 | 1),
    (w.msr("DAIF", 5), 3 << 20 | 1 << 17 | 3 << 14 | 4 << 10 | 5 << 5 | 2 << 1),
    (w.msr_immediate("DAIFSet", 9), 0 << 20 | 6 << 17 | 3 << 14 | 4 << 10 | 31 << 5 | 9 << 1),
    (w.msr_immediate("DAIFClr", 9), 0 << 20 | 7 << 17 | 3 << 14 | 4 << 10 | 31 << 5 | 9 << 1),
]


@pytest.mark.parametrize(("word", "iss"), DAIF_WORDS)
@pytest.mark.parametrize(("hcr", "sctlr", "to"), [(0, 0, 1), (TGE, 0, 2), (TGE | E2H, SCTLR_UMA, 2)])
def test_el0_without_uma_is_trapped(board: Board, word: int, iss: int, hcr: int, sctlr: int, to: int) -> None:
    board.enter(0, HCR_EL2=HCR_RW | hcr, SCTLR_EL1=SCTLR | sctlr)
    taken = board.takes(word)
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (to, 0x400, esr(0x18, iss), CODE)
    assert taken.spsr == spsr(0)


@pytest.mark.parametrize(("word", "iss"), DAIF_WORDS)
def test_el0_with_uma_is_not(board: Board, word: int, iss: int) -> None:
    board.enter(0, HCR_EL2=HCR_RW, SCTLR_EL1=SCTLR | SCTLR_UMA)
    board.does(word)
