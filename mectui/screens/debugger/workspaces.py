"""The screen itself: panes, workspaces, themes, help, leaving."""

from __future__ import annotations

from mectui.layout import Workspace
from mectui.panes.pane import Pane
from mectui.panes.registers import RegistersPane, RegisterTab
from mectui.screens.debugger.parts import DebuggerParts
from mectui.screens.help import HelpScreen

WORKSPACE_TABS = {
    Workspace.DEBUG: RegisterTab.GENERAL,
    Workspace.TRANSLATION: RegisterTab.SYSTEM,
    Workspace.MEC: RegisterTab.MEC,
    Workspace.LESSON: RegisterTab.GENERAL,
}
"""The registers a workspace opens with."""


class Workspaces(DebuggerParts):
    """Actions and commands about panes and looks."""

    def do_help(self) -> None:
        pane = self.focused_pane
        self.app.push_screen(HelpScreen(type(pane) if pane is not None else None))

    def do_palette(self) -> None:
        self.app.action_command_palette()

    def do_quit(self) -> None:
        self.app.exit(0)

    def do_start_screen(self) -> None:
        self.mectui.show_start_screen()

    def do_next_theme(self) -> None:
        self.say(f"Theme: {self.mectui.next_theme()}.")

    def do_workspace_debug(self) -> None:
        self.use_workspace(Workspace.DEBUG)

    def do_workspace_translation(self) -> None:
        self.use_workspace(Workspace.TRANSLATION)

    def do_workspace_mec(self) -> None:
        self.use_workspace(Workspace.MEC)

    def do_workspace_lesson(self) -> None:
        self.use_workspace(Workspace.LESSON)

    def use_workspace(self, workspace: Workspace) -> None:
        self.board.use(workspace)
        self.query_one(RegistersPane).open_tab(WORKSPACE_TABS[workspace])
        self.say(f"Workspace {workspace.value}.")

    def do_next_pane(self) -> None:
        self.focus_neighbour(1)

    def do_previous_pane(self) -> None:
        self.focus_neighbour(-1)

    def focus_neighbour(self, by: int) -> None:
        order = self.board.order()
        pane = self.focused_pane
        at = order.index(pane.pane_name) if pane is not None else -by
        self.show_pane(order[(at + by) % len(order)], focus=True)

    def do_maximise(self) -> None:
        pane = self.focused_pane
        self.board.toggle_maximised(pane.pane_name if pane is not None else "disassembly")

    def on_pane_tab_clicked(self, message: Pane.TabClicked) -> None:
        self.show_pane(message.pane_name, focus=True)

    def command_theme(self, name: str) -> None:
        self.mectui.use_theme(name)

    def command_workspace(self, name: str) -> None:
        self.use_workspace(Workspace(name))

    def command_help(self) -> None:
        self.do_help()

    def command_quit(self) -> None:
        self.do_quit()
