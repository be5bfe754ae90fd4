"""EL3 with its data cache on and the same Realm memory mapped as each kind of Normal memory (mec-reference.md 6.3)."""

from __future__ import annotations

from collections.abc import Callable

from emu import PAS
from emu.debug.events import CacheMaintained, LineWrittenBack
from emu.mec.cache import LINE, CacheLine
from tests.conformance import words as w
from tests.conformance.board import DATA, EMEC, SCTLR, SCTLR_M, Board
from tests.conformance.realm import LOW
from tests.conformance.tables import AF, INNER, NORMAL, NS_LEAF, NSE_LEAF, TCR_ONE, XN, Tables

SCTLR_C, SCTLR_I = 1 << 2, 1 << 12
MAIR = 0xFF | 0x00 << 8 | 0x44 << 16 | 0xBB << 24
"""Write-Back, Device-nGnRnE, Non-cacheable, Write-Through."""
UNCACHED_TYPE, THROUGH_TYPE = 2 << 2, 3 << 2
WB, NC, WT = LOW, LOW + 0x10_0000, LOW + 0x20_0000
"""Three views of the 1 MiB at DATA."""
PAGES = 16
FILLER = DATA + 0x10_0000
"""Memory to push lines out with: 64 KiB at 2 MiB above LOW."""
FILL = LOW + 0x40_0000
REALM_LEAF = NSE_LEAF | NS_LEAF
REALM_PAS = 1 << 63 | 1 << 62


def cached_board(engine: str, width: int = 16, model: str = "cipher") -> Board:
    return Board(engine, model, width=width, cache=True)


def el3(board: Board, **registers: int) -> Tables:
    """EL3 with MECID 5 for Realm memory. Fetches of code are Non-cacheable unless SCTLR_EL3.I is set."""
    tables = Tables(board).map_code(NORMAL | NSE_LEAF)
    for page in range(0, PAGES * 0x1000, 0x1000):
        tables.map(WB + page, DATA + page, NORMAL | XN | REALM_LEAF)
        tables.map(NC + page, DATA + page, INNER | AF | UNCACHED_TYPE | XN | REALM_LEAF)
        tables.map(WT + page, DATA + page, INNER | AF | THROUGH_TYPE | XN | REALM_LEAF)
        tables.map(FILL + page, FILLER + page, NORMAL | XN | NSE_LEAF)
    tables.put()
    settings = {
        "SCTLR2_EL3": EMEC, "TCR_EL3": TCR_ONE, "MAIR_EL3": MAIR, "TTBR0_EL3": tables.root, "MECID_RL_A_EL3": 5,
        "SCTLR_EL3": SCTLR | SCTLR_M | SCTLR_C,
    }  # fmt: skip
    board.enter(3, **settings | registers)
    return tables


def use(board: Board, mecid: int) -> None:
    board.set("MECID_RL_A_EL3", mecid)


def dc(board: Board, operation: str, operand: int) -> None:
    board.does(w.mov(2, operand), w.sys(operation, 2), w.DSB)


def fill_line(board: Board, va: int, value: int) -> None:
    """A whole line of equal words."""
    board.does(w.mov(1, va), w.mov(0, value), *[w.str_(0, 1, offset) for offset in range(0, LINE, 8)])


def evict(board: Board) -> None:
    """Read more lines than the cache has, a few pages at a time."""
    for start in range(FILL, FILL + 9 * 0x1000, 3 * 0x1000):
        board.does(
            w.mov(1, start), w.mov(2, start + 3 * 0x1000),
            w.ldr(0, 1), 0x9101_0021, 0xEB02_003F, 0x54FF_FFA3,  # ADD X1, X1, #64; CMP X1, X2; B.LO to the load
        )  # fmt: skip


def realm_lines(board: Board, pa: int = DATA) -> list[CacheLine]:
    cache = board.machine.mec.cache
    assert cache is not None
    return [line for line in cache.lines() if line.pas is PAS.REALM and line.pa == pa]


def copies(board: Board, pa: int = DATA) -> dict[int, bool]:
    """MECID of each copy of a Realm line -> whether it is dirty."""
    return {line.mecid: line.dirty for line in realm_lines(board, pa)}


def watch(board: Board) -> tuple[list[CacheMaintained], list[LineWrittenBack]]:
    """What the machine tells of caches from now on."""
    maintained: list[CacheMaintained] = []
    written: list[LineWrittenBack] = []
    into: dict[type, Callable[..., None]] = {CacheMaintained: maintained.append, LineWrittenBack: written.append}
    for kind, listener in into.items():
        board.machine.events.subscribe(listener, kind)
    return maintained, written
