"""Going back in time, and forward again: its keys and commands."""

from __future__ import annotations

from collections.abc import Callable

from mectui import running, stepping_back, travelling
from mectui.screens.debugger.looking import Looking
from mectui.screens.debugger.prompt import Question, letters
from mectui.screens.debugger.run_control import RunControl

CURSOR = "cursor"
PLACES: dict[str, tuple[str, Callable[..., running.Plan]]] = {
    "c": ("call", travelling.out_back),
    "e": ("exception level", travelling.to_level),
    "s": ("Security state", travelling.to_security),
    "x": ("exception", travelling.to_exception),
    "h": ("hit", travelling.to_hit),
    "f": ("finding", travelling.to_finding),
    "p": ("stop", travelling.to_stop),
    "u": (CURSOR, travelling.until_back),
    "b": ("beginning", travelling.beginning),
}
"""What “back to” may be followed by."""
BY_NAME = {
    "call": "c", "el": "e", "security": "s", "exception": "x", "hit": "h", "finding": "f", "stop": "p", "start": "b",
}  # fmt: skip


class TimeTravel(RunControl, Looking):
    """Every way through time."""

    def do_back(self) -> None:
        self.run_plan(travelling.step_back)

    def do_over_back(self) -> None:
        self.run_plan(travelling.over_back)

    def do_resume_back(self) -> None:
        self.run_plan(travelling.resume_back)

    def do_furthest(self) -> None:
        self.run_plan(travelling.furthest)

    def do_back_to(self) -> None:
        """A letter more says what."""
        names = {key: name for key, (name, _) in PLACES.items()}
        hint = letters("back to the …", names, self.app.size.width)
        self.ask(Question("<", hint, self._back_named, self._back_typed))

    def _back_typed(self, text: str) -> None:
        if text[:1].lower() in PLACES:
            self._question = None
            self.shut_command_line()
            self._back_named(text)

    def _back_named(self, text: str) -> None:
        found = PLACES.get(text[:1].lower())
        if found is not None:
            self.run_plan(found[1], *((self.disassembly.place,) if found[0] == CURSOR else ()))

    def do_over_line_back(self) -> None:
        self.run_plan(stepping_back.over_line_back)

    def do_step_line_back(self) -> None:
        self.run_plan(stepping_back.step_line_back)

    def command_back(self, count: int | str = 1) -> None:
        if count == "line":
            self.do_step_line_back()
        else:
            self.run_plan(travelling.step_back, count)

    def command_rnext(self, count: int | str = 1) -> None:
        if count == "line":
            self.do_over_line_back()
        else:
            self.run_plan(travelling.over_back, count)

    def command_reverse_step(self) -> None:
        self.do_step_line_back()

    def command_reverse_next(self) -> None:
        self.do_over_line_back()

    def command_rout(self) -> None:
        self.run_plan(travelling.out_back)

    def command_runtil(self, address: int) -> None:
        self.run_plan(travelling.until_back, address)

    def command_rcontinue(self) -> None:
        self.do_resume_back()

    def command_backto(self, place: str) -> None:
        self._back_named(BY_NAME[place])

    def command_at(self, instruction: int) -> None:
        self.run_plan(travelling.at, instruction)

    def command_forward(self) -> None:
        self.do_furthest()

    def command_timeline(self) -> None:
        self.show_pane("timeline", focus=True)
