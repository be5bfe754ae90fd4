"""The app as people use it: keys in, screens out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.pilot import Pilot

import emu
from emu.errors import LoadError
from mectui.actions import ACTIONS, SCREEN_SCOPES, footer, of_scope
from mectui.app import MectuiApp, machine_for
from mectui.layout import Workspace
from mectui.panes.catalogue import PANES
from mectui.panes.hits import HitsPane
from mectui.panes.map import MapPane
from mectui.panes.pane import Pane
from mectui.panes.registers import RegistersPane, RegisterTab
from mectui.panes.walk import WalkPane
from mectui.progress import RunState
from mectui.queries.memory import Eyes
from mectui.queries.walk import Follow
from mectui.recent import recent_files
from mectui.render.text import plain
from mectui.resources import guest_path
from mectui.screens.debugger import DebuggerScreen
from mectui.screens.help import HelpScreen
from mectui.screens.start import StartScreen
from mectui.widgets.bars import ALWAYS, ActionBar, Header
from mectui.widgets.command_line import CommandLine
from tests.tui.programs import CALLING, ENDLESS, START, STORING, factory


class Person:
    """Somebody at the debugger's screen."""

    def __init__(self, app: MectuiApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def screen(self) -> DebuggerScreen:
        found = next(screen for screen in self.app.screen_stack if isinstance(screen, DebuggerScreen))
        assert isinstance(found, DebuggerScreen)
        return found

    @property
    def progress(self) -> Any:
        return self.screen.progress

    async def until(self, is_so: Callable[[], Any], seconds: float = 10.0) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, "nothing happened"
            await self.pilot.pause()
            await asyncio.sleep(0.005)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def stop_after(self, *keys: str) -> Any:
        """Presses keys and waits for the next stop."""
        stops = self.progress.stops
        await self.press(*keys)
        await self.until(lambda: self.progress.stops > stops)
        return self.progress

    async def type(self, text: str) -> None:
        """Types a command and Enter, as fast as a terminal delivers pasted text."""
        await self.press("colon", *(character_key(character) for character in text), "enter")
        await self.pilot.pause()

    @property
    def message(self) -> str:
        return self.screen.query_one(CommandLine).message if self.screen.is_mounted else ""

    def pane(self, name: str) -> Pane:
        return self.screen.board.panes[name]

    def text(self, name: str) -> str:
        """What a pane shows."""
        return plain(self.pane(name).lines)


def character_key(character: str) -> str:
    names = {" ": "space", "_": "underscore", "=": "equals_sign", "+": "plus", "-": "minus", ".": "full_stop"}
    return names.get(character, character)


@asynccontextmanager
async def debugging(
    build: Callable[[], emu.Machine], size: tuple[int, int] = (160, 45), commands: Iterable[str] = ()
) -> Any:
    app = MectuiApp(machine_factory=build, title="test.elf", commands=tuple(commands))
    async with app.run_test(size=size) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: person.progress.state is not RunState.STARTING)
        await person.until(lambda: person.pane("disassembly").lines)
        yield person


def bundled(name: str) -> Callable[[], emu.Machine]:
    path = guest_path(name)
    assert path is not None
    return machine_for(path)


# --- run control ---


async def test_s_steps_one_instruction() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        progress = await person.stop_after("s")
        assert progress.values["pc"] == START + 4
        await person.until(lambda: "▶  0x4000_0004" in person.text("disassembly"))
        assert "x0 0000_0000_0000_0001*" in person.text("registers")


async def test_n_steps_over_a_call_and_f_out_of_one() -> None:
    async with debugging(factory(*CALLING)) as person:
        assert (await person.stop_after("n")).values["x0"] == 2
        await person.stop_after("R")
        await person.stop_after("s")
        assert (await person.stop_after("f")).values["pc"] == START + 4


async def test_c_runs_to_a_breakpoint_set_with_b_at_the_cursor() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.press("down", "b")
        await person.until(lambda: person.progress.breakpoints)
        assert person.progress.breakpoints == {1: START + 4}
        progress = await person.stop_after("c")
        assert progress.reason == "breakpoint 1"
        assert person.screen.query_one(Header).line(120).text.rstrip().endswith("stopped: breakpoint 1")
        await person.until(lambda: "▶●" in person.text("disassembly"))


async def test_u_runs_to_the_cursor() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.press("down", "down", "down", "down")
        assert (await person.stop_after("u")).values["pc"] == START + 0x10


@pytest.mark.parametrize("key", ["p", "space"])
async def test_p_and_space_pause(key: str) -> None:
    async with debugging(factory(*ENDLESS)) as person:
        await person.press("c")
        await person.until(lambda: person.progress.state is RunState.RUNNING)
        assert "▶ running" in person.screen.query_one(Header).line(120).text
        assert (await person.stop_after(key)).reason == "paused"


async def test_a_guest_that_ended_can_be_looked_at_but_not_run() -> None:
    async with debugging(bundled("hello")) as person:
        progress = await person.stop_after("c")
        assert progress.state is RunState.ENDED
        assert progress.reason == "exited with code 0"
        assert person.text("console").strip()
        await person.press("s")
        await person.until(lambda: "The guest has ended" in person.message)
        assert (await person.stop_after("R")).state is RunState.STOPPED


# --- the mission: what MEC does is on the screen ---


async def test_a_store_under_one_mecid_and_a_load_under_another_show_up_in_every_pane() -> None:
    async with debugging(bundled("mecid")) as person:
        await person.stop_after("c")
        await person.until(lambda: "read under   MECID 6 (P0)" in person.text("hits"))
        assert "stored under MECID 5 (P0)" in person.text("hits")
        assert "5 = MECID 5" in person.text("map")
        assert "MECID_P0_EL2 5 → 6" in person.text("events")
        assert "SUBSTITUTED" in person.text("events")
        assert "EL2" in person.text("tlb")
        assert "P0=5" in person.screen.query_one(Header).line(160).text


async def test_enter_on_a_hit_shows_its_memory_and_what_is_likely_missing() -> None:
    async with debugging(bundled("mecid")) as person:
        await person.stop_after("c")
        await person.until(lambda: "read under" in person.text("hits"))
        person.pane("hits").focus()
        await person.press("enter")
        memory = person.screen.memory
        assert memory.is_physical
        assert memory.top == person.pane("hits").view.hits[-1].hit.pa & ~15
        assert "Likely: set MECID_P0_EL2" in person.message


async def test_the_cursor_goes_from_hit_to_hit_and_says_what_is_missing() -> None:
    async with debugging(bundled("mecid")) as person:
        await person.stop_after("c")
        await person.until(lambda: "read under" in person.text("hits"))
        pane = person.screen.query_one(HitsPane)
        pane.focus()
        await person.press("down")
        assert pane.number == 1
        assert "likely: set MECID_P0_EL2 to 5" in person.text("hits")
        await person.press("down")
        assert pane.number == 1
        await person.press("up")
        assert pane.number == 2


async def test_enter_on_a_finding_shows_its_place_and_what_to_do() -> None:
    async with debugging(bundled("mecid")) as person:
        await person.stop_after("c")
        person.screen.show_pane("findings", focus=True)
        await person.until(lambda: "wrong-context" in person.text("findings"))
        assert "fix: set MECID_P0_EL2 to 6" in person.text("findings")
        await person.press("enter")
        found = person.pane("findings").view.findings[-1].finding
        assert person.screen.memory.top == found.pa & ~15
        assert person.screen.disassembly.place == found.pc
        assert "wrong-context: set MECID_P0_EL2 to 6" in person.message
        assert "3 findings" in person.screen.query_one(Header).line(160).text


async def test_hits_of_a_loop_are_told_once() -> None:
    async with debugging(bundled("two-realms")) as person:
        await person.stop_after("c")
        await person.until(lambda: " times" in person.text("hits"))
        assert person.text("hits").count("read under") < 10


async def test_the_note_at_the_current_store_says_where_it_goes() -> None:
    async with debugging(factory(*STORING)) as person:
        await person.type("step 2")
        await person.until(lambda: "walk ok" in person.text("disassembly"))


async def test_the_walk_pane_follows_the_last_access_and_w_pins_the_cursor() -> None:
    async with debugging(factory(*STORING)) as person:
        await person.type("step 3")
        await person.until(lambda: "VA 0x4010_0000" in person.text("walk"))
        await person.stop_after("s")
        await person.press("w")
        await person.until(lambda: "VA 0x4000_000c" in person.text("walk").replace("VA 0x4000_0010", "VA 0x4000_000c"))
        assert person.screen.query_one(WalkPane).follows is Follow.PINNED


async def test_memory_follows_accesses_and_marks_changed_bytes() -> None:
    async with debugging(factory(*STORING)) as person:
        await person.type("step 3")
        await person.until(lambda: "root" in person.text("memory"))
        await person.type("set x0=9")
        await person.type("set pc=0x40000008")
        await person.stop_after("s")
        await person.until(lambda: "09 00 00 00 00 00 00 00*" in person.text("memory"))


async def test_physical_memory_can_be_seen_through_another_mecid() -> None:
    async with debugging(bundled("mecid")) as person:
        await person.stop_after("c")
        await person.type("pmem whole_page")
        await person.until(lambda: person.pane("memory").view.eyes is Eyes.OWNER)
        mine = person.pane("memory").view.rows[0].data
        await person.type("eyes mecid 6")
        await person.until(lambda: person.pane("memory").view.eyes is Eyes.MECID)
        assert person.pane("memory").view.rows[0].data != mine
        await person.type("eyes mecid 5")
        await person.until(lambda: person.pane("memory").view.mecid == 5)
        assert person.pane("memory").view.rows[0].data == mine


async def test_the_maps_cursor_moves_by_keys_and_enter_shows_the_page() -> None:
    async with debugging(bundled("mecid")) as person:
        await person.stop_after("c")
        pane = person.screen.query_one(MapPane)
        await person.until(lambda: pane.place is not None)
        start = pane.place
        assert start is not None
        pane.focus()
        await person.press("right")
        await person.until(lambda: pane.place == start + 4096)
        await person.press("enter")
        assert person.screen.memory.place == start + 4096
        pane.focus()
        await person.press("minus")
        await person.until(lambda: pane.view.square == 4 * 4096)
        await person.press("plus")
        await person.until(lambda: pane.view.square == 4096)


# --- command line ---


async def test_keys_typed_right_behind_the_colon_reach_the_command_line() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.type("break 0x40000010")
        await person.until(lambda: person.progress.breakpoints == {1: START + 0x10})
        assert person.message == "Breakpoint 1 set: 0x4000_0010."


async def test_a_bad_command_gets_a_sentence_and_can_be_corrected() -> None:
    async with debugging(factory(*CALLING)) as person:
        await person.type("braek 5")
        line = person.screen.query_one(CommandLine)
        assert line.is_typing
        assert "There is no command “braek”; did you mean “break”?" in person.message
        assert "braek" in person.screen.query_one(ActionBar).line(160).text
        await person.press("escape")
        assert not line.is_typing
        assert person.screen.focused is person.pane("disassembly")


async def test_tab_completes_and_arrows_recall() -> None:
    async with debugging(bundled("mecid")) as person:
        await person.press("colon", "b", "r", "e", "a", "k", "space", "w", "h", "o", "l", "e", "tab", "tab")
        line = person.screen.query_one(CommandLine)
        assert line.input.value == "break whole_page_under_two_mecids"
        await person.press("enter")
        await person.press("colon", "up")
        assert line.input.value == "break whole_page_under_two_mecids"
        await person.press("escape")


COMMAND_LINES = [
    "step", "next", "out", "until 0x40000008", "break 0x40000004", "breakpoints", "delete all", "walk sp write",
    "goto 0x40000000", "mem x0", "pmem 0x40000000", "eyes owner", "eyes seen", "set x3=7", "register TTBR0_EL2",
    "register x3", "print pc+4", "type hello", "theme light", "theme dark", "workspace mec", "workspace debug", "pause",
    "restart", "goto 0xfffffffffffffffc", "mem 0xffffffffffffffff", "pmem 0xfffffffffffff", "walk 0xffff000000000000",
    "delete 99", "help",
]  # fmt: skip


async def test_every_command_works_without_a_traceback() -> None:
    async with debugging(factory(*CALLING)) as person:
        for text in COMMAND_LINES:
            if isinstance(person.app.screen, HelpScreen):
                await person.press("escape")
            person.screen.execute(text)
            await person.pilot.pause(0.05)
            assert "This is a bug" not in person.message, (text, person.message)
        assert isinstance(person.app.screen, HelpScreen)


async def test_commands_of_a_file_are_executed_one_after_the_other() -> None:
    commands = ("break 0x40000010", "theme light", "run", "set x9=1", "print x9")
    async with debugging(factory(*CALLING), commands=commands) as person:
        await person.until(lambda: person.message == "x9 is 1")
        assert person.progress.values["pc"] == START + 0x10
        assert person.app.theme == "light"


# --- the table of actions ---


@pytest.mark.parametrize("action", of_scope(*SCREEN_SCOPES), ids=lambda action: action.name)
async def test_every_action_of_the_table_has_a_key_that_works(action: Any) -> None:
    async with debugging(bundled("mecid"), (100, 30)) as person:
        for key in action.keys:
            await person.press(key)
            await person.pilot.pause(0.02)
            if not person.app.is_running or not isinstance(person.app.screen, DebuggerScreen):
                break
            if person.screen.query_one(CommandLine).is_typing:
                await person.press("escape")


@pytest.mark.parametrize("name", [pane.NAME for pane in PANES])
async def test_every_key_of_a_pane_works(name: str) -> None:
    async with debugging(bundled("stage2")) as person:
        await person.stop_after("c")
        pane = person.pane(name)
        pane.focus()
        await person.pilot.pause(0.02)
        scopes = [action for action in ACTIONS if action.scope.value in ("In every pane", name)]
        for action in scopes:
            for key in action.keys:
                person.pane(name).focus()
                await person.press(key)
                await person.pilot.pause(0.01)
        assert not isinstance(pane.view, Exception)


async def test_a_click_on_the_footer_does_what_it_says() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        stops = person.progress.stops
        await person.pilot.click("#actions", offset=(2, 0))
        await person.until(lambda: person.progress.stops > stops)
        assert person.progress.values["pc"] == START + 4


async def test_the_footer_holds_the_main_keys_at_80_columns() -> None:
    async with debugging(factory(*ENDLESS), (80, 24)) as person:
        bar = person.screen.query_one(ActionBar)
        await person.until(lambda: "view" in [action.name for action in bar.own])  # the code has the focus by now
        shown = [action.name for action in bar.chosen(80)]
        always = [action.name for action in footer() if action.name in ALWAYS]
        rest = [action.name for action in footer() if action.name not in ALWAYS]
        assert shown == [*always, "view", *rest][: len(shown)]  # what the focused pane alone can do stands between
        assert {"step", "over", "resume", "pause", "breakpoint", "walk", "command", "help"} <= set(shown)


# --- screens, places, themes ---


async def test_number_keys_switch_workspaces_and_their_registers() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        for key, workspace, tab in (
            ("2", Workspace.TRANSLATION, RegisterTab.SYSTEM),
            ("3", Workspace.MEC, RegisterTab.MEC),
            ("1", Workspace.DEBUG, RegisterTab.GENERAL),
        ):
            await person.press(key)
            assert person.screen.board.workspace is workspace
            assert person.screen.query_one(RegistersPane).tab is tab


async def test_tab_reaches_every_pane_even_hidden_ones() -> None:
    async with debugging(factory(*ENDLESS), (80, 24)) as person:
        seen = set()
        for _ in range(9):
            focused = person.screen.focused_pane
            assert focused is not None
            assert focused.display
            seen.add(focused.pane_name)
            await person.press("tab")
        assert len(seen) == 9


async def test_z_gives_the_focused_pane_the_whole_board_and_takes_it_back() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        pane = person.pane("disassembly")
        small = pane.outer_size
        await person.press("z")
        assert pane.outer_size == person.screen.board.size
        await person.press("z")
        assert pane.outer_size == small


async def test_a_click_on_a_tab_brings_its_pane_to_the_front() -> None:
    async with debugging(factory(*ENDLESS), (80, 24)) as person:
        walk = person.pane("walk")
        text = "─ [walk]  mem"
        await person.pilot.click(walk, offset=(len(text), 0))
        assert person.pane("memory").display
        assert not walk.display


async def test_a_click_on_a_register_tab_opens_it() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        pane = person.screen.query_one(RegistersPane)
        width, height = pane.outer_size
        # The tabs end two columns before the corner; SIMD is the last of them.
        await person.pilot.click(pane, offset=(width - 5, height - 1))
        assert pane.tab is RegisterTab.SIMD


async def test_help_tells_of_the_focused_pane_first_and_closes() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        person.pane("memory").focus()
        await person.press("question_mark")
        screen = person.app.screen
        assert isinstance(screen, HelpScreen)
        assert plain(screen.query_one(Pane).lines).startswith("In the focused pane: memory\n")
        await person.press("escape")
        assert isinstance(person.app.screen, DebuggerScreen)


async def test_a_slash_searches_in_the_help() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        await person.press("question_mark")
        screen = person.app.screen
        pane = screen.query_one(Pane)
        lines = [at for at, item in enumerate(pane.lines) if "undisplay" in item.text.lower()]
        assert len(lines) == 1
        assert lines[0] > pane.text_height
        await person.press("slash", *"undisq", "backspace")  # q is a letter here
        assert person.app.screen is screen
        await person.press(*"PLAY", "enter")
        top = pane.scroll_offset.y
        assert top <= lines[0] < top + pane.text_height
        assert "1 of 1" in pane.search_summary()
        await person.press("escape", "slash", *"the", "enter")
        many = [at for at, item in enumerate(pane.lines) if "the" in item.text.lower()]
        seen = [pane.cursor]
        for key in ("n", "n", "N", "n", "n"):
            await person.press(key)
            seen.append(pane.cursor)
        at = many.index(seen[0])
        order = [many[(at + by) % len(many)] for by in (0, 1, 2, 1, 2, 3)]
        assert seen == order
        await person.press("escape")
        assert person.app.screen is screen  # the search has ended, the help is there
        await person.press("escape")
        assert isinstance(person.app.screen, DebuggerScreen)


async def test_the_palette_finds_actions() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        stops = person.progress.stops
        await person.press("ctrl+p")
        await person.press(*"step")
        await person.pilot.pause(0.3)
        await person.press("enter", "enter")
        await person.until(lambda: person.progress.stops > stops)


@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast-dark", "high-contrast-light", "colour-vision-safe"])
async def test_every_theme_draws_the_whole_screen(theme: str) -> None:
    async with debugging(bundled("mecid")) as person:
        await person.stop_after("c")
        await person.type(f"theme {theme}")
        assert person.app.theme == theme
        assert person.app.export_screenshot()


@pytest.mark.parametrize("size", [(40, 10), (20, 6), (60, 16), (80, 24), (100, 30), (132, 38), (160, 45), (240, 80)])
async def test_every_size_draws_every_workspace(size: tuple[int, int]) -> None:
    async with debugging(bundled("stage2"), size) as person:
        await person.stop_after("c")
        for key in ("1", "2", "3"):
            await person.press(key)
            await person.pilot.pause(0.05)
            person.app.export_screenshot()
            for pane in person.screen.board.in_front():
                assert not isinstance(pane.view, Exception)


async def test_resizing_never_breaks() -> None:
    async with debugging(bundled("stage2"), (160, 45)) as person:
        await person.stop_after("c")
        for size in ((40, 10), (240, 80), (8, 4), (80, 24), (1, 1), (160, 45)):
            await person.pilot.resize_terminal(*size)
            await person.pilot.pause(0.05)
        await person.until(lambda: person.pane("registers").text_width > 40)


async def test_without_colours_everything_still_has_a_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with debugging(factory(*CALLING)) as person:
        await person.press("b")
        await person.until(lambda: "▶●" in person.text("disassembly"))
        await person.stop_after("s")
        await person.until(lambda: "*" in person.text("registers"))
        assert person.app.export_screenshot()


# --- start screen and failures ---


async def test_the_start_screen_lists_guests_and_opens_one() -> None:
    app = MectuiApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert isinstance(app.screen, StartScreen)
        assert "mecid" in {path.stem for path in app.screen.paths.values()}
        await pilot.press("enter")
        person = Person(app, pilot)
        await person.until(lambda: isinstance(app.screen, DebuggerScreen))
        await person.until(lambda: person.progress.state is RunState.STOPPED)
        await person.press("O")
        await person.until(lambda: isinstance(app.screen, StartScreen))


async def test_a_path_that_does_not_exist_gets_a_sentence() -> None:
    app = MectuiApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("o", *"nope.elf", "enter")
        await pilot.pause()
        assert isinstance(app.screen, StartScreen)
        assert "There is no file “nope.elf”" in str(app.screen.query_one("#problem").render())


async def test_a_file_that_is_no_guest_gets_a_sentence_where_it_was_chosen(tmp_path: Path) -> None:
    path = tmp_path / "broken.elf"
    path.write_bytes(b"not an ELF at all")
    app = MectuiApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.open_file(path)
        await Person(app, pilot).until(lambda: isinstance(app.screen, StartScreen) and app.screen.problem)
        assert "broken.elf" in str(app.screen.query_one("#problem").render())
        assert recent_files() == []


async def test_a_guest_that_was_opened_is_among_the_recent_files() -> None:
    path = guest_path("hello")
    assert path is not None
    app = MectuiApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.open_file(path)
        person = Person(app, pilot)
        await person.until(lambda: isinstance(app.screen, DebuggerScreen) and person.progress.has_machine)
        assert recent_files() == [path.resolve()]


async def test_a_guest_that_cannot_be_built_is_told_on_the_screen() -> None:
    def fail() -> emu.Machine:
        raise LoadError("the guest wants memory outside RAM: link it elsewhere")

    app = MectuiApp(machine_factory=fail, title="x.elf")
    async with app.run_test(size=(80, 24)) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: person.progress.state is RunState.FAILED)
        await person.until(lambda: "The guest wants memory outside RAM: link it elsewhere." in person.message)
        await person.press("s", "c", "b", "w", "2", "tab", "z")
        assert app.is_running


async def test_a_guest_that_jumps_into_nothing_can_still_be_looked_at() -> None:
    jump = (0xD2FFFFE0, 0xD61F0000)  # mov x0, #0xffff000000000000; br x0
    async with debugging(factory(*jump)) as person:
        await person.stop_after("s")
        await person.stop_after("s")
        for key in ("s", "s", "w", "1", "2", "3"):
            await person.press(key)
            await person.pilot.pause(0.05)
        assert all(not isinstance(pane.view, Exception) for pane in person.screen.board.panes.values())


async def test_an_unknown_theme_falls_back_and_says_so() -> None:
    app = MectuiApp(theme="pink")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.theme == "dark"
        assert "There is no theme “pink”" in str(app.screen.query_one("#problem").render())


async def test_a_users_own_theme_can_be_used(tmp_path: Path) -> None:
    folder = tmp_path / "XDG_CONFIG_HOME" / "mectui" / "themes"
    folder.mkdir(parents=True)
    source = Path("themes/dark.toml").read_text(encoding="utf-8")
    (folder / "mine.toml").write_text(source.replace('name = "dark"', 'name = "mine"'), encoding="utf-8")
    (folder / "bad.toml").write_text("nonsense", encoding="utf-8")
    app = MectuiApp(theme="mine")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.theme == "mine"
        assert "bad.toml is not valid TOML" in str(app.screen.query_one("#problem").render())


async def test_a_key_on_its_way_while_the_screens_go_is_nobodys() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        app = person.app
    assert not app.screen_stack
    for is_forwarded in (False, True):
        key = Key("j", "j")
        if is_forwarded:
            key._set_forwarded()
        await app.on_event(key)
