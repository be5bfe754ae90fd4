"""What every part of the debugger's screen stands on: its widgets, its session, saying and looking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from mectui.panes.disassembly import DisassemblyPane
from mectui.panes.memory import MemoryPane
from mectui.panes.pane import Pane
from mectui.progress import Progress, RunState
from mectui.session import Session
from mectui.widgets.board import Board
from mectui.widgets.command_line import CommandLine

if TYPE_CHECKING:
    from mectui.app import MectuiApp


class DebuggerParts(Screen[None]):
    """Shared by the parts. The whole is `DebuggerScreen`."""

    guest: str
    session: Session
    progress: Progress

    # Textual paints the whole screen again whenever another widget gets the focus. Here the two widgets that look
    # different do that themselves, so that a key that moves the focus costs a third.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    @property
    def board(self) -> Board:
        return self.query_one(Board)

    @property
    def command_line(self) -> CommandLine:
        return self.query_one(CommandLine)

    @property
    def disassembly(self) -> DisassemblyPane:
        return self.query_one(DisassemblyPane)

    @property
    def memory(self) -> MemoryPane:
        return self.query_one(MemoryPane)

    @property
    def focused_pane(self) -> Pane | None:
        return self.focused if isinstance(self.focused, Pane) else None

    @property
    def mectui(self) -> MectuiApp:
        return cast("MectuiApp", self.app)

    def say(self, text: str, is_error: bool = False) -> None:
        self.command_line.say(text, is_error)

    def look(self, panes: Sequence[Pane]) -> None:
        """Asks for the views of panes, as far as there is something to see now: the others keep what they have."""
        if self.progress.is_travelling:
            return
        if self.progress.state is RunState.RUNNING:
            panes = [pane for pane in panes if pane.looks_while_running]
        looks = {pane.pane_name: pane.look() for pane in panes}
        for pane in panes:
            pane.is_outdated = False
        self.session.look({name: look for name, look in looks.items() if look is not None})

    def show_pane(self, name: str, focus: bool = False) -> None:
        """Brings a pane to the front; a maximised one gives way to it."""
        self.board.bring_forward(name)
        if focus:
            self.board.panes[name].focus(scroll_visible=False)
