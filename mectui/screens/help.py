"""The help: every key and every command, from the tables that define them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.screen import ModalScreen

from emu.debug.expressions.guide import GUIDE
from mectui.actions import Action, Scope, of_scope
from mectui.commandline import COMMANDS
from mectui.keymaps import Keymap
from mectui.panes.pane import Pane
from mectui.render.text import Line, Span, cell_width, column, line, wrap
from mectui.screens.overlay import Overlay
from mectui.screens.reading import ReadingPane

if TYPE_CHECKING:
    from mectui.app import MectuiApp

GENERAL = (Scope.RUN, Scope.LOOK, Scope.SCREEN, Scope.LIST)
KEY_COLUMNS = 16
KEY_COLUMNS_LEAST = 12
GUIDE_COLUMNS = 32

MARKS = (
    ("▶", "the instruction that is executed next"),
    ("● ◆ ○", "a stop; one with a condition or a message; one that is off"),
    ("*", "changed since the last stop; in the map: a page with more than one owner"),
    ("?", "nobody has written this register since reset; beside a call: it is likely, not certain"),
    ("!", "a TLB entry that a fresh walk would contradict"),
    ("≠", "the current context does not read what was stored here"),
    ("→", "behind a register's value: what a load from there would get; ≠ before it: noise"),
    ("·", "memory nobody has stored to; in the TLB: an entry that the present context cannot use"),
    ("▸ ▾", "folded and unfolded: Enter changes it"),
    ("<…>", "a variable without a value, and why"),
    ("id5", "in the memory pane: the block belongs to MECID 5; root, sec and ns are the other address spaces"),
    ("▲ ^", "in the timeline: where the machine is, and where you look"),
    ("#5,120", "a moment: how many instructions had been executed"),
    ("P0 A0 P1 A1", "MECID_P0_EL2 and its like; VP and VA are VMECID_P_EL2 and VMECID_A_EL2, RL MECID_RL_A_EL3"),
)


def help_lines(width: int, pane: type[Pane] | None, keymap: Keymap) -> list[Line]:
    """All keys, those of the focused pane first, then commands and marks."""
    lines: list[Line] = []
    if pane is not None and pane.SCOPE is not None and of_scope(pane.SCOPE):
        lines += section(f"In the focused pane: {pane.TITLE}", of_scope(pane.SCOPE), width, keymap)
    for scope in GENERAL:
        lines += section(scope.value, of_scope(scope), width, keymap)
    for scope in Scope:
        if scope not in GENERAL and (pane is None or scope is not pane.SCOPE) and of_scope(scope):
            lines += section(f"In the pane “{title_of(scope)}”", of_scope(scope), width, keymap)
    lines += [line(("Commands, after :", "strong"))]
    for command in COMMANDS:
        lines += entry(command.usage, command.told, width, 30)
    text = "ADDRESS, N, VALUE and EXPRESSION are expressions: main+0x10, sp-16, [x0+8].w. They are made of:"
    lines += [line(), *wrap(text, width, "muted")]
    for form, meaning in GUIDE:
        lines += guide_entry(form, meaning, width)
    lines += [line(), line(("Marks", "strong"))]
    for mark, meaning in MARKS:
        lines += entry(mark, meaning, width)
    return lines


def title_of(scope: Scope) -> str:
    """What the tab of a scope's pane says."""
    from mectui.panes.catalogue import PANES  # they need this module's screen

    return next((pane.TAB or pane.TITLE for pane in PANES if pane.SCOPE is scope), scope.value)


def section(title: str, actions: list[Action], width: int, keymap: Keymap) -> list[Line]:
    lines = [line((title, "strong"))]
    keys = [keymap.all_keys(action) for action in actions]
    columns = min(KEY_COLUMNS, max(KEY_COLUMNS_LEAST, *(cell_width(key) + 2 for key in keys)))
    for key, action in zip(keys, actions, strict=True):
        lines += entry(key, action.help, width, columns)
    return [*lines, line()]


def guide_entry(form: str, meaning: str, width: int) -> list[Line]:
    """A form of expressions; what is too long for its column stands above its meaning."""
    if len(form) < GUIDE_COLUMNS:
        return entry(form, meaning, width, GUIDE_COLUMNS)
    return [line("  ", (form, "key")), *entry("", meaning, width, GUIDE_COLUMNS)]


def entry(key: str, text: str, width: int, key_columns: int = KEY_COLUMNS) -> list[Line]:
    folded = wrap(text, width - key_columns - 2, "text")
    return [
        Line((Span("  "), column(key if at == 0 else "", key_columns, "key"), *part.spans))
        for at, part in enumerate(folded)
    ]


class HelpPane(ReadingPane):
    """The text, drawn as every other pane's."""

    TITLE = "help"

    def __init__(self, about: type[Pane] | None) -> None:
        super().__init__("help")
        self.about = about

    def draw(self, width: int) -> list[Line]:
        app: MectuiApp = self.app  # type: ignore[assignment]
        return help_lines(width, self.about, app.keymap)


class HelpScreen(Overlay, ModalScreen[None]):
    """Over the debugger; Esc, q or ? closes it."""

    CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen HelpPane { position: relative; width: 90%; max-width: 92; height: 92%; background: $surface; }
    """
    BINDINGS: ClassVar = [("escape,q,question_mark", "dismiss", "close")]

    def __init__(self, about: type[Pane] | None = None) -> None:
        super().__init__()
        self.about = about

    def compose(self) -> ComposeResult:
        yield HelpPane(self.about)

    def on_mount(self) -> None:
        for pane in self.query(HelpPane):  # none where the next key has closed the help already
            pane.redraw()
            pane.focus()
