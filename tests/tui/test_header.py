"""What the header keeps where there is little room, and the way back to a list that its scene covers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emu.architecture import Security
from mectui.queries.status import StatusView
from mectui.render.status import status
from mectui.render.text import width
from mectui.widgets.bars import ActionBar
from tests.tui.test_app import bundled, debugging

STATUS = StatusView(
    el=2,
    security=Security.REALM,
    mec_at=(2,),
    mecids=(("P0", 1), ("VP", 6)),
    pc=0x4008_1270,
    pc_label="rmm_tell_the_story+0x208",
    instructions=22_072,
    findings=2,
    hits=514,
)


@pytest.mark.parametrize("columns", [50, 60, 80, 100, 132, 160, 240])
@pytest.mark.parametrize("guest", ["two-realms", "a-guest-with-a-name-that-is-much-longer-than-anybody-would-like.elf"])
@pytest.mark.parametrize("state", ["exited with code 0", "stopped: breakpoint 2", "ended: " + "a long story " * 9])
def test_the_header_always_has_the_hits_and_the_level(columns: int, guest: str, state: str) -> None:
    line = status(STATUS, guest, state, "strong", columns)
    assert width(line) == columns
    assert "514 hits" in line.text
    assert "EL2 realm" in line.text


def test_at_80_columns_the_header_says_what_matters_most() -> None:
    text = status(STATUS, "two-realms", "exited with code 0", "ok", 80).text
    assert text.split("  ")[:5] == [" two-realms", "EL2 realm", "MEC on (EL2)", "514 hits", "2 findings"]


def test_the_header_tells_of_the_past_before_it_tells_of_mec() -> None:
    text = status(replace(STATUS, furthest=30_000), "two-realms", "stopped: step", "strong", 80).text
    assert "#22,072 (in the past)" in text


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 45)])
async def test_enter_on_a_hit_leaves_the_list_in_sight_and_points_at_the_code(size: tuple[int, int]) -> None:
    async with debugging(bundled("mecid"), size=size) as person:
        await person.stop_after("c")
        await person.press("3")
        await person.until(lambda: "read under" in person.text("hits"))
        await person.press("enter")
        code = person.pane("disassembly")
        await person.until(lambda: code.display and code.is_pointed and bool(code.lines))
        assert person.pane("hits").display
        assert person.pane("hits").has_focus
        await person.stop_after("B")
        assert not code.is_pointed


async def test_where_the_code_covers_the_list_escape_goes_back() -> None:
    async with debugging(bundled("mecid"), size=(80, 24)) as person:
        await person.stop_after("c")
        await person.press("3")
        await person.until(lambda: "read under" in person.text("hits"))
        await person.press("z", "enter")
        await person.until(lambda: person.pane("disassembly").has_focus)
        assert person.message.endswith("Esc goes back.")
        await person.press("escape")
        await person.until(lambda: person.pane("hits").has_focus)
        assert person.pane("hits").display


async def test_the_footer_ends_with_a_whole_word() -> None:
    async with debugging(bundled("mecid"), size=(80, 24)) as person:
        bar = person.screen.query_one(ActionBar)
        for pane in person.screen.board.panes.values():
            for own in ([], pane.own_actions()):
                bar.own = own
                for columns in range(40, 161):
                    line = bar.line(columns)
                    assert width(line) <= columns, line.text
                    assert line.text.endswith(bar.chosen(columns)[-1].title)
