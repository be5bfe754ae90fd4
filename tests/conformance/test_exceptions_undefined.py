"""UNDEFINED: unallocated words, and registers and instructions that a level does not have. EC 0, ISS 0, IL 1."""

from __future__ import annotations

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import CODE, E2H, EEL2, HCR_RW, OPEN, TGE, Board, esr, spsr

UNDEFINED = esr(0x00)
VMALLE1 = w.sys("TLBI VMALLE1")
LEVELS = [(0, 0, 1, 0x400), (0, TGE, 2, 0x400), (1, 0, 1, 0x200), (2, 0, 2, 0x200), (3, 0, 3, 0x200)]
"""(from, HCR_EL2, to, vector offset)."""


@pytest.mark.parametrize(("el", "hcr", "to", "offset"), LEVELS)
@pytest.mark.parametrize(
    "word",
    [
        w.UNALLOCATED,
        0xFFFF_FFFF,
        w.hlt(1),  # halting debug is not enabled
        w.mrs(0, (3, 7, 14, 15, 7)),  # nothing has this encoding
        w.sys((7, 8, 15, 7), 0),
        w.sys((0, 8, 3, 6), 0),  # between TLBI VALE1IS and VAALE1IS
    ],
)
def test_what_does_not_exist_is_undefined_at_its_own_level(
    board: Board, el: int, hcr: int, to: int, offset: int, word: int
) -> None:
    board.enter(el, HCR_EL2=HCR_RW | hcr)
    taken = board.takes(w.NOP, word)
    assert (taken.el, taken.offset, taken.esr) == (to, offset, UNDEFINED)
    assert (taken.elr, taken.spsr) == (CODE + 4, spsr(el))


EL1_ONLY = [
    "SCTLR_EL1",
    "TTBR0_EL1",
    "VBAR_EL1",
    "ESR_EL1",
    "ELR_EL1",
    "SPSR_EL1",
    "SP_EL0",
    "CurrentEL",
    "SPSel",
    "PAN",
]
EL2_ONLY = [
    "HCR_EL2",
    "VTTBR_EL2",
    "SCTLR_EL2",
    "ESR_EL2",
    "HPFAR_EL2",
    "SP_EL1",
    "TCR2_EL2",
    "SCTLR2_EL2",
    "TPIDR_EL2",
]
EL3_ONLY = ["SCR_EL3", "SCTLR_EL3", "GPCCR_EL3", "GPTBR_EL3", "MFAR_EL3", "SCTLR2_EL3", "VBAR_EL3", "SP_EL2"]


@pytest.mark.parametrize(
    ("el", "name"),
    [(0, name) for name in EL1_ONLY + EL2_ONLY + EL3_ONLY]
    + [(1, name) for name in EL2_ONLY + EL3_ONLY]
    + [(2, name) for name in EL3_ONLY],
)
@pytest.mark.parametrize("is_read", [True, False])
def test_a_register_of_a_higher_level_is_undefined(board: Board, el: int, name: str, is_read: bool) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    taken = board.takes(w.mrs(0, name) if is_read else w.msr(name, 0))
    assert (taken.el, taken.offset, taken.esr, taken.elr) == (el or 1, 0x200 if el else 0x400, UNDEFINED, CODE)


@pytest.mark.parametrize("name", ["CurrentEL", "MIDR_EL1", "ID_AA64PFR0_EL1", "CTR_EL0", "DCZID_EL0"])
def test_a_read_only_register_cannot_be_written(board: Board, name: str) -> None:
    board.enter(3)
    assert board.takes(w.msr(name, 0)).esr == UNDEFINED


@pytest.mark.parametrize("el", [1, 2, 3])
def test_sp_el0_is_undefined_while_it_is_the_one_in_use(board: Board, el: int) -> None:
    board.enter(el, handler=False, HCR_EL2=HCR_RW)
    taken = board.takes(w.mrs(0, "SP_EL0"))
    assert (taken.el, taken.offset, taken.esr) == (el, 0x000, UNDEFINED)


@pytest.mark.parametrize(
    "word", [w.ERET, w.msr_immediate("PAN", 1), w.msr_immediate("SPSel", 1), w.sys("TLBI VMALLE1")]
)
def test_el0_has_no_privileged_instructions(board: Board, word: int) -> None:
    board.enter(0, HCR_EL2=HCR_RW)
    taken = board.takes(word)
    assert (taken.el, taken.offset, taken.esr) == (1, 0x400, UNDEFINED)


@pytest.mark.parametrize(
    ("el", "name"),
    [
        (1, "TLBI ALLE1"), (1, "TLBI ALLE2"), (1, "TLBI VAE2"), (1, "TLBI IPAS2E1"), (1, "AT S1E2R"), (1, "AT S12E1R"),
        (1, "TLBI ALLE3"), (2, "TLBI ALLE3"), (2, "TLBI VAE3"), (2, "AT S1E3R"), (1, "TLBI PAALL"), (2, "TLBI PAALL"),
        (1, "TLBI RPAOS"), (2, "TLBI RPAOS"), (2, "DC CIPAPA"),
    ],
)  # fmt: skip
def test_operations_of_a_higher_level_are_undefined(board: Board, el: int, name: str) -> None:
    board.enter(el, Security.REALM, HCR_EL2=HCR_RW)
    taken = board.takes(w.sys(name, 1))
    assert (taken.el, taken.offset, taken.esr) == (el, 0x200, UNDEFINED)


@pytest.mark.parametrize("name", ["SCTLR_EL12", "TTBR0_EL12", "VBAR_EL12", "ESR_EL12", "ELR_EL12", "TCR2_EL12"])
@pytest.mark.parametrize("el", [2, 3])
def test_el12_names_are_undefined_without_e2h(board: Board, name: str, el: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW)
    assert board.takes(w.mrs(0, name)).esr == UNDEFINED


@pytest.mark.parametrize("name", ["SCTLR_EL12", "TTBR0_EL12", "VBAR_EL12"])
@pytest.mark.parametrize("el", [0, 1])
def test_el12_names_are_undefined_below_el2(board: Board, name: str, el: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW | E2H)
    assert board.takes(w.mrs(0, name)).esr == UNDEFINED


@pytest.mark.parametrize("name", ["VSTTBR_EL2", "VSTCR_EL2"])
@pytest.mark.parametrize("security", [Security.NON_SECURE, Security.REALM])
def test_secure_stage_2_registers_are_undefined_outside_secure_el2(board: Board, name: str, security: Security) -> None:
    board.enter(2, security)
    assert board.takes(w.mrs(0, name)).esr == UNDEFINED
    board.enter(2, Security.SECURE, scr=OPEN | EEL2)
    board.does(w.mrs(0, name))


@pytest.mark.parametrize("security", [Security.NON_SECURE, Security.SECURE])
@pytest.mark.parametrize("name", ["VSTTBR_EL2", "VSTCR_EL2"])
def test_at_el3_they_need_eel2(board: Board, name: str, security: Security) -> None:
    board.enter(3, security)
    assert board.takes(w.mrs(0, name)).esr == UNDEFINED
    board.enter(3, security, scr=OPEN | EEL2)
    board.does(w.mrs(0, name))


@pytest.mark.parametrize("name", ["TLBI ALLE2", "TLBI VAE2"])
def test_tlbi_of_el2_at_el3_needs_an_el2(board: Board, name: str) -> None:
    board.enter(3, Security.SECURE)
    assert board.takes(w.sys(name, 31)).esr == UNDEFINED
    for security, scr in ((Security.SECURE, OPEN | EEL2), (Security.NON_SECURE, OPEN), (Security.REALM, OPEN)):
        board.enter(3, security, scr=scr)
        board.does(w.sys(name, 31))


@pytest.mark.parametrize("name", ["AT S1E1R", "AT S12E1R", "AT S1E2R"])
def test_at_for_a_lower_level_is_undefined_at_el3_in_the_reserved_state(board: Board, name: str) -> None:
    """3.1: SCR_EL3.{NSE,NS} = {1,0}."""
    board.enter(3)
    board.sysreg["SCR_EL3"] = OPEN | 1 << 62
    taken = board.takes(w.mov(1, CODE), w.sys(name, 1))
    assert (taken.el, taken.offset, taken.esr) == (3, 0x200, UNDEFINED)


def test_tlbi_for_a_lower_level_does_nothing_at_el3_in_the_reserved_state(board: Board) -> None:
    board.enter(3)
    board.sysreg["SCR_EL3"] = OPEN | 1 << 62
    board.does(w.sys("TLBI VMALLE1"), w.sys("TLBI ALLE1"))
