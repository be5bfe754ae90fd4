"""The application: themes, the palette, and which screen is shown. `run_app` is the way in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from mectui import themes
from mectui.actions import SCREEN_SCOPES, of_scope
from mectui.recent import remember
from mectui.screens.debugger import DebuggerScreen
from mectui.screens.start import StartScreen
from mectui.styling import StyleBook, textual_theme

if TYPE_CHECKING:
    import emu

Factory = Callable[[], "emu.Machine"]


def machine_for(path: Path) -> Factory:
    """A factory of machines with default options that have loaded `path`."""

    def build() -> emu.Machine:
        import emu  # the engine takes a while to import: the first frame comes before it

        machine = emu.Machine()
        machine.load(path)
        return machine

    return build


class MectuiApp(App[int]):
    """Shows the debugger on a machine, or the start screen where there is none yet."""

    TITLE = "mectui"
    BINDINGS = [Binding("ctrl+q", "quit", "quit", show=False, priority=True)]  # noqa: RUF012  (Textual's own form)
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        *,
        machine_factory: Factory | None = None,
        title: str = "",
        theme: str | None = None,
        commands: Sequence[str] = (),
        file_factory: Callable[[Path], Factory] = machine_for,
    ) -> None:
        """`commands` are executed after the first stop; `file_factory` makes the factory for a file opened later."""
        self.theme_files = dict(themes.bundled())
        self.theme_problems: list[str] = []
        self._books: dict[str, StyleBook] = {}
        super().__init__()
        self.machine_factory = machine_factory
        self.guest = title
        self.commands = tuple(commands)
        self.file_factory = file_factory
        self.is_from_start_screen = False
        self._add_user_themes()
        for file in self.theme_files.values():
            self.register_theme(textual_theme(file))
        wanted = theme if theme in self.theme_files else themes.DEFAULT
        if theme is not None and theme not in self.theme_files:
            self.theme_problems.append(f"There is no theme “{theme}”; there are {', '.join(self.theme_files)}.")
        if wanted in self.theme_files:
            self.theme = wanted

    def _add_user_themes(self) -> None:
        from platformdirs import user_config_path

        found, problems = themes.user_themes(user_config_path("mectui") / "themes")
        self.theme_files |= found
        self.theme_problems += problems

    # --- themes ---------------------------------------------------------------------------------------------------

    @property
    def style_book(self) -> StyleBook:
        """Domain styles under the current theme."""
        name = self.theme if self.theme in self.theme_files else themes.DEFAULT
        if name not in self._books:
            self._books[name] = StyleBook(self.theme_files[name])
        return self._books[name]

    def theme_names(self) -> list[str]:
        return list(self.theme_files)

    def use_theme(self, name: str) -> None:
        self.theme = name

    def next_theme(self) -> str:
        """Changes to the next theme and returns its title."""
        names = self.theme_names()
        at = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(at + 1) % len(names)]
        return self.theme_files[self.theme].title

    # --- screens --------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        if self.machine_factory is not None:
            self.open_machine(self.machine_factory, self.guest)
        else:
            self.push_screen(StartScreen("; ".join(self.theme_problems)))

    def open_machine(self, factory: Factory, guest: str) -> None:
        """Shows the debugger on a new machine; one that was open is left behind."""
        self._leave_debugger()
        self.push_screen(DebuggerScreen(factory, guest, self.commands))

    def open_file(self, path: Path) -> None:
        """Shows the debugger on a file; it is one of the recent files once it has been loaded."""
        build = self.file_factory(path)

        def build_and_remember() -> emu.Machine:
            machine = build()
            remember(path)
            return machine

        self.is_from_start_screen = True
        self.open_machine(build_and_remember, path.name)

    def show_start_screen(self, problem: str = "") -> None:
        self._leave_debugger()
        self.push_screen(StartScreen(problem))

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

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action of the table, and every theme."""
        if isinstance(screen, DebuggerScreen):
            for action in of_scope(*SCREEN_SCOPES):
                if action.name != "palette":
                    title = f"{action.title[:1].upper()}{action.title[1:]}  ({action.shown_key})"
                    yield SystemCommand(title, action.help, _doing(screen, action.name))
        for name, file in self.theme_files.items():
            yield SystemCommand(f"Theme: {file.title}", f"Use the theme “{name}”.", _theming(self, name))


def _doing(screen: DebuggerScreen, name: str) -> Callable[[], None]:
    return lambda: screen.action_do(name)


def _theming(app: MectuiApp, name: str) -> Callable[[], None]:
    return lambda: app.use_theme(name)


def run_app(
    *,
    machine_factory: Factory | None = None,
    title: str = "",
    theme: str | None = None,
    commands: Sequence[str] = (),
    file_factory: Callable[[Path], Factory] = machine_for,
) -> int:
    """Runs the app until somebody leaves it; the exit code of the process.

    `machine_factory` builds the machine with its guest loaded (again for every restart), on the machine's own thread;
    without it the start screen opens. An EmuError it raises is shown as a sentence.
    """
    app = MectuiApp(
        machine_factory=machine_factory, title=title, theme=theme, commands=commands, file_factory=file_factory
    )
    app.run()
    return app.return_code or 0
