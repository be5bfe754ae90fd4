"""Breakpoints: by virtual and physical address and by symbol, with everything a stop may have besides."""

from __future__ import annotations

import pytest

import emu
from emu import StopReason
from emu.debug.stops import CatchKind, CatchStop, CodeStop, Place
from tests.conformance import words as w
from tests.engines.flat import CODE, DATA
from tests.stops.programs import ENGINES, alias, build, stops_of

_ADD = 0x91000442  # ADD X2, X2, #1
LOOP = (_ADD, w.str_(2, 1), 0x17FF_FFFE)
"""Three instructions an iteration; X2 counts."""


def loop(engine: str) -> emu.Machine:
    machine = build(engine, *LOOP, threshold=20)
    machine.cpu.x[1], machine.cpu.x[2] = DATA, 0
    return machine


def at(offset: int, **rest: object) -> CodeStop:
    return CodeStop(place=Place(CODE + offset), **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (at(4), [1, 4, 7, 10]),
        (at(4, condition="x2 == 3"), [7]),
        (at(4, condition="x2 > 2 && x2 < 5"), [7, 10]),
        (at(4, ignore=2), [7, 10]),
        (at(4, condition="x2 & 1", ignore=1), [7]),
        (at(4, is_temporary=True), [1]),
        (at(4, is_temporary=True, ignore=1), [4]),
        (at(4, log="x2 is {x2}"), []),
        (CodeStop(place=Place(CODE + 4, is_physical=True)), [1, 4, 7, 10]),
    ],
)
def test_breakpoints_stop_before_their_instruction(engine: str, stop: CodeStop, expected: list[int]) -> None:
    assert [count for count, _ in stops_of(loop(engine), 11, stop)] == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_hits_count_what_the_condition_let_through(engine: str) -> None:
    machine = loop(engine)
    stops_of(machine, 3000, at(4, condition="x2 % 10 == 0", ignore=1_000_000), at(8, log="{x2}"))
    first, second = machine.stops.items()
    assert (first.hits, first.ignore) == (100, 999_900)
    assert second.hits == 1000
    assert [entry.text for entry in machine.stops.logged][:12] == [*map(str, range(1, 10)), "0xa", "0xb", "0xc"]
    assert machine.stops.logged[0].moment.pc == CODE + 8


@pytest.mark.parametrize("engine", ENGINES)
def test_a_physical_breakpoint_is_reached_by_every_alias(engine: str) -> None:
    machine = build(engine, _ADD, w.br(1))
    alias(machine, 0x8000_0000, CODE)
    machine.cpu.x[1], machine.cpu.x[2] = 0x8000_0000, 0
    found = stops_of(machine, 7, CodeStop(place=Place(CODE, is_physical=True)))
    assert [count for count, _ in found] == [2, 4, 6]
    machine = build(engine, _ADD, w.br(1))
    alias(machine, 0x8000_0000, CODE)
    machine.cpu.x[1] = 0x8000_0000
    assert not stops_of(machine, 7, CodeStop(place=Place(CODE)))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_condition_that_fails_stops_and_says_why(engine: str) -> None:
    machine = loop(engine)
    [(count, said), *_] = stops_of(machine, 4, at(4, condition="[0x1234567890] == 1"))
    assert count == 1
    assert said.startswith("breakpoint 1: its condition “[0x1234567890] == 1” cannot be evaluated here:")


@pytest.mark.parametrize("engine", ENGINES)
def test_disabled_and_removed_ones_do_nothing(engine: str) -> None:
    machine = loop(engine)
    for offset in (0, 4, 8):
        machine.stops.add(at(offset))
    machine.stops.enable(2, False)
    machine.stops.remove(3)
    assert [count for count, _ in stops_of(machine, 8)] == [3, 6]
    machine.stops.enable(2)
    assert [count for count, _ in stops_of(machine, 3)] == [9, 10]
    with machine.stops.suspended():
        assert machine.run(max_instructions=30).reason is StopReason.LIMIT
    assert machine.stops[2].hits == 1
    with pytest.raises(emu.EmuError, match="there is no stop 3; there is 1, 2"):
        machine.stops.enable(3)


@pytest.mark.parametrize("engine", ENGINES)
def test_where_the_run_was_resumed_the_breakpoint_is_passed(engine: str) -> None:
    machine = loop(engine)
    machine.stops.add(at(0))
    assert machine.run().pc == CODE
    assert machine.instructions == 3
    machine.step()
    assert machine.stops.items()[0].hits == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_a_breakpoint_right_behind_a_catch_is_told_of_too(engine: str) -> None:
    machine = build(engine, w.svc(0))
    machine.stops.add(CatchStop(kind=CatchKind.EXCEPTION))
    machine.stops.add(CodeStop(place=Place(CODE + 0x8_0200)))
    stop = machine.run(max_instructions=5)
    assert stop.reason is StopReason.CATCHPOINT
    assert "; breakpoint 2: at" in (stop.message or "")
    assert machine.stops[2].hits == 1


def test_symbols_are_found_when_they_come_and_again_after_a_reset() -> None:
    machine = loop("reference")
    point = machine.stops.add(CodeStop(place=Place(symbol="later", offset=4)))
    assert point.address is None
    assert "no such symbol" in machine.stops.describe(point)
    assert machine.run(max_instructions=9).reason is StopReason.LIMIT
    machine.symbols.add([("later", CODE, 12)])
    machine.stops.symbols_changed()
    assert point.address == CODE + 4
    assert machine.run(max_instructions=9).reason is StopReason.BREAKPOINT
    assert machine.stops.describe(point) == "later+0x4"


def test_numbers_are_never_used_twice_and_the_old_interface_is_the_same_list() -> None:
    machine = build("reference", *LOOP)
    assert machine.breakpoints.add(CODE + 4) == machine.breakpoints.add(CODE + 4) == 1
    machine.stops.add(CatchStop(kind=CatchKind.HIT))
    machine.breakpoints.remove(1)
    assert machine.breakpoints.add(CODE) == 3
    assert machine.breakpoints.items() == {3: CODE}
    with pytest.raises(emu.EmuError, match="there is no breakpoint 2"):
        machine.breakpoints.remove(2)
