"""Regions that go straight to one another: exact at every count, and no way into a region that is no longer there."""

from __future__ import annotations

import random
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from emu import state
from emu.debug.events import FirstOwner
from emu.engine.dispatch import COUNTERS, REGION_FLAG
from tests.conformance import words as w
from tests.engines.flat import CODE, DATA, TABLE, flat_machine
from tests.engines.test_jit import assert_same

PAGES = tuple(CODE + 0x1000 * number for number in range(5))
FAR = CODE + 0x80_0000
"""Where the first 2 MiB are mapped once more, until somebody takes that away."""
RET = 0xD65F_03C0
MASK32 = 0xFFFF_FFFF


def add(register: int, number: int) -> int:
    return 0x9100_0000 | number << 10 | register << 5 | register


def blr(register: int) -> int:
    return 0xD63F_0000 | register << 5


def branch(here: int, there: int, is_call: bool = False) -> int:
    return (0x9400_0000 if is_call else 0x1400_0000) | (there - here) >> 2 & 0x3FF_FFFF


def call(here: int, there: int) -> int:
    return branch(here, there, is_call=True)


def swap_target(other: int = 11) -> int:
    return 0xCA00_014A | other << 16  # EOR X10, X10, X11


class Program:
    """A loop on one page that calls the next page directly, and two more in turn through X10, behind `place` NOPs."""

    def __init__(self, place: int) -> None:
        self.loop, self.direct, self.odd, self.even = (page + 4 * place for page in PAGES[:4])
        loop = self.loop
        self.parts = {
            loop: (add(2, 1), call(loop + 4, self.direct), blr(10), branch(loop + 12, loop)),
            self.direct: (0x8B02_0063, RET),  # ADD X3, X3, X2
            self.odd: (add(4, 1), swap_target(), RET),
            self.even: (add(5, 3), swap_target(), w.str_(7, 0), RET),
        }
        self.heads = (loop, self.direct, self.odd, self.even, loop + 8, loop + 12)

    def machine(self, engine: str) -> emu.Machine:
        machine = flat_machine(engine, jit_threshold=0 if engine == "jit" else None)
        block = int.from_bytes(machine.read(TABLE + 0x1000, 8), "little") | 1 << 11  # not global
        machine.write(TABLE + 0x1000 + 8 * 4, block.to_bytes(8, "little"))
        for address, words in self.parts.items():
            machine.write(address, w.assemble(*words))
        machine.write(CODE + 0x8_0200, w.assemble(branch(0, 0)))
        machine.cpu.pc = self.loop
        machine.cpu.x[0], machine.cpu.x[10], machine.cpu.x[11] = DATA, self.odd, self.odd ^ self.even
        machine.run(max_instructions=100)
        if engine == "jit":
            make_regions(machine, *self.heads)
        return machine

    def both(self) -> list[emu.Machine]:
        return [self.machine(engine) for engine in ("jit", "reference")]


def make_regions(machine: emu.Machine, *heads: int) -> None:
    """Regions at addresses whose words have run."""
    engine = machine._engine
    for head in heads:
        page = engine._page_at(head)
        request = None if page is None else engine._request(head, page)
        if request is not None:
            engine._install(engine._compiler.compile(request), page)


def is_region(machine: emu.Machine, address: int) -> bool:
    page = machine._engine._page_at(address)
    return page is not None and page.slots[2 * ((address & 0xFFF) >> 2) + 1] >= REGION_FLAG


def both_kinds(function: object) -> object:
    """The thin and the thick kind of region, which are forced by turns."""
    return pytest.mark.parametrize("program", [Program(0), Program(1)], ids=["thick", "thin"])(function)  # type: ignore[arg-type]


def run(machines: list[emu.Machine], count: int) -> None:
    for machine in machines:
        machine.run(max_instructions=count)


@both_kinds
def test_the_dispatch_loop_has_nothing_to_do_while_regions_lead_to_regions(program: Program) -> None:
    machine = program.machine("jit")
    assert all(is_region(machine, head) for head in program.heads)
    counters = machine._engine._counters
    places = [head >> 2 & COUNTERS - 1 for head in program.heads]
    before = [counters[place] for place in places]
    machine.run(max_instructions=20_000)
    used = sum(old - counters[place] & MASK32 for old, place in zip(before, places, strict=True))
    assert used <= 1  # it counts every branch whose target it finds itself


@both_kinds
def test_a_run_ends_within_a_chain_at_exactly_the_instruction_asked_for(program: Program) -> None:
    both = program.both()
    for count in range(1, 45):
        run(both, count)
        for name in ("pc", "instructions"):
            ours, theirs = (getattr(m if name == "instructions" else m.cpu, name) for m in both)
            assert ours == theirs, (count, name)
        assert [both[0].cpu.x[number] for number in range(31)] == [both[1].cpu.x[number] for number in range(31)]
    assert_same(*both)


@both_kinds
@pytest.mark.parametrize("by_guest", [False, True])
def test_a_region_that_is_stored_to_is_left_out_of_every_chain(program: Program, by_guest: bool) -> None:
    both = program.both()
    for target in (program.direct, program.odd, program.even):
        for machine in both:
            machine.run(max_instructions=401)
            if by_guest:
                # STR at the end of the page that is called every other time: from now on into the code.
                machine.cpu.x[0], machine.cpu.x[7] = target, add(6, 1) | RET << 32
            else:
                machine.write(target, w.assemble(add(6, 1)))
        run(both, 400)
        for machine in both:
            machine.cpu.x[0] = DATA
        assert both[0].cpu.x[6] == both[1].cpu.x[6] > 10
        assert_same(*both)


@both_kinds
def test_a_page_that_is_no_longer_mapped_faults_at_the_end_of_a_chain(program: Program) -> None:
    flush = PAGES[4]
    program.parts[flush] = (w.str_(31, 12), w.DSB, w.sys("TLBI VMALLE1"), w.DSB, w.ISB, swap_target(13), RET)
    both = program.both()
    far = program.odd + FAR - CODE
    for machine in both:  # the second call goes to the far copy each time
        machine.cpu.x[10], machine.cpu.x[11] = far, 0
        machine.cpu.x[12], machine.cpu.x[13] = TABLE + 0x1000 + 8 * 4, flush ^ far
    run(both, 200)
    make_regions(both[0], far)
    run(both, 203)
    assert not both[0].exceptions
    for machine in both:  # the next call takes the mapping away, and the one after that wants it
        machine.cpu.x[10] = flush
    run(both, 60)
    assert both[0].exceptions[0].far == both[1].exceptions[0].far == far
    assert_same(*both)


@both_kinds
@pytest.mark.parametrize("is_mapped", [False, True])
def test_a_chain_looks_which_page_an_address_is_on_now(program: Program, is_mapped: bool) -> None:
    """The page that is called directly goes away, or becomes another one with other code."""
    flush, far = PAGES[4], program.direct + FAR - CODE
    loop, entry = program.loop, TABLE + 0x1000 + 8 * 4
    program.parts = {
        **program.parts,
        loop: (add(2, 1), call(loop + 4, far), blr(10), branch(loop + 12, loop)),
        flush: (w.str_(14, 12), w.DSB, w.sys("TLBI VMALLE1"), w.DSB, w.ISB, 0xAA0D_03EA, RET),  # MOV X10, X13
        program.direct + DATA - CODE: (add(6, 1), RET),
    }
    jit, reference = program.both()
    for machine in (jit, reference):
        machine.cpu.x[10], machine.cpu.x[11] = program.odd, 0
    run([jit, reference], 203)
    make_regions(jit, *program.heads, far)
    assert all(is_region(jit, head) for head in (program.loop, program.odd, far))
    run([jit, reference], 205)
    mapped = int.from_bytes(jit.read(entry, 8), "little")
    for machine in (jit, reference):
        machine.cpu.x[10], machine.cpu.x[12], machine.cpu.x[13] = flush, entry, program.odd
        machine.cpu.x[14] = mapped + (DATA - CODE) if is_mapped else 0
    run([jit, reference], 150)
    assert (jit.cpu.x[6] > 10) == (reference.cpu.x[6] > 10) == is_mapped
    assert [e.far for e in jit.exceptions] == [e.far for e in reference.exceptions] == [far] * (not is_mapped)
    assert_same(jit, reference)


def test_a_chain_goes_where_the_present_context_leads_only() -> None:
    program = Program(0)
    far, other = program.direct + FAR - CODE, TABLE + 0x2000
    program.parts[CODE] = (add(2, 1), call(CODE + 4, far), blr(10), branch(CODE + 12, CODE))
    jit, reference = program.both()
    for machine in (jit, reference):
        machine.cpu.x[10], machine.cpu.x[11] = program.odd, 0
        machine.write(other + 8, (other + 0x1000 | 3).to_bytes(8, "little"))
        machine.write(other + 0x1000, machine.read(TABLE + 0x1000, 32))
        machine.cpu.sysreg["TTBR0_EL1"] = TABLE | 1 << 48
    run([jit, reference], 203)
    make_regions(jit, *program.heads, far)
    assert all(is_region(jit, head) for head in (program.loop, program.odd, far))
    for asid in range(2, 12):
        for machine in (jit, reference):
            for table in (TABLE | 1 << 48, other | asid << 48):
                machine.cpu.sysreg["TTBR0_EL1"], machine.cpu.pc = table, CODE
                machine.run(max_instructions=40)
        assert jit.exceptions[-1].far == reference.exceptions[-1].far == far
        assert len(jit.exceptions) == len(reference.exceptions) == asid - 1
        assert_same(jit, reference)


@both_kinds
def test_a_breakpoint_stops_a_chain_before_its_instruction(program: Program) -> None:
    jit, reference = program.both()
    for address in (program.direct, program.direct + 4, program.odd, program.even + 4, program.loop):
        for machine in (jit, reference):
            number = machine.breakpoints.add(address)
            stop = machine.run(max_instructions=1000)
            assert (stop.reason, stop.pc) == ("breakpoint", address)
            machine.breakpoints.remove(number)
        assert_same(jit, reference)
        make_regions(jit, *program.heads)
        for machine in (jit, reference):
            machine.run(max_instructions=123)


@both_kinds
def test_regions_that_had_to_go_are_not_entered_again(program: Program) -> None:
    """There is room for so few that all are dropped again and again, and their code is freed."""
    jit, reference = program.both()
    engine = jit._engine
    engine._drop_all()
    run([jit, reference], 1)
    assert len(engine._numbers) > 3
    del engine._numbers[3:]
    room = 3 + len(engine._installed)
    before = engine.compiled_regions
    for _ in range(12):
        make_regions(jit, *program.heads)
        run([jit, reference], 37)
    assert engine.compiled_regions - before > 12
    assert len(engine._installed) <= room
    assert_same(jit, reference)


@both_kinds
def test_a_request_to_stop_is_seen_in_a_chain(program: Program) -> None:
    machine = program.machine("jit")
    slots, before, budget = machine.cpu.slots, machine.instructions, 1 << 30
    runner = threading.Thread(target=machine._engine.run, args=(budget,))
    first = slots[2]
    runner.start()
    while slots[2] == first:
        time.sleep(0.001)
    slots[state.STOP] = 1
    runner.join(20)
    slots[state.STOP] = 0
    assert machine.instructions - before < budget // 2


@both_kinds
def test_who_hears_of_a_store_stops_the_guest_right_behind_it(program: Program) -> None:
    program.parts[program.even] = (add(5, 3), swap_target(), w.str_(7, 0), RET)
    jit, reference = program.both()
    for machine in (jit, reference):
        machine.events.subscribe(lambda _, machine=machine: machine.pause(), FirstOwner)
        machine.cpu.x[0] = DATA + 0x3000
        machine.run(max_instructions=1000)
    assert_same(jit, reference)


def test_a_pause_is_answered_in_a_chain_without_end() -> None:
    machine = Program(0).machine("jit")
    stops: list[emu.Stop] = []
    runner = threading.Thread(target=lambda: stops.append(machine.run()))
    before = machine.cpu.x[2]
    runner.start()
    while machine.cpu.slots[2] < before + 100_000:
        time.sleep(0.001)
    machine.pause()  # answered within tens of microseconds, where the host has nothing else to do
    runner.join(10)
    assert [stop.reason for stop in stops] == ["paused"]


# Random programs over four pages, with branches through registers that other instructions keep changing.

_BLOCKS, _ROOM = 16, 12
_TARGETS = range(20, 28)


def _start(block: int) -> int:
    return PAGES[block % 4] + 4 * _ROOM * (block // 4)


def _body(source: random.Random) -> int:
    a, b, c = (source.randrange(2, 9) for _ in range(3))
    t, u, v = (source.choice(_TARGETS) for _ in range(3))
    return source.choice((
        add(a, source.randrange(4096)), 0xCB00_0000 | a | b << 5 | c << 16, 0xEB00_0000 | a | b << 5 | c << 16,
        0x9A80_0000 | t | u << 5 | v << 16 | source.randrange(14) << 12,  # CSEL of two targets
        0xAA00_03E0 | t | u << 16, 0xAA00_03FE | u << 16,  # MOV of a target, to X30 too
        w.ldr(a, 0, 8 * source.randrange(64)), w.str_(b, 0, 8 * source.randrange(64)), 0xFA40_0004 | a << 5 | b << 16,
    ))  # fmt: skip


def _end(source: random.Random, here: int) -> list[int]:
    there, otherwise = (_start(source.randrange(_BLOCKS)) for _ in range(2))
    kind, target = source.randrange(8), source.choice(_TARGETS)
    if kind < 2:
        return [call(here, there), branch(here + 4, otherwise)]
    if kind == 2:
        return [blr(target), branch(here + 4, otherwise)]
    if kind == 3:
        return [w.br(target)]
    if kind == 4:
        return [RET]
    if kind == 5:
        return [0xB400_0000 | 2 << 5 | source.randrange(2, 9), branch(here + 4, there), branch(here + 8, otherwise)]
    return [0x5400_0040 | source.randrange(14), branch(here + 4, there), branch(here + 8, otherwise)]


def _random(engine: str, seed: int) -> emu.Machine:
    source = random.Random(seed)
    machine = flat_machine(engine, jit_threshold=0 if engine == "jit" else None)
    for block in range(_BLOCKS):
        start = _start(block)
        body = [_body(source) for _ in range(source.randrange(1, 7))]
        machine.write(start, w.assemble(*body, *_end(source, start + 4 * len(body))))
    machine.cpu.x[0], machine.cpu.x[30] = DATA, _start(source.randrange(_BLOCKS))
    for number in _TARGETS:
        machine.cpu.x[number] = _start(source.randrange(_BLOCKS))
    for number in range(2, 9):
        machine.cpu.x[number] = source.choice((0, 1, source.getrandbits(64)))
    machine.cpu.pc = _start(0)
    return machine


def _compare(seed: int) -> None:
    jit, reference = _random("jit", seed), _random("reference", seed)
    source = random.Random(seed)
    for _ in range(8):
        run([jit, reference], source.randrange(1, 150))
        assert jit.cpu.pc == reference.cpu.pc
        happens = source.randrange(6)
        if happens < 3:
            make_regions(jit, *source.sample([_start(block) for block in range(_BLOCKS)], 8))
        elif happens == 3:
            jit._engine._drop_all()
        elif happens == 4:
            word = w.assemble(add(source.randrange(2, 9), 5))
            at = _start(source.randrange(_BLOCKS))
            for machine in (jit, reference):
                machine.write(at, word)
    assert not jit._engine.failed_regions
    assert_same(jit, reference)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_programs_that_branch_through_registers_end_as_on_the_reference(seed: int) -> None:
    _compare(seed)


@pytest.mark.long
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_many_programs_that_branch_through_registers_end_as_on_the_reference(seed: int) -> None:
    _compare(seed)
