"""The MEC side of the screen by keys: from the end of a run to who wrote, the map, the ledger, lists and edits."""

from __future__ import annotations

from mectui.panes.console import ConsolePane
from mectui.panes.events import EventsPane
from mectui.panes.hits import HitsPane
from mectui.panes.ledger import LedgerPane
from mectui.panes.map import MapPane
from mectui.panes.registers import RegistersPane
from mectui.progress import RunState
from mectui.queries.memory import Eyes
from mectui.widgets.command_line import CommandLine
from tests.tui.programs import ENDLESS, START, STORING, factory
from tests.tui.test_app import bundled, character_key, debugging


async def test_from_the_end_of_a_run_three_keys_lead_to_who_read_and_who_wrote() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        await person.until(lambda: "press 3, then Enter" in person.message)
        await person.press("3")
        pane = person.screen.query_one(HitsPane)
        await person.until(lambda: pane.has_focus and pane.lines)
        assert "read under   MECID 6 (VP) by realm_b" in person.text("hits")
        assert "stored under MECID 5 (VP) by realm_a_fill_blocks+0x4" in person.text("hits")
        assert "likely: wipe the page under MECID 6" in person.text("hits")
        hit = pane.view.hits[-1].hit
        await person.press("enter")
        await person.until(lambda: person.screen.disassembly.place == hit.pc)
        assert "read here: realm_b" in person.message
        await person.until(lambda: person.screen.query_one(MapPane).place == hit.pa)
        await person.press("W")
        await person.until(lambda: person.screen.disassembly.place == hit.writer.pc)
        assert "stored here: realm_a_fill_blocks" in person.message


async def test_capital_s_runs_to_the_next_hit_of_the_kind_even_after_the_end() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        await person.press("3")
        pane = person.screen.query_one(HitsPane)
        await person.until(lambda: pane.has_focus and pane.lines)
        first = pane.view.hits[0].hit
        await person.press("S")
        await person.until(lambda: person.progress.state is RunState.STOPPED and person.progress.status.hits)
        assert person.progress.status.instructions == first.instruction + 1


async def test_the_map_jumps_zooms_and_shows_one_owner_alone() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        person.screen.show_pane("map", focus=True)
        pane = person.screen.query_one(MapPane)
        await person.until(lambda: pane.place is not None)
        await person.press("end")
        await person.until(lambda: pane.place == 0x4038_0000 + pane.place % (32 * 4096))
        await person.press("home")
        await person.until(lambda: pane.place < 0x4010_0000)
        await person.press("d")
        await person.until(lambda: pane.view.cursor.owner is not None and pane.view.cursor.owner[1] == 5)
        await person.press("right_square_bracket")
        await person.until(lambda: pane.view.cursor.owner[1] == 6)
        await person.press("x")
        await person.until(lambda: "No page has more than one owner" in str(pane.border_subtitle))
        await person.press("plus")
        await person.until(lambda: pane.view.square == 16)
        await person.press("minus")
        await person.until(lambda: pane.view.square == 4096)
        person.screen.show_pane("ledger", focus=True)
        ledger = person.screen.query_one(LedgerPane)
        await person.until(lambda: ledger.lines)
        wanted = next(at for at, row in enumerate(ledger.view.rows) if row.owner[1] == 5)
        for _ in range(wanted):
            await person.press("down")
        assert "VMID 1 entered with VP" in person.text("ledger")
        await person.press("enter")
        await person.until(lambda: pane.only is not None and pane.only[1] == 5 and pane.view.only == pane.only)
        assert "others than MECID 5" in person.text("map")
        pane.focus()
        await person.press("a")
        await person.until(lambda: pane.view.only is None)


async def test_a_search_marks_lines_and_n_goes_on_until_escape() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        person.screen.show_pane("events", focus=True)
        pane = person.screen.query_one(EventsPane)
        await person.until(lambda: pane.lines)
        await person.press("slash", *"hvc", "enter")
        found = pane.matches()
        assert found
        assert pane.cursor in found
        await person.press("n")
        assert pane.cursor in found
        assert "“hvc”" in str(pane.border_subtitle)
        instructions = person.progress.status.instructions
        await person.press("N", "escape")
        assert pane.needle == ""
        assert person.progress.status.instructions == instructions


async def test_kinds_of_events_can_be_hidden_and_enter_goes_to_the_code() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        person.screen.show_pane("events", focus=True)
        pane = person.screen.query_one(EventsPane)
        await person.until(lambda: "exception to EL2" in person.text("events"))
        await person.press("x")
        await person.until(lambda: "exception to EL2" not in person.text("events"))
        await person.press("a")
        await person.until(lambda: "exception to EL2" in person.text("events"))
        await person.press("right", "home", "enter")
        assert pane.kind == "returns"
        assert person.screen.disassembly.place == pane.view.rows[0].moment.pc


async def test_what_is_typed_to_the_guest_is_shown_in_the_console() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        person.screen.show_pane("console", focus=True)
        await person.press("i", *"hello", "enter")
        assert "» hello" in person.text("console")
        assert person.screen.query_one(ConsolePane).has_focus
        assert "Sent 6 characters" in person.message


async def test_a_byte_is_edited_under_the_cursor_and_memory_is_searched() -> None:
    async with debugging(factory(*STORING)) as person:
        memory = person.screen.memory
        person.screen.show_memory(START + 0x1000)
        memory.focus()
        await person.press("right", "right", "e")
        assert person.screen.query_one(CommandLine).input.value == "set [0x4000_1002].b="
        await person.press(*"0x5a", "enter")
        await person.until(
            lambda: memory.view.rows[0].address == START + 0x1000 and memory.view.rows[0].data[2] == 0x5A
        )
        memory.focus()
        person.screen.show_memory(START)
        await person.press("slash", *"Z", "enter")
        await person.until(lambda: memory.place == START + 0x1002)
        await person.press("escape")
        assert memory.needle == ""
        await person.press("P")
        await person.until(lambda: memory.is_physical)
        await person.press("P")
        await person.until(lambda: not memory.is_physical)
        await person.type("eyes raw")
        await person.until(lambda: memory.view.eyes is Eyes.RAW)


async def test_enter_on_a_field_opens_its_change() -> None:
    async with debugging(factory(*STORING)) as person:
        pane = person.screen.query_one(RegistersPane)
        person.screen.show_pane("registers", focus=True)
        pane.reveal("SCTLR_EL1")
        await person.until(lambda: "SCTLR_EL1.M" in str([item.target for item in pane.lines]))
        await person.press("slash", *(character_key(character) for character in "MMU"), "enter")
        line = person.screen.query_one(CommandLine)
        pane.cursor = next(
            at for at, item in enumerate(pane.lines) if item.target is not None and item.target.value == "SCTLR_EL1.M"
        )
        await person.press("escape", "enter")
        assert line.input.value == "set SCTLR_EL1.M="
        await person.press("1", "enter")
        await person.until(lambda: person.progress.values["SCTLR_EL1"] & 1)


async def test_mec_is_unknown_until_somebody_writes_it() -> None:
    from mectui.widgets.bars import Header

    async with debugging(bundled("two-realms")) as person:
        assert "MEC not set up yet" in person.screen.query_one(Header).line(160).text
        await person.stop_after("c")
        assert "MEC on (EL2)" in person.screen.query_one(Header).line(160).text
