"""The pane of calls: what it shows, where its lines lead, the words that lead to it, and what it bears."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import emu
from mectui.queries.calls import Call, CallsView, How, calls
from mectui.render import calls as render
from mectui.render.text import TargetKind, cell_width, plain
from tests.pace import at_most
from tests.tui.programs import CALLING, START, factory, in_realm_b
from tests.tui.test_app import bundled, debugging

CALLS = (
    0xD2A80202,  # 00 mov  x2, #0x40100000
    0x9100005F,  # 04 mov  sp, x2
    0x94000002,  # 08 bl   0x10
    0x14000000,  # 0c b    .
    0xA9BF7BFD,  # 10 stp  x29, x30, [sp, #-16]!
    0x910003FD,  # 14 mov  x29, sp
    0x94000003,  # 18 bl   0x24
    0xA8C17BFD,  # 1c ldp  x29, x30, [sp], #16
    0xD65F03C0,  # 20 ret
    0xD503201F,  # 24 nop
    0xD65F03C0,  # 28 ret
)


def program() -> emu.Machine:
    """Three functions with names, made by hand: outer calls middle, that calls inner."""
    machine = factory(*CALLS)()
    machine.symbols.add([("outer", START, 16), ("middle", START + 0x10, 20), ("inner", START + 0x24, 8)])
    return machine


def deep() -> emu.Machine:
    machine = program()
    machine.run(max_instructions=6)
    assert machine.cpu.pc == START + 0x24
    return machine


def test_every_width_tells_what_it_has_room_for() -> None:
    view = calls(deep())
    assert plain(render.calls(view, 120)).splitlines()[:3] == [
        " 0   inner       0x4000_0024  frame 0x400f_fff0   the pc",
        " 1   middle+0xc  0x4000_001c  frame 0x4010_0000   x30, not stored yet",
        " 2   outer+0xc   0x4000_000c                      frame record at 0x400f_fff0",
    ]
    assert plain(render.calls(view, 40)).splitlines()[:3] == [" 0   inner", " 1   middle+0xc", " 2   outer+0xc"]
    assert render.summary(view) == "3 calls"
    for width in range(8, 130):
        assert all(cell_width(line.text) <= max(width, 12) for line in render.calls(view, width))


def test_what_is_not_certain_is_marked_and_exceptions_stand_between() -> None:
    unsure = Call(1, 0x40, 0x3C, "", "", 1, How.RECORD, "frame record at 0x10", None, None, False, "exception from EL1")
    first = Call(0, 0x80, 0x80, "name", "", 2, How.PC, "the pc", None, 0x40)
    lines = plain(render.calls(CallsView((first, unsure), "that is all", is_foreign=True), 70)).splitlines()
    assert lines[1] == "-- exception from EL1"
    assert lines[2].startswith("?1   0x0000_0040")
    assert lines[3:] == ["No more: that is all.", "? likely, and not certain"]


async def test_the_words_of_gdb_lead_to_the_calls_and_to_their_code() -> None:
    async with debugging(deep) as person:
        pane: Any = person.pane("calls")
        await person.type("bt")
        await person.until(lambda: "outer" in person.text("calls"))
        assert pane.has_focus
        await person.press("down", "enter")
        await person.until(lambda: person.screen.disassembly.place == START + 0x18)
        assert person.message == (
            "Call 1 is at middle+0x8, known from x30, not stored yet. "
            "Registers and variables are its own now, in expressions too, until “frame 0”."
        )
        await person.type("up")
        await person.until(lambda: person.screen.disassembly.place == START + 0x8)
        await person.type("up")
        await person.until(lambda: "Call 2 is the last one" in person.message)
        await person.type("down 2")
        await person.until(lambda: person.screen.disassembly.place == START + 0x24)
        await person.type("down")
        await person.until(lambda: "innermost" in person.message)
        await person.type("frame 2")
        await person.until(lambda: person.screen.disassembly.place == START + 0x8)
        assert pane.number == 2
        assert person.progress.status.pc == START + 0x24, "the machine stays where it is"
        pane.focus()
        await person.press("home", "v")
        await person.until(lambda: person.screen.memory.place is not None and "400f_ffe0" in person.text("memory"))
        await person.stop_after("s")
        assert pane.number == 0
        await person.type("f")
        await person.until(lambda: "Call 0 is at inner+0x4" in person.message)
        await person.type("fin")
        await person.until(lambda: person.progress.status.pc == START + 0x1C)


async def test_registers_and_expressions_are_those_of_the_call() -> None:
    async with debugging(deep) as person:

        async def say(command: str, wanted: str) -> None:
            await person.type(command)
            await person.until(lambda: wanted in person.message)
            await person.press("escape")

        await person.type("frame 2")
        await person.until(lambda: "call 2  EL3" in person.text("registers"))
        assert "sp 0000_0000_4010_0000" in person.text("registers")
        assert "pc 0000_0000_4000_000c" in person.text("registers")
        assert "x30           not known" in person.text("registers")
        await say("print sp", "sp is 0x4010_0000")
        await say("print pc", "pc is 0x4000_000c")
        await say("print w2", "x2 of call 2 is not known")
        await say("print x30", "x30 of call 2 is not known: what it called did not keep it.")
        await say("print v3", "v3 of call 2 is not known: only X0 to X30 and SP are looked for.")
        await say("print nzcv", "nzcv of call 2 is not known")
        await say("print SCR_EL3.NS", "SCR_EL3.NS is 0")
        await say("print [sp - 8].x", "[sp - 8].x is 0x4000_000c")
        await say("set x0=x2", "type “frame 0” first")
        await say("set [sp].x=1", "sp would be that of the present instruction here, and not that of call 2")
        await say("set SCR_EL3.NS=0", "SCR_EL3.NS is 0 now")
        await say("x/1gx sp - 8", "0x400f_fff8: 0x000000004000000c")
        await person.type("frame 1")
        await person.until(lambda: "call 1  EL3" in person.text("registers"))
        await say("print fp", "fp is 0x400f_fff0")
        await say("print w29 + 1", "w29 + 1 is 0x400f_fff1")
        await person.type("frame")
        await person.until(lambda: "flags" in person.text("registers"))
        await say("print pc", "pc is 0x4000_0024")
        await person.type("frame 2")
        await person.until(lambda: "call 2  EL3" in person.text("registers"))
        await person.stop_after("s")
        await person.until(lambda: "flags" in person.text("registers"))
        await say("print pc", "pc is 0x4000_0028")


async def test_only_a_pane_that_is_shown_asks_for_calls(monkeypatch: Any) -> None:
    asked = []
    monkeypatch.setattr("mectui.panes.calls.calls", lambda machine, most: asked.append(most) or calls(machine, most))
    async with debugging(program) as person:
        assert not person.pane("calls").display
        for _ in range(3):
            await person.stop_after("s")
        assert asked == []
        person.screen.show_pane("calls")
        await person.until(lambda: asked)
        assert max(asked) <= person.pane("calls").text_height + 2


async def test_a_lesson_of_two_realms_can_be_looked_at_from_the_list() -> None:
    async with debugging(bundled("two-realms"), size=(80, 24)) as person:
        stops = person.progress.stops
        await person.type("until rmm_map_granule")
        await person.until(lambda: person.progress.stops > stops)
        await person.type("where")
        await person.until(lambda: "rmm_start" in person.text("calls"))
        await person.press("down", "down", "enter")
        await person.until(lambda: "rmm_start" in person.message)


REGISTER = st.one_of(
    st.integers(0, (1 << 64) - 1),
    st.integers(START - 64, START + 0x100),
    st.sampled_from([0, 1, START, START + (16 << 20) - 8, START + (16 << 20), (1 << 64) - 8, (1 << 64) - 1]),
)


@settings(max_examples=150, deadline=None)
@given(
    pc=REGISTER, sp=REGISTER, fp=REGISTER, link=REGISTER, level=st.integers(0, 3), stack=st.binary(max_size=256),
    vector=REGISTER, status=st.integers(0, 31),
)  # fmt: skip
def test_hostile_registers_and_stacks_get_a_list_that_ends(
    pc: int, sp: int, fp: int, link: int, level: int, stack: bytes, vector: int, status: int
) -> None:
    machine = program()
    cpu = machine.cpu
    machine.write(START + 0x80, stack)
    cpu.change_stack(level, int(level > 0))
    cpu.context_changed()
    cpu.pc, cpu.sp, cpu.x[29], cpu.x[30] = pc, sp, fp, link
    for el in (1, 2, 3):
        cpu.regs[f"VBAR_EL{el}"], cpu.regs[f"SPSR_EL{el}"], cpu.regs[f"ELR_EL{el}"] = vector, status, link
    before = cpu.architectural_state()
    with at_most(300):
        view = calls(machine)
    assert 1 <= len(view.calls) <= 200
    assert view.end
    assert cpu.architectural_state() == before
    assert all(cell_width(line.text) <= 60 for line in render.calls(view, 60))


def test_a_stack_that_turns_round_ends() -> None:
    machine = deep()
    place = START + 0x100
    machine.write(place, place.to_bytes(8, "little") + (START + 0xC).to_bytes(8, "little"))
    machine.cpu.pc, machine.cpu.x[29], machine.cpu.sp = START + 0x40, place, place - 16  # behind every name
    view = calls(machine)
    assert len(view.calls) == 2
    assert "below the stack" in view.end or "not above" in view.end or "did not store x30" in view.end


def test_x30_counts_only_behind_a_call_that_leads_here() -> None:
    machine = deep()
    machine.cpu.x[30] = START + 0x8
    assert calls(machine).end == "x30 holds 0x40000008, which is behind no call: what led here is not known"
    machine.cpu.x[30] = START + 0xC  # behind the call of middle
    assert "the call before that does not lead here" in calls(machine).end
    own = factory(0xA9BF7BFD, 0x97FFFFFF, 0xD503201F, 0x14000000)()  # stp x29, x30, [sp, #-16]!; bl .-4; nop
    own.symbols.add([("recursive", START, 0), ("again", START + 8, 0)])
    own.cpu.pc = own.cpu.x[30] = START + 8
    view = calls(own)
    assert len(view.calls) == 1
    assert "the call before that does not lead here" in view.end


def test_lines_of_the_list_lead_somewhere() -> None:
    for machine in (deep(), in_realm_b(), factory(*CALLING)()):
        view = calls(machine)
        for line in render.calls(view, 80):
            assert line.target is None or line.target.kind is TargetKind.CALL
