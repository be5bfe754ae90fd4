"""Stops on the screen: their commands, the keys of their pane, and running until something happens."""

from __future__ import annotations

from collections.abc import Callable

import emu
from mectui import running, stop_orders
from mectui.panes.pane import Pane
from mectui.panes.stops import StopsPane
from mectui.queries.stops import StopView
from mectui.render.text import TargetKind
from mectui.screens.debugger.looking import Looking
from mectui.screens.debugger.prompt import Question, letters
from mectui.screens.debugger.run_control import RunControl
from mectui.stop_orders import NewStop

EVENTS: dict[str, tuple[str, Callable[..., running.Plan]]] = {
    "e": ("exception level", running.to_level),
    "s": ("Security state", running.to_security),
    "x": ("exception", running.to_exception),
    "h": ("hit", running.to_hit),
    "f": ("finding", running.to_finding),
}
"""What “run until” may be followed by."""
BY_NAME = {"el": "e", "security": "s", "exception": "x", "hit": "h", "finding": "f"}


class Stopping(RunControl, Looking):
    """Everything about where and when the guest stops."""

    # Running until something happens.

    def do_until_event(self) -> None:
        """A letter more says what."""
        names = {key: name for key, (name, _) in EVENTS.items()}
        hint = letters("run until the next …", names, self.app.size.width)
        self.ask(Question("U", hint, self._until_named, self._until_typed))

    def _until_typed(self, text: str) -> None:
        if text[:1].lower() in EVENTS:
            self._question = None
            self.shut_command_line()
            self._until_named(text)

    def _until_named(self, text: str) -> None:
        found = EVENTS.get(text[:1].lower())
        if found is not None:
            self.run_plan(found[1])

    def do_to_level(self) -> None:
        self.run_plan(running.to_level)

    def do_to_security(self) -> None:
        self.run_plan(running.to_security)

    def do_to_exception(self) -> None:
        self.run_plan(running.to_exception)

    def do_to_hit(self) -> None:
        self.run_plan(running.to_hit)

    def do_to_finding(self) -> None:
        self.run_plan(running.to_finding)

    def command_to(self, event: str) -> None:
        self._until_named(BY_NAME[event])

    # Commands.

    def _add(self, stop: NewStop) -> None:
        self.session.change_stops(stop.carry_out)

    def command_break(self, stop: NewStop) -> None:
        self._add(stop)

    def command_tbreak(self, stop: NewStop) -> None:
        self._add(stop)

    def command_watch(self, stop: NewStop) -> None:
        self._add(stop)

    def command_rwatch(self, stop: NewStop) -> None:
        self._add(stop)

    def command_awatch(self, stop: NewStop) -> None:
        self._add(stop)

    def command_catch(self, stop: NewStop) -> None:
        self._add(stop)

    def command_log(self, stop: NewStop) -> None:
        self._add(stop)

    def command_condition(self, number: int, text: str) -> None:
        self.session.change_stops(lambda machine: stop_orders.set_condition(machine, number, text))

    def command_ignore(self, number: int, count: int) -> None:
        self.session.change_stops(lambda machine: stop_orders.set_ignore(machine, number, count))

    def command_enable(self, which: int | str) -> None:
        self._enable(which, True)

    def command_disable(self, which: int | str) -> None:
        self._enable(which, False)

    def _enable(self, which: int | str, is_enabled: bool) -> None:
        number = None if which == "all" else int(which)
        self.session.change_stops(lambda machine: stop_orders.enable(machine, number, is_enabled))

    def command_delete(self, which: int | str) -> None:
        self.session.remove_breakpoint(None if which == "all" else int(which))

    def command_stops(self) -> None:
        self.show_pane("stops", focus=True)

        def say(machine: emu.Machine) -> str:
            return stop_orders.listed(machine)

        self.session.change_stops(say)

    # Keys of panes.

    def on_pane_prefilled(self, message: Pane.Prefilled) -> None:
        self.open_command_line(message.text)

    def on_pane_chosen(self, message: Pane.Chosen) -> None:
        target, pane = message.target, message.pane
        if not isinstance(pane, StopsPane) or target.kind is not TargetKind.STOP:
            return
        number = int(target.value)
        item = pane.stop(number)
        if item is None:
            self.say(f"Stop {number} is gone.")
            return
        match message.how:
            case "switch":
                self.session.change_stops(lambda machine: stop_orders.toggle(machine, number))
            case "remove":
                self.session.remove_breakpoint(number)
            case "edit":
                self.open_command_line(f"condition {number} {item.condition}")
            case _:
                self._go_to(item)

    def _go_to(self, item: StopView) -> None:
        """Code for breakpoints, memory for watchpoints, and what hit a catchpoint last."""
        if item.address is not None and item.is_code and not item.is_physical:
            self.show_code(item.address)
        elif item.address is not None:
            self.show_memory(item.address, item.is_physical)
        elif item.last is not None:
            self.show_code(item.last.pc)
        else:
            self.say(f"Catchpoint {item.number} has not been hit yet.")
