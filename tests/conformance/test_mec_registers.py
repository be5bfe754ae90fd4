"""Vectors V10, V11 and V18 of mec-reference.md 6.5, and the access table of its section 1.2: who may touch a MECID."""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import CODE, EEL2, HCR_RW, MECEN, OPEN, Board, esr, spsr

EL2_MECIDS = {
    "MECID_P0_EL2": (8, 0), "MECID_A0_EL2": (8, 1), "MECID_P1_EL2": (8, 2), "MECID_A1_EL2": (8, 3),
    "VMECID_P_EL2": (9, 0), "VMECID_A_EL2": (9, 1),
}  # fmt: skip
"""name -> (CRm, op2); all are op0=3, op1=4, CRn=10."""
ALL = [*EL2_MECIDS, "MECID_RL_A_EL3"]
NO_MECEN = OPEN & ~MECEN
WORDS = [pytest.param(w.mrs, id="mrs"), pytest.param(lambda rt, name: w.msr(name, rt), id="msr")]


@pytest.mark.parametrize("name", EL2_MECIDS)
@pytest.mark.parametrize("is_read", [True, False])
def test_v10_without_mecen_realm_el2_is_trapped_to_el3(board: Board, name: str, is_read: bool) -> None:
    crm, op2 = EL2_MECIDS[name]
    board.enter(2, Security.REALM, scr=NO_MECEN)
    taken = board.takes(w.mrs(3, name) if is_read else w.msr(name, 3))
    assert (taken.el, taken.offset) == (3, 0x400)
    # Op0 [21:20], Op2 [19:17], Op1 [16:14], CRn [13:10], Rt [9:5], CRm [4:1], direction [0] (4.11).
    assert taken.esr == esr(0x18, 3 << 20 | op2 << 17 | 4 << 14 | 10 << 10 | 3 << 5 | crm << 1 | is_read)
    assert (taken.elr, taken.spsr) == (CODE, spsr(2))


def test_v10_the_syndrome_of_mrs_mecid_p0_in_full(board: Board) -> None:
    board.enter(2, Security.REALM, scr=NO_MECEN)
    assert board.takes(w.mrs(0, "MECID_P0_EL2")).esr == 0x6231_2811


def test_v10_without_mecen_mecidr_is_still_readable(board: Board) -> None:
    board.enter(2, Security.REALM, scr=NO_MECEN)
    board.does(w.mrs(3, "MECIDR_EL2"))
    assert board.x[3] == 15


@pytest.mark.parametrize("name", ALL)
def test_v10_without_mecen_el3_reaches_every_register(board: Board, name: str) -> None:
    board.enter(3, Security.REALM, scr=NO_MECEN)
    board.does(w.mov(3, 0x123), w.msr(name, 3), w.mrs(4, name))
    assert board.x[4] == 0x123


@pytest.mark.parametrize("name", EL2_MECIDS)
def test_realm_el2_reaches_its_registers(board: Board, name: str) -> None:
    board.enter(2, Security.REALM)
    board.does(w.mov(3, 0x123), w.msr(name, 3), w.mrs(4, name))
    assert board.x[4] == 0x123


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", EL2_MECIDS)
@pytest.mark.parametrize("scr", [OPEN, NO_MECEN])
@pytest.mark.parametrize("security", [Security.NON_SECURE, Security.SECURE])
def test_v11_at_el2_of_another_state_they_are_undefined(
    board: Board, security: Security, scr: int, name: str, word: object
) -> None:
    """The state is tested before MECEn."""
    board.enter(2, security, scr=scr | EEL2)
    taken = board.takes(word(3, name))
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (2, 0x200, esr(0x00), CODE)


@pytest.mark.parametrize("security", [Security.NON_SECURE, Security.SECURE, Security.REALM])
def test_v11_mecidr_is_readable_at_el2_of_every_state(board: Board, security: Security) -> None:
    board.enter(2, security, scr=OPEN | EEL2)
    board.does(w.mrs(3, "MECIDR_EL2"))
    assert board.x[3] == 15


@pytest.mark.parametrize("el", [2, 3])
def test_mecidr_cannot_be_written(board: Board, el: int) -> None:
    board.enter(el, Security.REALM)
    taken = board.takes(w.msr("MECIDR_EL2", 3))
    assert (taken.el, taken.offset, taken.esr) == (el, 0x200, esr(0x00))


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("el", [0, 1])
@pytest.mark.parametrize("name", [*ALL, "MECIDR_EL2"])
def test_below_el2_they_are_undefined(board: Board, name: str, el: int, word: object) -> None:
    board.enter(el, Security.REALM, HCR_EL2=HCR_RW)
    taken = board.takes(word(3, name))
    assert (taken.el, taken.offset, taken.esr) == (1, 0x400 if el == 0 else 0x200, esr(0x00))


@pytest.mark.parametrize("word", WORDS)
def test_el3s_register_is_undefined_at_el2(board: Board, word: object) -> None:
    board.enter(2, Security.REALM)
    taken = board.takes(word(3, "MECID_RL_A_EL3"))
    assert (taken.el, taken.offset, taken.esr) == (2, 0x200, esr(0x00))


@pytest.mark.parametrize(("width", "kept"), [(1, 0x1), (8, 0xFF), (15, 0x7FFF), (16, 0xFFFF)])
@pytest.mark.parametrize("name", ALL)
def test_v18_bits_beyond_the_width_are_res0(engine: str, name: str, width: int, kept: int) -> None:
    board = Board(engine, width=width)
    board.enter(3, Security.REALM)
    board.does(w.mov(3, 0xFFFF_FFFF_0001_FFFF), w.msr(name, 3), w.mrs(4, name), w.mrs(5, "MECIDR_EL2"))
    assert board.x[4] == kept
    assert board.x[5] == width - 1


def test_v18_at_realm_el2(engine: str) -> None:
    board = Board(engine, width=8)
    board.enter(2, Security.REALM)
    board.does(w.mov(3, 0x1_FFFF), w.msr("MECID_P0_EL2", 3), w.mrs(4, "MECID_P0_EL2"))
    assert board.x[4] == 0xFF
