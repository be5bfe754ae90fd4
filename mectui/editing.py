"""Changing the machine by typed assignments: the place, the value, and the sentence that says what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.debug.expressions import Change, Expression, MachineEnvironment, Target
from mectui.plain import sentence
from mectui.render.numbers import short

if TYPE_CHECKING:
    import emu


@dataclass(frozen=True, slots=True)
class Assignment:
    """ "PLACE=VALUE", understood. Give `carry_out` to `Session.change`."""

    target: Target
    value: Expression

    def carry_out(self, machine: emu.Machine) -> str:
        """Evaluates the value, changes the place, and says so. Raises EmuError, and then nothing has changed."""
        environment = MachineEnvironment(machine)
        changed = told(self.target.assign(machine, self.value.evaluate(environment)))
        return " ".join([changed, *map(sentence, environment.notes)])


def told(change: Change) -> str:
    """ "SCTLR_EL1.M is 1 now; it was 0." """
    now = f"{change.name} is {short(change.new)} now"
    if change.new != change.asked:
        return f"{now} (not {short(change.asked)}: the other bits do not exist or are read-only)."
    if change.new == change.old:
        return f"{now}, as it was before."
    return f"{now}; it was {short(change.old)}."
