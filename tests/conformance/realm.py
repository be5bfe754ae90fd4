"""The set-ups that the vectors of mec-reference.md 6.5 share: Realm EL2 with and without E2H, Realm EL1 on stage 2."""

from __future__ import annotations

from emu import Security
from tests.conformance.board import AMEC0, AMEC1, DATA, E2H, EMEC, HCR_RW, RAM, SCTLR, SCTLR_M, VM, Board
from tests.conformance.tables import (
    AMEC,
    HIGH,
    MAIR,
    NORMAL,
    NS_LEAF,
    S2_RW,
    TCR_ONE,
    TCR_TWO,
    UXN,
    VTCR,
    XN,
    Tables,
)

LOW = 0x1_0000_0000
"""VA of a page with AMEC=0; the next has AMEC=1, the one after AMEC=1 and NS=1. The same above HIGH in EL2&0."""
PRIMARY, ALTERNATE, NON_SECURE = LOW, LOW + 0x1000, LOW + 0x2000
PRIMARY_PA, ALTERNATE_PA, NON_SECURE_PA = DATA, DATA + 0x1000, DATA + 0x2000


def map_data(tables: Tables, base: int = LOW, pa: int = DATA) -> None:
    tables.map(base, pa, NORMAL | XN)
    tables.map(base + 0x1000, pa + 0x1000, NORMAL | XN | AMEC)
    tables.map(base + 0x2000, pa + 0x2000, NORMAL | XN | AMEC | NS_LEAF)


def el2_tables(board: Board, pages: list[int] | None = None) -> Tables:
    tables = Tables(board, pages)
    tables.map_code(NORMAL)
    map_data(tables)
    return tables


def realm_el2(board: Board, tables: Tables | None = None, **registers: int) -> Tables:
    """V1's machine: Realm EL2, E2H=0, EMEC=1, P0=5, A0=9, AMEC0=1."""
    if tables is None:
        tables = el2_tables(board).put()
    settings = {
        "SCTLR2_EL2": EMEC, "TCR2_EL2": AMEC0, "MECID_P0_EL2": 5, "MECID_A0_EL2": 9, "TCR_EL2": TCR_ONE,
        "MAIR_EL2": MAIR, "TTBR0_EL2": tables.root, "SCTLR_EL2": SCTLR | SCTLR_M,
    }  # fmt: skip
    board.enter(2, Security.REALM, **settings | registers)
    return tables


class HostTables:
    """Tables of both halves of EL2&0: the same pages, the upper half's 0x10000 further up in memory."""

    def __init__(self, board: Board, pages: list[int] | None = None) -> None:
        self.lower, self.upper = Tables(board, pages), Tables(board, pages)
        self.lower.map_code(NORMAL | UXN)
        map_data(self.lower)
        map_data(self.upper, HIGH + LOW, DATA + 0x1_0000)

    @property
    def entries(self) -> dict[int, int]:
        return self.lower.entries | self.upper.entries

    def put(self) -> HostTables:
        self.lower.put()
        self.upper.put()
        return self


def realm_el20(board: Board, tables: HostTables | None = None, **registers: int) -> HostTables:
    """V2's machine: Realm EL2 with E2H=1, EMEC=1, P0=1, A0=2, P1=3, A1=4, AMEC0=AMEC1=1."""
    if tables is None:
        tables = HostTables(board).put()
    settings = {
        "HCR_EL2": HCR_RW | E2H, "SCTLR2_EL2": EMEC, "TCR2_EL2": AMEC0 | AMEC1, "MECID_P0_EL2": 1, "MECID_A0_EL2": 2,
        "MECID_P1_EL2": 3, "MECID_A1_EL2": 4, "TCR_EL2": TCR_TWO, "MAIR_EL2": MAIR, "TTBR0_EL2": tables.lower.root,
        "TTBR1_EL2": tables.upper.root, "SCTLR_EL2": SCTLR | SCTLR_M,
    }  # fmt: skip
    board.enter(2, Security.REALM, **settings | registers)
    return tables


class GuestTables:
    """Stage 1 and stage 2 of a Realm's EL1. Stage 2 maps its memory one to one; tests change single pages of it."""

    def __init__(self, board: Board, stage1_pages: list[int] | None = None, stage2_pages: list[int] | None = None):
        self._board = board
        self.stage1, self.stage2 = Tables(board, stage1_pages), Tables(board, stage2_pages)
        self.stage1.map_code(NORMAL)
        self.stage1.map(LOW, DATA, NORMAL | UXN)
        self.stage2.map(RAM, RAM, S2_RW, level=2)
        self.stage2.map(DATA, DATA, S2_RW)

    def stage1_pages(self) -> set[int]:
        """Every page that a stage 1 table lies in."""
        return {slot & ~0xFFF for slot in self.stage1.entries}

    def put(self) -> GuestTables:
        self.stage1.put()
        self.stage2.put()
        return self


def realm_el1(board: Board, tables: GuestTables, el: int = 1, **registers: int) -> None:
    """V6's machine: Realm EL1 (or EL0), both stages on, VMECID_P=7, VMECID_A=8."""
    settings = {
        "HCR_EL2": HCR_RW | VM, "SCTLR2_EL2": EMEC, "VMECID_P_EL2": 7, "VMECID_A_EL2": 8, "VTCR_EL2": VTCR,
        "VTTBR_EL2": tables.stage2.root, "TCR_EL1": TCR_TWO, "MAIR_EL1": MAIR, "TTBR0_EL1": tables.stage1.root,
        "SCTLR_EL1": SCTLR | SCTLR_M,
    }  # fmt: skip
    board.enter(el, Security.REALM, **settings | registers)
