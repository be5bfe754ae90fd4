"""What the expressions that are shown at every stop are worth now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.debug.expressions import Environment, Expression, MachineEnvironment
from emu.debug.expressions.environment import error_of
from emu.debug.expressions.fields import present_fields
from emu.debug.expressions.tree import Name
from emu.errors import EmuError
from emu.registers.model import Field
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu
    from mectui.displays import Display, Displays

SMALL = 10
"""Below it nobody means an address."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One of them. `value` is None where it cannot be evaluated now: `problem` says why in a sentence."""

    number: int
    text: str
    form: str
    value: int | None
    expression: Expression | None = None
    fields: tuple[Field, ...] = ()
    """Those of the register that the expression is, where it is one."""
    label: str = ""
    """The symbol that the value is the address of."""
    is_changed: bool = False
    problem: str = ""


def displays(machine: emu.Machine, kept: Displays | None) -> tuple[Shown, ...]:
    """In the order in which they were asked for."""
    return () if kept is None else tuple(_one(machine, kept, item) for item in kept.items)


def _one(machine: emu.Machine, kept: Displays, item: Display) -> Shown:
    try:
        expression = kept.compiled(machine, item.text)
        value = kept.value(machine, item)
    except EmuError as error:
        changed = kept.has_changed(item.number, None)
        return Shown(item.number, item.text, item.form, None, is_changed=changed, problem=error_of(error))
    fields = register_fields(expression, MachineEnvironment(machine)) if item.form == "b" else ()
    name = label(machine, value) if value >= SMALL and not expression.word_of(value) else ""
    changed = kept.has_changed(item.number, value)
    return Shown(item.number, item.text, item.form, value, expression, fields, name, changed)


def register_fields(expression: Expression, environment: Environment) -> tuple[Field, ...]:
    """The fields that are there now, where the expression is a register and nothing else."""
    register = next(iter(expression.names()), "") if isinstance(expression.tree, Name) else ""
    return present_fields(register, environment) if register != "nzcv" else ()
