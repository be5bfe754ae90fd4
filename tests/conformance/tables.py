"""Translation tables and granule protection tables, typed from mec-reference.md 4.4 and 3.5. 4 KiB granule."""

from __future__ import annotations

from tests.conformance.board import RAM, SPARE, Board

# Stage 1 leaves (4.4). MAIR_ELx index 0 is Normal Write-Back here, index 1 Device-nGnRnE.
MAIR = 0xFF | 0x00 << 8
DEVICE = 1 << 2
NS_LEAF, USER, READ_ONLY, INNER, AF, NSE_LEAF = 1 << 5, 1 << 6, 1 << 7, 3 << 8, 1 << 10, 1 << 11
NT, CONTIGUOUS, PXN, UXN, XN, AMEC = 1 << 16, 1 << 52, 1 << 53, 1 << 54, 1 << 54, 1 << 63
NORMAL = INNER | AF
AP_TABLE_NO_EL0, AP_TABLE_NO_WRITE, UXN_TABLE, PXN_TABLE = 1 << 61, 1 << 62, 1 << 60, 1 << 59

# Stage 2 leaves.
S2_WB, S2_DEVICE, S2_READ, S2_WRITE, S2_NS = 0xF << 2, 0, 1 << 6, 1 << 7, 1 << 55
S2_XN, S2_XN_EL1, S2_XN_EL0 = 0b10 << 53, 0b01 << 53, 0b11 << 53
S2_RW = S2_WB | S2_READ | S2_WRITE | INNER | AF

TABLE, PAGE, BLOCK = 3, 3, 1

# TCR_ELx and VTCR_EL2 for 39-bit addresses: three levels, from level 1. Output 36 bits; walks Write-Back shareable.
WALK0, WALK1 = 1 << 8 | 1 << 10 | 3 << 12, 1 << 24 | 1 << 26 | 3 << 28
TCR_ONE = 25 | WALK0 | 1 << 16
TCR_TWO = 25 | WALK0 | 25 << 16 | WALK1 | 2 << 30 | 1 << 32
VTCR = 25 | WALK0 | 1 << 6 | 1 << 16
A1, EPD0, TBI0, TBI = 1 << 22, 1 << 7, 1 << 37, 1 << 20
HIGH = 0xFFFF_FF80_0000_0000
"""The lowest address of the upper range with T1SZ=25."""


class Tables:
    """One tree of tables for 39-bit input addresses; `entries` is what it wants in memory: address -> descriptor."""

    def __init__(self, board: Board, pages: list[int] | None = None) -> None:
        """`pages` is where the tables go; else the board's pool."""
        self._board = board
        self._pages = pages
        self.entries: dict[int, int] = {}
        self.root = self._page()

    def _page(self) -> int:
        return self._board.page() if self._pages is None else self._pages.pop(0)

    def slot(self, va: int, level: int) -> int:
        """Address of the entry for an input address at a level, making the tables that lead there."""
        table = self.root
        for at in range(1, level):
            entry = table + (va >> 12 + 9 * (3 - at) & 0x1FF) * 8
            if entry not in self.entries:
                self.entries[entry] = self._page() | TABLE
            table = self.entries[entry] & 0xFFFF_FFFF_F000
        return table + (va >> 12 + 9 * (3 - level) & 0x1FF) * 8

    def map(self, va: int, pa: int, bits: int, level: int = 3) -> int:
        """One leaf: a 4 KiB page at level 3, 2 MiB at level 2, 1 GiB at level 1. Returns its descriptor's address."""
        slot = self.slot(va, level)
        self.entries[slot] = pa | bits | (PAGE if level == 3 else BLOCK)
        return slot

    def map_code(self, bits: int) -> Tables:
        """The first 2 MiB of RAM (code, vectors, tables) one to one, as one block."""
        self.map(RAM, RAM, bits, level=2)
        return self

    def put(self) -> Tables:
        """Into memory, from outside: readable under every MECID."""
        self._board.put_tables(self.entries)
        return self


GPI_NONE, GPI_SECURE, GPI_NON_SECURE, GPI_ROOT, GPI_REALM, GPI_ANY = 0, 8, 9, 0xA, 0xB, 0xF
GPCCR = 1 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1
"""Checks on, 4 KiB granules, 36 bits protected, level 0 entries of 1 GiB; table reads Write-Back inner shareable."""


class GranuleTable:
    """A granule protection table for 36 bits: RAM's gigabyte granule by granule, everything else open to all."""

    LEVEL0, LEVEL1 = SPARE, SPARE + 0x2_0000  # a level 1 table of 128 KiB, aligned to its size

    def __init__(self, board: Board) -> None:
        self._board = board
        board.put_tables({self.LEVEL0 + 8 * gigabyte: GPI_ANY << 4 | 1 for gigabyte in range(64)})
        board.put_tables({self.LEVEL0 + 8 * (RAM >> 30): self.LEVEL1 | 3})
        board.machine.write(self.LEVEL1, b"\xff" * 0x2_0000)
        self.registers = {"GPCCR_EL3": GPCCR, "GPTBR_EL3": self.LEVEL0 >> 12}

    def entry_of(self, pa: int) -> int:
        """Address of the level 1 entry, which holds sixteen granules."""
        return self.LEVEL1 + (pa & 0x3FFF_FFFF) // 0x1_0000 * 8

    def set(self, pa: int, gpi: int) -> None:
        entry, shift = self.entry_of(pa), (pa >> 12 & 0xF) * 4
        old = int.from_bytes(self._board.machine.read(entry, 8), "little")
        self._board.put_tables({entry: old & ~(0xF << shift) | gpi << shift})
