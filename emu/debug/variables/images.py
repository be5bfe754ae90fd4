"""The variables of everything that a machine has loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from emu.debug.variables.locations import Frame
from emu.debug.variables.scopes import Scope, Scopes

if TYPE_CHECKING:
    from emu.debug.lines import Lines
    from emu.debug.lines.images import UnitPlace
    from emu.debug.lines.units import Units


class InScope(NamedTuple):
    """What is in scope at an address."""

    scopes: tuple[Scope, ...]
    """The innermost first."""
    linked: int
    """The address as its program was linked."""
    moved: int
    """How far from there it lies."""


NOWHERE = InScope((), 0, 0)


class Variables:
    """Of one machine: read from the entries of the compile units that its line tables belong to."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._scopes: WeakKeyDictionary[Units, Scopes] = WeakKeyDictionary()

    def at(self, address: int) -> InScope:
        """What the code at an address can name; nothing while the tables have not been read (`Lines.begin`)."""
        for place in self._lines.units_at(address):
            found = self._of(place).at(place.unit, place.linked)
            if found:
                return InScope(found, place.linked, address - place.linked)
        return NOWHERE

    def passed(self, returns_to: int, register: int, frame: Frame) -> int | None:
        """What a call put into a register for the function that it called, as the code of `frame`, its caller, has it.

        None where nothing describes it. Raises UnknownError.
        """
        for place in self._lines.units_at(returns_to - 4):
            linked = place.linked + 4
            found = self._of(place).passed(place.unit, linked, register, frame, returns_to - linked)
            if found is not None:
                return found
        return None

    def _of(self, place: UnitPlace) -> Scopes:
        scopes = self._scopes.get(place.units)
        if scopes is None:
            scopes = self._scopes[place.units] = Scopes(place.units, place.lock)
        return scopes

    def problems(self) -> list[str]:
        """What is wrong with the descriptions that have been read, a few words each."""
        return [scopes.problem for scopes in self._scopes.values() if scopes.problem]
