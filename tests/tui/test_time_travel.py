"""Going through time at the screen, by key, command and click; the timeline pane, and what the header says."""

from __future__ import annotations

from itertools import pairwise

import pytest

from emu.architecture import Access
from mectui.panes.events import EventsPane
from mectui.panes.hits import HitsPane
from mectui.panes.timeline import TimelinePane
from mectui.panes.walk import WalkPane
from mectui.queries.timeline import edges_of
from mectui.queries.walk import Follow
from mectui.render import timeline as render
from mectui.render.text import plain
from mectui.session import RunState
from mectui.widgets.bars import Header
from tests.tui.programs import CALLING, ENDLESS, factory
from tests.tui.test_app import bundled, debugging

END = 22_072


def header(person: object, width: int = 160) -> str:
    return str(person.screen.query_one(Header).line(width).text)  # type: ignore[attr-defined]


async def test_b_goes_back_from_the_end_and_the_header_says_so_and_forward_again_ends() -> None:
    async with debugging(bundled("two-realms")) as person:
        assert (await person.stop_after("c")).state is RunState.ENDED
        progress = await person.stop_after("B")
        assert (progress.state, progress.status.instructions) == (RunState.STOPPED, END - 1)
        assert "#22,071 of 22,072 (in the past)" in header(person)
        assert "#22,071 (in the past)" in header(person, 80)
        await person.until(lambda: "This is the past" in person.message)
        await person.stop_after("B")
        assert "This is the past" not in person.message  # once is enough
        progress = await person.stop_after("greater_than_sign")
        assert (progress.state, progress.reason) == (RunState.ENDED, "exited with code 0")
        assert "in the past" not in header(person)
        await person.stop_after("B")
        assert (await person.stop_after("s")).state is RunState.ENDED


async def test_the_log_of_events_and_the_console_go_back_too() -> None:
    async with debugging(bundled("two-realms")) as person:
        whole = await person.stop_after("c")
        person.screen.show_pane("events", focus=True)
        pane = person.screen.query_one(EventsPane)
        await person.until(lambda: pane.view is not None and pane.view.total > 10)
        total, last = pane.view.total, pane.view.rows[-1].moment.instruction
        await person.type("at 12000")
        await person.until(lambda: person.progress.status.instructions == 12_000)
        await person.until(lambda: pane.view.rows[-1].moment.instruction < 12_000)
        assert pane.view.total < total
        assert len(person.progress.console) < len(whole.console)
        await person.type("forward")
        await person.until(lambda: person.progress.status.instructions == END)
        await person.until(lambda: pane.view.rows[-1].moment.instruction == last and pane.view.total == total)
        assert person.progress.console == whole.console


@pytest.mark.parametrize(
    ("letter", "place"), [("h", 14_684), ("x", 22_045), ("e", 22_045), ("s", 38), ("b", 0), ("p", END - 1)]
)
async def test_back_to_asks_for_a_letter(letter: str, place: int) -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        await person.press("less_than_sign")
        if letter == "p":  # nothing stopped the guest before its end
            await person.stop_after(letter)
            assert "There was no stop before this moment" in person.message
            assert person.progress.state is RunState.ENDED
        else:
            progress = await person.stop_after(letter)
            assert progress.status.instructions == place


async def test_commands_go_back() -> None:
    async with debugging(factory(*CALLING)) as person:
        for text, place in (
            ("step 4", 4), ("back 2", 2), ("at #4", 4), ("rout", 4), ("at 3", 3), ("until 0x40000004", 4), ("rnext", 0),
            ("step 3", 3), ("backto start", 0), ("forward", 4), ("rcontinue", 0), ("at 1,0", 0),
            ("forward", 4),
            ("runtil 0x4000_000c", 1),
        ):  # fmt: skip
            stops = person.progress.stops
            person.screen.execute(text)
            await person.until(lambda stops=stops: person.progress.stops > stops)
            assert person.progress.status.instructions == place, text
            if text == "at 1,0":
                assert "not at #10" in person.message
        person.screen.execute("runtil 0x4000_0010")
        await person.until(lambda: "has not come by" in person.message)
        await person.stop_after("greater_than_sign")
        person.screen.show_code(0x4000_0010)
        await person.press("less_than_sign")
        progress = await person.stop_after("u")
        assert progress.status.instructions == 2


async def test_a_change_in_the_past_says_what_is_gone() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        await person.type("at 100")
        await person.until(lambda: person.progress.status.instructions == 100)
        person.screen.execute("set x9=1")
        await person.until(lambda: "what came after #100 is gone" in person.message)
        assert person.progress.status.furthest == 100
        progress = await person.stop_after("greater_than_sign")
        assert progress.status.instructions == 100
        assert progress.values["x9"] == 1


async def test_t_in_the_hits_goes_to_the_read_and_o_to_the_store() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        await person.press("3")
        pane = person.screen.query_one(HitsPane)
        await person.until(lambda: pane.has_focus and pane.lines)
        hit = pane.view.hits[-1].hit
        progress = await person.stop_after("t")
        assert (progress.status.instructions, progress.values["pc"]) == (hit.instruction, hit.pc)
        person.screen.show_pane("walk")
        walk = person.screen.query_one(WalkPane)
        await person.until(lambda: walk.view is not None and walk.view.follow is Follow.COMING)
        assert (walk.view.walk.request.va, walk.view.walk.pa, walk.view.walk.mecid) == (hit.va, hit.pa, hit.mecid)
        assert "access to come" in walk.summary()
        await person.stop_after("s")  # it is the last one now, and followed as before
        await person.until(lambda: walk.view.follow is Follow.ACCESS)
        assert 0 <= walk.view.walk.request.va - hit.va < 16  # of a pair the second one
        await person.stop_after("greater_than_sign")
        person.screen.show_pane("hits", focus=True)
        await person.until(lambda: pane.view.hits and pane.view.hits[-1].hit == hit)
        progress = await person.stop_after("o")
        assert (progress.status.instructions, progress.values["pc"]) == (hit.writer.instruction, hit.writer.pc)
        await person.until(lambda: walk.coming is not None)
        person.screen.show_pane("walk")
        await person.until(lambda: walk.view.follow is Follow.COMING and walk.view.walk.pa is not None)
        assert walk.view.walk.pa <= hit.pa < walk.view.walk.pa + 16  # the store that gave the block its owner
        assert walk.view.walk.request.access is Access.WRITE


async def test_t_in_the_events_goes_to_their_moment() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        person.screen.show_pane("events", focus=True)
        pane = person.screen.query_one(EventsPane)
        await person.until(lambda: pane.lines)
        await person.press("home", "down", "down")
        row = pane.view.rows[pane.cursor]
        progress = await person.stop_after("t")
        assert (progress.status.instructions, progress.values["pc"]) == (row.moment.instruction, row.moment.pc)


async def test_pausing_on_the_way_stays_where_one_was() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        await person.type("step 60000")
        await person.until(lambda: person.progress.status.instructions == 60_000)
        stops = person.progress.stops
        await person.press("less_than_sign", "h")  # there is none
        await person.until(lambda: person.progress.stops > stops)
        person.screen.execute("break 0x50000000")
        stops = person.progress.stops
        person.screen.execute("rcontinue")
        person.screen.session.pause()
        await person.until(lambda: person.progress.stops > stops and person.progress.state is RunState.STOPPED)
        assert person.progress.status.instructions in (0, 60_000)
        assert "bug" not in person.message


# --- the timeline ---


async def test_the_timeline_shows_the_whole_run_and_travels() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        await person.type("timeline")
        pane = person.screen.query_one(TimelinePane)
        await person.until(lambda: pane.has_focus and pane.view is not None and pane.view.now == END)
        assert pane.view.totals == (4, 514, 2, 1)
        assert "the whole run" in str(pane.border_subtitle)
        for place in (22_044, 17_001, 14_875, 14_683):
            await person.press("left")
            await person.until(lambda place=place: pane.view.cursor == place)
        assert "SUBSTITUTED" in person.text("timeline")
        progress = await person.stop_after("enter")
        assert progress.status.instructions == 14_683
        await person.until(lambda: pane.view.now == 14_683 and pane.view.furthest == END)
        assert pane.view.totals == (4, 514, 2, 1)  # the future is still known
        await person.press("v", "v")
        await person.until(lambda: "← → hits" in str(pane.border_subtitle))
        await person.press("v", "v", "right")  # stops
        await person.until(lambda: pane.view.cursor == END)
        await person.press("v", "plus")
        await person.until(lambda: not pane.view.is_whole)
        size = pane.view.end - pane.view.start
        assert size < END // 3
        await person.press("home")
        await person.until(lambda: pane.view.cursor == 0 and pane.view.start == 0)
        assert pane.view.end - pane.view.start == size
        await person.press("a", "end")
        await person.until(lambda: pane.view.is_whole and pane.view.cursor == END)


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 45)])
async def test_a_click_on_a_mark_goes_there(size: tuple[int, int]) -> None:
    async with debugging(bundled("two-realms"), size) as person:
        await person.stop_after("c")
        await person.type("timeline")
        pane = person.screen.query_one(TimelinePane)
        await person.until(lambda: pane.view is not None and pane.view.now == END)
        assert all(len(line.text) <= pane.text_width for line in pane.lines)
        at = next(number for number, column in enumerate(pane.view.columns) if column.marks[0])
        line = render.rows(pane.text_height).index("exception")
        stops = person.progress.stops
        await person.pilot.click(pane, offset=(1 + 1 + render.LABEL + at, 1 + line))
        await person.until(lambda: person.progress.stops > stops)
        assert person.progress.status.instructions == 12_392  # the first exception
        await person.until(lambda: pane.view.now == 12_392)
        assert "▲ #12,392 now  exception to EL2: HVC" in plain(pane.lines)


async def test_a_timeline_with_room_lists_the_marks_around_and_a_click_goes_there() -> None:
    async with debugging(bundled("two-realms"), (160, 45)) as person:
        await person.stop_after("c")
        await person.type("timeline")
        pane = person.screen.query_one(TimelinePane)
        await person.until(lambda: pane.view is not None and pane.view.now == END)
        assert "before" not in person.text("timeline")
        await person.press("z")
        await person.until(lambda: "#17,001 exception to EL2: HVC" in person.text("timeline"))
        shown = [line.text.strip() for line in pane.lines]
        before = shown[shown.index("before") + 1 :]
        assert [int(text.split()[0][1:].replace(",", "")) for text in before if text.startswith("#")] == [
            12_392, 12_787, 12_787, 13_153, 13_153, 14_875, 17_001, 22_044,
        ]  # fmt: skip
        line = next(number for number, text in enumerate(shown) if text.startswith("#17,001"))
        stops = person.progress.stops
        await person.pilot.click(pane, offset=(10, 1 + line))
        await person.until(lambda: person.progress.stops > stops)
        assert person.progress.status.instructions == 17_001
        await person.until(lambda: "after" in [line.text.strip() for line in pane.lines])
        shown = [line.text.strip() for line in pane.lines]
        assert shown[shown.index("after") + 1].startswith("#22,044 exception to EL2: HVC")


def test_columns_share_the_run_without_gaps() -> None:
    for start, end, columns in ((0, 0, 50), (0, 9, 50), (7, 1_000_003, 64), (5, 68, 64)):
        edges = edges_of(start, end, columns)
        assert (edges[0], edges[-1]) == (start, end + 1)
        assert all(low < high for low, high in pairwise(edges))
        assert len(edges) - 1 == min(columns, end - start + 1)
