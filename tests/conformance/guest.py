"""EL1 and EL0 in Non-secure, Secure or Realm state on two stages of tables, for tests of aborts and permissions."""

from __future__ import annotations

from emu import Security
from tests.conformance.board import DATA, EEL2, HCR_RW, OPEN, RAM, SCTLR, SCTLR_M, VM, Board
from tests.conformance.tables import MAIR, NORMAL, READ_ONLY, S2_RW, TCR_TWO, USER, UXN, VTCR, Tables

VA = 0x1_0000_0000
"""A page of EL1 alone; the next one EL0 may use too."""
USER_VA = VA + 0x1000
IPA = 0x2_0000_0000
USER_IPA = IPA + 0x1000
TABLE_IPA = 0x3_0000_0000
"""Where the guest sees its own stage 1 tables."""


class Guest:
    """Tables of both stages. The code block is one to one and executable at EL1 and EL0."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.stage1, self.stage2 = Tables(board), Tables(board)
        self.stage1.map_code(NORMAL | USER | READ_ONLY)
        self.stage1.map(VA, IPA, NORMAL | UXN)
        self.stage1.map(USER_VA, USER_IPA, NORMAL | UXN | USER)
        self.stage2.map(RAM, RAM, S2_RW, level=2)
        self.stage2.map(IPA, DATA, S2_RW)
        self.stage2.map(USER_IPA, DATA + 0x1000, S2_RW)
        self.is_stage2_on = True

    def table_ipa(self, pa: int) -> int:
        """Moves the stage 1 table at a physical address to an intermediate address of its own; returns it."""
        page = pa & ~0xFFF
        ipa = TABLE_IPA + (page & 0xF_F000)
        for slot, descriptor in self.stage1.entries.items():
            if descriptor & 0xFFFF_FFFF_F003 == page | 3 and slot & ~0xFFF != page:
                self.stage1.entries[slot] = descriptor & ~0xFFFF_FFFF_F000 | ipa
        self.stage2.map(ipa, page, S2_RW)
        return ipa

    def enter(
        self, el: int = 1, security: Security = Security.NON_SECURE, hcr: int = 0, scr: int = OPEN, **registers: int
    ) -> None:
        self.stage1.put()
        self.stage2.put()
        settings = {
            "HCR_EL2": HCR_RW | (VM if self.is_stage2_on else 0) | hcr, "VTCR_EL2": VTCR, "VSTCR_EL2": VTCR & 0xC0FF,
            "VTTBR_EL2": self.stage2.root, "VSTTBR_EL2": self.stage2.root, "TCR_EL1": TCR_TWO, "MAIR_EL1": MAIR,
            "TTBR0_EL1": self.stage1.root, "SCTLR_EL1": SCTLR | SCTLR_M,
        }  # fmt: skip
        self.board.enter(el, security, scr=scr | EEL2, **settings | registers)
