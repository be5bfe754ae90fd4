"""The machine that every implementation is made to look like, and the record a CPU state is exchanged in."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

# One identity map of 2 MiB blocks, Normal memory. Block 0 is read-only, so that EL1 and EL0 may both execute there.
BASE = 0x4000_0000
VECTORS = 0x4008_0000
LOW = 0x400F_F000
"""A page of known bytes below the code, for literals with negative offsets."""
SLOTS, SLOT_SIZE, SLOT_COUNT = 0x4010_0000, 0x80, 0x2000
"""Where the instructions of the cases lie: each slot ends in breakpoints."""
DATA = 0x4020_0000
PATTERN = DATA
"""What the window holds when a case begins."""
WINDOW, WINDOW_SIZE = DATA + 0x1_0000 - 0x200, 0x400
"""Where cases load and store; a page ends in its middle."""
DRIVER, TABLES = 0x4040_0000, 0x4060_0000
RAM_SIZE = 0x80_0000
RECORDS, MEMORIES = 0x4080_0000, 0x4100_0000
"""On QEMU: the states of the cases, before and later after them, and what each left in the window."""

MARK = 0x7E57
BREAKPOINT = 0xD420_0000 | MARK << 5
NO_EXCEPTION = 0x3C << 26 | 1 << 25 | MARK
"""ESR_ELx of the breakpoint behind a case."""

_BLOCK = 0b01 | 1 << 10 | 3 << 8  # block, access flag, inner shareable, attribute 0
_USER, _READ_ONLY, _GUARDED = 1 << 6, 1 << 7, 1 << 50


def tables() -> bytes:
    """A level 1 and a level 2 table at TABLES."""
    level1, level2 = [0] * 512, [0] * 512
    level1[BASE >> 30] = TABLES + 0x1000 | 3
    attributes = {0: _USER | _READ_ONLY | _GUARDED, 1: _USER}
    for block in range(32):
        level2[block] = BASE + (block << 21) | _BLOCK | attributes.get(block, 0)
    return struct.pack("<1024Q", *level1, *level2)


_KEYS = random.Random("keys")
SYSTEM: dict[str, int] = {
    "MAIR_EL1": 0xFF,
    "TTBR0_EL1": TABLES,
    # T0SZ=T1SZ=25, EPD1, 48-bit addresses, TBI0.
    "TCR_EL1": 25 | 25 << 16 | 1 << 23 | 5 << 32 | 1 << 37,
    "CPACR_EL1": 3 << 20,
    "TPIDR_EL0": 0x1234_5678_9ABC_DEF0,
    **{
        f"AP{key}Key{half}_EL1": _KEYS.getrandbits(64)
        for key in ("IA", "IB", "DA", "DB", "GA")
        for half in ("Lo", "Hi")
    },
    # M, nTWI, nTWE, UCI, UCT, DZE, EnIA, EnIB, EnDA, EnDB, EnRCTX; no alignment checks; RES1 bits.
    "SCTLR_EL1": 0x30D0_0800 | 1 | 1 << 16 | 1 << 18 | 1 << 26 | 1 << 15 | 1 << 14
    | 1 << 31 | 1 << 30 | 1 << 27 | 1 << 13 | 1 << 10,
}  # fmt: skip
"""What the cases run with; the last one switches the MMU on. MSCEn joins SCTLR_EL1 where there is FEAT_MOPS."""
SCTLR_MSCEN = 1 << 33

# The record: what a case starts from, and what it leaves.
X, SP, PC, PSTATE, FPCR, FPSR, ESR, FAR, V = 0, 0xF8, 0x100, 0x108, 0x110, 0x118, 0x120, 0x128, 0x130
RECORD_SIZE = 0x340
_FORMAT = struct.Struct("<31Q7Q64Q16x")
assert _FORMAT.size == RECORD_SIZE

N, Z, C, FLAG_V = 1 << 31, 1 << 30, 1 << 29, 1 << 28
NZCV = 0xF << 28
BTYPE = 3 << 10


@dataclass(slots=True)
class State:
    """The registers of a CPU; `esr` and `far` of the exception a case ended in, 0 where there was none."""

    x: list[int]
    sp: int
    pc: int
    pstate: int
    fpcr: int
    fpsr: int
    v: list[int]
    esr: int = 0
    far: int = 0

    def packed(self) -> bytes:
        halves = [half for value in self.v for half in (value & 0xFFFF_FFFF_FFFF_FFFF, value >> 64)]
        return _FORMAT.pack(*self.x, self.sp, self.pc, self.pstate, self.fpcr, self.fpsr, self.esr, self.far, *halves)

    @classmethod
    def unpacked(cls, record: bytes) -> State:
        values = _FORMAT.unpack(record)
        halves = values[38:102]
        return cls(
            list(values[:31]), *values[31:36],
            v=[halves[2 * i] | halves[2 * i + 1] << 64 for i in range(32)], esr=values[36], far=values[37],
        )  # fmt: skip
