"""The command line of the screen: opened, completed, understood, carried out."""

from __future__ import annotations

from textual.widgets import Input

from mectui.commandline import Command, CommandError, Known, parse
from mectui.render.text import line
from mectui.screens.debugger.parts import DebuggerParts
from mectui.widgets.bars import ActionBar
from mectui.widgets.command_line import CommandInput

WITHOUT_MACHINE = ("help", "quit", "theme", "restart")
"""Commands that work before there is a guest."""


class Prompt(DebuggerParts):
    """Typing commands. Each is carried out by the method `command_NAME` of the part it belongs to."""

    _focused_before = "disassembly"
    """The pane that gets the focus back when the command line shuts."""

    def do_command(self) -> None:
        self.open_command_line()

    def known(self) -> Known:
        return Known(
            registers=self.progress.values,
            symbol=self.session.symbol,
            symbols=self.session.symbol_names,
            themes=self.mectui.theme_names(),
        )

    def open_command_line(self, text: str = "") -> None:
        if self.focused_pane is not None:
            self._focused_before = self.focused_pane.pane_name
        self.command_line.open(text)
        self.show_completions()

    def shut_command_line(self) -> None:
        self.command_line.shut()
        self.query_one(ActionBar).replace(None)
        pane = self.board.panes[self._focused_before]
        self.set_focus(pane if pane.display else self.board.in_front()[0])

    def show_completions(self) -> None:
        found = self.command_line.input.completions()
        spans: list[str | tuple[str, str]] = [" "]
        for each in found[:24]:
            spans += [(each.strip().rpartition(" ")[2] if " " in each.strip() else each.strip(), "text"), "  "]
        hint = "Enter runs it, Esc leaves" if not found else ""
        self.query_one(ActionBar).replace(line(*spans, (hint, "muted")))

    def on_input_changed(self, event: Input.Changed) -> None:
        if self.command_line.is_typing:
            self.show_completions()

    def on_command_input_left(self, message: CommandInput.Left) -> None:
        self.shut_command_line()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        self.command_line.input.remember(text)
        if not text:
            self.shut_command_line()
            return
        try:
            command = parse(text, self.known())
        except CommandError as error:
            self.say(str(error), is_error=True)
            self.query_one(ActionBar).replace(line((f" ✗ {error}", "fault")))
            return
        self.shut_command_line()
        self.carry_out(command)

    def execute(self, text: str) -> None:
        """A command from somewhere else than the keyboard: a file of commands, a test."""
        try:
            self.carry_out(parse(text, self.known()))
        except CommandError as error:
            self.say(str(error), is_error=True)

    def carry_out(self, command: Command) -> None:
        if not self.progress.has_machine and command.name not in WITHOUT_MACHINE:
            self.say("There is no guest yet.", is_error=True)
            return
        getattr(self, f"command_{command.name}")(*command.arguments)
