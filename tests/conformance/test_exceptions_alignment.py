"""Alignment: of the PC, of the stack pointer, of data by SCTLR_ELx.A, by memory type and by instruction."""

from __future__ import annotations

import pytest

from tests.conformance import words as w
from tests.conformance.board import (
    CODE,
    DATA,
    E2H,
    HCR_RW,
    JUMPED,
    SCTLR,
    SCTLR_A,
    SCTLR_DZE,
    SCTLR_M,
    SCTLR_SA,
    SCTLR_SA0,
    TGE,
    Board,
    esr,
    spsr,
)
from tests.conformance.tables import DEVICE, MAIR, NORMAL, READ_ONLY, TCR_TWO, USER, UXN, Tables

PC_ALIGNMENT, SP_ALIGNMENT, ABORT_LOWER, ABORT_SAME = 0x22, 0x26, 0x24, 0x25
ALIGNMENT = 0b100001
WNR, CM = 1 << 6, 1 << 8
LEVELS = [(0, 0, 1, 0x400), (0, TGE, 2, 0x400), (1, 0, 1, 0x200), (2, 0, 2, 0x200), (3, 0, 3, 0x200)]
PAGE, DEVICE_PAGE, NO_PAGE = 0x1_0000_0000, 0x1_0000_1000, 0x1_0000_2000


@pytest.mark.parametrize(("el", "hcr", "to", "offset"), LEVELS)
@pytest.mark.parametrize("low", [1, 2, 3])
def test_a_branch_to_a_misaligned_address(board: Board, el: int, hcr: int, to: int, offset: int, low: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW | hcr)
    target = CODE + 0x100 + low
    taken = board.takes(w.mov(1, target), w.br(1))
    assert (taken.el, taken.offset, taken.esr) == (to, offset, esr(PC_ALIGNMENT))
    assert (taken.far, taken.elr, taken.spsr) == (target, target, spsr(el) | JUMPED)


def test_a_misaligned_pc_comes_before_the_translation_of_it(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW)
    taken = board.takes(w.mov(1, 1 << 50 | 2), w.br(1))
    assert (taken.esr, taken.far) == (esr(PC_ALIGNMENT), 1 << 50 | 2)


SP_CASES = [
    (0, 0, {"SCTLR_EL1": SCTLR | SCTLR_SA0}, 1, 0x400),
    (0, TGE, {"SCTLR_EL1": SCTLR | SCTLR_SA0}, 2, 0x400),
    (0, TGE | E2H, {"SCTLR_EL2": SCTLR | SCTLR_SA0}, 2, 0x400),
    (1, 0, {"SCTLR_EL1": SCTLR | SCTLR_SA}, 1, 0x200),
    (2, 0, {"SCTLR_EL2": SCTLR | SCTLR_SA}, 2, 0x200),
    (2, E2H, {"SCTLR_EL2": SCTLR | SCTLR_SA}, 2, 0x200),
    (3, 0, {"SCTLR_EL3": SCTLR | SCTLR_SA}, 3, 0x200),
]


def with_stack(board: Board, el: int, hcr: int, registers: dict[str, int], sp: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW | hcr, **registers)
    board.cpu.sp = sp


@pytest.mark.parametrize(("el", "hcr", "registers", "to", "offset"), SP_CASES)
@pytest.mark.parametrize("word", [w.ldr(0, w.SP), w.str_(0, w.SP), w.ldp(0, 1, w.SP), w.ldrb(0, w.SP)])
def test_a_misaligned_stack_pointer_used_as_a_base(
    board: Board, el: int, hcr: int, registers: dict[str, int], to: int, offset: int, word: int
) -> None:
    with_stack(board, el, hcr, registers, DATA + 8)
    taken = board.takes(w.NOP, word)
    assert (taken.el, taken.offset, taken.esr) == (to, offset, esr(SP_ALIGNMENT))
    assert (taken.elr, taken.spsr) == (CODE + 4, spsr(el))


@pytest.mark.parametrize(("el", "hcr", "registers", "to", "offset"), SP_CASES)
def test_an_aligned_stack_pointer_is_no_fault_whatever_the_offset(
    board: Board, el: int, hcr: int, registers: dict[str, int], to: int, offset: int
) -> None:
    with_stack(board, el, hcr, registers, DATA)
    board.does(w.ldr(0, w.SP, 8))


@pytest.mark.parametrize("el", [0, 1, 2])
def test_without_the_check_a_misaligned_stack_pointer_works(board: Board, el: int) -> None:
    with_stack(board, el, 0, {}, DATA + 8)
    board.does(w.ldr(0, w.SP))


def test_the_other_levels_check_is_not_ones_own(board: Board) -> None:
    with_stack(board, 0, 0, {"SCTLR_EL1": SCTLR | SCTLR_SA}, DATA + 8)
    board.does(w.ldr(0, w.SP))
    with_stack(board, 1, 0, {"SCTLR_EL1": SCTLR | SCTLR_SA0}, DATA + 8)
    board.does(w.ldr(0, w.SP))


def test_at_el1_on_the_stack_pointer_of_el0_it_is_el1s_check_that_counts(board: Board) -> None:
    board.enter(1, handler=False, HCR_EL2=HCR_RW, SCTLR_EL1=SCTLR | SCTLR_SA)
    board.cpu.sp = DATA + 8
    taken = board.takes(w.ldr(0, w.SP))
    assert (taken.el, taken.offset, taken.esr) == (1, 0x000, esr(SP_ALIGNMENT))


# Data. With the MMU off data is Device-nGnRnE, which must be aligned.


@pytest.mark.parametrize(("el", "hcr", "to", "offset"), LEVELS)
@pytest.mark.parametrize(("word", "wnr"), [(w.ldr(0, 1), 0), (w.str_(0, 1), WNR), (w.ldrh(0, 1, 4), 0)])
def test_an_unaligned_access_with_the_mmu_off(
    board: Board, el: int, hcr: int, to: int, offset: int, word: int, wnr: int
) -> None:
    board.enter(el, HCR_EL2=HCR_RW | hcr)
    taken = board.takes(w.mov(1, DATA + 1), word)
    ec = ABORT_SAME if to == el else ABORT_LOWER
    assert (taken.el, taken.offset, taken.esr) == (to, offset, esr(ec, wnr | ALIGNMENT))
    assert taken.far == DATA + (5 if word == w.ldrh(0, 1, 4) else 1)


def el1_mapped(board: Board, sctlr: int = 0, el: int = 1) -> None:
    """EL1 (or EL0) with its MMU on: one Normal page, one Device page, one page that is not there."""
    tables = Tables(board).map_code(NORMAL | USER | READ_ONLY)
    tables.map(PAGE, DATA, NORMAL | USER | UXN)
    tables.map(DEVICE_PAGE, DATA + 0x1000, NORMAL | USER | UXN | DEVICE)
    tables.put()
    board.enter(
        el, HCR_EL2=HCR_RW, MAIR_EL1=MAIR, TCR_EL1=TCR_TWO, TTBR0_EL1=tables.root, SCTLR_EL1=SCTLR | SCTLR_M | sctlr
    )


@pytest.mark.parametrize("word", [w.ldr(0, 1), w.str_(0, 1), w.ldr_w(0, 1), w.ldrh(0, 1), w.ldp(0, 2, 1)])
def test_an_unaligned_access_to_normal_memory_works(board: Board, word: int) -> None:
    el1_mapped(board)
    board.does(w.mov(1, PAGE + 1), word)


def test_an_unaligned_access_across_pages_of_normal_memory_works(board: Board) -> None:
    tables = Tables(board).map_code(NORMAL)
    tables.map(PAGE, DATA, NORMAL | UXN)
    tables.map(PAGE + 0x1000, DATA + 0x5000, NORMAL | UXN)
    tables.put()
    board.enter(1, HCR_EL2=HCR_RW, MAIR_EL1=MAIR, TCR_EL1=TCR_TWO, TTBR0_EL1=tables.root, SCTLR_EL1=SCTLR | SCTLR_M)
    board.store(PAGE + 0xFFD, 0x1122_3344_5566_7788)
    assert board.load(PAGE + 0xFFD) == 0x1122_3344_5566_7788
    assert board.machine.read(DATA + 0xFFD, 3) == bytes.fromhex("887766")
    assert board.machine.read(DATA + 0x5000, 5) == bytes.fromhex("5544332211")


@pytest.mark.parametrize(
    ("word", "wnr"),
    [(w.ldr(0, 1), 0), (w.str_(0, 1), WNR), (w.ldr_w(0, 1), 0), (w.ldrh(0, 1), 0), (w.ldp(0, 2, 1), 0)],
)
def test_sctlr_a_forbids_it(board: Board, word: int, wnr: int) -> None:
    el1_mapped(board, SCTLR_A)
    taken = board.takes(w.mov(1, PAGE + 1), word)
    assert (taken.el, taken.esr, taken.far) == (1, esr(ABORT_SAME, wnr | ALIGNMENT), PAGE + 1)


def test_sctlr_a_comes_before_the_translation(board: Board) -> None:
    """4.5: alignment faults that do not depend on the memory type have priority over MMU faults."""
    el1_mapped(board, SCTLR_A)
    assert board.load_fault(NO_PAGE + 1).esr == esr(ABORT_SAME, ALIGNMENT)


def test_sctlr_a_does_not_apply_to_bytes(board: Board) -> None:
    el1_mapped(board, SCTLR_A)
    board.load_byte(PAGE + 1)


def test_device_memory_forbids_it_after_the_translation(board: Board) -> None:
    el1_mapped(board)
    taken = board.store_fault(DEVICE_PAGE + 4 + 1)
    assert (taken.el, taken.esr, taken.far) == (1, esr(ABORT_SAME, WNR | ALIGNMENT), DEVICE_PAGE + 5)
    assert board.load_fault(NO_PAGE + 1).esr == esr(ABORT_SAME, 0b000111)


@pytest.mark.parametrize(
    ("word", "wnr"), [(w.ldxr(0, 1), 0), (w.stxr(2, 0, 1), WNR), (w.ldar(0, 1), 0), (w.stlr(0, 1), WNR)]
)
@pytest.mark.parametrize("va", [PAGE + 12, NO_PAGE + 12])
def test_exclusive_and_ordered_accesses_must_be_aligned_everywhere(board: Board, word: int, wnr: int, va: int) -> None:
    """Or, with FEAT_LSE2, within 16 aligned bytes, which these addresses are not."""
    el1_mapped(board)
    taken = board.takes(w.mov(1, va), word)
    assert (taken.el, taken.esr, taken.far) == (1, esr(ABORT_SAME, wnr | ALIGNMENT), va)


def test_an_el0_access_is_a_fault_from_a_lower_level(board: Board) -> None:
    el1_mapped(board, SCTLR_A, el=0)
    taken = board.load_fault(PAGE + 1)
    assert (taken.el, taken.offset, taken.esr) == (1, 0x400, esr(ABORT_LOWER, ALIGNMENT))


# DC ZVA: aligned by itself, never allowed on Device memory; not cache maintenance, so CM=0 (ESR_ELx.ISS.CM).


def test_dc_zva_on_device_memory(board: Board) -> None:
    el1_mapped(board, SCTLR_DZE)
    taken = board.takes(w.mov(1, DEVICE_PAGE), w.sys("DC ZVA", 1))
    assert (taken.el, taken.esr, taken.far) == (1, esr(ABORT_SAME, WNR | ALIGNMENT), DEVICE_PAGE)


def test_dc_zva_that_faults_reports_the_address_it_was_given(board: Board) -> None:
    """AArch64.MemZero takes its abort with the register's value, not with the address of the block."""
    el1_mapped(board)
    taken = board.takes(w.mov(1, NO_PAGE + 0x47), w.sys("DC ZVA", 1))
    assert (taken.esr, taken.far) == (esr(ABORT_SAME, WNR | 0b000111), NO_PAGE + 0x47)


def test_dc_zva_clears_its_whole_block(board: Board) -> None:
    el1_mapped(board)
    for offset in range(0, 0xC0, 8):
        board.store(PAGE + offset, 0xFFFF_FFFF_FFFF_FFFF)
    board.does(w.mrs(3, "DCZID_EL0"), w.mov(1, PAGE + 0x47), w.sys("DC ZVA", 1))
    size = 4 << (board.x[3] & 0xF)
    assert size == 64
    assert board.machine.read(DATA, 0xC0) == b"\xff" * 64 + bytes(64) + b"\xff" * 64
