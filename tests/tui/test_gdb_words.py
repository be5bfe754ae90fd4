"""What gdb's users type: memory as `x` shows it, `info`, `r`, and steps back by lines."""

from __future__ import annotations

import pytest

from mectui.gdb_words import ELSEWHERE, Examine, examined
from mectui.widgets.command_line import shortened
from tests.tui.programs import CALLING, ENDLESS, START, STORING, factory
from tests.tui.test_app import bundled, debugging


def test_memory_is_shown_in_gdbs_forms() -> None:
    machine = factory(*STORING)()
    place = START + 0x1000
    machine.write(place, bytes(range(0xF0, 0x100)) + b"a text\0")
    assert examined(machine, place, Examine()) == "0x4000_1000: 0xf7f6f5f4f3f2f1f0"
    assert examined(machine, place, Examine(2, 4)) == "0x4000_1000: 0xf3f2f1f0  0xf7f6f5f4"
    assert examined(machine, place, Examine(2, 1, "d")) == "0x4000_1000: -16  -15"
    assert examined(machine, place, Examine(1, 2, "u")) == f"0x4000_1000: {0xF1F0}"
    assert examined(machine, place, Examine(1, 1, "t")) == "0x4000_1000: 0b1111_0000"
    assert examined(machine, place + 16, Examine(form="s")) == "0x4000_1010: “a text”"
    assert examined(machine, 0x7000_0000, Examine()).startswith("0x7000_0000 cannot be read: ")
    assert "cannot be read" in examined(machine, START + (16 << 20) - 8, Examine(2))


async def test_x_shows_the_pane_and_says_the_values() -> None:
    async with debugging(factory(*STORING)) as person:
        await person.type("x/2wx pc")
        await person.until(lambda: person.message == f"0x4000_0000: 0x{STORING[0]:08x}  0x{STORING[1]:08x}")
        assert person.screen.memory.place == START
        await person.type("x/i pc+8")
        await person.until(lambda: person.screen.disassembly.place == START + 8)


async def test_r_runs_a_guest_that_has_not_begun_and_else_says_how_to_go_on() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        await person.type("r")
        await person.until(lambda: person.progress.state.value == "running")
        await person.stop_after("p")
        await person.type("r")
        await person.until(lambda: "“c” goes on, “restart” begins again" in person.message)


async def test_info_leads_to_the_pane_or_says_it() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.type("i r")
        assert person.screen.focused_pane.pane_name == "registers"
        await person.type("i b")
        assert person.screen.focused_pane.pane_name == "stops"
        await person.type("info frame")
        assert person.screen.focused_pane.pane_name == "calls"
        await person.type("info symbol pc")
        await person.until(lambda: person.message.startswith("pc is 0x4000_0000"))
        await person.type("info registers sctlr_el1")
        await person.until(lambda: "SCTLR_EL1" in person.text("registers"))


async def test_a_word_of_gdb_shuts_the_command_line_to_make_room_for_its_answer() -> None:
    async with debugging(factory(*CALLING), size=(80, 24)) as person:
        for text in ("kill", "ptype"):
            await person.type(text)
            assert not person.screen.command_line.is_typing
            assert person.message == f"✗ There is no command “{text}”: {ELSEWHERE[text]}."
        await person.type("nonsense")
        assert person.screen.command_line.is_typing, "there is something to put right"


@pytest.mark.parametrize("word", ELSEWHERE)
def test_answers_have_room_on_the_smallest_screen(word: str) -> None:
    assert "! shows all" not in shortened(f"✗ There is no command “{word}”: {ELSEWHERE[word]}.", 76, "! shows all")


async def test_brackets_go_by_lines_and_back() -> None:
    async with debugging(bundled("two-realms")) as person:
        first = (await person.stop_after("right_parenthesis")).status
        second = (await person.stop_after("L")).status
        back = (await person.stop_after("left_parenthesis")).status
        assert (back.instructions, back.source) == (first.instructions, first.source)
        assert person.progress.reason == "line"
        await person.stop_after("right_curly_bracket")
        assert person.progress.status.instructions == second.instructions
        await person.stop_after("left_curly_bracket")
        assert person.progress.status.instructions == first.instructions
        stops = person.progress.stops
        await person.type("reverse-next")
        await person.until(lambda: person.progress.stops > stops)
        assert person.progress.status.instructions == 0
        await person.type("back line")
        await person.until(lambda: "This is the beginning of the run." in person.message)
