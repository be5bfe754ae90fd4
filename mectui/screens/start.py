"""The start screen: lessons, bundled guests, recent files, a field to open any file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mectui.command_table import LONGEST
from mectui.lessons import bookmark
from mectui.lessons.shelf import lessons
from mectui.lessons.text import Lesson, LessonError
from mectui.recent import recent_files
from mectui.render.lesson import state
from mectui.render.text import printable
from mectui.resources import bundled_guests, guest_path, typed_path

if TYPE_CHECKING:
    from mectui.app import MectuiApp

INTRODUCTION = "A debugger and visualiser for Arm memory encryption contexts (FEAT_MEC)."
NAME_COLUMNS = 12
KEYS = Content.assemble(
    *(
        part
        for key, what in (("Enter", "open"), ("o", "type a path"), ("T", "next theme"), ("q", "quit"))
        for part in ((key, "bold $accent"), f" {what}   ")
    )
)


class Guests(OptionList):
    """The list. On a terminal without room for a single row there are no pages to turn: Textual's own fails there."""

    def action_page_up(self) -> None:
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]


class StartScreen(Screen[None]):
    """Choose a guest to debug."""

    BINDINGS: ClassVar = [
        ("q,ctrl+c", "leave", "quit"),
        ("o", "open_file", "open a file"),
        ("T", "next_theme", "next theme"),
        ("escape", "to_list", "back to the list"),
    ]
    CSS = """
    StartScreen { align: center middle; background: $background; }
    StartScreen Vertical { width: 94%; max-width: 100; height: 100%; max-height: 36; }
    StartScreen #title { text-style: bold; color: $foreground; height: 1; }
    StartScreen #introduction { color: $quiet; height: auto; margin-bottom: 1; }
    StartScreen OptionList {
        height: 1fr; border: round $pane-border; background: $background; padding: 0 1;
        border-title-color: $foreground; scrollbar-size-vertical: 1; text-wrap: nowrap; text-overflow: ellipsis;
        background-tint: $background 0%;
        &:focus { border: heavy $pane-focus; background-tint: $background 0%; }
    }
    StartScreen Input {
        height: 3; border: round $pane-border; background: $background; border-title-color: $foreground;
        &:focus { border: heavy $pane-focus; }
        &>.input--placeholder { color: $quiet; }
    }
    StartScreen #about { height: 3; color: $quiet; padding: 0 2; }
    StartScreen #problem { height: auto; max-height: 3; color: $error; text-style: bold; }
    StartScreen #keys { height: 1; color: $quiet; }
    """

    def __init__(self, problem: str = "") -> None:
        super().__init__()
        self.problem = problem
        self.paths: dict[str, Path] = {}
        self.about: dict[str, str] = {}
        self.lessons: dict[str, Lesson] = {}

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("mectui", id="title")
            yield Static(INTRODUCTION, id="introduction")
            yield Guests(id="guests")
            yield Static("", id="about", markup=False)
            yield Input(
                placeholder="path of an ELF file, or the name of a bundled guest", id="file", max_length=LONGEST
            )
            yield Static(self.problem and f"✗ {printable(self.problem)}", id="problem", markup=False)
            yield Static(KEYS, id="keys")

    def on_mount(self) -> None:
        if not self.query(Guests):  # somebody has left while this was being made
            return
        guests = self.query_one("#guests", OptionList)
        guests.border_title = "lessons, bundled guests and recent files"
        self.query_one("#file", Input).border_title = "open a file"
        self._add_lessons(guests)
        for name, path, description in bundled_guests():
            self._add(guests, name, description, path)
        bundled = {path.resolve() for path in self.paths.values()}
        recent = [path for path in recent_files() if path.resolve() not in bundled]
        if recent and self.paths:
            guests.add_option(None)
        for path in recent:
            self._add(guests, path.name, str(path.parent), path)
        if not self.paths:
            guests.add_option(
                Option("No guests come with this copy: type the path of an ELF file below.", disabled=True)
            )
        guests.focus()
        if self.lessons or self.paths:
            guests.highlighted = self._first_open()

    def _add_lessons(self, guests: OptionList) -> None:
        """The lessons with how far the reader is, in their order, above everything else."""
        try:
            found = lessons()
        except LessonError as error:
            self.show_problem(str(error))
            return
        longest = max((len(lesson.title) for lesson in found), default=0)
        for number, lesson in enumerate(found, 1):
            key = f"lesson {lesson.name}"
            self.lessons[key] = lesson
            self.about[key] = f"Lesson {number}, {lesson.minutes} minutes. {lesson.about}"
            word, _ = state(lesson, bookmark.load(lesson))
            text = Content.assemble(
                (f"{f'lesson {number}':<{NAME_COLUMNS}} ", "bold"), f"{lesson.title:<{longest}}  ", (word, "dim")
            )
            guests.add_option(Option(text, id=key))
        if found:
            guests.add_option(None)

    def _first_open(self) -> int:
        """The first lesson that is not done, or the first line."""
        for at, lesson in enumerate(self.lessons.values()):
            if not bookmark.load(lesson).is_finished(lesson):
                return at
        return 0

    def _add(self, guests: OptionList, name: str, description: str, path: Path) -> None:
        key, name, description = str(path), printable(name), printable(description)
        if key in self.paths:
            return
        self.paths[key] = path
        self.about[key] = description
        text = Content.assemble((f"{name:<{NAME_COLUMNS}} ", "bold"), description)
        guests.add_option(Option(text, id=key))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one("#about", Static).update(self.about.get(event.option_id or "", ""))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_id in self.lessons:
            self.mectui.open_lesson(self.lessons[event.option_id])
        elif event.option_id is not None:
            self.mectui.open_file(self.paths[event.option_id])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if not text:
            return
        try:
            path = guest_path(text) or typed_path(text)
            is_there = path.is_file()
        except (OSError, ValueError):  # no file can be called that
            is_there = False
        if not is_there:
            self.show_problem(
                f"There is no file “{text if len(text) <= 60 else text[:59] + '…'}”, and no bundled guest of that name."
            )
            return
        self.mectui.open_file(path)

    def show_problem(self, text: str) -> None:
        self.query_one("#problem", Static).update(f"✗ {printable(text)}")

    def action_open_file(self) -> None:
        self.query_one("#file", Input).focus()

    def action_to_list(self) -> None:
        self.query_one("#guests", OptionList).focus()

    def action_next_theme(self) -> None:
        self.mectui.next_theme()

    def action_leave(self) -> None:
        self.app.exit(0)

    @property
    def mectui(self) -> MectuiApp:
        return cast("MectuiApp", self.app)
