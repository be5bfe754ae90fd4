"""The screen itself: panes, workspaces, themes, help, leaving."""

from __future__ import annotations

from mectui.actions import ACTIONS
from mectui.layout import Workspace
from mectui.panes.pane import Pane
from mectui.panes.registers import RegistersPane, RegisterTab
from mectui.render.numbers import plural
from mectui.render.text import plain
from mectui.screens.debugger.parts import DebuggerParts
from mectui.screens.help import HelpScreen
from mectui.screens.jump import JumpScreen, Landing
from mectui.screens.messages import MessagesScreen

WORKSPACE_TABS = {
    Workspace.DEBUG: RegisterTab.GENERAL,
    Workspace.TRANSLATION: RegisterTab.SYSTEM,
    Workspace.MEC: RegisterTab.MEC,
    Workspace.LESSON: RegisterTab.GENERAL,
}
"""The registers a workspace opens with."""
WORKSPACE_TITLES = {
    workspace: next(action.help for action in ACTIONS if action.name == f"workspace_{workspace.value}")
    for workspace in Workspace
}
"""What a workspace says when it opens: "Workspace 1: everything at once."."""


class Workspaces(DebuggerParts):
    """Actions and commands about panes and looks."""

    def do_help(self) -> None:
        pane = self.focused_pane
        self.app.push_screen(HelpScreen(type(pane) if pane is not None else None))

    def do_messages(self) -> None:
        self.app.push_screen(MessagesScreen(tuple(self.command_line.said)))

    def on_command_line_clicked(self) -> None:
        self.do_messages()

    def command_messages(self) -> None:
        self.do_messages()

    def do_palette(self) -> None:
        self.app.action_command_palette()

    def do_suspend(self) -> None:
        self.app.action_suspend_process()

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
        if workspace is Workspace.MEC and self.progress.status is not None and self.progress.status.hits:
            self.show_pane("hits", focus=True)
        self.say(WORKSPACE_TITLES[workspace])

    def do_next_pane(self) -> None:
        self.focus_neighbour(1)

    def do_previous_pane(self) -> None:
        self.focus_neighbour(-1)

    def focus_neighbour(self, by: int) -> None:
        order = self.board.order()
        pane = self.focused_pane
        at = order.index(pane.pane_name) if pane is not None else -by
        self.show_pane(order[(at + by) % len(order)], focus=True)

    def do_jump(self) -> None:
        """A letter on every pane; the next key goes to one."""
        landings = [
            Landing(name, pane.region.x + start - 1, pane.region.y)
            for pane in self.board.in_front()
            for name, start in pane.tab_starts()
        ]
        self.app.push_screen(JumpScreen(landings), self._jumped)

    def _jumped(self, name: str | None) -> None:
        if name is not None:
            self.show_pane(name, focus=True)

    def do_copy_line(self) -> None:
        pane = self.focused_pane
        text = pane.text_of_line() if pane is not None else ""
        if not text:
            self.say("There is nothing under the cursor to copy.", is_error=True)
            return
        self.app.copy_to_clipboard(text)
        self.say(f"Copied: {text}")

    def do_copy_pane(self) -> None:
        pane = self.focused_pane
        if pane is None or not pane.lines:
            self.say("There is nothing here to copy.", is_error=True)
            return
        self.app.copy_to_clipboard(plain(pane.lines))
        self.say(f"Copied {plural(len(pane.lines), 'line')} of the pane “{pane.TITLE}”.")

    def do_next_keymap(self) -> None:
        names = list(self.mectui.keymaps)
        at = names.index(self.mectui.keymap.name) if self.mectui.keymap.name in names else -1
        self.command_keymap(names[(at + 1) % len(names)])

    def command_keymap(self, name: str) -> None:
        self.mectui.use_keymap(name)
        self.say(f"Keys: {name} ({self.mectui.keymap.title}).")

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
