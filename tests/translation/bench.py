"""A bench of registers, encrypted memory and an MMU, with a table builder that shares nothing with the walker."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from emu.architecture import PA, PAS, VA, Access, Regime, Security
from emu.debug.events import Moment, Owner
from emu.features import Features
from emu.mec.memory import EncryptedMemory
from emu.translation.mmu import Located, Mmu
from emu.translation.records import Fault, Request

BASE = 0x8000_0000
SIZE = 8 << 20

# Register bits, typed from mec-reference.md 1.3, 4.2.
SCR_NS, SCR_EEL2, SCR_SIF, SCR_NSE = 1 << 0, 1 << 18, 1 << 9, 1 << 62
SCR_TCR2EN, SCR_SCTLR2EN, SCR_GPF, SCR_MECEN = 1 << 43, 1 << 44, 1 << 48, 1 << 49
SCR_STATE = {
    Security.SECURE: SCR_EEL2,
    Security.NON_SECURE: SCR_NS,
    Security.ROOT: SCR_NS,
    Security.REALM: SCR_NS | SCR_NSE,
}
HCR_VM, HCR_DC, HCR_TGE, HCR_E2H = 1 << 0, 1 << 12, 1 << 27, 1 << 34
EMEC = 1 << 1
AMEC0, AMEC1 = 1 << 12, 1 << 13
M = 1
TCR_A1 = 1 << 22
# Both halves 48 bits, 4 KiB granule, 48-bit output, 16-bit ASIDs.
TCR_TWO = 16 | 16 << 16 | 0b10 << 30 | 5 << 32 | 1 << 36
TCR_ONE = 16 | 5 << 16
VTCR = 16 | 2 << 6 | 5 << 16 | 1 << 19  # 48-bit input, first level 0, 48-bit output, 16-bit VMIDs
MAIR = 0x44_00_FF  # 0: Normal WB, 1: Device-nGnRnE, 2: Normal NC

# Stage-1 leaf bits.
NORMAL, DEVICE, NC = 0 << 2, 1 << 2, 2 << 2
NS, EL0, READ_ONLY, ISH, AF, NG, NSE = 1 << 5, 1 << 6, 1 << 7, 3 << 8, 1 << 10, 1 << 11, 1 << 11
NT, CONTIGUOUS, PXN, UXN, AMEC = 1 << 16, 1 << 52, 1 << 53, 1 << 54, 1 << 63
# Stage-2 leaf bits.
S2_NORMAL, S2_DEVICE, S2_READ, S2_WRITE, S2_NS = 0b1111 << 2, 0, 1 << 6, 1 << 7, 1 << 55
S2_RW = S2_NORMAL | S2_READ | S2_WRITE | ISH | AF
S2_XN = 0b10 << 53

HIGH = 0xFFFF_0000_0000_0000
"""The lowest address of the upper half."""


class BenchMemory:
    """RAM from BASE behind the encryption engine; remembers every descriptor read."""

    def __init__(self) -> None:
        self.arena = bytearray(SIZE)
        tags = bytearray(SIZE // 4)
        self.encrypted = EncryptedMemory(memoryview(self.arena), memoryview(tags).cast("I"), seed=7)
        self.reads: list[tuple[int, PAS, int]] = []
        self.swaps: list[tuple[int, PAS, int, int]] = []
        """Hardware updates of descriptors: where, in which space, under which MECID, the new value."""
        self.is_observed = True

    def read_u64(self, pa: PA, pas: PAS, mecid: int, is_cacheable: bool = False) -> tuple[int, int] | None:
        if self.is_observed:
            self.reads.append((pa, pas, mecid))
        if not BASE <= pa < BASE + SIZE:
            return None
        return self.encrypted.load(pa - BASE, 8, self.encrypted.owner_id(pas, mecid))

    def swap_u64(
        self, pa: PA, pas: PAS, mecid: int, expected: int, wanted: int, is_cacheable: bool = False
    ) -> int | None:
        if not BASE <= pa < BASE + SIZE:
            return None
        owner = self.encrypted.owner_id(pas, mecid)
        found = self.encrypted.load(pa - BASE, 8, owner)[0]
        if found == expected:
            self.swaps.append((pa, pas, mecid, wanted))
            self.encrypted.store(pa - BASE, 8, wanted, owner)
        return found

    def owner_of(self, pa: PA) -> Owner | None:
        return self.encrypted.owner_at(pa - BASE) if BASE <= pa < BASE + SIZE else None

    def watch(self, pa: PA) -> None:
        """Nothing here keeps what walks have found but the TLB."""

    @contextmanager
    def unobserved(self) -> Iterator[None]:
        before, self.is_observed = self.is_observed, False
        try:
            yield
        finally:
            self.is_observed = before


class Tables:
    """A translation table tree of 4 KiB tables, written descriptor by descriptor as the manual draws it."""

    def __init__(self, bench: Bench, start: int = 0, *, context: tuple[PAS, int] | None = None) -> None:
        self.bench = bench
        self.start = start
        self.context = context
        self.root = bench.page()
        self._tables: dict[tuple[int, ...], int] = {(): self.root}
        self.table_bits = 0

    def slot(self, address: int, level: int) -> int:
        """Physical address of the entry for an address at a level, making the tables above it."""
        path: tuple[int, ...] = ()
        for upper in range(self.start, level):
            index = address >> (39 - 9 * upper) & 0x1FF
            table = self._tables[path]
            path = (*path, index)
            if path not in self._tables:
                self._tables[path] = self.bench.page()
                self.write(table + 8 * index, self._tables[path] | self.table_bits | 3)
        return self._tables[path] + 8 * (address >> (39 - 9 * level) & 0x1FF)

    def write(self, pa: int, value: int) -> None:
        if self.context is None:
            self.bench.put(pa, value)
        else:
            self.bench.put_as(pa, value, *self.context)

    def map(self, address: int, output: int, bits: int, level: int = 3) -> int:
        """Write one leaf; returns the physical address of its descriptor."""
        slot = self.slot(address, level)
        self.write(slot, output | bits | (3 if level == 3 else 1))
        return slot


class Bench:
    """Everything one test needs."""

    def __init__(self, features: Features | None = None, *, tlb_entries: int = 128, is_forgiving: bool = False) -> None:
        self.regs: dict[str, int] = defaultdict(int)
        self.memory = BenchMemory()
        self.features = features or Features()
        self.time = 0
        self.mmu = Mmu(
            self.regs, self.memory, self.features, tlb_entries=tlb_entries, now=self.moment, is_forgiving=is_forgiving
        )
        self._free = BASE + SIZE // 2

    def moment(self) -> Moment:
        return Moment(self.time, VA(0x1000), 2, Security.REALM)

    def page(self) -> int:
        """A fresh zero page."""
        self._free += 0x1000
        return self._free - 0x1000

    def put(self, pa: int, value: int) -> None:
        """Write a word that nobody owns."""
        self.memory.encrypted.poke(pa - BASE, value.to_bytes(8, "little"))

    def put_as(self, pa: int, value: int, pas: PAS, mecid: int) -> None:
        """Store a word under a context."""
        encrypted = self.memory.encrypted
        encrypted.store(pa - BASE, 8, value, encrypted.owner_id(pas, mecid))

    def enter(self, security: Security, *, mec: bool = False) -> None:
        """Make a Security state current; with `mec` everything that MEC needs is enabled."""
        self.regs["SCR_EL3"] = SCR_STATE[security]
        if mec:
            self.regs["SCR_EL3"] |= SCR_MECEN | SCR_SCTLR2EN | SCR_TCR2EN
            self.regs["SCTLR2_EL2"] = EMEC

    def el2(self, *, e2h: bool = False) -> Tables:
        """Turn on stage 1 of EL2 (or EL2&0) with one tree for all its halves."""
        tables = Tables(self)
        self.regs["HCR_EL2"] = HCR_E2H if e2h else 0
        self.regs["SCTLR_EL2"] = M
        self.regs["TCR_EL2"] = TCR_TWO if e2h else TCR_ONE
        self.regs["TTBR0_EL2"] = self.regs["TTBR1_EL2"] = tables.root
        self.regs["MAIR_EL2"] = MAIR
        return tables

    def el1(self) -> Tables:
        """Turn on stage 1 of EL1&0 with one tree for both halves."""
        tables = Tables(self)
        self.regs["SCTLR_EL1"] = M
        self.regs["TCR_EL1"] = TCR_TWO
        self.regs["TTBR0_EL1"] = self.regs["TTBR1_EL1"] = tables.root
        self.regs["MAIR_EL1"] = MAIR
        return tables

    def el3(self) -> Tables:
        """Turn on stage 1 of EL3."""
        tables = Tables(self)
        self.regs["SCTLR_EL3"] = M
        self.regs["TCR_EL3"] = TCR_ONE
        self.regs["TTBR0_EL3"] = tables.root
        self.regs["MAIR_EL3"] = MAIR
        return tables

    def stage2(self, vmid: int = 1) -> Tables:
        """Turn on stage 2."""
        tables = Tables(self)
        self.regs["HCR_EL2"] |= HCR_VM
        self.regs["VTCR_EL2"] = VTCR
        self.regs["VTTBR_EL2"] = tables.root | vmid << 48
        return tables

    def identity2(self, stage2: Tables, bits: int = S2_RW) -> None:
        """Map all of RAM one to one through stage 2, in 2 MiB blocks."""
        for pa in range(BASE, BASE + SIZE, 2 << 20):
            stage2.map(pa, pa, bits, level=2)

    def request(
        self,
        va: int,
        access: Access = Access.READ,
        *,
        el: int = 2,
        regime: Regime | None = None,
        security: Security = Security.REALM,
        **more: object,
    ) -> Request:
        if regime is None:
            regimes = {3: Regime.EL3, 2: Regime.EL20 if self.regs["HCR_EL2"] & HCR_E2H else Regime.EL2}
            regime = regimes.get(el, Regime.EL10)
        return replace(Request(VA(va), access, el, regime, security, 8), **more)  # type: ignore[arg-type]

    def go(self, va: int, access: Access = Access.READ, **more: object) -> Located:
        """An access that must succeed."""
        found = self.mmu.access(self.request(va, access, **more))  # type: ignore[arg-type]
        assert isinstance(found, Located), found
        return found

    def fail(self, va: int, access: Access = Access.READ, **more: object) -> Fault:
        """An access that must fault."""
        found = self.mmu.access(self.request(va, access, **more))  # type: ignore[arg-type]
        assert isinstance(found, Fault), found
        return found
