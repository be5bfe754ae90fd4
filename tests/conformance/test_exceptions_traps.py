"""Trapped registers and operations: which control, to which level, the syndrome of EC 0x18 (mec-reference.md 4.11)."""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import (
    AT,
    CODE,
    E2H,
    EEL2,
    HCR_RW,
    HXEN,
    OPEN,
    SCTLR,
    SCTLR2EN,
    SCTLR_DZE,
    SCTLR_UCT,
    TACR,
    TCR2EN,
    TDZ,
    TGE,
    TID1,
    TID3,
    TIDCP,
    TPC,
    TPU,
    TRVM,
    TSW,
    TTLB,
    TVM,
    UCI,
    Board,
    esr,
    spsr,
)

TRAPPED = 0x18
TID2 = 1 << 17
HCRX_TCR2EN, HCRX_SCTLR2EN = 1 << 14, 1 << 15
TCPAC = 1 << 31


def syndrome(encoding: tuple[int, int, int, int, int], rt: int, is_read: bool) -> int:
    """Op0 [21:20], Op2 [19:17], Op1 [16:14], CRn [13:10], Rt [9:5], CRm [4:1], direction [0]."""
    op0, op1, crn, crm, op2 = encoding
    return op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | int(is_read)


def register(name: str, is_read: bool) -> tuple[int, int]:
    """(word, ESR) of an access with X5."""
    word = w.mrs(5, name) if is_read else w.msr(name, 5)
    return word, esr(TRAPPED, syndrome(w.register_of(name), 5, is_read))


def operation(name: str, rt: int = 31) -> tuple[int, int]:
    op1, crn, crm, op2 = w.OPERATIONS[name]
    return w.sys(name, rt), esr(TRAPPED, syndrome((1, op1, crn, crm, op2), rt, False))


def expect(board: Board, case: tuple[int, int], to: int) -> None:
    word, expected = case
    start = board.cpu.pc
    taken = board.takes(word)
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (to, 0x400, expected, start)


VIRTUAL_MEMORY = [
    "SCTLR_EL1", "TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "ESR_EL1", "FAR_EL1", "AFSR0_EL1", "AFSR1_EL1", "MAIR_EL1",
    "AMAIR_EL1", "CONTEXTIDR_EL1", "SCTLR2_EL1", "TCR2_EL1",
]  # fmt: skip


@pytest.mark.parametrize("name", VIRTUAL_MEMORY)
@pytest.mark.parametrize(("hcr", "is_read"), [(TVM, False), (TRVM, True)])
def test_tvm_and_trvm_trap_el1s_translation_controls(board: Board, name: str, hcr: int, is_read: bool) -> None:
    board.enter(1, HCR_EL2=HCR_RW | hcr, HCRX_EL2=HCRX_TCR2EN | HCRX_SCTLR2EN)
    expect(board, register(name, is_read), 2)


@pytest.mark.parametrize("name", VIRTUAL_MEMORY)
@pytest.mark.parametrize(("hcr", "is_read"), [(TVM, True), (TRVM, False)])
def test_each_traps_its_direction_alone(board: Board, name: str, hcr: int, is_read: bool) -> None:
    board.enter(1, HCR_EL2=HCR_RW | hcr, HCRX_EL2=HCRX_TCR2EN | HCRX_SCTLR2EN)
    value = board.sysreg[name]
    board.does(w.mov(5, value), register(name, is_read)[0])


@pytest.mark.parametrize("name", ["SCTLR_EL1", "TTBR0_EL1"])
def test_tvm_needs_el2_in_this_state(board: Board, name: str) -> None:
    board.enter(1, Security.SECURE, HCR_EL2=HCR_RW | TVM | TRVM)
    board.does(w.mov(5, board.sysreg[name]), register(name, False)[0], register(name, True)[0])
    board.enter(1, Security.SECURE, scr=OPEN | EEL2, HCR_EL2=HCR_RW | TVM)
    expect(board, register(name, False), 2)


@pytest.mark.parametrize("name", ["VBAR_EL1", "SPSR_EL1", "ELR_EL1", "PAR_EL1", "TPIDR_EL1"])
def test_vbar_and_others_are_not_virtual_memory_controls(board: Board, name: str) -> None:
    board.enter(1, HCR_EL2=HCR_RW | TVM | TRVM)
    board.does(w.mrs(5, name), w.msr(name, 5))


# Appendix C: SCTLR2_EL1 and TCR2_EL1, in the order of their tests.

EXTENDED = [("SCTLR2_EL1", HCRX_SCTLR2EN, SCTLR2EN), ("TCR2_EL1", HCRX_TCR2EN, TCR2EN)]


@pytest.mark.parametrize(("name", "hcrx", "scr"), EXTENDED)
@pytest.mark.parametrize("is_read", [True, False])
def test_extended_controls_at_el1(board: Board, name: str, hcrx: int, scr: int, is_read: bool) -> None:
    board.enter(1, HCR_EL2=HCR_RW, HCRX_EL2=hcrx)
    board.does(register(name, is_read)[0])
    board.enter(1, scr=OPEN & ~scr, HCR_EL2=HCR_RW, HCRX_EL2=hcrx)
    expect(board, register(name, is_read), 3)
    board.enter(1, scr=OPEN & ~scr, HCR_EL2=HCR_RW, HCRX_EL2=0)
    expect(board, register(name, is_read), 2)
    board.enter(1, scr=OPEN & ~HXEN, HCR_EL2=HCR_RW, HCRX_EL2=hcrx)
    expect(board, register(name, is_read), 2)


@pytest.mark.parametrize(("name", "scr"), [(name, scr) for name, _, scr in EXTENDED])
@pytest.mark.parametrize("is_read", [True, False])
def test_extended_controls_at_el2_ask_scr_alone(board: Board, name: str, scr: int, is_read: bool) -> None:
    board.enter(2, HCR_EL2=HCR_RW, HCRX_EL2=0)
    board.does(register(name, is_read)[0])
    board.enter(2, scr=OPEN & ~scr, HCR_EL2=HCR_RW)
    expect(board, register(name, is_read), 3)


@pytest.mark.parametrize(("name", "scr"), [("SCTLR2_EL12", SCTLR2EN), ("TCR2_EL12", TCR2EN)])
def test_extended_controls_by_their_el12_names(board: Board, name: str, scr: int) -> None:
    board.enter(2, scr=OPEN & ~scr, HCR_EL2=HCR_RW | E2H)
    expect(board, register(name, True), 3)
    board.enter(2, HCR_EL2=HCR_RW | E2H)
    board.does(register(name, True)[0])


def test_hcrx_needs_hxen(board: Board) -> None:
    board.enter(2, scr=OPEN & ~HXEN)
    expect(board, register("HCRX_EL2", True), 3)


# ID registers.


@pytest.mark.parametrize(
    ("name", "hcr"),
    [
        ("ID_AA64PFR0_EL1", TID3),
        ("ID_AA64MMFR3_EL1", TID3),
        ((3, 0, 0, 4, 3), TID3),  # reserved within the ID space: reads as zero, and is trapped alike
        ((3, 0, 0, 0, 6), TID1),  # REVIDR_EL1
        ((3, 1, 0, 0, 7), TID1),  # AIDR_EL1
        ("CTR_EL0", TID2),
        ((3, 1, 0, 0, 1), TID2),  # CLIDR_EL1
        ((3, 2, 0, 0, 0), TID2),  # CSSELR_EL1
        ((3, 1, 0, 0, 0), TID2),  # CCSIDR_EL1
    ],
)
def test_identification_is_trapped_by_group(board: Board, name: object, hcr: int) -> None:
    board.enter(1, HCR_EL2=HCR_RW | hcr)
    expect(board, register(name, True), 2)
    board.enter(1, HCR_EL2=HCR_RW | (TID1 | TID2 | TID3) & ~hcr)
    board.does(register(name, True)[0])


def test_midr_is_not_trapped_and_shows_vpidr(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW | TID1 | TID2 | TID3, VPIDR_EL2=0x4100_0123)
    board.does(w.mrs(5, "MIDR_EL1"))
    assert board.x[5] == 0x4100_0123


def test_actlr_is_trapped_by_tacr(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW | TACR)
    expect(board, register("ACTLR_EL1", True), 2)
    board.enter(1, HCR_EL2=HCR_RW | TACR)
    expect(board, register("ACTLR_EL1", False), 2)


@pytest.mark.parametrize("encoding", [(3, 0, 11, 0, 0), (3, 3, 15, 2, 1), (3, 7, 15, 15, 7)])
@pytest.mark.parametrize("is_read", [True, False])
def test_tidcp_traps_the_implementation_defined_space(
    board: Board, encoding: tuple[int, int, int, int, int], is_read: bool
) -> None:
    board.enter(1, HCR_EL2=HCR_RW | TIDCP)
    expect(board, register(encoding, is_read), 2)
    board.enter(1, HCR_EL2=HCR_RW)
    assert board.takes(register(encoding, is_read)[0]).esr == esr(0x00)


# TLB maintenance.


@pytest.mark.parametrize(("name", "rt"), [("TLBI VMALLE1", 31), ("TLBI VMALLE1IS", 31), ("TLBI VAE1", 5)])
def test_ttlb_traps_el1s_tlb_maintenance(board: Board, name: str, rt: int) -> None:
    board.enter(1, HCR_EL2=HCR_RW | TTLB)
    expect(board, operation(name, rt), 2)
    board.enter(1, HCR_EL2=HCR_RW)
    board.does(w.sys(name, rt))
    board.enter(2, HCR_EL2=HCR_RW | TTLB)
    board.does(w.sys(name, rt))


# Cache maintenance and address translation.


@pytest.mark.parametrize(
    ("name", "hcr"),
    [
        ("DC ISW", TSW), ("DC CSW", TSW), ("DC CISW", TSW), ("DC IVAC", TPC), ("DC CIVAC", TPC), ("DC CVAC", TPC),
        ("DC CVAU", TPU), ("IC IVAU", TPU), ("IC IALLU", TPU), ("IC IALLUIS", TPU), ("DC ZVA", TDZ),
        ("AT S1E1R", AT), ("AT S1E1W", AT), ("AT S1E0R", AT), ("AT S1E0W", AT),
    ],
)  # fmt: skip
def test_hcr_traps_operations_of_el1(board: Board, name: str, hcr: int) -> None:
    rt = 31 if name.startswith("IC IALLU") else 5
    board.enter(1, HCR_EL2=HCR_RW | hcr)
    expect(board, operation(name, rt), 2)
    board.enter(1, HCR_EL2=HCR_RW | (TSW | TPC | TPU | TDZ | AT) & ~hcr)
    if name != "DC ZVA":  # to Device memory, with the MMU off
        board.does(w.mov(5, CODE), w.sys(name, rt))


EL0_OPERATIONS = [
    ("DC CVAC", UCI, TPC), ("DC CIVAC", UCI, TPC), ("DC CVAU", UCI, TPU), ("IC IVAU", UCI, TPU),
    ("DC ZVA", SCTLR_DZE, TDZ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sctlr", "hcr"), EL0_OPERATIONS)
def test_operations_of_el0(board: Board, name: str, sctlr: int, hcr: int) -> None:
    case = operation(name, 5)
    board.enter(0, HCR_EL2=HCR_RW | hcr, SCTLR_EL1=SCTLR)
    expect(board, case, 1)
    board.enter(0, HCR_EL2=HCR_RW | hcr, SCTLR_EL1=SCTLR | sctlr)
    expect(board, case, 2)
    board.enter(0, HCR_EL2=HCR_RW | TGE, SCTLR_EL1=SCTLR)
    expect(board, case, 2)
    board.enter(0, HCR_EL2=HCR_RW | TGE | E2H, SCTLR_EL1=SCTLR | sctlr, SCTLR_EL2=SCTLR)
    expect(board, case, 2)
    board.enter(0, HCR_EL2=HCR_RW | TGE | E2H | hcr, SCTLR_EL1=SCTLR, SCTLR_EL2=SCTLR | sctlr)
    if name != "DC ZVA":
        board.does(w.mov(5, CODE), case[0])


def test_ctr_at_el0(board: Board) -> None:
    case = register("CTR_EL0", True)
    board.enter(0, HCR_EL2=HCR_RW, SCTLR_EL1=SCTLR)
    expect(board, case, 1)
    board.enter(0, HCR_EL2=HCR_RW, SCTLR_EL1=SCTLR | SCTLR_UCT)
    board.does(case[0])
    board.enter(0, HCR_EL2=HCR_RW | TID2, SCTLR_EL1=SCTLR | SCTLR_UCT)
    expect(board, case, 2)
    board.enter(0, HCR_EL2=HCR_RW | TGE | E2H, SCTLR_EL1=SCTLR | SCTLR_UCT, SCTLR_EL2=SCTLR)
    expect(board, case, 2)


@pytest.mark.parametrize(
    ("el", "sctlr", "hcr", "prohibited"),
    [(0, 0, 0, 1), (0, SCTLR_DZE, 0, 0), (0, SCTLR_DZE, TDZ, 1), (1, 0, 0, 0), (1, 0, TDZ, 1), (2, 0, TDZ, 0)],
)
def test_dczid_says_whether_dc_zva_is_prohibited(board: Board, el: int, sctlr: int, hcr: int, prohibited: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW | hcr, SCTLR_EL1=SCTLR | sctlr)
    board.does(w.mrs(5, "DCZID_EL0"))
    assert board.x[5] >> 4 & 1 == prohibited


# The counter at EL0: EL1's control, then EL1PCTEN (bit 0, or bit 10 with E2H), or EL0PCTEN (bit 0) under a host.


@pytest.mark.parametrize(
    ("hcr", "cntkctl", "cnthctl", "to"),
    [
        (0, 0, 1, 1),
        (TGE, 0, 1, 2),
        (0, 1, 0b10, 2),
        (0, 1, 0b01, None),
        (TGE, 1, 0b10, 2),
        (E2H, 1, 1, 2),
        (E2H, 1, 1 << 10, None),
        (E2H | TGE, 0, 1, None),
        (E2H | TGE, 1, 1 << 10, 2),
    ],
)
def test_the_physical_counter_at_el0(board: Board, hcr: int, cntkctl: int, cnthctl: int, to: int | None) -> None:
    board.enter(0, HCR_EL2=HCR_RW | hcr, CNTKCTL_EL1=cntkctl, CNTHCTL_EL2=cnthctl)
    case = register("CNTPCT_EL0", True)
    if to is None:
        board.does(case[0])
    else:
        expect(board, case, to)


# CPACR and CPTR.


def test_tcpac_traps_cpacr_and_cptr(board: Board) -> None:
    board.enter(1, HCR_EL2=HCR_RW, CPTR_EL2=TCPAC, CPTR_EL3=0)
    expect(board, register("CPACR_EL1", True), 2)
    board.enter(1, HCR_EL2=HCR_RW, CPTR_EL2=0, CPTR_EL3=TCPAC)
    expect(board, register("CPACR_EL1", False), 3)
    board.enter(1, HCR_EL2=HCR_RW, CPTR_EL2=TCPAC, CPTR_EL3=TCPAC)
    expect(board, register("CPACR_EL1", False), 2)
    board.enter(2, HCR_EL2=HCR_RW, CPTR_EL3=TCPAC)
    expect(board, register("CPTR_EL2", True), 3)
    board.enter(2, HCR_EL2=HCR_RW, CPTR_EL3=TCPAC)
    expect(board, register("CPACR_EL1", True), 3)


# EL0.


def test_el0_reads_tpidrro_and_writes_tpidr(board: Board) -> None:
    board.enter(0, HCR_EL2=HCR_RW, TPIDRRO_EL0=0x55)
    board.does(w.mrs(5, "TPIDRRO_EL0"), w.msr("TPIDR_EL0", 5), w.mrs(6, "TPIDR_EL0"))
    assert (board.x[5], board.x[6]) == (0x55, 0x55)
    taken = board.takes(w.msr("TPIDRRO_EL0", 5))
    assert (taken.el, taken.esr, taken.spsr) == (1, esr(0x00), spsr(0))
