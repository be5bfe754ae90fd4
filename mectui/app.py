"""The application: themes, the palette, and which screen is shown. `run_app` is the way in."""

from __future__ import annotations

import asyncio
import importlib
import os
import select
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App, ScreenStackError, SystemCommand
from textual.binding import Binding
from textual.command import Provider
from textual.events import Event
from textual.screen import Screen

from emu.errors import EmuError
from mectui import files, keymaps, preferences, starting, themes
from mectui.actions import SCREEN_SCOPES, of_scope
from mectui.recent import remember
from mectui.render.text import printable
from mectui.screens.loading import LoadingScreen
from mectui.screens.overlay import Palette
from mectui.styling import StyleBook, textual_theme

if TYPE_CHECKING:
    import emu
    from mectui.lessons.text import Lesson
    from mectui.panes.pane import Pane
    from mectui.screens.debugger import DebuggerScreen

START, DEBUGGER = "mectui.screens.start", "mectui.screens.debugger"
"""Modules that take a while to import, with all that is behind them: the first frame comes before they do."""
STARTED_SECONDS = 3.0
"""When everything has been imported and painted, on a slow machine too."""
SOUGHT = "an action, a pane, a theme, or a symbol of the guest"
"""What the palette finds by name."""
LISTENING_SECONDS = 1.0
"""How often the terminal is asked whether it is still there."""
Factory = Callable[[], "emu.Machine"]


def machine_for(path: Path) -> Factory:
    """A factory of machines with default options that have loaded `path`."""

    def build() -> emu.Machine:
        import emu  # the engine takes a while to import: the first frame comes before it

        machine = emu.Machine()
        machine.load(path)
        return machine

    return build


def _symbols() -> type[Provider]:
    """Imported when somebody opens the palette."""
    from mectui.screens.symbols import SymbolProvider

    return SymbolProvider


class MectuiApp(App[int]):
    """Shows the debugger on a machine, or the start screen where there is none yet."""

    TITLE = "mectui"
    BINDINGS = [  # noqa: RUF012  (Textual's own form)
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "suspend", show=False, priority=True),
    ]
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = App.COMMANDS | {_symbols}

    def __init__(
        self,
        *,
        machine_factory: Factory | None = None,
        title: str = "",
        guest_file: Path | None = None,
        keeps_stops: bool = False,
        theme: str | None = None,
        keymap: str | None = None,
        is_plain: bool = False,
        commands: Sequence[str] = (),
        file_factory: Callable[[Path], Factory] = machine_for,
        lesson: Lesson | None = None,
        lesson_step: int | None = None,
        sources: Sequence[str | Path] = (),
    ) -> None:
        """`commands` are executed after the first stop; `file_factory` makes the factory for a file opened later.

        `keeps_stops`: what stops a guest is kept for the next time; `guest_file` is the file that the machine runs.
        A theme or keymap that is not named is the one that was chosen last. `is_plain`: one pane at a time, no frames,
        letters in place of signs, the terminal's cursor where the person is, for those who listen to their screen.
        """
        self._default_theme = themes.default(os.environ)  # before Textual takes NO_COLOR out of the environment
        self.theme_files = dict(themes.bundled())
        self.problems: list[str] = []
        self._books: dict[str, StyleBook] = {}
        # The terminal's own colours: Textual would take those of a theme of sixteen for black, and show black on black.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.is_plain = is_plain
        self.set_class(is_plain, "-plain")
        self.machine_factory = machine_factory
        self.guest = title
        self.guest_file = guest_file
        self.keeps_stops = keeps_stops
        self.commands = tuple(commands)
        self.file_factory = file_factory
        self.lesson = lesson
        self.lesson_step = lesson_step
        self.sources = tuple(sources)
        """Folders to look for source files in."""
        self.is_from_start_screen = False
        problem = preferences.check()
        self.problems += [problem] if problem else []
        self.preferences = preferences.load()
        self._add_user_settings()
        for file in self.theme_files.values():
            self.register_theme(textual_theme(file))
        # What was chosen on a terminal of many colours is not for one of few, nor for NO_COLOR.
        has_few_colours = self._default_theme == themes.WITHOUT_MANY_COLOURS
        chosen = theme or (None if has_few_colours else self.preferences.theme)
        if chosen is not None and chosen not in self.theme_files:
            self.problems.append(f"There is no theme “{chosen}”; there are {', '.join(self.theme_files)}.")
        self.theme = chosen if chosen in self.theme_files else self._default_theme
        named = self.preferences.keymap if keymap is None else keymap
        if named is not None and named not in self.keymaps:
            self.problems.append(f"There is no keymap “{named}”; there are {', '.join(self.keymaps)}.")
        self.keymap = self.keymaps.get(named or keymaps.DEFAULT, keymaps.PRESETS[keymaps.DEFAULT])
        self.set_keymap(self.keymap.for_textual())

    def _add_user_settings(self) -> None:
        folder = files.config_folder()
        found, problems = themes.user_themes(folder / "themes")
        self.theme_files |= found
        self.keymaps, more = keymaps.load(folder)
        self.problems += [*problems, *more]

    # --- themes ---------------------------------------------------------------------------------------------------

    @property
    def style_book(self) -> StyleBook:
        """Domain styles under the current theme."""
        name = self.theme if self.theme in self.theme_files else themes.DEFAULT
        if name not in self._books:
            self._books[name] = StyleBook(self.theme_files[name], self.is_plain)
        return self._books[name]

    def theme_names(self) -> list[str]:
        return list(self.theme_files)

    def use_theme(self, name: str) -> None:
        self.theme = name
        self._prefer(lambda kept: replace(kept, theme=name))

    def next_theme(self) -> str:
        """Changes to the next theme and returns its title."""
        names = self.theme_names()
        at = names.index(self.theme) if self.theme in names else -1
        self.use_theme(names[(at + 1) % len(names)])
        return self.theme_files[self.theme].title

    # --- keys and panes, as somebody likes them ---------------------------------------------------------------------

    def use_keymap(self, name: str) -> None:
        """`name` is one of `keymaps`."""
        self.keymap = self.keymaps[name]
        self.set_keymap(self.keymap.for_textual())
        self._prefer(lambda kept: replace(kept, keymap=name))
        self.screen.refresh(layout=True)

    def arrangement(self, guest: str) -> preferences.Arrangement | None:
        return self.preferences.arrangements.get(guest)

    def remember_arrangement(self, guest: str, arrangement: preferences.Arrangement) -> None:
        self._prefer(lambda kept: preferences.with_arrangement(kept, guest, arrangement))

    def _prefer(self, edit: Callable[[preferences.Preferences], preferences.Preferences]) -> None:
        wanted = edit(self.preferences)
        if wanted != self.preferences:
            self.preferences = wanted
            preferences.change(edit)

    # --- screens --------------------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """A key that was on its way while the last screen went finds nobody, and does nothing."""
        try:
            await super().on_event(event)
        except ScreenStackError:
            if self.screen_stack:
                raise

    def on_mount(self) -> None:
        self.set_timer(STARTED_SECONDS, starting.settle)
        if not self.is_headless:
            self._leave_when_told()
        if self.lesson is not None:
            self.open_lesson(self.lesson, self.lesson_step)
        elif self.machine_factory is not None:
            self.open_machine(self.machine_factory, self.guest, self.guest_file)
        else:
            self.show_start_screen(self.take_problems())

    def _leave_when_told(self) -> None:
        """Whoever ends the process by a signal gets the terminal back as it was; without a terminal nobody is there."""
        for wanted in (signal.SIGTERM, signal.SIGHUP):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # no such signals, or not the main thread
                asyncio.get_running_loop().add_signal_handler(wanted, self._leave_by, wanted)
        if sys.__stdin__ is not None and sys.__stdin__.isatty():
            self.set_interval(LISTENING_SECONDS, self._leave_without_terminal)

    def _leave_by(self, wanted: signal.Signals) -> None:
        self.exit(return_code=128 + wanted)

    def _leave_without_terminal(self) -> None:
        """A terminal that hung up and told nobody: its reader would spin for ever."""
        line = select.poll()
        line.register(sys.__stdin__.fileno(), 0)  # type: ignore[union-attr]
        if any(event & select.POLLHUP for _, event in line.poll(0)):
            self._leave_by(signal.SIGHUP)

    def take_problems(self) -> str:
        """What is wrong with the user's own files and choices, told once."""
        problems, self.problems = self.problems, []
        return " ".join(problems)

    def _show(self, module: str, make: Callable[[Any], Screen[Any]], title: str = "") -> None:
        """Shows the screen that `make` makes of a module, which is imported on another thread if it has to be."""
        self._leave_debugger()
        if module in sys.modules:
            self.push_screen(make(sys.modules[module]))
            return
        self.push_screen(LoadingScreen(title))

        def load() -> None:
            loaded = importlib.import_module(module)
            if self.is_running:
                self.call_from_thread(self._replace, lambda: make(loaded))

        self.call_after_refresh(lambda: self.run_worker(load, thread=True))

    def _replace(self, make: Callable[[], Screen[Any]]) -> None:
        self._leave_debugger()
        self.push_screen(make())

    def open_machine(self, factory: Factory, guest: str, file: Path | None = None) -> None:
        """Shows the debugger on a new machine; one that was open is left behind. `file` is whose stops are kept."""
        guest = printable(guest)

        def make(debugger: Any) -> Screen[Any]:
            from mectui.saved import SavedStops

            saved = SavedStops(file) if file is not None and self.keeps_stops else None
            screen: Screen[Any] = debugger.DebuggerScreen(
                factory, guest, self.commands, saved=saved, sources=self.sources
            )
            return screen

        self._show(DEBUGGER, make, guest)

    def open_file(self, path: Path) -> None:
        """Shows the debugger on a file; it is one of the recent files once it has been loaded."""
        build = self.file_factory(path)

        def build_and_remember() -> emu.Machine:
            machine = build()
            remember(path)
            return machine

        self.is_from_start_screen = True
        self.open_machine(build_and_remember, path.name, path)

    def open_lesson(self, lesson: Lesson, step: int | None = None) -> None:
        """Shows the debugger on a lesson's guest, the lesson beside it, at a step or where the reader left."""

        def make(debugger: Any) -> Screen[Any]:
            from mectui.lessons import bookmark
            from mectui.lessons.course import Course

            mark = bookmark.load(lesson)
            course = Course(lesson, mark if step is None else replace(mark, step=step))
            screen: Screen[Any] = debugger.DebuggerScreen(machine_for(lesson.guest), lesson.guest.stem, lesson=course)
            return screen

        self._show(DEBUGGER, make, lesson.title)

    def show_start_screen(self, problem: str = "") -> None:
        self._show(START, lambda start: start.StartScreen(problem))

    def failed(self, problem: str) -> bool:
        """A guest could not be loaded: back to where it was chosen. False where it was chosen on the command line."""
        if self.is_from_start_screen:
            self.show_start_screen(problem)
        return self.is_from_start_screen

    def _leave_debugger(self) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def action_quit(self) -> Any:
        self.exit(0)

    # --- palette --------------------------------------------------------------------------------------------------

    def action_command_palette(self) -> None:
        if self.use_command_palette and not isinstance(self.screen, Palette):
            # Without an id: one that has just been closed may still be there.
            self.push_screen(Palette(placeholder=SOUGHT))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action of the table, and every theme."""
        debugger = sys.modules.get(DEBUGGER)
        if debugger is not None and isinstance(screen, debugger.DebuggerScreen):
            for action in of_scope(*SCREEN_SCOPES):
                if action.name != "palette":
                    key = self.keymap.shown_key(action)
                    title = f"{action.title[:1].upper()}{action.title[1:]}" + (f"  ({key})" if key else "")
                    yield SystemCommand(title, action.help, _doing(screen, action.name))
            pane = screen.focused_pane
            for action in () if pane is None else pane.own_actions():
                title = f"{pane.TAB or pane.TITLE}: {action.title}  ({self.keymap.shown_key(action)})"
                yield SystemCommand(title, action.help, _acting(screen, pane, action.name))
            for name, pane in screen.board.panes.items():
                yield SystemCommand(f"Pane: {pane.TITLE}", "Show it and put the cursor there.", _going(screen, name))
        for name, file in self.theme_files.items():
            yield SystemCommand(f"Theme: {file.title}", f"Use the theme “{name}”.", _using(self.use_theme, name))
        for name, keymap in self.keymaps.items():
            yield SystemCommand(
                f"Keys: {name}", f"{keymap.title[:1].upper()}{keymap.title[1:]}.", _using(self.use_keymap, name)
            )


def _doing(screen: DebuggerScreen, name: str) -> Callable[[], None]:
    return lambda: screen.action_do(name)


def _going(screen: DebuggerScreen, name: str) -> Callable[[], None]:
    return lambda: screen.show_pane(name, focus=True)


def _acting(screen: DebuggerScreen, pane: Pane, name: str) -> Callable[[], Any]:
    """The pane's own action, or the one that its key has on the screen."""
    name = f"action_{name}"
    return lambda: getattr(pane if hasattr(pane, name) else screen, name)()


def _using(use: Callable[[str], None], name: str) -> Callable[[], None]:
    return lambda: use(name)


def run_app(
    *,
    machine_factory: Factory | None = None,
    title: str = "",
    guest_file: Path | None = None,
    keeps_stops: bool = False,
    theme: str | None = None,
    keymap: str | None = None,
    is_plain: bool = False,
    commands: Sequence[str] = (),
    file_factory: Callable[[Path], Factory] = machine_for,
    lesson: Lesson | None = None,
    lesson_step: int | None = None,
    sources: Sequence[str | Path] = (),
) -> int:
    """Runs the app until somebody leaves it; the exit code of the process.

    `machine_factory` builds the machine with its guest loaded (again for every restart), on the machine's own thread;
    without it the start screen opens. An EmuError it raises is shown as a sentence.
    """
    app = MectuiApp(
        machine_factory=machine_factory,
        title=title,
        guest_file=guest_file,
        keeps_stops=keeps_stops,
        theme=theme,
        keymap=keymap,
        is_plain=is_plain,
        commands=commands,
        file_factory=file_factory,
        lesson=lesson,
        lesson_step=lesson_step,
        sources=sources,
    )
    for kind, name, names in (("theme", theme, app.theme_files), ("keymap", keymap, app.keymaps)):
        if name is not None and name not in names:
            raise EmuError(f"there is no {kind} {name!r}: there are {', '.join(names)}")
    try:
        app.run()
    finally:
        starting.settle()  # where it ended before it had begun
    return app.return_code or 0
