"""-x FILE without a screen: commands as they are typed on the screen, carried out before the guest runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import emu
from emu.debug.events import ENDS, Stop, StopReason
from emu.errors import EmuError
from emu.loader import read_file
from mectui import running, stepping, stop_orders
from mectui.commandline import CommandError, Known, named, parse
from mectui.commands.looking import width
from mectui.commands.run import pausing, tell_stop
from mectui.commands.stops import tell_logs
from mectui.commands.where import note
from mectui.queries import registers
from mectui.render import calls as render
from mectui.render.text import Line, cell_width, plain

EVENTS = {
    "el": running.to_level,
    "security": running.to_security,
    "exception": running.to_exception,
    "hit": running.to_hit,
    "finding": running.to_finding,
}
NEW_STOPS = ("break", "tbreak", "watch", "rwatch", "awatch", "catch", "log")


def read_script(path: str) -> list[tuple[int, str]]:
    """The commands of a file, each with the number of its line; blank lines and comments are left out."""
    text = read_file(Path(path)).decode("utf-8", errors="replace")
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def carry_out(machine: emu.Machine, path: str, limit: int | None = None) -> Stop | None:
    """Carries out a file of commands. A stop where nothing is left to run then: the guest's end, or `limit`.

    `limit` counts instructions since reset. Ctrl-C ends it too. Raises EmuError with the line that is wrong.
    """
    script = Script(machine, limit)
    with pausing(machine, script.interrupt):
        for number, line in read_script(path):
            try:
                script.execute(line)
            except (CommandError, EmuError) as error:
                raise EmuError(f"{path}, line {number}: {error}") from None
            if script.end is not None:
                break
    return script.end


class Bounded(running.Pace):
    """Slices that never go past `last` instructions since reset."""

    def __init__(self, machine: emu.Machine, last: int | None) -> None:
        self._machine, self._last = machine, last
        super().__init__()

    @property
    def instructions(self) -> int:
        """Of the next slice."""
        return self._size if self._last is None else min(self._size, max(self._last - self._machine.instructions, 0))

    @instructions.setter
    def instructions(self, size: int) -> None:
        self._size = size

    @property
    def is_over(self) -> bool:
        return self._last is not None and self._machine.instructions >= self._last


class Script:
    """Carries out commands on a machine, one after the other."""

    def __init__(self, machine: emu.Machine, limit: int | None) -> None:
        self._machine = machine
        self._pace = Bounded(machine, limit)
        self._is_interrupted = False
        self._call = 0
        """The call that is looked at."""
        self.end: Stop | None = None
        """Why nothing more can be carried out."""

    def interrupt(self) -> None:
        self._is_interrupted = True

    def execute(self, line: str) -> None:
        """One command. Raises CommandError, EmuError."""
        machine, name = self._machine, named(line)
        if name and self._doing(name) is None:
            raise EmuError(f"“{name}” is for the screen: leave it out, or open the screen with `mectui GUEST -x FILE`")
        names = Known(
            registers.values(machine),
            machine.symbols.lookup,
            lambda: list(machine.symbols.names()),
            call=self._call,
        )
        command = parse(line, names.on(machine))
        do = self._doing(command.name)
        assert do is not None, "it has a name of the same kind, or is refused above"
        for told in command.notes:
            note(told)
        do(*command.arguments)

    def _doing(self, name: str) -> Callable[..., None] | None:
        return self._new_stop if name in NEW_STOPS else getattr(self, f"_do_{name}", None)

    # Stops, values.

    def _new_stop(self, stop: Any) -> None:
        told = stop.note(self._machine) if isinstance(stop, stop_orders.NewCode) else ""
        if told:
            note(told)
        stop.carry_out(self._machine)
        tell_logs(self._machine)

    def _do_condition(self, number: int, text: str) -> None:
        stop_orders.set_condition(self._machine, number, text)

    def _do_ignore(self, number: int, count: int) -> None:
        stop_orders.set_ignore(self._machine, number, count)

    def _do_enable(self, which: int | str, is_enabled: bool = True) -> None:
        stop_orders.enable(self._machine, None if which == "all" else int(which), is_enabled)

    def _do_disable(self, which: int | str) -> None:
        self._do_enable(which, False)

    def _do_delete(self, which: int | str) -> None:
        stop_orders.remove(self._machine, None if which == "all" else int(which))

    def _do_stops(self) -> None:
        _say(stop_orders.listed(self._machine))

    def _do_set(self, assignment: Any) -> None:
        assignment.carry_out(self._machine)

    def _do_print(self, text: str) -> None:
        _say(text)

    # Calls.

    def _do_calls(self, count: int = 0) -> None:
        from mectui.queries.calls import MOST, calls

        self._machine.lines.finish()
        _say_lines(render.calls(calls(self._machine, count or MOST), width()))

    def _do_frame(self, number: int = 0) -> None:
        from mectui.queries.calls import calls

        if number < 0:
            raise EmuError("this is the innermost call already")
        self._machine.lines.finish()
        view = calls(self._machine, number + 1)
        if number >= len(view.calls):
            raise EmuError(f"call {len(view.calls) - 1} is the last one: {view.end}")
        self._call = number
        item = view.calls[number]
        _say_lines([render.one(item, width(), cell_width(render.name(item)), cell_width(item.line))])

    def _do_variables(self) -> None:
        from mectui.queries.variables import variables
        from mectui.render.variables import variables as lines_of

        self._machine.lines.finish()
        _say_lines(lines_of(variables(self._machine, self._call), width()))

    def _do_up(self, count: int = 1) -> None:
        self._do_frame(self._call + count)

    def _do_down(self, count: int = 1) -> None:
        self._do_frame(self._call - count)

    # Running.

    def _do_step(self, count: int | str = 1) -> None:
        self._run(stepping.step_line if count == "line" else partial(running.step, count=int(count)))

    def _do_next(self, count: int | str = 1) -> None:
        self._run(stepping.over_line if count == "line" else partial(running.over, count=int(count)))

    def _do_out(self) -> None:
        self._run(running.out)

    def _do_run(self) -> None:
        self._run(running.resume)

    _do_r = _do_run

    def _do_until(self, where: int | str) -> None:
        if isinstance(where, str):
            told = self._machine.lines.note(where)
            if told:
                note(told)
            self._run(partial(running.until_line, text=where))
        else:
            self._run(partial(running.until, address=where))

    def _do_to(self, event: str) -> None:
        self._run(EVENTS[event])

    def _run(self, make: Callable[[emu.Machine, running.Pace], running.Plan]) -> None:
        machine, self._call = self._machine, 0
        if self._pace.is_over:
            self.end = running.stopped_here(machine, StopReason.LIMIT)
            return
        plan = make(machine, self._pace)
        try:
            while not self._is_interrupted and not self._pace.is_over:
                next(plan)
        except StopIteration as ended:
            stop: Stop = ended.value
            if stop.reason in ENDS:
                self.end = stop
            elif stop.reason is not StopReason.LIMIT:
                tell_stop(machine, stop)
            return
        plan.close()
        self.end = running.stopped_here(machine, StopReason.PAUSED if self._is_interrupted else StopReason.LIMIT)


def _say_lines(lines: Sequence[Line]) -> None:
    _say(plain(lines).rstrip("\n"))


def _say(text: str) -> None:
    """On stderr: the guest's console or a report is on stdout."""
    print(text, file=sys.stderr)
