"""SVC, HVC, SMC and BRK: where each goes from each level, and what the vector finds (Arm ARM D1.3, C6.2)."""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import CODE, DAIF, EEL2, HCE, HCR_RW, OPEN, SMD, TGE, TSC, Board, C, N, esr, spsr

UNKNOWN, SVC, HVC, SMC, BRK = 0x00, 0x15, 0x16, 0x17, 0x3C
MDCR_TDE = 1 << 8
NO_HCE = OPEN & ~HCE
IMM = 0xABCD


def enter(
    board: Board, el: int, hcr: int = 0, scr: int = OPEN, security: Security = Security.NON_SECURE, **registers: int
) -> None:
    board.enter(el, security, scr=scr, HCR_EL2=HCR_RW | hcr, **registers)


# SVC.


@pytest.mark.parametrize(
    ("el", "hcr", "to", "offset"),
    [(0, 0, 1, 0x400), (0, TGE, 2, 0x400), (1, 0, 1, 0x200), (2, 0, 2, 0x200), (2, TGE, 2, 0x200), (3, 0, 3, 0x200)],
)
def test_svc(board: Board, el: int, hcr: int, to: int, offset: int) -> None:
    enter(board, el, hcr)
    taken = board.takes(w.NOP, w.svc(IMM))
    assert (taken.el, taken.offset, taken.esr) == (to, offset, esr(SVC, IMM))
    assert (taken.elr, taken.spsr) == (CODE + 8, spsr(el))


@pytest.mark.parametrize("el", [1, 2, 3])
def test_svc_on_the_stack_pointer_of_el0_uses_the_first_vectors(board: Board, el: int) -> None:
    board.enter(el, handler=False, HCR_EL2=HCR_RW)
    taken = board.takes(w.svc(1))
    assert (taken.el, taken.offset, taken.spsr) == (el, 0x000, DAIF | el << 2)
    assert board.cpu.spsel == 1


def test_svc_keeps_the_flags_in_spsr(board: Board) -> None:
    board.enter(0, pstate=N | C, HCR_EL2=HCR_RW)
    assert board.takes(w.svc(0)).spsr == N | C | spsr(0)


def test_svc_of_secure_el0_ignores_tge_without_secure_el2(board: Board) -> None:
    enter(board, 0, TGE, security=Security.SECURE)
    assert board.takes(w.svc(0)).el == 1
    enter(board, 0, TGE, OPEN | EEL2, Security.SECURE)
    assert board.takes(w.svc(0)).el == 2


def test_an_exception_leaves_other_levels_syndromes_alone(board: Board) -> None:
    enter(board, 1)
    board.takes(w.svc(1))
    assert [board.sysreg[f"ESR_EL{el}"] for el in (1, 2, 3)] == [esr(SVC, 1), 0, 0]


# HVC.


@pytest.mark.parametrize(("el", "to", "offset"), [(1, 2, 0x400), (2, 2, 0x200), (3, 3, 0x200)])
def test_hvc(board: Board, el: int, to: int, offset: int) -> None:
    enter(board, el)
    taken = board.takes(w.hvc(IMM))
    assert (taken.el, taken.offset, taken.esr) == (to, offset, esr(HVC, IMM))
    assert (taken.elr, taken.spsr) == (CODE + 4, spsr(el))


@pytest.mark.parametrize(("el", "offset"), [(1, 0x200), (2, 0x200), (3, 0x200)])
def test_hvc_is_undefined_without_hce(board: Board, el: int, offset: int) -> None:
    enter(board, el, scr=NO_HCE)
    taken = board.takes(w.hvc(IMM))
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (el, offset, esr(UNKNOWN), CODE)


@pytest.mark.parametrize(("hcr", "to"), [(0, 1), (TGE, 2)])
def test_hvc_is_undefined_at_el0(board: Board, hcr: int, to: int) -> None:
    enter(board, 0, hcr)
    taken = board.takes(w.hvc(IMM))
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (to, 0x400, esr(UNKNOWN), CODE)


def test_hvc_of_secure_el1_needs_secure_el2(board: Board) -> None:
    enter(board, 1, security=Security.SECURE)
    assert board.takes(w.hvc(IMM)).esr == esr(UNKNOWN)
    enter(board, 1, scr=OPEN | EEL2, security=Security.SECURE)
    taken = board.takes(w.hvc(IMM))
    assert (taken.el, taken.esr) == (2, esr(HVC, IMM))


# SMC.


@pytest.mark.parametrize(("el", "offset"), [(1, 0x400), (2, 0x400), (3, 0x200)])
def test_smc(board: Board, el: int, offset: int) -> None:
    enter(board, el)
    taken = board.takes(w.smc(IMM))
    assert (taken.el, taken.offset, taken.esr) == (3, offset, esr(SMC, IMM))
    assert (taken.elr, taken.spsr) == (CODE + 4, spsr(el))


@pytest.mark.parametrize("el", [1, 2, 3])
def test_smc_is_undefined_with_smd(board: Board, el: int) -> None:
    enter(board, el, scr=OPEN | SMD)
    taken = board.takes(w.smc(IMM))
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (el, 0x200, esr(UNKNOWN), CODE)


@pytest.mark.parametrize(("hcr", "to"), [(0, 1), (TSC, 1), (TGE, 2)])
def test_smc_is_undefined_at_el0(board: Board, hcr: int, to: int) -> None:
    enter(board, 0, hcr)
    taken = board.takes(w.smc(IMM))
    assert (taken.el, taken.offset, taken.esr) == (to, 0x400, esr(UNKNOWN))


@pytest.mark.parametrize("scr", [OPEN, OPEN | SMD])
def test_tsc_traps_smc_of_el1_to_el2_before_smd_and_returns_to_it(board: Board, scr: int) -> None:
    enter(board, 1, TSC, scr)
    taken = board.takes(w.NOP, w.smc(IMM))
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (2, 0x400, esr(SMC, IMM), CODE + 4)


def test_tsc_does_not_trap_el2(board: Board) -> None:
    enter(board, 2, TSC)
    assert board.takes(w.smc(IMM)).el == 3


def test_tsc_needs_el2_in_this_state(board: Board) -> None:
    enter(board, 1, TSC, security=Security.SECURE)
    assert board.takes(w.smc(IMM)).el == 3
    enter(board, 1, TSC, OPEN | EEL2, Security.SECURE)
    assert board.takes(w.smc(IMM)).el == 2


# BRK.


@pytest.mark.parametrize(
    ("el", "hcr", "mdcr", "to", "offset"),
    [
        (0, 0, 0, 1, 0x400),
        (0, TGE, 0, 2, 0x400),
        (0, 0, MDCR_TDE, 2, 0x400),
        (1, 0, 0, 1, 0x200),
        (1, 0, MDCR_TDE, 2, 0x400),
        (2, 0, MDCR_TDE, 2, 0x200),
        (3, 0, MDCR_TDE, 3, 0x200),
    ],
)
def test_brk_returns_to_itself(board: Board, el: int, hcr: int, mdcr: int, to: int, offset: int) -> None:
    enter(board, el, hcr, MDCR_EL2=mdcr)
    taken = board.takes(w.NOP, w.brk(IMM))
    assert (taken.el, taken.offset, taken.esr) == (to, offset, esr(BRK, IMM))
    assert (taken.elr, taken.spsr) == (CODE + 4, spsr(el))


def test_every_security_state_takes_its_exceptions_at_its_own_el1(board: Board) -> None:
    for security in (Security.NON_SECURE, Security.SECURE, Security.REALM):
        enter(board, 1, security=security)
        taken = board.takes(w.svc(7))
        assert (taken.el, taken.esr, board.cpu.security) == (1, esr(SVC, 7), security)
