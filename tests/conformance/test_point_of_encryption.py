"""Vector V12 of mec-reference.md 6.5: who may use DC CIPAE and DC CIPAPA, and that they leave memory as it is."""

from __future__ import annotations

import pytest

from emu import PAS, Security
from tests.conformance import words as w
from tests.conformance.board import CODE, DATA, EEL2, EMEC, HCR_RW, MECEN, OPEN, Board, esr

NS, NSE = 1 << 63, 1 << 62
SPACES = {"secure": 0, "non-secure": NS, "root": NSE, "realm": NSE | NS}
CIPAE, CIPAPA = w.sys("DC CIPAE", 2), w.sys("DC CIPAPA", 2)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("scr", [OPEN, OPEN & ~MECEN])
@pytest.mark.parametrize("emec", [0, EMEC])
def test_v12_realm_el2_may_use_cipae_whatever_the_space_and_the_enables(
    any_board: Board, space: str, scr: int, emec: int
) -> None:
    any_board.store_as(5, {DATA: 0x1234})
    any_board.enter(2, Security.REALM, scr=scr, SCTLR2_EL2=emec, MECID_P0_EL2=5)
    any_board.does(w.mov(2, SPACES[space] | DATA + 0x23), CIPAE, w.DSB)
    assert any_board.owner(DATA) == (PAS.REALM, 5)
    assert any_board.machine.read(DATA, 8) == (0x1234).to_bytes(8, "little")
    assert any_board.hits == []


@pytest.mark.parametrize("operation", [CIPAE, CIPAPA])
def test_v12_el3_may_use_both(board: Board, operation: int) -> None:
    board.enter(3, Security.REALM)
    board.does(w.mov(2, NSE | NS | DATA), operation, w.DSB)


def test_v12_a_physical_address_is_not_translated(board: Board) -> None:
    board.enter(2, Security.REALM)
    board.does(w.mov(2, NSE | NS | 0xFFFF_FFFF_F000), CIPAE, w.DSB)


@pytest.mark.parametrize("security", [Security.NON_SECURE, Security.SECURE])
def test_v12_cipae_is_undefined_at_el2_of_another_state(board: Board, security: Security) -> None:
    board.enter(2, security, scr=OPEN | EEL2)
    taken = board.takes(CIPAE)
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (2, 0x200, esr(0x00), CODE)


@pytest.mark.parametrize("operation", [CIPAE, CIPAPA])
@pytest.mark.parametrize(("el", "offset"), [(0, 0x400), (1, 0x200)])
def test_v12_both_are_undefined_below_el2(board: Board, operation: int, el: int, offset: int) -> None:
    board.enter(el, Security.REALM, HCR_EL2=HCR_RW)
    taken = board.takes(operation)
    assert (taken.el, taken.offset, taken.esr) == (1, offset, esr(0x00))


def test_v12_cipapa_is_undefined_at_realm_el2(board: Board) -> None:
    board.enter(2, Security.REALM)
    assert board.takes(CIPAPA).esr == esr(0x00)
