"""Memory type and shareability that stages 1 and 2 give together, as AT S12E1R reports them (mec-reference.md 4.7)."""

from __future__ import annotations

import pytest

from tests.conformance import words as w
from tests.conformance.board import DATA, FWB, Board
from tests.conformance.guest import IPA, VA, Guest
from tests.conformance.tables import AF, S2_READ, S2_WRITE, UXN

NC, WB, WT = 0x44, 0xFF, 0xBB
NSH, OSH, ISH = 0, 2, 3
MEM_NC, MEM_WT, MEM_WB = 0b0101, 0b1010, 0b1111
FORCED_NC, FORCED_WB, STAGE1S = 0b0101, 0b0110, 0b0111


def result(board: Board, mair: int, memattr: int, hcr: int, sh1: int = ISH, sh2: int = ISH) -> tuple[int, int]:
    """(PAR_EL1.ATTR, PAR_EL1.SH) of an address whose stages have these attributes."""
    guest = Guest(board)
    guest.stage1.map(VA, IPA, AF | UXN | 1 << 2 | sh1 << 8)
    guest.stage2.map(IPA, DATA, AF | S2_READ | S2_WRITE | memattr << 2 | sh2 << 8)
    guest.enter(hcr=hcr, MAIR_EL1=0xFF | mair << 8)
    board.takes(w.hvc(0))
    board.does(w.mov(1, VA), w.sys("AT S12E1R", 1), w.ISB, w.mrs(0, "PAR_EL1"))
    par = board.x[0]
    assert par & 1 == 0
    assert par & 0x00FF_FFFF_FFFF_F000 == DATA
    return par >> 56, par >> 7 & 3


@pytest.mark.parametrize(
    ("mair", "memattr", "attr"),
    [
        (WB, MEM_WB, WB), (WB, MEM_WT, WT), (WB, MEM_NC, NC), (WT, MEM_WB, WT), (WT, MEM_WT, WT), (WT, MEM_NC, NC),
        (NC, MEM_WB, NC), (NC, MEM_WT, NC), (NC, MEM_NC, NC),
        # Device beats Normal; of two Device types the stricter one wins.
        (WB, 0b0000, 0x00), (WB, 0b0001, 0x04), (WB, 0b0010, 0x08), (WB, 0b0011, 0x0C), (NC, 0b0011, 0x0C),
        (0x00, MEM_WB, 0x00), (0x04, MEM_WB, 0x04), (0x0C, MEM_NC, 0x0C), (0x0C, 0b0001, 0x04), (0x04, 0b0010, 0x04),
        (0x08, 0b0000, 0x00), (0x0C, 0b0011, 0x0C),
        # The nibbles combine one by one: outer WB, inner NC.
        (0xF4, MEM_WB, 0xF4), (WB, 0b1101, 0xF4), (0xF4, MEM_NC, NC),
        # Stage 1's allocation hints and transience stay: stage 2 has none of its own.
        (0xEE, MEM_WB, 0xEE), (0x77, MEM_WB, 0x77),
    ],
)  # fmt: skip
def test_without_fwb_the_more_restrictive_type_wins(board: Board, mair: int, memattr: int, attr: int) -> None:
    assert result(board, mair, memattr, 0)[0] == attr


@pytest.mark.parametrize(
    ("mair", "memattr", "attr"),
    [
        *[(mair, STAGE1S, mair) for mair in (WB, WT, NC, 0x77, 0xF4, 0x00, 0x04, 0x0C)],
        *[(mair, FORCED_NC, NC) for mair in (WB, WT, NC, 0x77)],
        *[(mair, FORCED_NC, mair) for mair in (0x00, 0x0C)],
        (WB, 0b0001, 0x04), (0x0C, 0b0001, 0x04), (0x00, 0b0011, 0x00), (NC, 0b0011, 0x0C),
        # Forced Write-Back: the hints of a cacheable stage 1, else read and write allocation.
        (WB, FORCED_WB, WB), (NC, FORCED_WB, WB), (0x00, FORCED_WB, WB), (WT, FORCED_WB, WB), (0xF4, FORCED_WB, WB),
        (0x77, FORCED_WB, 0x77), (0xEE, FORCED_WB, 0xEE), (0xAA, FORCED_WB, 0xEE), (0x55, FORCED_WB, 0x55),
    ],
)  # fmt: skip
def test_with_fwb_stage_2_forces_or_passes(board: Board, mair: int, memattr: int, attr: int) -> None:
    """AArch64.S2ApplyFWBMemAttrs."""
    assert result(board, mair, memattr, FWB)[0] == attr


@pytest.mark.parametrize(
    ("sh1", "sh2", "sh"),
    [
        (NSH, NSH, NSH), (NSH, ISH, ISH), (ISH, NSH, ISH), (ISH, ISH, ISH), (OSH, NSH, OSH), (NSH, OSH, OSH),
        (OSH, ISH, OSH), (ISH, OSH, OSH), (OSH, OSH, OSH),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("hcr", "memattr"), [(0, MEM_WB), (FWB, FORCED_WB)])
def test_the_wider_shareability_wins(board: Board, hcr: int, memattr: int, sh1: int, sh2: int, sh: int) -> None:
    assert result(board, WB, memattr, hcr, sh1, sh2) == (WB, sh)


@pytest.mark.parametrize("mair", [0x00, 0x04, NC])
def test_device_and_non_cacheable_memory_is_reported_outer_shareable(board: Board, mair: int) -> None:
    assert result(board, mair, MEM_WB, 0, NSH, NSH) == (mair, OSH)
