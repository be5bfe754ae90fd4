"""Which entries of the TLB are used, and how often: counted exactly by the reference engine, marked by all.

The guest is that of `test_tlb_programs`: code and tables in a block of 1 GiB, data in pages of 4 KiB.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from tests.conformance import words as w
from tests.engines.test_tlb_programs import CODE, PAGES, RAM, WINDOW, Program, machine_for

ENGINES = ("reference", "interpreter", "jit")
A, B, C = WINDOW, WINDOW + 0x1000, WINDOW + 0x2000
X_A, X_B, X_C = 1, 3, 4
"""Registers that hold the addresses of the pages."""


class Straight(Program):
    """Given words, one after the other."""

    def __init__(self, *code: w.Code) -> None:
        self.code = [*code, w.hlt(0xF000)]
        self.expected = []

    @property
    def length(self) -> int:
        """Instructions before the one that it stops at."""
        return len(w.assemble(*self.code)) // 4 - 1


def started(program: Straight, engine: str, entries: int = 128) -> emu.Machine:
    machine = machine_for(program, engine, "strict", entries, jit_threshold=0)  # the JIT compiles everything
    for page in range(PAGES):
        machine.cpu.x[10 + page] = WINDOW + 0x1000 * page
    machine.cpu.x[X_A], machine.cpu.x[X_B], machine.cpu.x[X_C] = A, B, C
    return machine


def again(machine: emu.Machine, program: Straight) -> None:
    """Run the program from its beginning, and know what it uses."""
    machine.cpu.pc = CODE
    machine.tlb.watch_uses()
    stop = machine.run(max_instructions=20_000)
    assert stop.reason is emu.StopReason.BREAKPOINT, stop


def used(machine: emu.Machine) -> set[int]:
    """First addresses of the entries that are marked."""
    marks = machine.tlb.used()
    assert marks is not None
    return {entry.base for entry, mark in zip(machine.tlb.entries(), marks, strict=True) if mark}


def hits(machine: emu.Machine) -> dict[int, int]:
    counts = machine.tlb.hits()
    assert counts is not None
    return {entry.base: count for entry, count in zip(machine.tlb.entries(), counts, strict=True)}


def test_the_reference_engine_counts_every_access() -> None:
    """Five loads and a store of one page, three loads of another; one of each page's accesses made its entry."""
    program = Straight(*[w.ldr(2, X_A)] * 5, *[w.ldr(2, X_B)] * 3, w.str_(2, X_A))
    machine = started(program, "reference")
    again(machine, program)
    assert program.length == 9
    assert hits(machine) == {RAM: 9 - 1, A: 6 - 1, B: 3 - 1}
    again(machine, program)
    assert hits(machine) == {RAM: 18 - 1, A: 12 - 1, B: 6 - 1}
    machine.cpu.pc = CODE
    machine.step()
    assert hits(machine) == {RAM: 19 - 1, A: 13 - 1, B: 6 - 1}


def test_counts_are_part_of_a_snapshot_and_looking_is_not_counted() -> None:
    program = Straight(*[w.ldr(2, X_A)] * 5)
    machine = started(program, "reference")
    again(machine, program)
    kept = machine.snapshot()
    for entry in machine.tlb.entries():
        machine.tlb_comparison(entry)
    machine.read_virtual(A, 8)
    machine.translate(A)
    machine.fetch_word(CODE)
    assert hits(machine) == {RAM: 4, A: 4}
    again(machine, program)
    assert hits(machine) == {RAM: 9, A: 9}
    machine.restore(kept)
    assert hits(machine) == {RAM: 4, A: 4}
    assert machine.tlb.used() is None


@pytest.mark.parametrize("engine", ENGINES)
def test_an_entry_that_the_last_run_left_alone_is_not_marked(engine: str) -> None:
    both = Straight(*[w.ldr(2, X_A)] * 5, *[w.ldr(2, X_B)] * 3)
    machine = started(both, engine)
    assert machine.tlb.used() is None
    for _ in range(3):  # native code refills by itself what it has seen before
        again(machine, both)
        assert used(machine) == {RAM, A, B}
    machine.cpu.x[X_B] = A
    for _ in range(2):
        again(machine, both)
        assert used(machine) == {RAM, A}
    machine.cpu.x[X_A], machine.cpu.x[X_B] = B, C
    again(machine, both)
    assert used(machine) == {RAM, B, C}
    assert {entry.base for entry in machine.tlb.entries()} == {RAM, A, B, C}
    assert (machine.tlb.hits() is None) == (engine != "reference")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_marks_what_it_uses(engine: str) -> None:
    program = Straight(w.ldr(2, X_A), w.NOP)
    machine = started(program, engine)
    again(machine, program)
    machine.cpu.pc = CODE
    for expected in ({RAM, A}, {RAM}):
        machine.tlb.watch_uses()
        assert used(machine) == set()
        machine.step()
        assert used(machine) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_uses_are_watched_only_where_somebody_has_asked(engine: str) -> None:
    program = Straight(w.ldr(2, X_A))
    machine = started(program, engine)
    machine.tlb.set_going()
    machine.run(max_instructions=20_000)
    assert machine.tlb.used() is None  # and this asks
    machine.cpu.pc = CODE
    machine.tlb.set_going()
    machine.run(max_instructions=20_000)
    machine.cpu.pc = CODE
    machine.tlb.set_going()
    assert machine.tlb.used() is None  # nobody asked in between
    machine.tlb.set_going()
    machine.run(max_instructions=20_000)
    assert used(machine) == {RAM, A}


RUNS = st.lists(st.lists(st.integers(0, PAGES - 1), max_size=6), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(runs=RUNS, entries=st.sampled_from((2, 4, 128)), is_store=st.lists(st.booleans(), min_size=6, max_size=6))
def test_engines_mark_the_same_entries(runs: list[list[int]], entries: int, is_store: list[bool]) -> None:
    """The same code over other pages in every run; a page is marked where it was loaded from or stored to."""
    program = Straight(*[w.str_(2, 10 + at) if is_store[at] else w.ldr(2, 10 + at) for at in range(6)])
    machines = [started(program, engine, entries) for engine in ENGINES]
    for pages in runs:
        results = []
        for machine in machines:
            for at in range(6):
                machine.cpu.x[10 + at] = WINDOW + 0x1000 * (pages[at] if at < len(pages) else 0)
            again(machine, program)
            results.append((machine.tlb.entries(), used(machine)))
        assert results[0] == results[1] == results[2]
        wanted = {RAM} | {WINDOW + 0x1000 * page for page in [*pages, *[0] * (6 - len(pages))]}
        held = {entry.base for entry in results[0][0]}
        assert results[0][1] == wanted & held
        assert held >= wanted or entries < 128
