"""The checker itself: repeats, stops, going back in time, starting over."""

from __future__ import annotations

from pathlib import Path

import pytest

import emu
from emu.mec.rules import checker
from tests.conformance import words as w
from tests.conformance.board import DATA
from tests.conformance.realm import PRIMARY, PRIMARY_PA, realm_el2
from tests.rules.bench import Bench
from tests.rules.cases_memory import under

MECID = Path(__file__).parent.parent.parent / "guests" / "mecid" / "mecid.elf"


def foreign(bench: Bench) -> None:
    """Data of MECID 5, and Realm EL2 under MECID 6."""
    bench.store_as(5, {PRIMARY_PA + 8 * index: index for index in range(4)})
    realm_el2(bench, MECID_P0_EL2=6)
    bench.forget()


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_the_same_mistake_again_is_counted(engine: str) -> None:
    bench = Bench(engine)
    foreign(bench)
    bench.does(w.mov(1, PRIMARY))
    start = bench.cpu.pc
    for _ in range(3):
        bench.cpu.pc = start
        bench.does(w.ldr(0, 1))
    [finding] = bench.machine.mec.findings
    assert (finding.rule, finding.count, bench.machine.mec.finding_count) == ("wrong-context", 3, 1)
    assert (finding.va, finding.pa, finding.pc) == (PRIMARY, PRIMARY_PA, start)
    assert finding.other is not None


def test_another_place_is_another_finding() -> None:
    bench = Bench("interpreter")
    foreign(bench)
    bench.does(w.mov(1, PRIMARY), w.ldr(0, 1), w.ldr(0, 1, 16))
    assert len(bench.machine.mec.findings) == bench.machine.mec.finding_count == 2


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "MOST", 3)
    bench = Bench("interpreter")
    foreign(bench)
    bench.does(w.mov(1, PRIMARY), [w.ldr(0, 1)] * 5)
    assert len(bench.machine.mec.findings) == 3
    assert bench.machine.mec.finding_count == 5


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_a_finding_can_stop_the_run(engine: str) -> None:
    machine = emu.Machine(engine=engine, stop_on="wrong-context")
    machine.load(MECID)
    stop = machine.run(1_000_000)
    assert stop.reason is emu.StopReason.FINDING
    assert stop.message is not None
    assert stop.message.startswith("wrong-context: the read of ")
    [finding] = machine.mec.findings
    assert (stop.pc, machine.instructions) == (finding.pc + 4, finding.instruction + 1)
    assert machine.run(1_000_000).reason is emu.StopReason.FINDING
    assert machine.run(1_000_000).reason is emu.StopReason.EXIT


def test_rules_that_are_not_named_do_not_stop_the_run() -> None:
    machine = emu.Machine(engine="interpreter", stop_on="missing-isb")
    machine.load(MECID)
    assert machine.run(1_000_000).reason is emu.StopReason.EXIT


def test_going_back_takes_findings_back_and_finds_them_again() -> None:
    machine = emu.Machine(engine="interpreter")
    machine.load(MECID)
    machine.run(600)
    before, kept = machine.mec.findings, machine.snapshot()
    machine.run(1_000_000)
    after = machine.mec.findings
    assert len(before) == 1
    assert len(after) > len(before)
    machine.restore(kept)
    assert machine.mec.findings == before
    machine.run(1_000_000)
    assert machine.mec.findings == after


def test_going_back_gives_rules_their_memory_back() -> None:
    bench = Bench("interpreter")
    bench.el2()
    bench.stores_block(DATA, 5)
    kept = bench.machine.snapshot()
    bench.cleans(DATA)
    bench.machine.restore(kept)
    bench.stores_block(DATA, 6)
    assert bench.found() == {"reuse-without-cipae"}


def test_a_reset_starts_over() -> None:
    machine = emu.Machine(engine="interpreter")
    machine.load(MECID)
    machine.run(1_000_000)
    found = machine.mec.findings
    machine.reset()
    assert machine.mec.findings == []
    assert machine.mec.finding_count == 0
    machine.run(1_000_000)
    assert machine.mec.findings == found


def test_looking_finds_nothing() -> None:
    bench = Bench("interpreter")
    foreign(bench)
    bench.machine.translate(PRIMARY)
    bench.machine.read_virtual(PRIMARY, 16)
    bench.machine.mec.view_as(PRIMARY_PA, 16, emu.PAS.REALM, 6)
    assert bench.machine.mec.findings == []


def test_the_engines_find_the_same() -> None:
    found = []
    for engine in ("reference", "interpreter"):
        bench = Bench(engine, "substitute")
        bench.el2()
        bench.stores_block(DATA + 64, 5)
        bench.stores_block(DATA, 6)
        under(bench, 5, w.mov(1, DATA), w.ldr(0, 1))
        bench.found()
        found.append(bench.machine.mec.findings)
    assert found[0] == found[1]
    assert found[0]


def test_a_half_written_block_is_told_when_its_writer_hands_over() -> None:
    bench = Bench("interpreter")
    bench.el2()
    bench.stores_block(DATA, 5)
    bench.cleans(DATA)
    under(bench, 6, w.mov(1, DATA), w.strb(0, 1))
    assert bench.machine.mec.findings == []
    store = bench.cpu.pc - 4
    bench.hands_over()
    [finding] = bench.machine.mec.findings
    assert (finding.rule, finding.pc) == ("partial-rewrite", store)
