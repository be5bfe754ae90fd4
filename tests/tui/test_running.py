"""Plans of the run control: where each one ends, through loops, recursion and other levels, and that stops count."""

from __future__ import annotations

import random
from typing import Any

import pytest

import emu
from emu import StopReason
from emu.debug.stops import CatchKind, CatchStop, CodeStop, Place
from mectui import running
from mectui.exits import exits
from mectui.resources import guest_path
from tests.conformance import words as w
from tests.pace import at_most
from tests.tui.programs import CALLING, START, factory

ENGINES = ("reference", "interpreter", "jit")
RET = 0xD65F_03C0
PUSH, POP = 0xF81F_0FFE, 0xF841_07FE  # STR X30, [SP, #-16]!; LDR X30, [SP], #16


def bl(offset: int) -> int:
    return 0x9400_0000 | offset >> 2 & 0x3FF_FFFF


def finish(plan: running.Plan) -> tuple[emu.Stop, int]:
    """The plan's stop, and how many slices it took."""
    slices = 0
    while True:
        try:
            next(plan)
            slices += 1
        except StopIteration as ended:
            return ended.value, slices


def follow(machine: emu.Machine, plan: Any, *arguments: int) -> emu.Stop:
    return finish(plan(machine, running.Pace(), *arguments))[0]


def machine_of(engine: str, *code: w.Code) -> emu.Machine:
    machine = factory(*w_words(*code), engine=engine)()
    machine.cpu.sp = START + 0x10_0000
    return machine


def w_words(*code: w.Code) -> tuple[int, ...]:
    data = w.assemble(*code)
    return tuple(int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4))


RECURSIVE = (
    bl(8),  # 00
    0x1400_0000,  # 04
    PUSH,  # 08 f: push lr
    0xB400_0060,  # 0c cbz x0, 18
    0xD100_0400,  # 10 sub x0, x0, #1
    bl(-12),  # 14 bl f
    0x9100_0421,  # 18 add x1, x1, #1
    POP,  # 1c
    RET,  # 20
)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("depth", [0, 3])
def test_over_and_out_pass_the_inner_visits_of_a_recursive_function(engine: str, depth: int) -> None:
    machine = machine_of(engine, *RECURSIVE)
    machine.cpu.x[0] = depth
    follow(machine, running.step, 4)  # in f, before the SUB or behind it
    stop = follow(machine, running.out)
    assert (stop.pc, stop.message) == (START + 4, "returned")
    assert machine.cpu.x[1] == depth + 1
    machine = machine_of(engine, *RECURSIVE)
    machine.cpu.x[0] = depth
    stop = follow(machine, running.over)
    assert (stop.pc, stop.message) == (START + 4, "arrived")
    assert not machine.stops._hidden


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_out_of_a_long_loop_runs_at_the_engines_speed(engine: str) -> None:
    loop: list[w.Code] = [
        bl(8),
        0x1400_0000,
        w.mov(2, 3_000_000),
        0xF100_0442,
        0x54FF_FFE1,
        RET,
    ]  # subs x2, x2, #1; b.ne .-4
    machine = machine_of(engine, *loop)
    machine.step()
    plan = running.out(machine, running.Pace())
    with at_most(3000):  # a thousand times that, if every instruction came by Python
        stop, _ = finish(plan)
    assert (stop.pc, stop.message) == (START + 4, "returned")
    assert machine.instructions > 6_000_000


@pytest.mark.parametrize("engine", ENGINES)
def test_a_jump_through_a_register_is_followed_to_the_return_behind_it(engine: str) -> None:
    machine = machine_of(engine, bl(8), 0x1400_0000, w.br(9), 0, 0x9100_0400, RET)
    machine.cpu.x[9] = START + 16
    machine.step()
    stop = follow(machine, running.out)
    assert (stop.pc, stop.message, machine.cpu.x[0]) == (START + 4, "returned", 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stop_on_the_way_ends_every_plan(engine: str) -> None:
    for plan, arguments in ((running.over, ()), (running.step, (6,)), (running.until, (START + 4,))):
        machine = factory(*CALLING, engine=engine)()
        machine.stops.add(CodeStop(place=Place(START + 0x10)))
        stop = follow(machine, plan, *arguments)
        assert (stop.reason, stop.number, stop.pc) == (StopReason.BREAKPOINT, 1, START + 0x10)
        assert machine.stops[1].hits == 1
        stop = follow(machine, running.out)
        assert (stop.pc, stop.message) == (START + 4, "returned")


@pytest.mark.parametrize("engine", ENGINES)
def test_next_counts_calls_as_one(engine: str) -> None:
    machine = factory(*CALLING, engine=engine)()
    stop = follow(machine, running.over, 2)
    assert (stop.pc, machine.cpu.x[1]) == (START + 8, 1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("plan", "kind"),
    [
        (running.to_level, CatchKind.EL), (running.to_security, CatchKind.SECURITY),
        (running.to_exception, CatchKind.EXCEPTION), (running.to_hit, CatchKind.HIT),
        (running.to_finding, CatchKind.FINDING),
    ],
)  # fmt: skip
def test_running_to_the_next_event_stops_where_a_catchpoint_would(engine: str, plan: Any, kind: CatchKind) -> None:
    if engine == "reference" and kind is not CatchKind.EL:
        pytest.skip("slow")
    plain, caught = (emu.Machine(engine=engine) for _ in range(2))
    for machine in (plain, caught):
        machine.load(guest_path("two-realms") or "")
    caught.stops.add(CatchStop(kind=kind))
    for _ in range(1 if engine == "reference" else 2):
        expected, stop = caught.run(), follow(plain, plan)
        assert (stop.pc, plain.instructions, stop.number) == (expected.pc, caught.instructions, None)
    assert not plain.stops._hidden


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_a_step_of_a_trillion_is_left_between_slices(engine: str) -> None:
    machine = factory(0x1400_0000, engine=engine)()
    plan = running.step(machine, running.Pace(), 10**12)
    for _ in range(20):
        next(plan)  # a slice is meant to take 20 ms
    plan.close()
    assert 0 < machine.instructions < 10**11


def test_exits_follow_branches_both_ways_and_stop_at_returns() -> None:
    machine = machine_of("reference", 0xB400_0060, bl(0x100), RET, 0x1400_0002, 0, w.br(1))  # cbz x0, 0xc; b 0x14
    found = exits(machine, START)
    assert found.returns == {START + 8: 0}
    assert found.unknown == {START + 0x14: 0}
    assert exits(machine, 0x1000_0000_0000).unknown == {0x1000_0000_0000: 0}
    # stp x29, x30, [sp, #-32]!; sub sp, sp, #16; add sp, sp, #16; ldp x29, x30, [sp], #32; ret
    machine = machine_of("reference", 0xA9BE_7BFD, 0xD100_43FF, 0x9100_43FF, 0xA8C2_7BFD, RET)
    assert [exits(machine, START + 4 * at).returns for at in range(5)] == [
        {START + 16: growth} for growth in (0, 32, 48, 32, 0)
    ]
    machine = machine_of("reference", 0x9100_03BF, RET)  # mov sp, x29
    assert exits(machine, START).returns == {START + 4: None}
    noise = random.Random(1).randbytes(4096)
    machine.write(START, noise)
    exits(machine, START)
