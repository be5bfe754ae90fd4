"""A machine on the bench: put the CPU into a state, execute words there, see what exception they take.

Code, vectors and tables lie in the first 2 MiB of RAM, which every set of tables here maps one to one. Memory that
nobody stored to belongs to no context, so code and tables written from outside are readable under every MECID.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import emu
from emu import PAS, Security
from tests.conformance import words as w

RAM = 0x4000_0000
LAUNCHER = RAM
"""EL3's own code, which does no more than an ERET."""
CODE = RAM + 0x1_0000
VECTORS = {1: RAM + 0x2_1000, 2: RAM + 0x2_2000, 3: RAM + 0x2_3000}
POOL = RAM + 0x4_0000
"""Where tables are taken from, a page at a time, up to DATA."""
DATA = RAM + 0x20_0000
"""Memory to load from and store to: 2 MiB, mapped by nobody but the tests."""
SPARE = RAM + 0x40_0000
"""2 MiB more, for tables that belong to an encryption context and for the GPT."""

# SCR_EL3 (mec-reference.md 1.3).
NS, HCE, RW, EEL2, HXEN = 1 << 0, 1 << 8, 1 << 10, 1 << 18, 1 << 38
SMD, TWI3, TWE3, EA = 1 << 7, 1 << 12, 1 << 13, 1 << 3
TCR2EN, SCTLR2EN, GPF3, MECEN, NSE = 1 << 43, 1 << 44, 1 << 48, 1 << 49, 1 << 62
STATE = {Security.SECURE: 0, Security.NON_SECURE: NS, Security.REALM: NSE | NS}
OPEN = RW | HCE | HXEN | TCR2EN | SCTLR2EN | MECEN
"""Nothing that a lower level does is trapped to EL3."""

# HCR_EL2 (mec-reference.md 4.2).
VM, DC, TWI, TWE, TSC, TTLB, TVM, TGE, TRVM, E2H = (1 << bit for bit in (0, 12, 13, 14, 19, 25, 26, 27, 30, 34))
TID3, TID1, TIDCP, TACR, TSW, TPC, TPU, TDZ, AT, FWB, GPF2 = (
    1 << bit for bit in (18, 16, 20, 21, 22, 23, 24, 28, 44, 46, 48)
)
HCR_RW = 1 << 31

EMEC = 1 << 1
AMEC0, AMEC1 = 1 << 12, 1 << 13

SCTLR_M, SCTLR_A, SCTLR_SA, SCTLR_SA0, SCTLR_UMA, SCTLR_DZE, SCTLR_UCT, SCTLR_NTWI, SCTLR_NTWE, SCTLR_WXN = (
    1 << bit for bit in (0, 1, 3, 4, 9, 14, 15, 16, 18, 19)
)
SPAN, UCI, EPAN = 1 << 23, 1 << 26, 1 << 57
SCTLR = SCTLR_NTWI | SCTLR_NTWE | SPAN
"""SCTLR_ELx with the MMU off in which EL0 may wait and PSTATE.PAN stays alone."""

DAIF = 0xF << 6
N, Z, C, V = 1 << 31, 1 << 30, 1 << 29, 1 << 28
JUMPED = 1 << 10
"""SPSR_ELx.BTYPE of an instruction that BR from unguarded memory led to, and that was never executed (FEAT_BTI)."""
UAO, PAN, IL, NRW = 1 << 23, 1 << 22, 1 << 20, 1 << 4


def spsr(el: int, *, handler: bool = True) -> int:
    """SPSR_ELx for a level: on its own stack pointer (ELxh) or on SP_EL0 (ELxt), interrupts masked."""
    return DAIF | el << 2 | int(handler and el > 0)


@dataclass(frozen=True, slots=True)
class Taken:
    """An exception as its vector finds it: the level it went to, the vector's offset, the registers of that level."""

    el: int
    offset: int
    esr: int
    elr: int
    spsr: int
    far: int

    @property
    def ec(self) -> int:
        return self.esr >> 26 & 0x3F

    @property
    def iss(self) -> int:
        return self.esr & 0x1FF_FFFF


def esr(ec: int, iss: int = 0) -> int:
    """ESR_ELx of an exception of a 32-bit instruction: EC in bits [31:26], IL=1, ISS."""
    return ec << 26 | 1 << 25 | iss


class Board:
    """A machine of one engine and memory model, with helpers that read like the rows of the vectors."""

    def __init__(
        self,
        engine: str,
        model: str = "cipher",
        *,
        width: int = 16,
        pas_keys: bool = True,
        sync: Literal["architectural", "immediate"] = "architectural",
        cache: bool = False,
        rules: str = "default",
    ) -> None:
        self.machine = emu.Machine(
            memory="32M", engine=engine, mec_model=model, mecid_width=width, pas_keys=pas_keys, sync=sync,
            mec_cache=cache, rules=rules,
        )  # fmt: skip
        self.cpu = self.machine.cpu
        self.sysreg = self.cpu.sysreg
        self.x = self.cpu.x
        self._pool = POOL
        self._after_reset = self.cpu.architectural_state()
        for base in VECTORS.values():
            for offset in range(0, 0x800, 0x80):
                self.machine.breakpoints.add(base + offset)

    def page(self) -> int:
        """A fresh page for tables."""
        self._pool += 0x1000
        return self._pool - 0x1000

    def put(self, pa: int, *code: w.Code) -> None:
        """Words into memory, from outside: whoever owns it, nobody's MECID."""
        self.machine.write(pa, w.assemble(*code))

    def put_tables(self, entries: Mapping[int, int]) -> None:
        """Descriptors into memory, from outside."""
        for pa, descriptor in entries.items():
            self.machine.write(pa, descriptor.to_bytes(8, "little"))

    # Entering a state.

    def enter(
        self,
        el: int,
        security: Security = Security.NON_SECURE,
        *,
        scr: int = OPEN,
        at: int = CODE,
        handler: bool = True,
        pstate: int = 0,
        **registers: int,
    ) -> None:
        """Come out of reset and, from EL3, ERET into a level and Security state, with these system registers.

        `scr` is SCR_EL3 without the bits of the state. Everything else is 0, MMUs are off, TLBs empty. `pstate` is
        ORed into SPSR_EL3.
        """
        self.cpu.restore_architectural_state(self._after_reset)
        self.machine.cpu.mmu.invalidate_all()
        self.machine.cpu.flush_translations()
        for name in ZERO:
            self.sysreg[name] = 0
        self.sysreg["SCTLR_EL1"] = self.sysreg["SCTLR_EL2"] = SCTLR
        self.sysreg["SCR_EL3"] = scr | STATE[security]
        for level, base in VECTORS.items():
            self.sysreg[f"VBAR_EL{level}"] = base
        self.sysreg["ELR_EL3"] = at
        self.sysreg["SPSR_EL3"] = spsr(el, handler=handler) | pstate
        for name, value in registers.items():
            self.sysreg[name] = value
        self.put(LAUNCHER, w.ERET)
        self.cpu.pc = LAUNCHER
        self.machine.run(1)
        assert self.cpu.el == el
        assert self.cpu.security == (Security.ROOT if el == 3 else security)
        assert self.cpu.pc == at

    # Executing.

    def execute(self, *code: w.Code, pa: int | None = None) -> Taken | None:
        """Execute words at the program counter (whose memory is at `pa`, if not there); the exception they end in."""
        program = w.assemble(*code)
        start = self.cpu.pc
        self.machine.write(start if pa is None else pa, program)
        end = start + len(program)
        breakpoint_ = self.machine.breakpoints.add(end)
        stop = self.machine.run(1000)
        self.machine.breakpoints.remove(breakpoint_)
        assert stop.reason is emu.StopReason.BREAKPOINT, stop
        if stop.pc == end:
            return None
        [(el, base)] = [item for item in VECTORS.items() if item[1] <= stop.pc < item[1] + 0x800]
        return self.taken(el, stop.pc - base)

    def taken(self, el: int, offset: int) -> Taken:
        assert self.cpu.el == el
        read = self.sysreg
        return Taken(el, offset, read[f"ESR_EL{el}"], read[f"ELR_EL{el}"], read[f"SPSR_EL{el}"], read[f"FAR_EL{el}"])

    def does(self, *code: w.Code, pa: int | None = None) -> None:
        """Execute words that take no exception."""
        taken = self.execute(*code, pa=pa)
        assert taken is None, f"{taken} {self.machine.exceptions[-1].kind}"

    def takes(self, *code: w.Code, pa: int | None = None) -> Taken:
        """Execute words, the last of which takes an exception."""
        taken = self.execute(*code, pa=pa)
        assert taken is not None, "no exception was taken"
        return taken

    def retries(self) -> None:
        """Return from the vector the CPU stands at, with its handler's ERET, and execute that instruction again."""
        self.put(self.cpu.pc, w.ERET)
        self.machine.run(1)
        address = self.cpu.pc
        self.machine.run(1)
        assert self.cpu.pc == address + 4, self.machine.exceptions[-1]

    # One access, as two or three instructions.

    def load(self, va: int) -> int:
        """LDR X0, [va]"""
        self.does(w.mov(1, va), w.ldr(0, 1))
        return self.x[0]

    def store(self, va: int, value: int) -> None:
        """STR of a 64-bit value."""
        self.does(w.mov(1, va), w.mov(0, value), w.str_(0, 1))

    def load_byte(self, va: int) -> int:
        self.does(w.mov(1, va), w.ldrb(0, 1))
        return self.x[0]

    def store_byte(self, va: int, value: int) -> None:
        self.does(w.mov(1, va), w.mov(0, value), w.strb(0, 1))

    def load_fault(self, va: int) -> Taken:
        """The exception that LDR X0, [va] takes."""
        return self.takes(w.mov(1, va), w.ldr(0, 1))

    def store_fault(self, va: int) -> Taken:
        """The exception that STR XZR, [va] takes."""
        return self.takes(w.mov(1, va), w.str_(31, 1))

    def load_words(self, va: int, count: int) -> list[int]:
        """Consecutive 64-bit loads."""
        return [self.load(va + 8 * index) for index in range(count)]

    def set(self, register: str, value: int) -> None:
        """MSR and ISB: a new value, and nothing else."""
        self.does(w.mov(0, value), w.msr(register, 0), w.ISB)

    # What the memory protection engine says.

    def owner(self, pa: int) -> tuple[PAS, int] | None:
        """(address space, MECID) that owns a block of memory."""
        owner = self.machine.mec.owner_of(pa)
        return None if owner is None else (owner.pas, owner.mecid)

    @property
    def hits(self) -> list[emu.Hit]:
        return self.machine.mec.hits

    def store_as(self, mecid: int, entries: Mapping[int, int]) -> None:
        """64-bit words into Realm memory, by STR at Realm EL2 with the MMU off and MECID_P0_EL2 = mecid.

        The CPU has to `enter` its state afterwards.
        """
        self.enter(2, Security.REALM, SCTLR2_EL2=EMEC, MECID_P0_EL2=mecid)
        for pa, value in entries.items():
            self.cpu.pc = CODE
            self.store(pa, value)
            assert self.owner(pa) == (PAS.REALM, mecid)


ZERO = (
    "HCR_EL2", "HCRX_EL2", "SCTLR2_EL2", "SCTLR2_EL3", "TCR2_EL2", "TCR_EL1", "TCR_EL2", "TCR_EL3", "VTCR_EL2",
    "VSTCR_EL2", "TTBR0_EL1", "TTBR1_EL1", "TTBR0_EL2", "TTBR1_EL2", "TTBR0_EL3", "VTTBR_EL2", "VSTTBR_EL2",
    "MAIR_EL1", "MAIR_EL2", "MAIR_EL3", "MECID_P0_EL2", "MECID_A0_EL2", "MECID_P1_EL2", "MECID_A1_EL2",
    "VMECID_P_EL2", "VMECID_A_EL2", "MECID_RL_A_EL3", "GPCCR_EL3", "GPTBR_EL3", "MDCR_EL2", "CPTR_EL2", "ESR_EL1",
    "ESR_EL2", "ESR_EL3", "FAR_EL1", "FAR_EL2", "FAR_EL3", "HPFAR_EL2", "MFAR_EL3", "ELR_EL1", "ELR_EL2", "SPSR_EL1",
    "SPSR_EL2", "CONTEXTIDR_EL1", "CONTEXTIDR_EL2", "SP_EL0", "SP_EL1", "SP_EL2",
)  # fmt: skip
"""Registers that reset leaves UNKNOWN, or that a test before left set."""
