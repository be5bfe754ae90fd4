"""The command line of the screen: opened, completed, understood, carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from textual.widgets import Input

from mectui.commandline import Command, CommandError, ElsewhereError, Known, completions, find, parse
from mectui.panes.calls import CallsPane
from mectui.plain import sentence
from mectui.progress import RunState
from mectui.render.text import line
from mectui.screens.debugger.parts import DebuggerParts
from mectui.widgets.bars import ActionBar
from mectui.widgets.command_line import CommandInput

ASKED = "command "
"""How the keys of looks begin that are commands' and no pane's."""
NAMES_PANE = ("pane", "register")
"""Commands after which the pane has the focus, where they were typed."""
MOST_CHOICES = 24
"""Completions that are shown at once."""
WITHOUT_MACHINE = ("help", "quit", "theme", "restart", "messages")
"""Commands that work before there is a guest."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something else than a command that is typed in the command line's place."""

    sign: str
    """The character before the input."""
    hint: str
    """What stands below while somebody types."""
    answer: Callable[[str], None]
    """Told what was typed, once Enter was pressed."""
    change: Callable[[str], None] | None = None
    """Told what stands there after every key."""
    leave: Callable[[], None] | None = None
    """Told that Esc was pressed."""


SHORTER = (("exception level", "EL"), ("Security state", "state"), ("beginning", "start"))
"""Names of events, and what is said for them where all letters would have no room otherwise."""


def letters(said: str, names: Mapping[str, str], columns: int) -> str:
    """The hint of a question that one letter answers: every letter with its name, whatever room there is."""
    told = "  ".join(f"{key} {name}" for key, name in names.items())
    whole = f"{said}  {told}  (Esc: stay)"
    if len(whole) + 2 <= columns:
        return whole
    for long, short in SHORTER:
        told = told.replace(long, short)
    return told


def usage_of(text: str) -> str:
    """What the command takes whose name has been typed: "watch RANGE [if EXPRESSION]"; "" while none has."""
    name, space, _ = text.lstrip().partition(" ")
    try:
        return find(name.partition("/")[0]).usage if space else ""
    except CommandError:
        return ""


def last_word(text: str) -> str:
    return text.strip().rpartition(" ")[2]


class Prompt(DebuggerParts):
    """Typing commands. Each is carried out by the method `command_NAME` of the part it belongs to."""

    _focused_before = "disassembly"
    """The pane that gets the focus back when the command line shuts."""
    _question: Question | None = None
    """What is typed, where it is no command."""
    _asked = 0
    _answered = 0
    """Commands whose values the machine was asked for, and those it has answered."""

    def do_command(self) -> None:
        self.open_command_line()

    def known(self) -> Known:
        return Known(
            registers=self.progress.values,
            symbol=self.session.symbol,
            symbols=self.session.symbol_names,
            themes=self.mectui.theme_names(),
            keymaps=list(self.mectui.keymaps),
            label=self.session.label,
            files=self.session.source_files,
            call=0 if self.progress.state is RunState.RUNNING else self.query_one(CallsPane).number,
        )

    def ask(self, question: Question, text: str = "") -> None:
        """Opens the command line for an answer that is no command."""
        self.open_command_line(text, question)

    def completions(self, text: str) -> Sequence[str]:
        return completions(text, self.known()) if self._question is None else ()

    def open_command_line(self, text: str = "", question: Question | None = None) -> None:
        self._question = question
        if self.focused_pane is not None:
            self._focused_before = self.focused_pane.pane_name
        self.show_completions(text)  # first, so that the footer is in the same frame
        self.command_line.open(text, ":" if question is None else question.sign)

    def shut_command_line(self) -> None:
        self.command_line.shut()
        self.query_one(ActionBar).replace(None)
        pane = self.board.panes[self._focused_before]
        self.set_focus(pane if pane.display else self.board.in_front()[0])

    def show_completions(self, text: str) -> None:
        """In the footer: what the line could become, and how it is meant to go on."""
        if self._question is not None:
            self.query_one(ActionBar).replace(line((f" {self._question.hint}", "muted")))
            return
        spans: list[str | tuple[str, str]] = [" "]
        if self.command_line.input.is_choosing and len(self.command_line.input.choices()[0]) > 1:
            self.query_one(ActionBar).replace(line(*spans, *self._choices()))
            return
        found = self.completions(text)
        usage = usage_of(text)
        if usage:
            spans += [(usage, "key"), "  "]
        for each in found[:MOST_CHOICES]:
            spans += [(last_word(each), "text"), "  "]
        hint = "Enter runs it, Esc leaves" if not found else ""
        self.query_one(ActionBar).replace(line(*spans, (hint, "muted")))

    def _choices(self) -> list[str | tuple[str, str]]:
        """The completions that Tab goes through, the one that stands there in brackets and never out of sight."""
        found, chosen = self.command_line.input.choices()
        first = max(0, chosen - 1)
        spans: list[str | tuple[str, str]] = [(f"{chosen + 1} of {len(found)}: ", "muted")]
        for at, each in enumerate(found[first : first + MOST_CHOICES], first):
            word = last_word(each)
            spans += [(f"[{word}]", "strong") if at == chosen else (word, "text"), "  "]
        return spans

    def on_input_changed(self, event: Input.Changed) -> None:
        if self.command_line.is_typing:
            self.show_completions(event.value)
            if self._question is not None and self._question.change is not None:
                self._question.change(event.value)

    def on_command_input_left(self, message: CommandInput.Left) -> None:
        question, self._question = self._question, None
        if question is not None and question.leave is not None:
            question.leave()
        self.shut_command_line()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        question, self._question = self._question, None
        if question is not None:
            self.shut_command_line()
            question.answer(event.value)
            return
        text = event.value.strip()
        self.command_line.input.remember(text)
        if not text:
            self.shut_command_line()
            return
        try:
            command = parse(text, self.known())
        except CommandError as error:
            self.say(str(error), is_error=True)
            if isinstance(error, ElsewhereError):
                self.shut_command_line()
                return
            self.query_one(ActionBar).replace(line((f" ✗ {error}", "fault"), ("  Esc leaves", "muted")))
            if error.position is not None:
                self.command_line.input.cursor_position = len(event.value) - len(event.value.lstrip()) + error.position
            return
        self.shut_command_line()
        self.say("")  # what was said before is no answer to this
        self.carry_out(command)
        self._focus_named(command)

    def execute(self, text: str, *, as_typed: bool = False) -> None:
        """A command from somewhere else than the keyboard. `as_typed`: a pane that it names has the focus then."""
        try:
            command = parse(text, self.known())
        except CommandError as error:
            self.say(str(error), is_error=True)
            return
        self.carry_out(command)
        if as_typed:
            self._focus_named(command)

    def _focus_named(self, command: Command) -> None:
        """Who asks for a pane by name, or for a register, wants to work in it."""
        if command.name in NAMES_PANE and self.progress.has_machine:
            self.show_pane("registers" if command.name == "register" else str(command.arguments[0]), focus=True)

    def carry_out(self, command: Command) -> None:
        if not self.progress.has_machine and command.name not in WITHOUT_MACHINE:
            self.say("There is no guest yet.", is_error=True)
            return
        if command.waits:
            self.ask_machine(command.waits)
            return
        getattr(self, f"command_{command.name.replace('-', '_')}")(*command.arguments)

    def ask_machine(self, text: str) -> None:
        """Has a line understood on the machine's thread, where memory can be read; `answered` goes on with it."""
        known = self.known()
        self._asked += 1
        self.session.look({f"{ASKED}{self._asked}": lambda machine, around: parse(text, known.on(machine))})

    @property
    def is_waiting(self) -> bool:
        """Whether a command waits for the machine's answer."""
        return self._asked > self._answered

    def answered(self, answer: Command | Exception) -> None:
        self._answered += 1
        if isinstance(answer, CommandError):
            self.say(str(answer), is_error=True)
        elif isinstance(answer, Exception):
            self.say(f"This is a bug in mectui: {type(answer).__name__}: {answer}.", is_error=True)
        else:
            self.carry_out(answer)
            if answer.notes:
                said = [f"{answer.arguments[0]}."] if answer.name == "print" else []
                self.say(" ".join([*said, *map(sentence, answer.notes)]))
