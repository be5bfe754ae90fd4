"""The list of calls: its commands, and where its lines lead."""

from __future__ import annotations

from mectui.panes.calls import CallsPane
from mectui.panes.pane import Pane
from mectui.render import calls as render
from mectui.render import numbers
from mectui.render.text import TargetKind
from mectui.screens.debugger.looking import Looking


class Calling(Looking):
    """Going to a call shows its code; the machine, its registers and what expressions are worth stay as they are."""

    def command_calls(self, count: int = 0) -> None:
        self.show_pane("calls", focus=True)
        if count:
            self.query_one(CallsPane).show_at_least(count)

    def command_frame(self, number: int = 0) -> None:
        self._go_to_call(number)

    def command_up(self, count: int = 1) -> None:
        self._go_to_call(self.query_one(CallsPane).number + count)

    def command_down(self, count: int = 1) -> None:
        self._go_to_call(self.query_one(CallsPane).number - count)

    def _go_to_call(self, number: int) -> None:
        self.show_pane("calls")
        self.query_one(CallsPane).seek(number)

    def on_calls_pane_told(self, message: CallsPane.Told) -> None:
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
            pane.number = item.number
            self.show_scene(pane, item.place, None)
            where = self.session.label(item.place) or numbers.address(item.place)
            told = f"Call {item.number} is at {where}, known from {render.how(item)}."
            stays = " The registers are those of call 0." if item.number else ""
            self.say(f"{told}{stays}{self._way_back()}")
