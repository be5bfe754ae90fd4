"""The whole screen: composes the widgets, brings the session's news to the panes, runs actions by name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.message import Message

from emu.debug.events import StopReason
from mectui.actions import ACTIONS, SCREEN_SCOPES, of_scope
from mectui.commandline import Command, named
from mectui.layout import Workspace
from mectui.panes.catalogue import PANES
from mectui.panes.console import ConsolePane
from mectui.panes.disassembly import DisassemblyPane
from mectui.panes.pane import Pane
from mectui.panes.walk import WalkPane
from mectui.plain import sentence
from mectui.progress import Progress, RunState
from mectui.render import numbers
from mectui.screens.debugger.calling import Calling
from mectui.screens.debugger.displaying import Displaying
from mectui.screens.debugger.exporting import Exporting
from mectui.screens.debugger.lessons import Lessons
from mectui.screens.debugger.looking import Looking
from mectui.screens.debugger.prompt import ASKED
from mectui.screens.debugger.run_control import RunControl
from mectui.screens.debugger.stopping import Stopping
from mectui.screens.debugger.time_travel import TimeTravel
from mectui.screens.debugger.translation import TranslationPanes
from mectui.screens.debugger.workspaces import WORKSPACE_TITLES, Workspaces
from mectui.session import News, Session
from mectui.sources import SourceFiles
from mectui.widgets.bars import ActionBar, Header
from mectui.widgets.board import Board
from mectui.widgets.command_line import CommandLine

if TYPE_CHECKING:
    import emu
    from mectui.lessons.course import Course
    from mectui.saved import SavedStops

TOLD = (StopReason.EXIT, StopReason.HALTED, StopReason.ERROR)
"""Stops whose message is a sentence for people."""
TRAVELS = ("back", "rnext", "reverse-step", "reverse-next", "rout", "runtil", "rcontinue", "backto", "at", "forward")
RUNNING_COMMANDS = frozenset(("step", "next", "out", "run", "r", "until", "to", "restart", "set", *TRAVELS))
MOST_WAITING = 0.03
"""Seconds that the header of a stop waits for the views of the panes, to be painted with them."""
TURNS_TO_REPAINT = 3
"""How often the panes must have their turn until they have said which of their rows are to be painted."""
OPENS_COMMAND_LINE = ("command", "goto", "memory", "search", "until_event", "back_to")


class SessionNews(Message):
    """Something happened on the machine's thread."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


class DebuggerScreen(
    Lessons, TimeTravel, Stopping, Displaying, Calling, RunControl, Looking, TranslationPanes, Workspaces, Exporting
):
    """One machine and everything about it."""

    BINDINGS: ClassVar = [
        Binding(
            ",".join(action.keys),
            f"do('{action.name}')",
            action.title,
            show=False,
            id=action.id,
            # These open the command line: keys typed right behind must not reach the pane.
            priority=action.name in OPENS_COMMAND_LINE,
        )
        for action in of_scope(*SCREEN_SCOPES)
        if action.keys and action.name != "palette"
    ]
    CSS = """
    DebuggerScreen { layout: vertical; layers: default above; background: $background; }
    DebuggerScreen Board { margin-bottom: 1; }
    """

    def __init__(
        self,
        factory: Callable[[], emu.Machine],
        guest: str,
        commands: Sequence[str] = (),
        lesson: Course | None = None,
        saved: SavedStops | None = None,
        sources: Sequence[str | Path] = (),
    ) -> None:
        super().__init__()
        self._board: Board | None = None
        self._lesson = lesson
        self.guest = guest
        self.session = Session(factory, self.tell, saved, SourceFiles(sources))
        self.progress = Progress()
        self.first_commands = list(commands)
        self._waits_to_paint = ExitStack()
        """Nothing is painted until this is closed."""

    def tell(self, news: News) -> None:
        """Called on the machine's thread."""
        self.post_message(SessionNews(news))

    def compose(self) -> ComposeResult:
        yield Header(self.guest)
        yield Board([pane(pane.NAME) for pane in PANES])
        yield CommandLine(self.completions)
        yield ActionBar()

    def on_mount(self) -> None:
        if self.is_gone or not self.query(DisassemblyPane):  # somebody has left while this was being made
            return
        self._board = self.board  # its widgets are gone by the time the screen is told to go
        arrangement = self.mectui.arrangement(self._habit)
        self._board.restore(arrangement)
        self.disassembly.use(arrangement.code if arrangement is not None else "")
        self.disassembly.focus()
        if self._lesson is not None:
            self.begin_lesson(self._lesson)
        elif self._board.workspace is not Workspace.DEBUG:
            self.say(f"{WORKSPACE_TITLES[self._board.workspace]} This is where you left; 1 shows everything at once.")
        problems = self.mectui.take_problems()
        if problems:
            self.say(problems, is_error=True)
        self.session.start()

    def on_unmount(self) -> None:
        if self._board is not None:
            code = self._board.panes[DisassemblyPane.NAME]
            assert isinstance(code, DisassemblyPane)
            self.mectui.remember_arrangement(self._habit, replace(self._board.arrangement(), code=code.chosen_name))
        self.session.close()
        self._waits_to_paint.close()

    @property
    def _habit(self) -> str:
        """Under what name the arrangement of the panes is remembered: a lesson's is not its guest's."""
        return self.guest if self._lesson is None else f"lesson {self.guest}"

    @property
    def is_gone(self) -> bool:
        """Whether another screen has taken this one's place; what was on its way here then finds no widgets."""
        return self not in self.app.screen_stack

    async def on_session_news(self, message: SessionNews) -> None:
        if self.is_gone:
            return
        match message.news:
            case News.STATE:
                self.show_progress(self.session.take_progress())
            case News.LOOKED:
                for name, view in self.session.take_looked().items():
                    if name.startswith(ASKED):
                        self._go_on_with(view)
                    else:
                        self.board.panes[name].accept(view)
                if any(pane.as_of is not None for pane in self.board.in_front()):
                    self._tell_ages()
                for _ in range(TURNS_TO_REPAINT):
                    await asyncio.sleep(0)
                self._waits_to_paint.close()
            case News.NOTICE:
                for notice in self.session.take_notices():
                    self.say(notice.text, notice.is_error)

    def show_progress(self, progress: Progress) -> None:
        """Brings the screen up to date with the machine."""
        old, self.progress = self.progress, progress
        self.query_one(Header).show(progress)
        if progress.state is RunState.FAILED:
            if not self.mectui.failed(sentence(progress.reason)):
                self.say(sentence(progress.reason), is_error=True)
            return
        console = self.query_one(ConsolePane)
        console.follow(progress)
        for pane in self.board.panes.values():
            pane.is_guest_running = progress.state is RunState.RUNNING
        if progress.state is RunState.RUNNING:
            if progress.edits != old.edits:
                self.look(self.board.in_front())
            if old.state is RunState.RUNNING:  # a run that is over at once makes nothing old
                self._tell_ages()
            return
        for pane in self.board.panes.values():
            pane.grow_old(None)
        if progress.stops != old.stops:
            self._wait_to_paint()
            for pane in self.board.panes.values():
                pane.point(False)
                if pane is not console:
                    pane.follow(progress)
            if progress.stop is None:
                self.query_one(WalkPane).forget()
                self.forget_hits()
            elif progress.stop.message and progress.stop.reason in TOLD:
                is_error = progress.stop.reason is StopReason.ERROR or progress.stop.code != 0
                self.say(numbers.written_alike(sentence(progress.stop.message)), is_error)
            else:
                self.tell_hits(progress)
        self.look(self.to_look_at())
        self._execute_first_commands()

    def _tell_ages(self) -> None:
        """While the guest runs every pane says what moment it shows."""
        for pane in self.board.panes.values():
            if pane.GROWS_OLD:
                pane.grow_old(self.session.looked_at.get(pane.pane_name))

    def _wait_to_paint(self) -> None:
        """Paints what a stop changes at once: a repaint for the header alone keeps that of the panes waiting."""
        self._waits_to_paint.close()
        self._waits_to_paint.enter_context(self.app.batch_update())
        self._waits_to_paint.callback(self.set_timer(MOST_WAITING, self._waits_to_paint.close).stop)

    def _execute_first_commands(self) -> None:
        """Up to the next one that runs the guest: the rest waits for the stop."""
        while self.first_commands and self.progress.can_run and not self.is_waiting:
            text = self.first_commands.pop(0)
            if named(text) == "export":
                # What the panes show now: their looks stand before it on the machine's thread.
                self.ask_machine(text)
                return
            self.execute(text, as_typed=True)
            if named(text) in RUNNING_COMMANDS:
                return

    def _go_on_with(self, answer: Command | Exception) -> None:
        """A command that the machine was asked about; then those that wait behind it."""
        self.answered(answer)
        if not (isinstance(answer, Command) and answer.name in RUNNING_COMMANDS):
            self._execute_first_commands()

    def on_pane_outdated(self, message: Pane.Outdated) -> None:
        if message.pane.is_outdated and message.pane.display and self.progress.has_machine:
            self.look([message.pane])

    def on_board_arranged(self) -> None:
        if self.progress.has_machine:
            self.look(self.board.in_front())
        focused = self.focused_pane
        if focused is not None and not focused.display:
            self.board.in_front()[0].focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While somebody types, keys are text. A key that comes before the widgets, or after them, does nothing."""
        if action != "do":
            return True
        lines = self.query(CommandLine)
        return bool(lines) and not any(line.is_typing for line in lines)

    def action_do(self, name: str) -> None:
        """Runs an action of the table."""
        getattr(self, f"do_{name}")()

    def on_action_bar_pressed(self, message: ActionBar.Pressed) -> None:
        pane = self.focused_pane
        if message.action.scope in SCREEN_SCOPES:
            self.action_do(message.action.name)
        elif pane is not None and message.action in pane.own_actions():
            getattr(pane, f"action_{message.action.name}")()

    def on_descendant_focus(self) -> None:
        """The footer tells what the focused pane can do, and how to leave it for the list that led here."""
        pane = self.focused_pane
        if pane is not None:
            ways_back = [] if self.list_behind is None else [action for action in ACTIONS if action.name == "to_list"]
            self.query_one(ActionBar).show_own([*ways_back, *pane.own_actions()])
