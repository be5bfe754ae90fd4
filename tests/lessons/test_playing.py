"""Lessons on the screen: one played with keys from its first to its last step, and what a reader does besides."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from mectui.app import MectuiApp
from mectui.keymaps import PRESETS
from mectui.layout import Workspace
from mectui.lessons import bookmark
from mectui.lessons.bookmark import Bookmark
from mectui.lessons.shelf import find_lesson, lessons
from mectui.panes.lesson import LessonPane
from mectui.render.text import plain, width
from mectui.screens.debugger import DebuggerScreen
from mectui.screens.start import StartScreen
from mectui.widgets.command_line import CommandLine
from tests.lessons.test_lessons import RIGHT


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


class Reader:
    """Somebody with a lesson on the screen."""

    def __init__(self, app: MectuiApp, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def screen(self) -> DebuggerScreen:
        assert isinstance(self.app.screen, DebuggerScreen)
        return self.app.screen

    @property
    def pane(self) -> LessonPane:
        return self.screen.lesson_pane

    @property
    def step(self) -> int:
        assert self.pane.course is not None
        return self.pane.course.step.number

    @property
    def text(self) -> str:
        return plain(self.pane.lines)

    @property
    def message(self) -> str:
        return self.screen.query_one(CommandLine).message

    async def until(self, is_so: Callable[[], Any], seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"nothing happened; the pane says:\n{self.text}"
            await self.pilot.pause()
            await asyncio.sleep(0.005)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        names = {" ": "space", "_": "underscore"}
        await self.press("colon", *(names.get(character, character) for character in text), "enter")

    async def to_step(self, number: int) -> None:
        """Turns the page: Enter pages down first where the text is longer than the pane."""
        for _ in range(20):
            if self.step == number:
                return
            await self.press("enter")
        raise AssertionError(f"step {number} did not come:\n{self.text}")


@asynccontextmanager
async def reading(name: str, step: int | None = None, size: tuple[int, int] = (160, 45)) -> AsyncIterator[Reader]:
    app = MectuiApp(lesson=find_lesson(name), lesson_step=step)
    async with app.run_test(size=size) as pilot:
        reader = Reader(app, pilot)
        await reader.until(lambda: reader.screen.progress.can_run and not reader.pane.is_suspended)
        yield reader


@pytest.mark.parametrize("size", [(80, 24), pytest.param((160, 45), marks=pytest.mark.long)])
async def test_a_lesson_from_its_first_step_to_its_last_by_keys_alone(size: tuple[int, int]) -> None:
    async with reading("two-realms", size=size) as reader:
        lesson = find_lesson("two-realms")
        assert reader.screen.board.workspace is Workspace.LESSON
        for step in lesson.steps:
            await reader.to_step(step.number)
            if step.prediction is not None:
                right = RIGHT["two-realms"][step.number]
                if step.prediction.choices:
                    await reader.press(str(right + 1))
                else:
                    await reader.press("a", *str(right), "enter")
            if step.goals:
                assert "☐ To do:" in reader.text
                await reader.press("d")
                await reader.until(lambda: "☑ Reached:" in reader.text)
            if step.prediction is not None:
                await reader.until(lambda: "  right" in reader.text)
        mark = bookmark.load(lesson)
        await reader.press("end")
        await reader.press("enter")  # the last step is only read: on to the next lesson
        await reader.until(lambda: isinstance(reader.app.screen, DebuggerScreen) and reader.pane.course is not None
                           and reader.pane.course.lesson.name == "stale")  # fmt: skip
        assert mark.step == len(lesson.steps)
        assert bookmark.load(lesson).is_finished(lesson)


async def test_a_wrong_prediction_is_told_as_wrong_once_it_has_happened() -> None:
    async with reading("worlds", 5) as reader:
        await reader.press("3")
        assert "▸ 3 EL2, Non-secure  your answer" in reader.text
        assert "wrong" not in reader.text
        await reader.press("s")
        await reader.until(lambda: "✗ 3 EL2, Non-secure  your answer: wrong" in reader.text)
        assert "✓ 2 EL2, Realm  this is what happened" in reader.text
        assert "Enter next step" in reader.text


async def test_numbers_are_the_screens_again_once_the_question_is_answered() -> None:
    async with reading("worlds", 5) as reader:
        await reader.press("1")
        assert reader.screen.board.workspace is Workspace.LESSON
        await reader.press("2")  # somebody who wants to change the answer is not thrown out of the lesson
        assert reader.screen.board.workspace is Workspace.LESSON
        assert "This question is answered. 2 once more goes to workspace 2" in reader.message
        await reader.press("2")
        assert reader.screen.board.workspace is Workspace.TRANSLATION
        await reader.press("4")
        assert reader.screen.board.workspace is Workspace.LESSON


@pytest.mark.parametrize("keymap", PRESETS)
async def test_the_keys_that_a_lesson_names_are_its_keys_under_every_preset(keymap: str) -> None:
    async with reading("worlds", 3) as reader:
        await reader.type(f"keymap {keymap}")
        await reader.press("h")
        assert "hint 1: " in reader.text
        stops = reader.screen.progress.stops
        await reader.press("s")
        await reader.until(lambda: reader.screen.progress.stops > stops)
        await reader.press("r")
        await reader.until(lambda: reader.screen.progress.can_run and not reader.pane.is_suspended)
        assert reader.step == 3
        await reader.press("d")
        await reader.until(lambda: "☑ Reached:" in reader.text)
        await reader.press("end", "enter")
        assert reader.step == 4
        await reader.press("left")
        assert reader.step == 3


async def test_reaching_a_goal_never_turns_the_page() -> None:
    async with reading("worlds", 3) as reader:
        await reader.press("s", "s", "s", "s")
        await reader.until(lambda: "☑ Reached:" in reader.text)
        assert reader.step == 3


async def test_without_answer_or_goal_enter_says_what_is_missing() -> None:
    async with reading("worlds", 5) as reader:
        await reader.press("end", "enter")
        assert "Answer the question first" in reader.message
        await reader.press("2", "end", "enter")
        assert "The goal is not reached yet" in reader.message
        assert reader.step == 5


async def test_do_it_for_me_does_it_once() -> None:
    async with reading("stage1", 1) as reader:
        await reader.press("d")
        await reader.until(lambda: "☑ Reached:" in reader.text)
        moment = reader.screen.progress.status.instructions
        await reader.press("d")
        assert "It is done already" in reader.message
        await reader.pilot.pause(0.2)
        assert reader.screen.progress.status.instructions == moment, "it would have run to the guest's end"
        stops = reader.screen.progress.stops
        await reader.press("r", "d")
        await reader.until(lambda: reader.screen.progress.stops > stops and reader.screen.progress.can_run
                           and reader.screen.progress.status.instructions == moment)  # fmt: skip


async def test_who_runs_past_the_goal_is_told_the_way_back() -> None:
    async with reading("worlds", 4) as reader:
        await reader.press("2")
        await reader.type("until lesson_choose_non_secure")  # one of several that begin alike, and behind the goal
        await reader.until(lambda: "The goal is not reached here: r goes back" in reader.message)
        await reader.press("4")
        await reader.press("r")
        await reader.until(lambda: reader.screen.progress.status.instructions < 10)
        await reader.press("2")
        await reader.type("until lesson_leave_for_realm")
        await reader.until(lambda: "☑ Reached:" in reader.text)
        assert "not reached" not in reader.message


async def test_hints_come_with_a_key_and_end() -> None:
    async with reading("stage1", 1) as reader:
        assert "hint 1" not in reader.text
        await reader.press("h")
        assert "hint 1: Type :until realm_turn_mmu_on." in reader.text
        await reader.press("h", "h")
        assert "hint 2:" in reader.text
        assert "hint (" not in reader.text


async def test_what_a_step_shows_does_not_count_as_looking() -> None:
    async with reading("amec", 1) as reader:
        assert reader.screen.board.panes["walk"].display
        reader.screen.execute("until lesson_store_primary")
        await reader.until(lambda: reader.screen.progress.reason == "arrived")
        reader.screen.execute("walk 0x40200000")
        await reader.pilot.pause()
        assert "☐ To do:" in reader.text
        reader.screen.execute("walk 0x40204000")
        await reader.until(lambda: "☑ Reached:" in reader.text)


async def test_rewinding_brings_the_machine_back_to_where_the_step_began() -> None:
    async with reading("mecid", 5) as reader:
        await reader.press("1", "c")
        await reader.until(lambda: "The guest has ended" in reader.text)
        await reader.press("d")
        assert "r goes back" in reader.message
        place = reader.screen.session.symbol("lesson_load_foreign")
        await reader.press("r")
        await reader.until(lambda: reader.screen.progress.can_run and not reader.pane.is_suspended
                           and reader.screen.progress.status.pc == place)  # fmt: skip
        assert "your answer" not in reader.text  # the question is open again
        await reader.press("3", "s")
        await reader.until(lambda: "  right" in reader.text)


async def test_what_the_machine_passes_on_its_way_to_a_step_does_not_count() -> None:
    async with reading("worlds", 5) as reader:
        reader.pane.is_suspended = True
        stops = reader.screen.progress.stops
        await reader.press("s")
        await reader.until(lambda: reader.screen.progress.stops > stops and reader.screen.progress.can_run)
        await asyncio.sleep(0.1)
        await reader.pilot.pause()
        assert "☐ To do:" in reader.text


async def test_the_reader_finds_the_lesson_where_it_was_left() -> None:
    bookmark.save("mecid", Bookmark(6, frozenset(range(1, 6))))
    async with reading("mecid") as reader:
        assert reader.step == 6
        assert reader.screen.session.symbol("lesson_loaded_foreign") == reader.screen.progress.status.pc  # type: ignore[union-attr]
        await reader.press("left")
        assert reader.step == 5
        await reader.press("right")
        assert reader.step == 6


async def test_a_goal_reached_behind_another_workspace_is_told() -> None:
    async with reading("worlds", 5) as reader:
        await reader.press("2", "1", "1")
        assert reader.screen.board.workspace is Workspace.DEBUG
        await reader.press("s")
        await reader.until(lambda: "4 goes back to the lesson" in reader.message)
        await reader.press("4")
        assert "☑ Reached:" in reader.text


async def test_the_commands_do_what_the_keys_do() -> None:
    async with reading("worlds", 4) as reader:
        await reader.type("lesson hint")
        assert "hint 1:" in reader.text
        reader.screen.execute("answer 2")
        reader.screen.execute("lesson do")
        await reader.until(lambda: "  right" in reader.text)
        reader.screen.execute("lesson next")
        await reader.until(lambda: reader.step == 5)
        reader.screen.execute("lesson back")
        assert reader.step == 4
        reader.screen.execute("lesson step 7")
        await reader.until(lambda: reader.step == 7 and not reader.pane.is_suspended)
        reader.screen.execute("lesson restart")
        start = reader.screen.session.symbol("_start")
        await reader.until(lambda: reader.step == 1 and not reader.pane.is_suspended
                           and reader.screen.progress.status.pc == start)  # fmt: skip


async def test_wrong_commands_are_one_sentence() -> None:
    wrong = {
        "answer x": "is no number",
        "answer 9": "no question here",
        "lesson step 99": "step 1 to 10",
        "lesson sing": "takes next, back",
        "pane nowhere": "no pane",
    }
    async with reading("worlds", 2) as reader:
        for command, says in wrong.items():
            reader.screen.execute(command)
            assert says in reader.message


async def test_without_a_lesson_the_pane_says_how_to_open_one() -> None:
    from tests.tui.programs import STORING, factory

    app = MectuiApp(machine_factory=factory(*STORING))
    async with app.run_test(size=(160, 45)) as pilot:
        reader = Reader(app, pilot)
        await reader.until(lambda: reader.screen.progress.can_run)
        await reader.press("4")
        await reader.until(lambda: "“lesson NAME” opens one" in reader.text)
        await reader.until(lambda: re.search(r"\bworlds +Worlds and address spaces", reader.text))
        await reader.press("h", "d", "r", "a", "enter", "left", "right", "5")
        reader.screen.execute("lesson")
        assert "No lesson is open" in reader.message
        assert reader.screen.completions("lesson w") == ["lesson worlds"]
        assert reader.screen.completions("lesson re") == ["lesson restart", "lesson rekey"]
        reader.screen.execute("lesson worl")
        assert reader.message.endswith("There is no lesson 'worl'; did you mean worlds?")
        reader.screen.execute("lesson 1")
        await reader.until(lambda: any(pane.course is not None for pane in app.screen.query(LessonPane)))
        assert reader.pane.course is not None
        assert reader.pane.course.lesson.name == lessons()[0].name


async def test_the_start_screen_begins_with_the_lessons() -> None:
    first = lessons()[0]
    bookmark.save(first.name, Bookmark(1, frozenset(range(1, len(first.steps) + 1))))
    app = MectuiApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert isinstance(app.screen, StartScreen)
        await pilot.press("enter")  # the first lesson is done: the second is under the cursor
        reader = Reader(app, pilot)
        await reader.until(lambda: isinstance(app.screen, DebuggerScreen))
        await reader.until(lambda: reader.pane.course is not None)
        assert reader.pane.course is not None
        assert reader.pane.course.lesson.name == lessons()[1].name


@pytest.mark.parametrize("size", [(80, 24), (100, 30), (160, 45), (40, 12)])
async def test_pages_fit_the_pane_at_every_size(size: tuple[int, int]) -> None:
    async with reading("gpt", 3, size=size) as reader:
        assert reader.pane.lines
        assert all(width(line) <= reader.pane.text_width for line in reader.pane.lines)


@pytest.mark.long
@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
async def test_every_lesson_can_be_played_to_its_end(lesson: Any) -> None:
    async with reading(lesson.name) as reader:
        for step in lesson.steps:
            await reader.to_step(step.number)
            if step.prediction is not None:
                await reader.press(*("1" if step.prediction.choices else ["a", "1", "enter"]))
            if step.goals:
                await reader.press("d")
                await reader.until(lambda: "☑ Reached:" in reader.text)
            if step.prediction is not None:
                await reader.until(lambda: "right" in reader.text or "wrong" in reader.text)


async def test_a_guest_does_not_open_as_its_lesson_left_the_panes() -> None:
    lesson = find_lesson("worlds")
    app = MectuiApp(lesson=lesson)
    async with app.run_test(size=(160, 45)) as pilot:
        assert await workspace(app, pilot) is Workspace.LESSON
    app = MectuiApp()
    async with app.run_test(size=(160, 45)) as pilot:
        app.open_file(lesson.guest)
        assert await workspace(app, pilot) is Workspace.DEBUG


async def workspace(app: MectuiApp, pilot: Pilot[Any]) -> Workspace:
    """The one that the debugger opens with."""
    for _ in range(100):
        await pilot.pause(0.05)
        if isinstance(app.screen, DebuggerScreen) and app.screen.progress.has_machine:
            return app.screen.board.workspace
    raise AssertionError("the debugger did not open")
