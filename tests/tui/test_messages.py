"""What is said above the footer: two rows of it at most, and all of it one key or click away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mectui.render.text import plain
from mectui.screens.debugger import DebuggerScreen
from mectui.screens.messages import NOTHING, MessagesScreen, message_lines
from mectui.widgets.command_line import ROWS, CommandLine, Said, shortened
from tests.tui.programs import CALLING, factory
from tests.tui.test_app import debugging

LONG = " ".join(f"word{number}" for number in range(120))
MORE = "! shows all"


def test_a_message_with_room_stands_as_it_is() -> None:
    assert shortened("One row.", 40, MORE) == "One row."
    assert shortened("aaaa bbbb cccc", 10, MORE) == "aaaa bbbb\ncccc"


def test_a_longer_one_says_where_the_rest_is() -> None:
    first, second = shortened(LONG, 60, MORE).split("\n")
    assert LONG.startswith(first)
    start, _, end = second.partition("…")
    assert LONG.startswith(f"{first} {start}")
    assert end.strip() == MORE
    assert len(first) <= 60
    assert len(second) <= 60


@given(text=st.text(max_size=300), columns=st.integers(10, 120))
def test_no_text_has_more_rows_or_columns(text: str, columns: int) -> None:
    rows = shortened(text, columns, MORE).split("\n")
    assert len(rows) <= ROWS
    assert all(len(row) <= max(columns, len(MORE)) for row in rows)


def test_the_last_message_comes_first_and_errors_are_marked() -> None:
    text = plain(message_lines([Said("First."), Said("Second.", is_error=True), Said(LONG)], 40))
    assert text.index("word0") < text.index("✗ Second.") < text.index("First.")
    assert " ".join(text.split()).startswith(LONG)
    assert plain(message_lines([], 200)).strip() == NOTHING


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 45), (30, 8)])
async def test_panes_keep_their_place_and_every_line_whatever_is_said(size: tuple[int, int]) -> None:
    async with debugging(factory(*CALLING), size) as person:
        before = [(pane.region, pane.scrollable_content_region) for pane in person.screen.board.in_front()]
        person.screen.say(LONG)
        await person.pilot.pause()
        assert [(pane.region, pane.scrollable_content_region) for pane in person.screen.board.in_front()] == before
        line = person.screen.query_one(CommandLine)
        assert line.region.height == ROWS
        assert person.message == LONG
        for pane in person.screen.board.in_front():
            assert not line.region.intersection(pane.scrollable_content_region).area


async def test_one_key_or_click_shows_all_of_it() -> None:
    async with debugging(factory(*CALLING), (80, 24)) as person:
        person.screen.say(LONG)
        person.screen.say("Not this.", is_error=True)
        person.screen.say(LONG)
        await person.press("exclamation_mark")
        await person.until(lambda: isinstance(person.app.screen, MessagesScreen))
        pane = person.app.screen.query("MessagesPane").first()
        shown = " ".join(plain(pane.lines).split())  # type: ignore[attr-defined]
        assert shown == f"{LONG} ✗ Not this. {LONG}"
        await person.press("escape")
        await person.until(lambda: isinstance(person.app.screen, DebuggerScreen))
        await person.pilot.click(CommandLine)
        await person.until(lambda: isinstance(person.app.screen, MessagesScreen))
        await person.press("q")
        await person.type("messages")
        await person.until(lambda: isinstance(person.app.screen, MessagesScreen))
        await person.press("down", "end", "home", "pagedown", "exclamation_mark")
        await person.until(lambda: isinstance(person.app.screen, DebuggerScreen))


async def test_a_message_is_folded_anew_for_another_size() -> None:
    async with debugging(factory(*CALLING), (160, 45)) as person:
        person.screen.say("word " * 40)
        await person.pilot.pause()
        message = person.screen.query_one("#message")
        assert MORE not in str(message.content)  # type: ignore[attr-defined]
        await person.pilot.resize_terminal(80, 24)
        await person.until(lambda: MORE in str(message.content))  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_the_terminals_own_cursor_is_on_the_line_of_the_panes(size: tuple[int, int]) -> None:
    """What a screen reader reads."""
    async with debugging(factory(*CALLING), size) as person:
        pane = person.screen.disassembly
        await person.press("down")
        x, y = person.app.cursor_position
        strip = "".join(segment.text for segment in person.app.screen._compositor.render_strips()[y])
        assert strip[x:].startswith("›")
        assert pane.lines[pane.cursor].text.strip()[:12] in strip


async def test_what_was_wrong_with_one_command_does_not_stand_there_after_the_next() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.type("kill")
        await person.until(lambda: person.message.startswith("✗"))
        await person.type("theme light")
        await person.until(lambda: "✗" not in person.message)
