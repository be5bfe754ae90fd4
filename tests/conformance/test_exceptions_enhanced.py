"""Traps of later extensions: FEAT_FGT's of instructions, FEAT_ECV, FEAT_EVT, FEAT_RNG_TRAP."""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, E2H, EEL2, HCR_RW, OPEN, SCTLR, TGE, UCI, Board, esr, spsr

FGTEN, ECVEN, TRNDR = 1 << 27, 1 << 28, 1 << 40
ERET_BIT, SVC_EL0, SVC_EL1 = 1 << 51, 1 << 52, 1 << 53
API = 1 << 17
HCR_API = 1 << 41


def syndrome(encoding: tuple[int, int, int, int, int], rt: int, is_read: bool) -> int:
    op0, op1, crn, crm, op2 = encoding
    return esr(0x18, op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | int(is_read))


# HFGITR_EL2.{ERET, SVC_EL0, SVC_EL1}.


@pytest.mark.parametrize(
    ("el", "hcr", "control", "to"),
    [
        (0, 0, SVC_EL0, 2), (0, 0, SVC_EL1, 1), (0, TGE, SVC_EL0, 2), (0, TGE | E2H, SVC_EL0, 2),
        (1, 0, SVC_EL1, 2), (1, 0, SVC_EL0, 1), (2, 0, SVC_EL0 | SVC_EL1, 2),
    ],
)  # fmt: skip
def test_trapped_supervisor_calls_return_to_themselves(board: Board, el: int, hcr: int, control: int, to: int) -> None:
    board.enter(el, scr=OPEN | FGTEN, HCR_EL2=HCR_RW | hcr, HFGITR_EL2=control)
    taken = board.takes(w.svc(0x123))
    is_trap = to == 2 and el < 2 and not hcr & E2H
    assert (taken.el, taken.esr, taken.elr) == (to, esr(0x15, 0x123), CODE + (0 if is_trap else 4))


def test_supervisor_calls_are_not_trapped_without_fgten_or_el2(board: Board) -> None:
    board.enter(1, scr=OPEN, HFGITR_EL2=SVC_EL1, HCR_EL2=HCR_RW)
    assert board.takes(w.svc(1)).el == 1
    board.enter(1, Security.SECURE, scr=OPEN | FGTEN, HFGITR_EL2=SVC_EL1)
    assert board.takes(w.svc(1)).el == 1
    board.enter(1, Security.SECURE, scr=OPEN | FGTEN | EEL2, HFGITR_EL2=SVC_EL1, HCR_EL2=HCR_RW)
    assert board.takes(w.svc(1)).el == 2


ERETAA, ERETAB = 0xD69F_0BFF, 0xD69F_0FFF


@pytest.mark.parametrize(("word", "iss"), [(w.ERET, 0), (ERETAA, 0b10), (ERETAB, 0b11)])
@pytest.mark.parametrize("hcr", [0, HCR_API])
def test_trapped_exception_returns(board: Board, word: int, iss: int, hcr: int) -> None:
    """Before anything is authenticated, which HCR_EL2.API would trap."""
    board.enter(1, scr=OPEN | FGTEN | API, HCR_EL2=HCR_RW | hcr, HFGITR_EL2=ERET_BIT)
    taken = board.takes(word)
    assert (taken.el, taken.esr, taken.elr, taken.spsr) == (2, esr(0x1A, iss), CODE, spsr(1))


def test_exception_returns_of_el2_are_not_trapped(board: Board) -> None:
    board.enter(2, scr=OPEN | FGTEN, HFGITR_EL2=ERET_BIT, HCR_EL2=HCR_RW, ELR_EL2=CODE + 0x100, SPSR_EL2=spsr(1))
    board.put(CODE, w.ERET)
    board.machine.run(1)
    assert (board.cpu.el, board.cpu.pc) == (1, CODE + 0x100)


def test_fine_grained_traps_on_the_machine(board: Board) -> None:
    board.enter(1, scr=OPEN | FGTEN, HCR_EL2=HCR_RW, HFGRTR_EL2=1 << 36, HFGITR_EL2=1 << 43)
    taken = board.takes(w.msr("TTBR0_EL1", 5), w.mrs(5, "TTBR0_EL1"))
    assert (taken.el, taken.esr, taken.elr) == (2, syndrome((3, 0, 2, 0, 0), 5, True), CODE + 4)
    board.enter(1, scr=OPEN | FGTEN, HCR_EL2=HCR_RW, HFGITR_EL2=1 << 43)
    assert board.takes(w.sys("TLBI VAE1", 7)).esr == syndrome((1, 0, 8, 7, 1), 7, False)


# FEAT_ECV.


@pytest.mark.parametrize("name", ["CNTPCT_EL0", "CNTPCTSS_EL0"])
@pytest.mark.parametrize(
    ("el", "security", "hcr", "control", "scr", "is_offset"),
    [
        (1, Security.NON_SECURE, 0, 1 << 12, ECVEN, True),
        (0, Security.REALM, 0, 1 << 12, ECVEN, True),
        (1, Security.NON_SECURE, 0, 0, ECVEN, False),
        (1, Security.NON_SECURE, 0, 1 << 12, 0, False),
        (2, Security.NON_SECURE, 0, 1 << 12, ECVEN, False),
        (0, Security.NON_SECURE, E2H | TGE, 1 << 12, ECVEN, False),
        (1, Security.SECURE, 0, 1 << 12, ECVEN, False),
        (1, Security.SECURE, 0, 1 << 12, ECVEN | EEL2, True),
        (3, Security.NON_SECURE, 0, 1 << 12, ECVEN, False),
    ],
)
def test_the_physical_offset(
    board: Board, name: str, el: int, security: Security, hcr: int, control: int, scr: int, is_offset: bool
) -> None:
    opened = control | 1 << 10 | 0b11
    board.enter(el, security, scr=OPEN | scr, HCR_EL2=HCR_RW | hcr, CNTHCTL_EL2=opened, CNTPOFF_EL2=0x1000_0000,
                CNTKCTL_EL1=0x303)  # fmt: skip
    before = board.machine.instructions
    board.does(w.mrs(0, name))
    assert board.x[0] == (before - (0x1000_0000 if is_offset else 0)) & (1 << 64) - 1


def test_the_physical_timer_has_the_offset_too(board: Board) -> None:
    for offset in (0, 1 << 40, -(1 << 40) & (1 << 64) - 1):
        board.enter(1, scr=OPEN | ECVEN, HCR_EL2=HCR_RW, CNTHCTL_EL2=1 << 12 | 3, CNTPOFF_EL2=offset)
        board.does(w.mrs(0, "CNTPCT_EL0"), w.msr("CNTP_CVAL_EL0", 0), w.mov(1, 1), w.msr("CNTP_CTL_EL0", 1),
                   w.mrs(2, "CNTP_CTL_EL0"))  # fmt: skip
        assert board.x[2] == 0b101
        board.cpu.pc = CODE
        board.x[0] = board.x[0] + 1000
        board.does(w.msr("CNTP_CVAL_EL0", 0), w.mrs(2, "CNTP_CTL_EL0"))
        assert board.x[2] == 0b001


def test_cntpoff_is_el3s_to_give(board: Board) -> None:
    board.enter(2, scr=OPEN)
    taken = board.takes(w.mrs(5, "CNTPOFF_EL2"))
    assert (taken.el, taken.esr) == (3, syndrome((3, 4, 14, 0, 6), 5, True))
    board.enter(2, scr=OPEN | ECVEN)
    board.does(w.mrs(5, "CNTPOFF_EL2"))
    board.enter(1, scr=OPEN | ECVEN)
    assert board.takes(w.mrs(5, "CNTPOFF_EL2")).esr == esr(0)


@pytest.mark.parametrize(
    ("name", "control"),
    [("CNTV_CTL_EL0", 1 << 13), ("CNTV_CVAL_EL0", 1 << 13), ("CNTVCT_EL0", 1 << 14), ("CNTVCTSS_EL0", 1 << 14)],
)
@pytest.mark.parametrize("e2h", [0, E2H])
def test_traps_of_the_virtual_timer_and_counter(board: Board, name: str, control: int, e2h: int) -> None:
    for el in (0, 1):
        opened = {"CNTKCTL_EL1": 0x303, "HCR_EL2": HCR_RW | e2h}
        board.enter(el, CNTHCTL_EL2=control, **opened)
        taken = board.takes(w.mrs(5, name))
        assert (taken.el, taken.esr) == (2, syndrome(w.register_of(name), 5, True))
        board.enter(el, CNTHCTL_EL2=(1 << 13 | 1 << 14) & ~control, **opened)
        board.does(w.mrs(5, name))
        board.enter(el, Security.SECURE, CNTHCTL_EL2=control, **opened)
        board.does(w.mrs(5, name))
    board.enter(0, CNTHCTL_EL2=control | 0x303, HCR_EL2=HCR_RW | E2H | TGE)
    board.does(w.mrs(5, name))
    board.enter(0, CNTHCTL_EL2=control, CNTKCTL_EL1=0, HCR_EL2=HCR_RW)
    assert board.takes(w.mrs(5, name)).el == 1


# FEAT_EVT.

TID4, TICAB, TOCU, TTLBIS, TTLBOS = 1 << 49, 1 << 50, 1 << 52, 1 << 54, 1 << 55
ALL = TID4 | TICAB | TOCU | TTLBIS | TTLBOS
OPERATIONS = [
    ("IC IALLUIS", TICAB), ("IC IALLU", TOCU), ("IC IVAU", TOCU), ("DC CVAU", TOCU), ("TLBI VMALLE1IS", TTLBIS),
    ((0, 8, 3, 1), TTLBIS), ((0, 8, 2, 1), TTLBIS), ((0, 8, 1, 0), TTLBOS), ((0, 8, 5, 7), TTLBOS),
    ("TLBI VMALLE1", 0), ("DC CVAC", 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "control"), OPERATIONS)
def test_enhanced_traps_of_maintenance(board: Board, name: str | tuple[int, int, int, int], control: int) -> None:
    op1, crn, crm, op2 = w.OPERATIONS[name] if isinstance(name, str) else name
    for el in (0, 1) if op1 == 3 else (1,):
        board.enter(el, HCR_EL2=HCR_RW | ALL & ~control, SCTLR_EL1=SCTLR | UCI)
        board.x[5] = DATA
        board.does(w.sys(name, 5))
        if control:
            board.enter(el, HCR_EL2=HCR_RW | control, SCTLR_EL1=SCTLR | UCI)
            taken = board.takes(w.sys(name, 5))
            assert (taken.el, taken.esr) == (2, syndrome((1, op1, crn, crm, op2), 5, False))


@pytest.mark.parametrize("encoding", [(3, 1, 0, 0, 0), (3, 1, 0, 0, 1), (3, 2, 0, 0, 0)])
def test_tid4_traps_cache_geometry(board: Board, encoding: tuple[int, int, int, int, int]) -> None:
    board.enter(1, HCR_EL2=HCR_RW | TID4)
    assert board.takes(w.mrs(5, encoding)).esr == syndrome(encoding, 5, True)
    board.enter(1, HCR_EL2=HCR_RW | TID4)
    board.does(w.mrs(5, "CTR_EL0"))


# FEAT_RNG_TRAP.


@pytest.mark.parametrize("encoding", [(3, 3, 2, 4, 0), (3, 3, 2, 4, 1)])
@pytest.mark.parametrize("el", [0, 1, 2, 3])
def test_random_numbers_can_be_trapped_from_everywhere(
    board: Board, encoding: tuple[int, int, int, int, int], el: int
) -> None:
    board.enter(el, scr=OPEN | TRNDR, HCR_EL2=HCR_RW)
    taken = board.takes(w.mrs(5, encoding))
    assert (taken.el, taken.offset, taken.esr) == (3, 0x200 if el == 3 else 0x400, syndrome(encoding, 5, True))


# The local monitor (Arm ARM B2.12): cleared by CLREX and by an exception return, so that a handler cannot pair up
# with the code it interrupted.


@pytest.mark.parametrize(
    ("between", "stored"), [((), 0), ((w.CLREX,), 1), ((w.svc(0),), 1), ((w.stxr(3, 0, 2),), 1), ((w.NOP,), 0)]
)
def test_the_exclusive_monitor(board: Board, between: tuple[int, ...], stored: int) -> None:
    board.enter(1, HCR_EL2=HCR_RW)
    board.x[1], board.x[2] = DATA, DATA + 64
    program = [w.ldxr(0, 1), *between, w.stxr(4, 0, 1), w.NOP]
    if w.svc(0) not in between:
        board.does(program)
    else:
        board.takes(program)
        board.put(board.cpu.pc, w.ERET)
        board.machine.run(2)
    assert board.x[4] == stored
