"""WFI and WFE: traps and their order, and the event register (Arm ARM C6.2, D1.6; ISS of EC 0x01)."""

from __future__ import annotations

import pytest

import emu
from emu import Security
from tests.conformance import words as w
from tests.conformance.board import (
    CODE,
    E2H,
    EEL2,
    HCR_RW,
    OPEN,
    SCTLR,
    SCTLR_NTWE,
    SCTLR_NTWI,
    TGE,
    TWE,
    TWE3,
    TWI,
    TWI3,
    Board,
    esr,
    spsr,
)

WFX = 0x01
CV_COND = 1 << 24 | 0b1110 << 20
"""ISS: the condition is valid, and it is "always"."""
WAITS = {"wfi": (w.WFI, 0, TWI, TWI3, SCTLR_NTWI), "wfe": (w.WFE, 1, TWE, TWE3, SCTLR_NTWE)}
"""name -> (word, ISS.TI, HCR_EL2 trap, SCR_EL3 trap, SCTLR_ELx "no trap")."""


def clear_event(board: Board) -> None:
    """The ERET that entered this level set the event register; a WFE uses it up and goes on."""
    board.does(w.WFE)


@pytest.mark.parametrize("name", WAITS)
@pytest.mark.parametrize(
    ("el", "hcr", "scr", "sctlr_el1", "sctlr_el2", "to"),
    [
        (0, "", "", "", "n", 1),
        (0, "trap", "", "n", "n", 2),
        (0, "trap", "", "", "n", 1),  # SCTLR_EL1 is asked before HCR_EL2
        (0, "", "trap", "n", "n", 3),
        (0, "tge", "", "", "n", 2),  # EL1's trap goes to EL2 with TGE
        (0, "host", "", "n", "", 2),  # EL0 of a host: SCTLR_EL2
        (0, "host trap", "trap", "n", "n", 3),  # HCR_EL2 does not look at it
        (1, "trap", "", "n", "n", 2),
        (1, "trap", "trap", "n", "n", 2),
        (1, "", "trap", "", "", 3),
        (2, "trap", "trap", "n", "n", 3),
    ],
)
def test_traps(board: Board, name: str, el: int, hcr: str, scr: str, sctlr_el1: str, sctlr_el2: str, to: int) -> None:
    word, ti, hcr_trap, scr_trap, no_trap = WAITS[name]
    modes = {"": 0, "trap": hcr_trap, "tge": TGE, "host": TGE | E2H, "host trap": TGE | E2H | hcr_trap}
    board.enter(
        el,
        scr=OPEN | (scr_trap if scr else 0),
        HCR_EL2=HCR_RW | modes[hcr],
        SCTLR_EL1=SCTLR & ~no_trap | (no_trap if sctlr_el1 else 0),
        SCTLR_EL2=SCTLR & ~no_trap | (no_trap if sctlr_el2 else 0),
    )
    clear_event(board)
    taken = board.takes(w.NOP, word)
    assert (taken.el, taken.offset, taken.esr) == (to, 0x400, esr(WFX, CV_COND | ti))
    assert (taken.elr, taken.spsr) == (CODE + 8, spsr(el))


@pytest.mark.parametrize("el", [0, 1, 2, 3])
def test_a_wfe_with_the_event_register_set_is_not_trapped(board: Board, el: int) -> None:
    board.enter(el, scr=OPEN | TWE3, HCR_EL2=HCR_RW | TWE, SCTLR_EL1=SCTLR & ~SCTLR_NTWE)
    clear_event(board)
    board.does(w.SEVL, w.WFE, w.SEV, w.WFE)


@pytest.mark.parametrize("el", [2, 3])
def test_hcr_does_not_trap_el2_and_el3(board: Board, el: int) -> None:
    board.enter(el, HCR_EL2=HCR_RW | TWE)
    clear_event(board)
    board.does(w.WFE)


def test_scr_does_not_trap_el3(board: Board) -> None:
    board.enter(3, scr=OPEN | TWE3)
    clear_event(board)
    board.does(w.WFE)


def test_hcr_needs_el2_in_this_state(board: Board) -> None:
    board.enter(1, Security.SECURE, HCR_EL2=HCR_RW | TWE)
    clear_event(board)
    board.does(w.WFE)
    board.enter(1, Security.SECURE, scr=OPEN | EEL2, HCR_EL2=HCR_RW | TWE)
    clear_event(board)
    assert board.takes(w.WFE).el == 2


def test_a_wfi_that_is_not_trapped_ends_the_run(board: Board) -> None:
    """This machine has nothing that could wake it."""
    board.enter(1, HCR_EL2=HCR_RW)
    board.put(CODE, w.WFI)
    assert board.machine.run(10).reason is emu.StopReason.HALTED
