"""The list of calls: its commands, and where its lines lead."""

from __future__ import annotations

from mectui.panes.calls import CallsPane
from mectui.panes.of_call import OfCall
from mectui.panes.pane import Pane
from mectui.queries.calls import Call
from mectui.render import calls as render
from mectui.render import numbers
from mectui.render.text import TargetKind
from mectui.screens.debugger.looking import Looking


class Calling(Looking):
    """Going to a call shows its code and registers, and expressions mean those; the machine stays as it is."""

    def command_calls(self, count: int = 0) -> None:
        self.show_pane("calls", focus=True)
        if count:
            self.query_one(CallsPane).show_at_least(count)

    def command_variables(self) -> None:
        self.show_pane("variables", focus=True)

    def command_frame(self, number: int = 0) -> None:
        self._go_to_call(number)

    def command_up(self, count: int = 1) -> None:
        self._go_to_call(self.query_one(CallsPane).number + count)

    def command_down(self, count: int = 1) -> None:
        self._go_to_call(self.query_one(CallsPane).number - count)

    def _go_to_call(self, number: int) -> None:
        self.show_pane("calls")
        pane = self.query_one(CallsPane)
        pane.seek(number)
        self._show_call(pane.number)

    def _show_call(self, number: int) -> None:
        for pane in self.query(OfCall):
            pane.show_call(number)

    def on_calls_pane_told(self, message: CallsPane.Told) -> None:
        """There is no such call."""
        self._show_call(self.query_one(CallsPane).number)
        self.say(numbers.written_alike(message.text))

    def on_pane_chosen(self, message: Pane.Chosen) -> None:
        target, pane = message.target, message.pane
        if not isinstance(pane, CallsPane) or target.kind is not TargetKind.CALL:
            return
        item = pane.call(int(target.value))
        if item is None:
            self.say(f"Call {target.value} is gone.")
        elif message.how == "stack":
            if item.frame is None:
                self.say(f"Where the frame of call {item.number} is on the stack is not known.", is_error=True)
            else:
                self.show_memory(max(item.frame - 16, 0))
        else:
            pane.reach(item.number)
            self._show_call(item.number)
            self.show_scene(pane, item.place, None)
            self.say(f"{self._call_told(item)}{self._way_back()}")

    def _call_told(self, item: Call) -> str:
        where = self.session.label(item.place) or numbers.address(item.place)
        told = f"Call {item.number} is at {where}, known from {render.how(item)}."
        if not item.number:
            return told
        status = self.progress.status
        told += " Registers and variables are its own now, in expressions too, until “frame 0”."
        if status is not None and status.el != item.el:
            told += f" Memory is read as EL{status.el} does."
        return told
