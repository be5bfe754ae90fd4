"""Random programs that change their own page tables: every TLB, every engine, against a model of what must come out.

The guest is Realm EL2 with memory encryption on. It rewrites descriptors of sixteen pages, invalidates (or forgets
to), loads and stores through them and logs every value that it loads. The model is a dictionary from page to frame.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from emu.debug.events import TlbEvicted, TlbFilled, TlbInvalidated
from tests.conformance import words as w

RAM = 0x4000_0000
CODE, VECTORS, TABLES, LOG, FRAMES = RAM, RAM + 0x8_0000, RAM + 0x10_0000, RAM + 0x18_0000, RAM + 0x40_0000
LEVEL1, LEVEL2, LEVEL3 = TABLES, TABLES + 0x1000, TABLES + 0x2000
WINDOW = 0x8000_0000
PAGES, FRAME_COUNT, STEPS = 16, 4, 50
AF, READ_ONLY, XN, PAGE = 1 << 10, 1 << 7, 1 << 54, 3
RANGE_OF_ONE = 1 << 46
"""TG is 4 KiB; SCALE and NUM 0 are two pages."""
STRICT = [("strict", entries) for entries in (1, 2, 128)]
FORGIVING = ("forgiving", 128)


class Program:
    """The guest's code, and what it logs if every use of an address goes by the tables as they are."""

    def __init__(self, seed: int, *, is_careful: bool) -> None:
        self.source = random.Random(seed)
        self.is_careful = is_careful
        self.code: list[w.Code] = []
        self.expected: list[int] = []
        self.mapping: dict[int, tuple[int, bool] | None] = {page: (page % FRAME_COUNT, False) for page in range(PAGES)}
        self.frames = {frame: 0x1000 + frame for frame in range(FRAME_COUNT)}
        loaded = 0
        self.code += [w.mov(5, LOG), w.mov(2, 0)]
        for _ in range(STEPS):
            page = self.source.randrange(PAGES)
            held = self.mapping[page]
            kind = self.source.random()
            if kind < 0.35:
                self.remap(page)
            elif kind < 0.55:
                value = self.source.getrandbits(48)
                self.code += [w.mov(1, WINDOW + 0x1000 * page), w.mov(0, value), w.str_(0, 1)]
                if held is not None and not held[1]:
                    self.frames[held[0]] = value
            else:
                if held is not None:
                    loaded = self.frames[held[0]]
                self.code += [w.mov(1, WINDOW + 0x1000 * page), w.ldr(2, 1), w.str_(2, 5, 8 * len(self.expected))]
                self.expected.append(loaded)
        self.code.append(w.hlt(0xF000))

    def remap(self, page: int) -> None:
        """Break, invalidate, make; a careless program leaves out some of that."""
        frame, is_read_only = self.source.randrange(FRAME_COUNT), self.source.random() < 0.3
        is_valid = self.source.random() < 0.8
        self.write(page, 0)
        if self.is_careful or self.source.random() < 0.5:
            self.invalidate(page)
        self.mapping[page] = (frame, is_read_only) if is_valid else None
        if is_valid:
            self.write(page, FRAMES + 0x1000 * frame | (READ_ONLY if is_read_only else 0) | XN | AF | PAGE)
            self.code += [w.DSB, w.ISB]

    def write(self, page: int, descriptor: int) -> None:
        self.code += [w.mov(1, LEVEL3 + 8 * page), w.mov(0, descriptor), w.str_(0, 1)]

    def invalidate(self, page: int) -> None:
        number = (WINDOW >> 12) + page
        by_page = dict.fromkeys(("TLBI VAE2", "TLBI VALE2", "TLBI VAE2IS", "TLBI VALE2OS"), number)
        by_range = dict.fromkeys(("TLBI RVAE2", "TLBI RVALE2IS"), RANGE_OF_ONE | number)
        choices = [(OPERATIONS[name], operand) for name, operand in (by_page | by_range).items()]
        encoding, operand = self.source.choice([*choices, (OPERATIONS["TLBI ALLE2"], 0)])
        self.code += [w.DSB, w.mov(0, operand), w.sys(encoding, 0), w.DSB, w.ISB]


OPERATIONS = {
    "TLBI ALLE2": (4, 8, 7, 0), "TLBI VAE2": (4, 8, 7, 1), "TLBI VALE2": (4, 8, 7, 5), "TLBI VAE2IS": (4, 8, 3, 1),
    "TLBI VALE2OS": (4, 8, 1, 5), "TLBI RVAE2": (4, 8, 6, 1), "TLBI RVALE2IS": (4, 8, 2, 5),
}  # fmt: skip
HANDLER = [w.mrs(28, "ELR_EL2"), 0x9100_139C, w.msr("ELR_EL2", 28), w.ERET]
"""Goes on after the instruction that faulted; 0x9100_139C is ADD X28, X28, #4."""


def machine_for(
    program: Program, engine: str, tlb: str, entries: int, *, jit_threshold: int | None = None
) -> emu.Machine:
    machine = emu.Machine(memory="8M", engine=engine, el=2, tlb=tlb, tlb_entries=entries, jit_threshold=jit_threshold)
    registers = machine.cpu.sysreg
    registers["SCTLR2_EL2"], registers["MECID_P0_EL2"] = 2, 5
    registers["TCR_EL2"] = 25 | 5 << 16 | 3 << 12 | 1 << 10 | 1 << 8
    registers["MAIR_EL2"], registers["TTBR0_EL2"], registers["VBAR_EL2"] = 0xFF, LEVEL1, VECTORS
    words = {
        LEVEL1 + 8 * (RAM >> 30): RAM | AF | 1,
        LEVEL1 + 8 * (WINDOW >> 30): LEVEL2 | 3,
        LEVEL2: LEVEL3 | 3,
        **{LEVEL3 + 8 * page: FRAMES + 0x1000 * (page % FRAME_COUNT) | XN | AF | PAGE for page in range(PAGES)},
        **{FRAMES + 0x1000 * frame: 0x1000 + frame for frame in range(FRAME_COUNT)},
    }
    for address, value in words.items():
        machine.write(address, value.to_bytes(8, "little"))
    machine.write(CODE, w.assemble(*program.code))
    for offset in range(0, 0x800, 0x80):
        machine.write(VECTORS + offset, w.assemble(*HANDLER))
    machine.cpu.pc = CODE
    registers["SCTLR_EL2"] = 0x30C5_0830 | 1
    machine.cpu.x[0] = 0x18  # SYS_EXIT, if semihosting is reached with X0 left alone
    machine.breakpoints.add(CODE + len(w.assemble(*program.code)) - 4)
    return machine


def logged(machine: emu.Machine, count: int) -> list[int]:
    stop = machine.run(max_instructions=20_000)
    assert stop.reason is emu.StopReason.BREAKPOINT, stop
    data = machine.read(LOG, 8 * count)
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, 8 * count, 8)]


def outcomes(
    program: Program, kinds: list[tuple[str, int]]
) -> Iterator[tuple[tuple[str, int, str], list[int], object]]:
    """(kind, what was logged, what the TLB holds) for each TLB and engine."""
    for tlb, entries in kinds:
        for engine in ("reference", "interpreter"):
            machine = machine_for(program, engine, tlb, entries)
            values = logged(machine, len(program.expected))
            yield (tlb, entries, engine), values, (machine.tlb.entries(), machine.exceptions, machine.tlb.log())


ANY_SEED = st.integers(0, 1 << 32)
QUICK = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
THOROUGH = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def check_careful(seed: int) -> None:
    """A program that follows the rules cannot tell which TLB it runs on."""
    program = Program(seed, is_careful=True)
    for kind, values, _ in outcomes(program, [*STRICT, FORGIVING]):
        assert values == program.expected, kind


def check_careless(seed: int) -> None:
    """Without its TLBIs it works on the forgiving TLB; on a strict one all engines see the same stale values."""
    program = Program(seed, is_careful=False)
    for kind, values, _ in outcomes(program, [FORGIVING]):
        assert values == program.expected, kind
    for strict in STRICT:
        (_, reference, state), (_, interpreter, same_state) = outcomes(program, [strict])
        assert reference == interpreter, strict
        assert state == same_state, strict


@QUICK
@given(seed=ANY_SEED)
def test_a_careful_program_cannot_tell_the_tlbs_apart(seed: int) -> None:
    check_careful(seed)


@QUICK
@given(seed=ANY_SEED)
def test_a_careless_program_works_on_a_forgiving_tlb_and_fails_equally_on_strict_ones(seed: int) -> None:
    check_careless(seed)


@pytest.mark.long
@THOROUGH
@given(seed=ANY_SEED)
def test_many_careful_programs_cannot_tell_the_tlbs_apart(seed: int) -> None:
    check_careful(seed)


@pytest.mark.long
@THOROUGH
@given(seed=ANY_SEED)
def test_many_careless_programs_agree(seed: int) -> None:
    check_careless(seed)


def test_a_careless_program_does_fail_on_a_strict_tlb() -> None:
    """Or the tests above would prove nothing."""
    stale = 0
    for seed in range(10):
        program = Program(seed, is_careful=False)
        values = logged(machine_for(program, "interpreter", "strict", 128), len(program.expected))
        stale += values != program.expected
    assert stale >= 5


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_fills_evictions_and_invalidations_are_events(engine: str) -> None:
    """What the TLB holds in the end is what was filled and neither evicted nor invalidated."""
    program = Program(3, is_careful=True)
    machine = machine_for(program, engine, "strict", 4)
    filled, evicted, invalidated = [], [], []
    machine.events.subscribe(lambda event: filled.append(event.entry), TlbFilled)
    machine.events.subscribe(lambda event: evicted.append(event.entry), TlbEvicted)
    machine.events.subscribe(lambda event: invalidated.append((event.operation, event.removed)), TlbInvalidated)
    logged(machine, len(program.expected))
    log = machine.tlb.log()
    assert [(item.operation, item.count) for item in log] == invalidated
    gone = evicted + [entry for item in log for entry in item.removed]
    assert evicted
    assert [entry for entry in filled if not any(entry is other for other in gone)] == machine.tlb.entries()
