"""Expressions that are shown at every stop: their commands, and the keys of their pane."""

from __future__ import annotations

import emu
from mectui.panes.displays import DisplaysPane
from mectui.panes.pane import Pane
from mectui.render.text import TargetKind
from mectui.render.values import FORMATS
from mectui.screens.debugger.looking import Looking

ORDER = ("", *FORMATS)


class Displaying(Looking):
    """Every change of the list is made on the machine's thread, where the expressions are understood."""

    def command_display(self, number: int = 0, text: str = "", form: str = "") -> None:
        self.show_pane("displays")
        if not text:
            return
        displays = self.session.displays
        self.session.change_displays(lambda machine: displays.show(machine, text, form, number))

    def command_undisplay(self, which: int | str) -> None:
        number = None if which == "all" else int(which)
        displays = self.session.displays
        self.session.change_displays(lambda machine: displays.remove(number))

    def on_pane_chosen(self, message: Pane.Chosen) -> None:
        target, pane = message.target, message.pane
        if not isinstance(pane, DisplaysPane) or target.kind is not TargetKind.DISPLAY:
            return
        number = int(target.value)
        item = pane.shown(number)
        displays = self.session.displays
        if item is None:
            self.say(f"Display {number} is gone.")
        elif message.how == "remove":
            self.command_undisplay(number)
        elif message.how == "edit":
            self.open_command_line(f"display {number}={item.text}")
        elif message.how == "format":
            form = ORDER[(ORDER.index(item.form) + 1) % len(ORDER)] if item.form in ORDER else ""

            def write(machine: emu.Machine) -> str:
                displays.write_as(number, form)
                return f"Display {number}: {FORMATS.get(form, 'as it reads best')}."

            self.session.change_displays(write)
        elif item.value is None:
            self.say(item.problem, is_error=True)
        else:
            self.show_memory(item.value & (1 << 64) - 1)
