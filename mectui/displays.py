"""Expressions that are shown at every stop: the list of them, and what each was worth at the stop before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emu.debug import expressions
from emu.debug.expressions import Expression, ExpressionError, MachineEnvironment, vocabulary
from emu.errors import EmuError

if TYPE_CHECKING:
    import emu

MOST = 100
"""Expressions that are shown at once; each costs a little at every stop."""


@dataclass(frozen=True, slots=True)
class Display:
    """One expression. `form` is a letter of `mectui.render.values.FORMATS`, or "": what reads best."""

    number: int
    text: str
    form: str = ""


class Displays:
    """For use on the machine's thread."""

    def __init__(self, items: Sequence[Display] = ()) -> None:
        self.items: tuple[Display, ...] = tuple(items)
        self.before: dict[int, int | None] = {}
        """Values at the stop before this one, by number; None where there was none."""
        self._now: dict[int, int | None] = {}
        self._compiled: dict[str, Expression] = {}
        self._machine: emu.Machine | None = None

    def compiled(self, machine: emu.Machine, text: str) -> Expression:
        """Raises ExpressionError where this guest knows no such names."""
        if machine is not self._machine:  # another machine may have other symbols
            self._machine = machine
            self._compiled, self.before, self._now = {}, {}, {}
        found = self._compiled.get(text)
        if found is None:
            found = self._compiled[text] = expressions.compile(text, vocabulary(machine))
        return found

    def value(self, machine: emu.Machine, item: Display) -> int:
        """Raises EmuError where it cannot be evaluated now."""
        return self.compiled(machine, item.text).evaluate(MachineEnvironment(machine))

    def stopped(self, machine: emu.Machine) -> None:
        """Notes the values of this stop."""
        now: dict[int, int | None] = {}
        for item in self.items:
            try:
                now[item.number] = self.value(machine, item)
            except EmuError:
                now[item.number] = None
        self.before, self._now = self._now, now

    def has_changed(self, number: int, value: int | None) -> bool:
        """Whether it is not what it was at the stop before; a new one has not changed."""
        return number in self.before and self.before[number] != value

    # Orders; each returns the sentence that tells what was done.

    def show(self, machine: emu.Machine, text: str, form: str = "", number: int = 0) -> str:
        """Shows one more expression, or another one in the place of `number`. Raises EmuError."""
        compiled = self.compiled(machine, text)
        if number:
            old = self._find(number)
            self._replace(replace(old, text=text, form=form or old.form))
            return f"Display {number} is {text} now."
        same = next((item for item in self.items if item.text == text and item.form == form), None)
        if same is not None:
            return f"Display {same.number} shows {text} already."
        if len(self.items) >= MOST:
            raise EmuError(f"there are {MOST} displays; undisplay removes one")
        item = Display(1 + max((other.number for other in self.items), default=0), text, form)
        self.items = (*self.items, item)
        try:
            self._now[item.number] = compiled.evaluate(MachineEnvironment(machine))
        except ExpressionError as error:
            return f"Display {item.number} shows {text}. {error}"
        except EmuError:
            self._now[item.number] = None
        return f"Display {item.number} shows {text} at every stop."

    def write_as(self, number: int, form: str) -> str:
        """Another format."""
        self._replace(replace(self._find(number), form=form))
        return ""

    def remove(self, number: int | None) -> str:
        """One of them, or all. Raises EmuError where there is none of that number."""
        if number is None:
            count, self.items = len(self.items), ()
            self.before, self._now = {}, {}
            return "Nothing is shown at stops any more." if count else "There are no displays."
        gone = self._find(number)
        self.items = tuple(item for item in self.items if item is not gone)
        self._forget(number)
        return f"Display {number}, {gone.text}, is gone."

    def _find(self, number: int) -> Display:
        found = next((item for item in self.items if item.number == number), None)
        if found is None:
            have = ", ".join(str(item.number) for item in self.items)
            raise EmuError(f"there is no display {number}; there are {have}" if have else "there are no displays")
        return found

    def _replace(self, new: Display) -> None:
        self._find(new.number)
        if any(item.number == new.number and item.text != new.text for item in self.items):
            self._forget(new.number)
        self.items = tuple(new if item.number == new.number else item for item in self.items)

    def _forget(self, number: int) -> None:
        self.before.pop(number, None)
        self._now.pop(number, None)
