"""Running the guest, and stopping it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import emu
from mectui import running, stepping
from mectui.panes.findings import FindingsPane
from mectui.panes.hits import HitsPane
from mectui.panes.map import MapPane
from mectui.panes.memory import MemoryPane
from mectui.panes.registers import RegistersPane
from mectui.panes.tlb import TlbPane
from mectui.panes.walk import WalkPane
from mectui.plain import sentence
from mectui.render.numbers import count
from mectui.screens.debugger.parts import DebuggerParts


def line_taken(machine: emu.Machine, where: str) -> str:
    """Which line stands for one without code, as a sentence."""
    note = machine.lines.note(where)
    return sentence(note) if note else ""


class RunControl(DebuggerParts):
    """Actions and commands that run, pause, restart, and set breakpoints."""

    def run_plan(self, plan: Callable[..., running.Plan], *arguments: int | str) -> None:
        if not self.progress.has_machine:
            self.say("There is no guest to run.", is_error=True)
            return
        self.say("")
        self.session.run(plan, *arguments)

    def do_step(self) -> None:
        self.run_plan(running.step)

    def do_over(self) -> None:
        self.run_plan(running.over)

    def do_over_line(self) -> None:
        self.run_plan(stepping.over_line)

    def do_step_line(self) -> None:
        self.run_plan(stepping.step_line)

    def do_out(self) -> None:
        self.run_plan(running.out)

    def do_resume(self) -> None:
        self.run_plan(running.resume)

    def do_until(self) -> None:
        self.run_plan(running.until, self.disassembly.place)

    def do_pause(self) -> None:
        self.session.pause()

    def do_restart(self) -> None:
        self.say("Restarted.")
        self.session.restart()

    def do_breakpoint(self) -> None:
        """At the cursor of the disassembly, or at a virtual address another pane's cursor is at."""
        pane = self.focused_pane
        found = pane.address_here() if pane is not None and not isinstance(pane, RegistersPane) else None
        if isinstance(pane, WalkPane | MapPane | HitsPane | FindingsPane | TlbPane | MemoryPane) or found is None:
            found = self.disassembly.target()
        if found is not None and self.progress.has_machine:
            self.session.toggle_breakpoint(int(found.value))

    def command_step(self, count: int | str = 1) -> None:
        if count == "line":
            self.do_step_line()
        else:
            self.run_plan(running.step, count)

    def command_next(self, count: int | str = 1) -> None:
        if count == "line":
            self.do_over_line()
        else:
            self.run_plan(running.over, count)

    def command_out(self) -> None:
        self.do_out()

    def command_run(self) -> None:
        self.do_resume()

    def command_r(self) -> None:
        status = self.progress.status
        if status is None or not status.instructions:
            self.do_resume()
            return
        self.say(f"The guest is under way, at #{count(status.instructions)}: “c” goes on, “restart” begins again.")

    def command_until(self, where: int | str) -> None:
        if isinstance(where, str):
            self.run_plan(running.until_line, where)
            self.session.tell_of(partial(line_taken, where=where))
        else:
            self.run_plan(running.until, where)

    def command_pause(self) -> None:
        self.do_pause()

    def command_restart(self) -> None:
        self.do_restart()
