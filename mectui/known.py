"""What a typed line may name, and where the values of those names come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emu.debug import expressions
from emu.debug.expressions import Environment, MachineEnvironment, RegisterValues, Vocabulary
from emu.debug.expressions.names import GENERAL, VECTORS
from mectui.queries.call_values import CallEnvironment

if TYPE_CHECKING:
    import emu

OF_CALLS = frozenset((*GENERAL, *VECTORS, "CurrentEL"))
"""Registers whose values are another call's where one further out is looked at: only the machine can tell them."""


@dataclass(frozen=True, slots=True)
class Known:
    """The names a line may use: registers with their values at the last stop, symbols, themes."""

    registers: Mapping[str, int]
    symbol: Callable[[str], int | None]
    symbols: Callable[[], Sequence[str]]
    themes: Sequence[str] = ()
    keymaps: Sequence[str] = ()
    label: Callable[[int], str] | None = None
    """Names an address by the symbol before it."""
    environment: Environment | None = None
    """Where values come from, if not from `registers`."""
    call: int = 0
    """The call whose X0-X30, SP and PC are meant; 0 is the present one."""
    given: tuple[expressions.Given, ...] = ()
    """Names that only conditions of stops may use, such as `value`."""
    files: Callable[[], Sequence[str]] = tuple
    """Source files as they are written before a line's number."""

    @property
    def vocabulary(self) -> Vocabulary:
        return Vocabulary(tuple(self.registers), self.symbol, self.symbols, self.given, self.files)

    def on(self, machine: emu.Machine) -> Known:
        """The same names with the machine as it is now to evaluate them; for use on its thread."""
        return replace(self, environment=_environment(machine, self.call))

    @property
    def values(self) -> Environment:
        """Where the values of expressions come from."""
        if self.environment is not None:
            return self.environment
        if not self.call:
            return RegisterValues(self.registers)
        return RegisterValues({name: value for name, value in self.registers.items() if name not in OF_CALLS})

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know about the values that have been asked for."""
        found = self.environment
        return tuple(found.notes) if isinstance(found, (MachineEnvironment, CallEnvironment)) else ()

    def register(self, name: str) -> str | None:
        """A register's proper name, whatever case it was typed in."""
        found = self.vocabulary.find_register(name)
        return found.source if found is not None and found.source in self.registers else None


def _environment(machine: emu.Machine, number: int) -> Environment:
    if number:
        from mectui.queries.calls import call

        found = call(machine, number)
        if found is not None:
            return CallEnvironment(machine, found)
    return MachineEnvironment(machine)
