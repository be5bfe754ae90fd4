"""Appendix C of mec-reference.md and the access table of 1.8: who may touch the controls of MECs, and who hears of it.

A row is (access, level, what is set up, what becomes of it). The order of the traps is the table's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import (
    E2H,
    EEL2,
    HCR_RW,
    HXEN,
    MECEN,
    OPEN,
    SCTLR2EN,
    TCR2EN,
    TRVM,
    TVM,
    Board,
    esr,
)

READS, WRITES = "read", "write"
HCRX_SCTLR2EN, HCRX_TCR2EN = 1 << 15, 1 << 14
BOTH = HCRX_SCTLR2EN | HCRX_TCR2EN
ISS = {name: (op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | crm << 1) for name, (op0, op1, crn, crm, op2)
       in w.REGISTERS.items()}  # fmt: skip
"""The syndrome of a trap but for Rt and the direction (4.11)."""
FGWTE3 = (3, 6, 1, 1, 5)


@dataclass(frozen=True)
class Row:
    """`to` is the level that takes the access, None where it is done; `ec` 0x18 for a trap, 0 where it is UNDEFINED."""

    name: str | tuple[int, int, int, int, int]
    el: int
    to: int | None = None
    ec: int = 0x18
    kinds: tuple[str, ...] = (READS, WRITES)
    scr: int = OPEN
    security: Security = Security.REALM
    registers: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        end = "done" if self.to is None else f"EL{self.to} {self.ec:#x}"
        return f"{self.name} at EL{self.el} {self.security.label} {end}"


def one_stem(stem: str, scr_bit: int, hcrx_bit: int) -> list[Row]:
    """SCTLR2 or TCR2: the same rules."""
    el1, el12, el2 = f"{stem}_EL1", f"{stem}_EL12", f"{stem}_EL2"
    rw = {"HCR_EL2": HCR_RW}
    open_ = rw | {"HCRX_EL2": BOTH}
    shut = OPEN & ~scr_bit
    return [
        Row(el1, 0, 1, 0, registers=open_),
        Row(el1, 1, registers=open_),
        Row(el1, 1, 2, kinds=(WRITES,), scr=shut, registers={"HCR_EL2": HCR_RW | TVM, "HCRX_EL2": 0}),
        Row(el1, 1, kinds=(READS,), registers=open_ | {"HCR_EL2": HCR_RW | TVM}),
        Row(el1, 1, 2, kinds=(READS,), scr=shut, registers={"HCR_EL2": HCR_RW | TRVM, "HCRX_EL2": 0}),
        Row(el1, 1, kinds=(WRITES,), registers=open_ | {"HCR_EL2": HCR_RW | TRVM}),
        Row(el1, 1, 2, scr=shut, registers=rw | {"HCRX_EL2": BOTH & ~hcrx_bit}),
        Row(el1, 1, 2, scr=OPEN & ~HXEN, registers=open_),
        Row(el1, 1, 3, scr=shut, registers=open_),
        Row(el1, 2, registers=rw),
        Row(el1, 2, 3, scr=shut, registers=rw),
        Row(el1, 3, scr=shut),
        Row(el12, 1, 1, 0, registers=open_),
        Row(el12, 2, 2, 0, registers=rw),
        Row(el12, 2, 2, 0, scr=shut, registers=rw),
        Row(el12, 2, registers={"HCR_EL2": HCR_RW | E2H}),
        Row(el12, 2, 3, scr=shut, registers={"HCR_EL2": HCR_RW | E2H}),
        Row(el12, 3, 3, 0),
        Row(el12, 3, scr=shut, registers={"HCR_EL2": HCR_RW | E2H}),
        Row(el2, 0, 1, 0, registers=open_),
        Row(el2, 1, 1, 0, registers=open_),
        Row(el2, 1, 1, 0, scr=shut, registers=open_),
        Row(el2, 2),
        Row(el2, 2, 3, scr=shut),
        Row(el2, 2, security=Security.NON_SECURE),
        Row(el2, 2, 3, scr=shut, security=Security.NON_SECURE),
        Row(el2, 2, security=Security.SECURE),
        Row(el2, 3, scr=shut),
    ]


EL3_ONLY = ("SCTLR2_EL3", "SCR_EL3", "GPCCR_EL3", "GPTBR_EL3", "MFAR_EL3")
ROWS = [
    *one_stem("SCTLR2", SCTLR2EN, HCRX_SCTLR2EN),
    *one_stem("TCR2", TCR2EN, HCRX_TCR2EN),
    *(Row(name, el, max(el, 1), 0, registers={"HCR_EL2": HCR_RW}) for name in EL3_ONLY for el in (0, 1, 2)),
    *(Row(name, 3, scr=OPEN & ~(MECEN | SCTLR2EN | TCR2EN)) for name in EL3_ONLY if name != "SCR_EL3"),
    Row("SCR_EL3", 3, kinds=(READS,)),
    Row(FGWTE3, 3, 3, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "kind"), [pytest.param(row, kind, id=f"{row} {kind}") for row in ROWS for kind in row.kinds]
)
def test_control_registers_are_reached_or_trapped_in_the_table_s_order(board: Board, row: Row, kind: str) -> None:
    board.enter(row.el, row.security, scr=row.scr | EEL2, **row.registers)
    board.x[3] = 0
    word = w.mrs(3, row.name) if kind == READS else w.msr(row.name, 3)
    if row.to is None:
        board.does(word)
        return
    taken = board.takes(word)
    expected = esr(row.ec, ISS[str(row.name)] | 3 << 5 | (kind == READS) if row.ec else 0)
    assert (taken.el, taken.offset, taken.esr) == (row.to, 0x200 if row.to == row.el else 0x400, expected)


@pytest.mark.parametrize("stem", ["SCTLR2", "TCR2"])
def test_under_e2h_the_el1_name_reaches_el2s_register(board: Board, stem: str) -> None:
    bit = 1 << (1 if stem == "SCTLR2" else 12)  # EMEC, AMEC0: fields that EL1's register does not have
    board.enter(2, Security.REALM, HCR_EL2=HCR_RW | E2H)
    board.does(w.mov(3, bit), w.msr(f"{stem}_EL1", 3), w.mrs(4, f"{stem}_EL2"))
    assert board.x[4] == bit
    board.enter(2, Security.REALM, HCR_EL2=HCR_RW)
    board.does(w.mov(3, bit), w.msr(f"{stem}_EL1", 3), w.mrs(4, f"{stem}_EL2"))
    assert board.x[4] == 0


# Cache maintenance to the PoE and the PoPA (1.8). (op1, CRn, CRm, op2).
CIPAE, CIGDPAE, CIPAPA, CIGDPAPA = (4, 7, 14, 0), (4, 7, 14, 7), (6, 7, 14, 1), (6, 7, 14, 5)
Operation = tuple[int, int, int, int]
MAY = {CIPAE: {(2, Security.REALM), (3, Security.REALM)}, CIPAPA: {(3, Security.REALM)}}
LEVELS = [(el, Security.REALM) for el in range(4)] + [(2, Security.NON_SECURE), (2, Security.SECURE)]
OF_TAGS: Callable[[Operation], bool] = (CIGDPAE, CIGDPAPA).__contains__
"""These exist with FEAT_MTE2 alone, which this machine does not claim."""


@pytest.mark.parametrize(
    "operation", [CIPAE, CIGDPAE, CIPAPA, CIGDPAPA], ids=["CIPAE", "CIGDPAE", "CIPAPA", "CIGDPAPA"]
)
@pytest.mark.parametrize(("el", "security"), LEVELS)
def test_maintenance_by_physical_address_is_for_the_levels_of_the_table(
    board: Board, el: int, security: Security, operation: Operation
) -> None:
    board.enter(el, security, scr=(OPEN & ~(MECEN | SCTLR2EN)) | EEL2, HCR_EL2=HCR_RW)
    word = w.sys(operation, 2)
    board.x[2] = 0
    if (el, security) in MAY.get(operation, set()):
        assert not OF_TAGS(operation)
        board.does(word)
        return
    taken = board.takes(word)
    assert (taken.el, taken.esr) == (max(el, 1), esr(0x00))
