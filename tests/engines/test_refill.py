"""Refills by native code change nothing: random guests with it, without it, and on the reference engine.

A guest at Realm EL2 (one range, or two with ASIDs) or Realm EL1 (with stage 2 or without) rewrites its tables,
forgets half of its TLBIs, changes MECIDs and enables, and makes accesses of all sizes through pages and blocks. Between
slices of the run the outside does what EL3 would: granule protection, new keys, other states. Everything that can be
seen is compared after each slice, which entries of the TLB have been used included.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import emu
from emu.debug.events import CacheMaintained, Event, OwnerChanged, StaleControlUsed, TlbFilled, TranslationFailed
from emu.registers.table import OPERATIONS
from tests.conformance import words as w

RAM = 0x4000_0000
CODE, VECTORS, TABLES, FRAMES = RAM, RAM + 0x8_0000, RAM + 0x10_0000, RAM + 0x40_0000
LEVEL1, LEVEL2, LEVEL3, OTHER3, STAGE2, STAGE2_2, STAGE2_3, STAGE2_LOW = (
    TABLES + 0x1000 * number for number in range(8)
)
S2_ALL = 0b1111 << 2 | 3 << 6 | 3 << 8
GPT0, GPT1 = RAM + 0x5F_F000, RAM + 0x60_0000
WINDOW, UPPER = 0x8000_0000, (1 << 64) - (1 << 39)
PAGES, FRAME_COUNT, BLOCKS = 12, 6, 3
AF, XN, PAGE, BLOCK, TABLE = 1 << 10, 1 << 54, 3, 1, 3
NS, EL0, READ_ONLY, NG, CONTIGUOUS, DBM, AMEC, NC, DEVICE = (
    1 << 5, 1 << 6, 1 << 7, 1 << 11, 1 << 52, 1 << 51, 1 << 63, 2 << 2, 1 << 2
)  # fmt: skip
HANDLER = {level: [w.mrs(28, f"ELR_EL{level}"), 0x9100_139C, w.msr(f"ELR_EL{level}", 28), w.ERET] for level in (1, 2)}
"""Goes on after the instruction that faulted; 0x9100_139C is ADD X28, X28, #4."""
TLBI = {item.name: item for item in OPERATIONS if item.name.startswith("TLBI")}
OURS = {
    level: [name for name in TLBI if name.removesuffix("IS").removesuffix("OS").endswith(f"E{level}")
            and name[5] != "R" and "ALLE1" not in name.removeprefix("TLBI VM") and "IPAS" not in name]
    for level in (1, 2)
}  # fmt: skip
LOADS = [(w.ldr, 8), (w.ldr_w, 4), (w.ldrh, 2), (w.ldrb, 1)]


class Guest:
    """A random program and the state that it begins in."""

    def __init__(self, seed: int, *, is_remapped: bool = False) -> None:
        """`is_remapped`: a guest below a stage 2 that changes all the time."""
        self.is_remapped = is_remapped
        self.source = source = random.Random(seed)
        self.level = 1 if is_remapped else source.choice((1, 2, 2))
        self.has_stage2 = is_remapped or (self.level == 1 and source.random() < 0.6)
        self.has_halves = self.level == 1 or source.random() < 0.6
        self.has_gpc = source.random() < 0.6
        self.tlb_entries = source.choice((1, 2, 5, 16, 128))
        self.hardware = source.choice((0, 0, 1, 3))
        self.code: list[w.Code] = []
        for _ in range(140):
            self.add()
        self.body = w.assemble(*self.code)
        back = -(len(self.body) // 4)
        self.body += (0x1400_0000 | back & (1 << 26) - 1).to_bytes(4, "little")

    def chance(self, probability: float) -> bool:
        return self.source.random() < probability

    def bits(self, probability: float, *values: int) -> int:
        return sum(value for value in values if self.chance(probability))

    def address(self) -> int:
        source = self.source
        if self.chance(0.3):
            va = WINDOW + (1 + source.randrange(BLOCKS) << 21) + (source.randrange(FRAME_COUNT) << 12)
        else:
            va = WINDOW + (source.randrange(PAGES) << 12)
        va += source.choice((0, 8, 16, 24, 0x7F8))
        if self.has_halves and self.chance(0.4):
            va |= UPPER
        return va

    def page(self) -> int:
        bits = self.bits(0.12, READ_ONLY, NG, DBM, NS, CONTIGUOUS, NC, DEVICE, AMEC)
        bits |= self.bits(0.05, EL0) | (0 if self.chance(0.1) else AF)
        return FRAMES + (self.source.randrange(FRAME_COUNT) << 12) | bits | XN | (0 if self.chance(0.1) else PAGE)

    def block(self) -> int:
        bits = self.bits(0.12, READ_ONLY, NG, AMEC) | (0 if self.chance(0.1) else AF)
        return FRAMES | bits | XN | (0 if self.chance(0.1) else BLOCK)

    def add(self) -> None:
        source, code = self.source, self.code
        kind = source.random()
        if kind < 0.45:
            load, size = source.choice(LOADS)
            code += [w.mov(1, self.address() + (source.randrange(8) if self.chance(0.1) else 0)), load(2, 1)]
            if size == 8 and self.chance(0.3):
                code += [w.ldur(3, 1, source.choice((1, 4, 7, 8)))]
        elif kind < 0.65:
            store = source.choice((w.str_, w.strb))
            code += [w.mov(1, self.address()), w.mov(0, source.getrandbits(20)), store(0, 1)]
        elif kind < 0.78:
            slots = [LEVEL3 + 8 * source.randrange(PAGES), OTHER3 + 8 * source.randrange(PAGES)]
            choice = source.random()
            if choice < 0.75:
                self.write(source.choice(slots), self.page())
            elif choice < 0.85:
                self.write(LEVEL2 + 8 * (1 + source.randrange(BLOCKS)), self.block())
            else:
                limits = self.bits(0.1, 1 << 62, 1 << 61, 1 << 59)
                self.write(LEVEL2, source.choice((LEVEL3, OTHER3)) | limits | TABLE)
        elif kind < 0.92:
            name = source.choice(OURS[self.level])
            asid = source.randrange(3) if self.has_halves else 0
            operand = asid << 48 | (self.address() >> 12 & (1 << 44) - 1)
            code += [w.mov(0, operand), w.sys(TLBI[name].encoding[1:], 0), w.DSB, w.ISB]
        elif kind < 0.96:
            self.change_register()
        else:
            name = source.choice(("DC CIVAC", "DC CVAU", "IC IVAU", "DC CVAC"))
            code += [w.mov(1, self.address() + source.randrange(64)), w.sys(w.OPERATIONS[name], 1)]

    def write(self, slot: int, descriptor: int) -> None:
        self.code += [w.mov(1, slot), w.mov(0, descriptor), w.str_(0, 1), w.DSB]

    def change_register(self) -> None:
        source, level = self.source, self.level
        ours = (
            (f"TTBR0_EL{level}", LEVEL1 | (source.randrange(3) << 48 if self.has_halves else 0)),
            (f"MAIR_EL{level}", source.choice((0x44_00_FF, 0xFF_00_44))),
        )
        mec = (
            ("MECID_P0_EL2", 1 + source.randrange(2)), ("MECID_A0_EL2", 3), ("MECID_P1_EL2", 1 + source.randrange(2)),
            ("TCR2_EL2", source.choice((0, 1 << 12, 3 << 12))), ("SCTLR2_EL2", source.choice((0, 2, 2))),
        )  # fmt: skip
        name, value = source.choice(ours if level == 1 else ours + mec)
        self.code += [w.mov(0, value), w.msr(name, 0)] + ([w.ISB] if self.chance(0.7) else [])

    def machine(self, engine: str, *, refills: bool = True) -> emu.Machine:
        level = self.level
        machine = emu.Machine(memory="8M", engine=engine, el=level, tlb_entries=self.tlb_entries, jit_threshold=20)
        registers, cpu = machine.cpu.sysreg, machine.cpu
        if engine != "reference":
            machine._engine._refill.is_enabled = refills
        cpu.caches.quick.is_enabled = refills and engine != "reference"
        registers["SCTLR2_EL2"], registers["MECID_P0_EL2"], registers["MECID_P1_EL2"] = 2, 1, 2
        registers["VMECID_P_EL2"], registers["VMECID_A_EL2"] = 1, 2
        registers["MECID_A0_EL2"], registers["TCR2_EL2"], registers[f"MAIR_EL{level}"] = 3, 1 << 12, 0x44_00_FF
        one = 25 | 5 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | self.hardware << 21
        two = 25 | 25 << 16 | 0b10 << 30 | 5 << 32 | 1 << 36 | self.hardware << 39
        registers["HCR_EL2"] = (
            registers["HCR_EL2"] | (1 << 34 if self.has_halves and level == 2 else 0) | int(self.has_stage2)
        )
        registers["VTCR_EL2"] = 25 | 1 << 6 | 5 << 16 | self.hardware << 21
        registers["VTTBR_EL2"] = STAGE2
        registers[f"TCR_EL{level}"] = two if self.has_halves else one
        registers[f"TTBR0_EL{level}"] = LEVEL1
        if self.has_halves:
            registers[f"TTBR1_EL{level}"] = LEVEL1
        registers[f"VBAR_EL{level}"] = VECTORS
        tables = {
            LEVEL1 + 8 * (RAM >> 30): RAM | AF | BLOCK, LEVEL1 + 8 * (WINDOW >> 30): LEVEL2 | TABLE,
            LEVEL2: LEVEL3 | TABLE,
            **{LEVEL2 + 8 * (1 + number): FRAMES | XN | AF | BLOCK for number in range(BLOCKS)},
            **{
                table + 8 * page: FRAMES + (page % FRAME_COUNT << 12) | XN | AF | PAGE
                for table in (LEVEL3, OTHER3) for page in range(PAGES)
            },
            STAGE2 + 8 * (RAM >> 30): STAGE2_2 | TABLE,
            **{STAGE2_2 + 8 * number: RAM + (number << 21) | S2_ALL | AF | BLOCK for number in (1, 3)},
            STAGE2_2: STAGE2_LOW | TABLE, STAGE2_2 + 8 * 2: STAGE2_3 | TABLE,
            **{STAGE2_LOW + 8 * page: RAM + (page << 12) | S2_ALL | AF | PAGE for page in range(512)},
            **{STAGE2_3 + 8 * page: FRAMES + (page << 12) | S2_ALL | AF | PAGE for page in range(512)},
        }  # fmt: skip
        for address, value in tables.items():
            machine.write(address, value.to_bytes(8, "little"))
        if self.has_gpc:
            machine.write(GPT0, (0xF1).to_bytes(8, "little") * 64)
            machine.write(GPT0 + 8 * (RAM >> 30), (GPT1 | 3).to_bytes(8, "little"))
            machine.write(GPT1, b"\xff" * 0x400)
            registers["GPTBR_EL3"] = GPT0 >> 12
            registers["GPCCR_EL3"] = 1 << 16 | 3 << 12 | 1 << 10 | 1 << 8 | 1
        machine.write(CODE, self.body)
        for offset in range(0, 0x800, 0x80):
            machine.write(VECTORS + offset, w.assemble(*HANDLER[level]))
        cpu.pc = CODE
        registers[f"SCTLR_EL{level}"] = 0x30C5_0830 | 1
        return machine


Deed = Callable[[emu.Machine], object]


def deed(source: random.Random, guest: Guest) -> Deed:
    """Something that happens to the machine between two slices, the same whenever it is called."""
    kind = source.random()
    value, frame, slot = source.getrandbits(64), source.randrange(FRAME_COUNT), source.randrange(PAGES)
    if guest.is_remapped:
        kind = max(kind, 0.8)
    elif kind < 0.5:
        return lambda machine: None
    if kind < 0.6:
        return lambda machine: machine.mec.refresh(1 + frame % 3)
    if kind < 0.75 and guest.has_gpc:
        nibble, tells = source.choice((0x0, 0xB, 0xF, 0x9)), source.random() < 0.7

        def protect(machine: emu.Machine) -> None:
            granule = (FRAMES - RAM >> 12) + frame
            place = GPT1 + granule // 2
            byte = machine.read(place, 1)[0]
            machine.write(place, bytes([byte & (0x0F if granule & 1 else 0xF0) | nibble << 4 * (granule & 1)]))
            if tells:
                machine.cpu.system.operations.operate(TLBI["TLBI PAALL"], 0)

        return protect
    if kind < 0.85 and guest.has_stage2:
        descriptor = FRAMES + ((value >> 20) % FRAME_COUNT << 12) | S2_ALL & ~source.choice((0, 1 << 7)) | AF | PAGE
        names = source.sample(("TLBI IPAS2E1", "TLBI VMALLE1", "TLBI VMALLS12E1"), source.randrange(3))
        page, slot = FRAMES + (frame << 12), STAGE2_3 + 8 * frame
        if source.random() < 0.5:  # a table of stage 1 instead: another one, or one that cannot be written
            page = source.choice((LEVEL3, OTHER3))
            slot = STAGE2_LOW + (page - RAM >> 9)
            descriptor = source.choice((LEVEL3, OTHER3)) | S2_ALL & ~source.choice((0, 1 << 7)) | AF | PAGE

        def remap(machine: emu.Machine) -> None:
            machine.write(slot, descriptor.to_bytes(8, "little"))
            for name in names:
                machine.cpu.system.operations.operate(TLBI[name], page >> 12)

        return remap
    if kind < 0.85:
        return lambda machine: machine.write(
            LEVEL3 + 8 * slot, (value & 0xFFF | XN | AF | FRAMES).to_bytes(8, "little")
        )
    if kind < 0.93:
        return lambda machine: machine.restore(machine.snapshot())
    name = "VMECID_P_EL2" if guest.level == 1 else "MECID_P0_EL2"
    return lambda machine: machine.cpu.sysreg.__setitem__(name, 1 + frame % 2)


def seen(machine: emu.Machine) -> dict[str, object]:
    cpu = machine.cpu
    return {
        "count": machine.instructions, "pc": hex(cpu.pc), "x": [hex(cpu.x[number]) for number in range(31)],
        "exceptions": machine.exceptions, "hits": machine.mec.hits, "tlb": machine.tlb.entries(),
        "used": machine.tlb.used(),
        "filled": cpu.mmu.tlb.filled, "log": machine.tlb.log(), "state": cpu.architectural_state(),
        "granules": cpu.mmu.granules.state(), "memory": machine.read(RAM, 0x80_0000), "pages": machine.mec.pages(),
        "writers": {page: copy.writers for page, copy in machine.memory.copy_pages().items() if copy.writers},
    }  # fmt: skip


def check(seed: int, engines: tuple[tuple[str, bool], ...], *, is_remapped: bool = False) -> int:
    """Run one guest on several machines; returns how many entries native code put into the first one's TLB."""
    guest = Guest(seed, is_remapped=is_remapped)
    machines = [guest.machine(engine, refills=refills) for engine, refills in engines]
    events: list[list[Event]] = [[] for _ in machines]
    by_python = 0

    def count(_: object) -> None:
        nonlocal by_python
        by_python += 1

    machines[0].cpu.mmu.tlb.on_filled = count
    listens = guest.chance(0.3)
    for machine, told in zip(machines, events, strict=True):
        machine.events.subscribe(told.append, OwnerChanged, CacheMaintained, TranslationFailed, StaleControlUsed)
    for number in range(30 if is_remapped else 12):
        length = guest.source.randrange(1, 120 if is_remapped else 400)
        for machine, told in zip(machines, events, strict=True):
            if number == 6 and listens:
                machine.cpu.mmu.tlb.on_filled = machine.cpu._translation_filled
                machine.events.subscribe(told.append, TlbFilled)
            if (seed + number) % 3 == 0:
                machine.tlb.watch_uses()
            machine.run(max_instructions=length)
        act = deed(guest.source, guest)
        states = []
        for machine in machines:
            act(machine)
            states.append(seen(machine))
        for (engine, refills), state, told in zip(engines[1:], states[1:], events[1:], strict=True):
            for name, value in states[0].items():
                assert state[name] == value, (seed, number, engine, refills, name)
            assert told == events[0], (seed, number, engine)
    return machines[0].cpu.mmu.tlb.filled - by_python


BOTH = (("interpreter", True), ("interpreter", False))
ALL = (("interpreter", True), ("jit", True), ("interpreter", False), ("reference", True))


def test_refills_by_native_code_change_nothing() -> None:
    native = sum(check(seed, ALL if seed % 5 == 0 else BOTH) for seed in range(25))
    assert native > 1000


def test_refills_below_a_changing_stage_2_change_nothing() -> None:
    native = sum(check(seed, BOTH, is_remapped=True) for seed in range(6))
    assert native > 10


@pytest.mark.parametrize("change", [OTHER3, LEVEL3 | AMEC])
def test_tables_that_stage_2_maps_otherwise_are_walked_anew(change: int) -> None:
    """Two places share a table. After the remapping Python walks to it for one of them, no news of the other."""
    guest = Guest(1, is_remapped=True)
    guest.tlb_entries, guest.has_gpc, guest.hardware = 128, False, 0
    load_next = [w.ldr(2, 1), 0x9140_0421]  # ADD X1, X1, #1, LSL #12
    store = [w.mov(1, LEVEL3), w.ldr(2, 1), w.str_(2, 1)]  # the first block of the table is the Realm's
    guest.body = w.assemble(*load_next * PAGES, *store, w.NOP)
    results, elsewhere = [], WINDOW + (100 << 21)
    for refills in (True, False):
        machine = guest.machine("interpreter", refills=refills)
        machine.write(OTHER3, b"".join(
            (FRAMES + (5 - page % FRAME_COUNT << 12) | XN | AF | PAGE).to_bytes(8, "little") for page in range(PAGES)
        ))  # fmt: skip
        machine.write(LEVEL2 + 8 * 100, (LEVEL3 | TABLE).to_bytes(8, "little"))
        cpu, filled = machine.cpu, list[int]()
        cpu.mmu.tlb.on_filled = lambda _, filled=filled: filled.append(1)

        def sweep(base: int, machine: emu.Machine = machine) -> tuple[int, list[object]]:
            machine.cpu.pc, machine.cpu.x[1] = CODE, base
            before = len(machine.exceptions)
            machine.run(max_instructions=2 * PAGES)
            return machine.cpu.x[2], machine.exceptions[before:]

        machine.cpu.pc = CODE + 8 * PAGES
        machine.run(max_instructions=len(w.assemble(*store)) // 4)
        for base in (WINDOW, elsewhere) * 3:
            cpu.system.operations.operate(TLBI["TLBI VMALLS12E1"], 0)
            sweep(base)
        fills, made = len(filled), cpu.mmu.tlb.filled
        cpu.system.operations.operate(TLBI["TLBI VMALLE1"], 0)
        sweep(WINDOW)
        by_native = cpu.mmu.tlb.filled - made - (len(filled) - fills)
        assert bool(by_native) == refills
        machine.write(STAGE2_LOW + (LEVEL3 - RAM >> 9), (change | S2_ALL | AF | PAGE).to_bytes(8, "little"))
        cpu.system.operations.operate(TLBI["TLBI VMALLS12E1"], 0)
        results.append((sweep(WINDOW), sweep(elsewhere), seen(machine)))
    assert results[0] == results[1]


def test_refills_below_stage_2_mark_what_they_go_by() -> None:
    """A new entry for both stages comes of stage 2's entries for the tables and for the page: all are used then."""
    guest = Guest(1, is_remapped=True)
    guest.tlb_entries, guest.has_gpc, guest.hardware = 128, False, 0
    guest.body = w.assemble(*[w.ldr(2, 1), 0x9140_0421] * PAGES, w.NOP)  # ADD X1, X1, #1, LSL #12
    machine = guest.machine("interpreter")
    cpu, tlb, by_python = machine.cpu, machine.cpu.mmu.tlb, list[int]()

    def sweep(count: int) -> set[int]:
        """Load from so many pages; the intermediate addresses of stage 2's entries that this used."""
        cpu.pc, cpu.x[1] = CODE, WINDOW
        by_python.clear()
        machine.tlb.watch_uses()
        machine.run(max_instructions=2 * count)
        used = machine.tlb.used()
        assert used is not None
        return {held.base for held, mark in zip(tlb.entries(), used, strict=True) if mark and held.stage == "2"}

    tlb.on_filled = lambda held: by_python.append(held.base)
    everything = {CODE, LEVEL1, LEVEL2, LEVEL3, *(FRAMES + (frame << 12) for frame in range(FRAME_COUNT))}
    for _ in range(3):
        cpu.system.operations.operate(TLBI["TLBI VMALLE1"], 0)
        sweep(PAGES)
    sweep(PAGES)
    cpu.system.operations.operate(TLBI["TLBI VMALLE1"], 0)
    filled = tlb.filled
    assert sweep(PAGES) == everything
    assert tlb.filled - filled > PAGES
    assert by_python == [CODE]  # part of a block of stage 1
    cpu.system.operations.operate(TLBI["TLBI VMALLE1"], 0)
    assert sweep(2) == {CODE, LEVEL1, LEVEL2, LEVEL3, FRAMES, FRAMES + 0x1000}
    assert by_python == [CODE]  # part of a block of stage 1
    assert sweep(2) == set()


@pytest.mark.long
@pytest.mark.parametrize("first", range(0, 1000, 250))
def test_refills_below_a_changing_stage_2_change_nothing_in_many_guests(first: int) -> None:
    for seed in range(first, first + 250):
        check(seed, ALL if seed % 5 == 0 else BOTH, is_remapped=True)


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 3000, 250))
def test_refills_by_native_code_change_nothing_in_many_guests(first: int) -> None:
    for seed in range(first, first + 250):
        check(seed, ALL if seed % 5 == 0 else BOTH)
