"""Stops as somebody at the screen meets them: typed, listed, switched, edited; the marks beside the code."""

from __future__ import annotations

from typing import Any

import pytest

from emu import StopReason
from emu.debug.stops import CatchKind
from mectui.commandline import CommandError, Known, completions, parse
from mectui.panes.stops import StopsPane
from mectui.queries.stops import code_marks, stops
from mectui.render import stops as render
from mectui.render.text import plain
from mectui.stop_orders import Common, NewCatch, NewCode, NewWatch
from tests.tui.programs import CALLING, START, STORING, factory
from tests.tui.test_app import bundled, debugging

SYMBOLS = {"main": 0x4008_0000, "secret": 0x4010_0000}
KNOWN = Known({"x0": 5, "sp": 0x4009_0000, "pc": 0x4008_0040}, SYMBOLS.get, lambda: list(SYMBOLS))


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("break main+4", NewCode(0x4008_0004)),
        ("break *pa:0x4008_0000", NewCode(0x4008_0000, is_physical=True)),
        ("tbreak main if x0 == 5 ignore 3", NewCode(0x4008_0000, is_temporary=True, common=Common("x0 == 5", "", 3))),
        ("break main ignore x0", NewCode(0x4008_0000, common=Common(ignore=5))),
        ("watch secret", NewWatch(0x4010_0000, None, reads=False, writes=True)),
        ("rwatch secret,16", NewWatch(0x4010_0000, 16, reads=True, writes=False)),
        ("awatch secret..secret+0x1f", NewWatch(0x4010_0000, 32, reads=True, writes=True)),
        ("watch [secret]", NewWatch(0x4010_0000, None, reads=False, writes=True)),
        ("watch [secret+4].w if value == 3", NewWatch(0x4010_0004, 4, False, True, common=Common("value == 3"))),
        ("rwatch [realm:0x1000]", NewWatch(0x1000, None, True, False, True, False, 3)),  # type: ignore[arg-type]
        ("watch realm:0x1000 walks", NewWatch(0x1000, None, False, True, True, True, 3)),  # type: ignore[arg-type]
        ("watch sp,8 if value == 3 && mecid != owner", NewWatch(0x4009_0000, 8, False, True,
                                                                 common=Common("value == 3 && mecid != owner"))),
        ("catch hit 6 if owner == 5", NewCatch(CatchKind.HIT, "6", Common("owner == 5"))),
        ("catch exception data-abort", NewCatch(CatchKind.EXCEPTION, "data-abort")),
        ("catch msr TTBR0_EL1", NewCatch(CatchKind.MSR, "TTBR0_EL1")),
        ('log main "x0 is {x0}" if x0', NewCode(0x4008_0000, common=Common("x0", "x0 is {x0}"))),
        ('log catch smc "f {function}"', NewCatch(CatchKind.SMC, "", Common(log="f {function}"))),
        ('log watch secret,4 "{old} to {value}"', NewWatch(0x4010_0000, 4, False, True,
                                                           common=Common(log="{old} to {value}"))),
    ],
)  # fmt: skip
def test_lines_mean_stops(text: str, stop: object) -> None:
    assert parse(text, KNOWN).arguments == (stop,)


@pytest.mark.parametrize(
    ("text", "said", "column"),
    [
        ("break main if", "A condition is missing after “if”.", 11),
        ("break if x0", "The place is missing", None),
        ("break main if value == 1", "There is no symbol or register “value”", 14),
        ("watch secret if valu == 1", "did you mean “value”?", 16),
        ("watch [mecid 5, realm:0x1000]", "is a condition", 7),
        ("watch [raw:secret]", "pa: before it", 7),
        ("watch secret,0", "at least one byte", 13),
        ("watch secret..main", "The range ends before it starts", 14),
        ("watch secret walks", "write pa: before the address", 13),
        ("catch nothing", "There is no kind of catch “nothing”", None),
        ("catch exception 0x40", "is not an exception class", 16),
        ("log main", "needs a message in quotes", None),
        ('log main "{x0"', "never closed", None),
        ('log main "{zork}"', "no symbol or register “zork”", None),
        ("condition x y", "“x” is no stop's number", None),
    ],
)
def test_other_lines_get_a_sentence_and_its_place(text: str, said: str, column: int | None) -> None:
    with pytest.raises(CommandError) as caught:
        parse(text, KNOWN)
    assert said in str(caught.value)
    if column is not None:
        assert caught.value.position == column


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("catch ex", ["catch exception"]),
        ("catch exception data", ["catch exception data-abort"]),
        ("catch msr ttbr0_el1", ["catch msr TTBR0_EL1", "catch msr TTBR0_EL12"]),
        ("catch hit if ow", ["catch hit if owner"]),
        ("watch sec", ["watch secret"]),
        ("watch secret if val", ["watch secret if value"]),
        ("to h", ["to hit"]),
    ],
)
def test_tab_completes_kinds_arguments_and_the_names_of_events(text: str, found: list[str]) -> None:
    assert [each for each in completions(text, KNOWN) if "(" not in each][: len(found)] == found


def test_the_list_names_everything_and_marks_tell_the_kinds_apart() -> None:
    machine = factory(*CALLING)()
    machine.symbols.add([("double", START + 0xC, 12)])
    for text in ("break double", "break double+4 if x0 == 1", 'log double+8 "x0 {x0}"', "catch hit"):
        (new,) = parse(text, Known({"x0": 0}, machine.symbols.lookup, list)).arguments
        new.carry_out(machine)  # type: ignore[union-attr]
    machine.stops.enable(1, False)
    assert {va - START: (mark.is_enabled, mark.is_special) for va, mark in code_marks(machine).items()} == {
        0xC: (False, False), 0x10: (True, True), 0x14: (True, True),
    }  # fmt: skip
    machine.run(max_instructions=4)
    text = plain(render.stops(stops(machine), 100))
    assert "○ 1  break  double  off  no hit" in text
    assert "◆ 2  break  double+0x4  1 hit, last #2 at double+0x4" in text
    assert "if x0 == 1" in text
    assert 'logs "x0 {x0}" and goes on' in text
    assert "#3 3: x0 2" not in text  # not reached yet
    machine.run(max_instructions=2)
    assert "#3 3: x0 2" in plain(render.stops(stops(machine), 100))
    for width in range(20, 120, 7):
        assert all(len(line.text) <= width for line in render.stops(stops(machine), width))


async def test_stops_are_typed_listed_switched_edited_and_removed() -> None:
    async with debugging(factory(*STORING)) as person:
        for text in ("break 0x40000004", "watch pa:0x40100000,8 if value == 5", "catch hit"):
            person.screen.execute(text)
        await person.until(lambda: "Catchpoint 3 set" in person.message)
        person.screen.execute("stops")
        await person.until(lambda: "watch  physical 0x4010_0000, 8" in person.text("stops"))
        pane: Any = person.pane("stops")
        assert isinstance(pane, StopsPane)
        await person.until(lambda: pane.has_focus)
        await person.press("home", "e")
        await person.until(lambda: "○ 1" in person.text("stops"))
        assert person.progress.state.value == "stopped"
        await person.press("e")
        await person.until(lambda: "● 1" in person.text("stops"))
        await person.press("i")
        assert person.screen.command_line.input.value == "condition 1 "
        await person.press("escape")
        progress = await person.stop_after("c")
        assert progress.reason == "breakpoint 1"
        progress = await person.stop_after("c")
        assert progress.reason == "watchpoint 2"
        assert progress.stop.reason is StopReason.WATCHPOINT
        assert "write of 0x5 (8 bytes) to" in person.message
        await person.until(lambda: "1 hit, last #2" in person.text("stops"))
        pane.focus()
        await person.press("home", "delete")
        await person.until(lambda: "break" not in person.text("stops"))
        person.screen.execute("delete all")
        await person.until(lambda: "W at an address" in " ".join(person.text("stops").split()))


async def test_enter_goes_to_the_place_of_a_stop() -> None:
    async with debugging(factory(*CALLING)) as person:
        person.screen.execute("break 0x40000010")
        await person.until(lambda: "Breakpoint 1 set" in person.message)
        person.screen.execute("stops")
        await person.until(lambda: person.pane("stops").has_focus and "break" in person.text("stops"))
        await person.press("home", "enter")
        await person.until(lambda: person.screen.disassembly.place == START + 0x10)
        assert "●" in person.text("disassembly")


async def test_a_letter_after_run_until_names_what_to_wait_for() -> None:
    async with debugging(bundled("mecid")) as person:
        await person.press("U")
        await person.pilot.pause()
        progress = await person.stop_after("h")
        assert progress.reason == "next hit"
        assert "ubstituted" in person.message
        await person.press("U", "escape")
        assert not person.screen.command_line.is_typing


async def test_a_key_on_an_address_begins_a_watchpoint() -> None:
    async with debugging(factory(*STORING)) as person:
        person.pane("memory").focus()
        await person.press("W")
        await person.until(lambda: person.screen.command_line.is_typing)
        assert person.screen.command_line.input.value.startswith("watch 0x4000_0000,8")
