"""Programs that break a rule, programs that keep it, and the machine they run on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emu import Security
from tests.conformance import words as w
from tests.conformance.board import (
    CODE,
    DATA,
    EMEC,
    HCR_RW,
    OPEN,
    RAM,
    SCTLR,
    STATE,
    VECTORS,
    VM,
    Board,
    spsr,
)
from tests.conformance.tables import S2_RW, VTCR, Tables

STP = 0xA900_0822
"""STP X2, X2, [X1]: a whole block."""
CIPAE = w.sys("DC CIPAE", 3)
REALM_PA = 3 << 62
VMALLS12E1 = w.sys((4, 8, 7, 6))
ALLE1, ALLE2, ALLE3 = w.sys("TLBI ALLE1"), w.sys("TLBI ALLE2"), w.sys("TLBI ALLE3")
EL1_CODE = CODE + 0x8000
"""What a Realm runs: HVC, back to EL2."""
LINE = 64
MECIDS = ("MECID_P0_EL2", "MECID_A0_EL2", "MECID_P1_EL2", "MECID_A1_EL2", "VMECID_P_EL2", "VMECID_A_EL2")


class Bench(Board):
    """A board that checks every rule."""

    def __init__(self, engine: str, model: str = "cipher", *, width: int = 16, rules: str = "all") -> None:
        super().__init__(engine, model, width=width, rules=rules)
        self._forgiven: set[str] = set()

    @property
    def checker(self):  # type: ignore[no-untyped-def]
        checker = self.machine.mec.checker
        assert checker is not None
        return checker

    def forget(self) -> None:
        """What was found while the scene was set is no part of the program."""
        self.checker.reset()

    def found(self) -> set[str]:
        """The rules broken, those included that wait for the guest's end."""
        self.checker.finish()
        return {finding.rule for finding in self.machine.mec.findings} - self._forgiven

    def forgive(self, *rules: str) -> None:
        """Findings that the program makes on its way, and that it is not about."""
        self._forgiven |= set(rules)

    # Scenes.

    def el2(self, **registers: int) -> None:
        """Realm EL2, MMU off, EMEC on, everything under MECID 0 unless said otherwise."""
        self.enter(2, Security.REALM, **{"SCTLR2_EL2": EMEC} | registers)
        self.forget()

    def from_reset(self, el: int = 2) -> None:
        """Realm EL2 (or EL3) with everything else as reset left it."""
        self.machine.reset()
        self.sysreg["SCR_EL3"] = OPEN | STATE[Security.REALM]
        for level, base in VECTORS.items():
            self.sysreg[f"VBAR_EL{level}"] = base
        self.sysreg["SCTLR_EL2"] = SCTLR
        self.sysreg["HCR_EL2"] = HCR_RW
        self.cpu.pc = CODE
        if el == 2:
            self.returns(2)
        self.forget()

    def returns(self, el: int, at: int = CODE) -> None:
        """ERET to a level."""
        level = self.cpu.el
        self.sysreg[f"ELR_EL{level}"] = at
        self.sysreg[f"SPSR_EL{level}"] = spsr(el)
        self.put(self.cpu.pc, w.ERET)
        self.machine.run(1)
        assert (self.cpu.el, self.cpu.pc) == (el, at)

    def rmm(self, **registers: int) -> None:
        """Realm EL2 with stage 2 on for EL1: RAM's first 4 MiB one to one, unowned tables, EL1's own MMU off."""
        tables = Tables(self)
        tables.map(RAM, RAM, S2_RW, level=2)
        tables.map(DATA, DATA, S2_RW)
        tables.put()
        self.tables = tables.root
        self.el2(**{"HCR_EL2": HCR_RW | VM, "VTCR_EL2": VTCR} | registers)

    def visit(self, vmid: int, mecid: int, tables: int | None = None) -> None:
        """The RMM enters a Realm as it should, and the Realm calls back."""
        root = self.tables if tables is None else tables
        self.cpu.pc = CODE
        self.does(
            w.mov(0, vmid << 48 | root), w.msr("VTTBR_EL2", 0), w.mov(0, mecid), w.msr("VMECID_P_EL2", 0)
        )  # fmt: skip
        self.put(EL1_CODE, w.hvc(0))
        self.returns(1, EL1_CODE)
        self.machine.run(1)
        assert self.cpu.el == 2, self.machine.exceptions[-1]
        self.cpu.pc = CODE

    def stores_block(self, pa: int, mecid: int, value: int = 0x1122_3344_5566_7788) -> None:
        """A whole block under a MECID, at Realm EL2 with the MMU off."""
        self.does(w.mov(0, mecid), w.msr("MECID_P0_EL2", 0), w.ISB, w.mov(1, pa), w.mov(2, value), STP)

    def cleans(self, pa: int, size: int = 0x1000, *, barrier: bool = True, stride: int = LINE) -> None:
        """DC CIPAE for every line of a range, DSB."""
        for line in range(pa, pa + size, stride):
            self.does(w.mov(3, REALM_PA | line), CIPAE)
        if barrier:
            self.does(w.DSB)

    def hands_over(self) -> None:
        """HVC: whoever stored is done."""
        self.takes(w.hvc(0))
        self.cpu.pc = CODE


Program = Callable[[Bench], None]


@dataclass(frozen=True)
class Case:
    """A program and what it is to run on; `also` are further rules that it rightly breaks."""

    program: Program
    also: frozenset[str] = frozenset()
    model: str = "cipher"
    width: int = 16

    @property
    def name(self) -> str:
        return self.program.__name__.removeprefix("_")


BAD: dict[str, list[Case]] = {}
GOOD: dict[str, list[Case]] = {}


def bad(
    rule: str, *, also: tuple[str, ...] = (), model: str = "cipher", width: int = 16
) -> Callable[[Program], Program]:
    """This program breaks a rule."""

    def register(program: Program) -> Program:
        BAD.setdefault(rule, []).append(Case(program, frozenset(also), model, width))
        return program

    return register


def good(rule: str, *, model: str = "cipher", width: int = 16) -> Callable[[Program], Program]:
    """This program does the same correctly, and breaks no rule at all."""

    def register(program: Program) -> Program:
        GOOD.setdefault(rule, []).append(Case(program, model=model, width=width))
        return program

    return register
