"""A session without a screen, ordered about by the same typed commands: what a lesson's check runs on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu.errors import EmuError
from mectui import running, travelling
from mectui.commandline import Command, CommandError, Known, parse
from mectui.editing import Assignment
from mectui.lessons.conditions import Look, Situation
from mectui.progress import Progress, RunState
from mectui.session import News, Session, Surroundings

if TYPE_CHECKING:
    import emu

PATIENCE = 60.0
"""Seconds until a command counts as hanging."""
PLANS: dict[str, Callable[..., running.Plan]] = {
    "step": running.step,
    "next": running.over,
    "out": running.out,
    "run": running.resume,
    "until": running.until,
    "back": travelling.step_back,
    "rnext": travelling.over_back,
    "rout": travelling.out_back,
    "runtil": travelling.until_back,
    "rcontinue": travelling.resume_back,
    "at": travelling.at,
}
SHOWN = {"walk": "walk", "goto": "disassembly", "mem": "memory", "pmem": "memory", "register": "registers"}
"""Commands that open a pane, most of them at an address."""
OF_A_SCREEN = ("eyes", "print", "theme", "workspace", "help")
"""Commands that change nothing but the screen."""


class DriverError(EmuError):
    """A command did not do what it was typed for: one sentence."""


class Driver:
    """Use it as a context: the machine is there inside, and its thread ends behind."""

    def __init__(self, factory: Callable[[], emu.Machine]) -> None:
        self._news = threading.Condition()
        self._session = Session(factory, self._heard)
        self.looks: set[Look] = set()

    def __enter__(self) -> Driver:
        self._session.start()
        self._wait(lambda: self.progress.state is not RunState.STARTING, "the machine")
        if self.progress.state is RunState.FAILED:
            raise DriverError(self.progress.reason)
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._session.join(PATIENCE)

    @property
    def progress(self) -> Progress:
        return self._session.progress

    def do(self, text: str) -> None:
        """Carries out a typed command and waits for its end. Raises DriverError."""
        known = Known(self.progress.values, self._session.symbol, self._session.symbol_names)
        try:
            command = self.ask(lambda situation: parse(text, known.on(situation.machine)))
        except CommandError as error:
            raise DriverError(str(error)) from error
        before = self.progress.stops
        if self._carry_out(command):
            self._wait(
                lambda: self.progress.stops > before and self.progress.state is not RunState.RUNNING, f"“{text}”"
            )
        else:
            self.ask(lambda situation: None)  # orders are served in turn: what was ordered is done
        for notice in self._session.take_notices():
            if notice.is_error:
                raise DriverError(f"“{text}”: {notice.text}")

    def ask(self, question: Callable[[Situation], Any]) -> Any:
        """A question about the situation, answered on the machine's thread. Raises what the question raises."""
        looks, stop = frozenset(self.looks), self.progress.stop

        def look(machine: emu.Machine, around: Surroundings) -> Any:
            return question(Situation(machine, around.events, looks, stop))

        answers: dict[str, Any] = {}
        self._session.look({"driver": look})
        self._wait(lambda: answers.update(self._session.take_looked()) or "driver" in answers, "an answer")
        answer = answers["driver"]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _carry_out(self, command: Command) -> bool:
        """Whether the machine runs because of it, and will stop."""
        session, name, arguments = self._session, command.name, command.arguments
        numbers = [argument for argument in arguments if isinstance(argument, int)]
        if name in PLANS:
            session.run(PLANS[name], *numbers)
            return True
        if name in SHOWN:
            self.looks |= {Look(SHOWN[name]), *(Look(SHOWN[name], number) for number in numbers)}
            return False
        match name, arguments:
            case "restart", _:
                session.restart()
            case "set", (Assignment() as assignment,):
                session.change(assignment.carry_out)
            case "break", (int(address),):
                session.toggle_breakpoint(address)
            case "delete", (which,):
                session.remove_breakpoint(which if isinstance(which, int) else None)
            case "type", (str(text),):
                session.type_to_guest(f"{text}\n")
            case "pane", (str(pane),):
                self.looks.add(Look(pane))
            case _ if name not in OF_A_SCREEN:
                raise DriverError(f"“{name}” cannot be carried out without a screen.")
        return False

    def _heard(self, news: News) -> None:
        """Called on the machine's thread."""
        if news is News.STATE:
            self._session.take_progress()
        with self._news:
            self._news.notify_all()

    def _wait(self, is_so: Callable[[], Any], what: str) -> None:
        with self._news:
            if not self._news.wait_for(is_so, PATIENCE):
                raise DriverError(f"{what} took longer than {PATIENCE:.0f} seconds.")
