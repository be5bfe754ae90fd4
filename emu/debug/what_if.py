"""What if a register or a descriptor were another one? The machine's own walker answers, on a copy."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from emu.debug.expressions import compile, vocabulary
from emu.debug.expressions.environment import MachineEnvironment
from emu.debug.expressions.targets import Change, Target, compile_target
from emu.debug.trial import Trial
from emu.errors import EmuError
from emu.registers.model import Field
from emu.translation.fields import field_named, replaced
from emu.translation.records import Request, Walk, WalkStep
from emu.translation.regimes import ReservedSecurityStateError, regime_of, security_of
from emu.views import MecView

if TYPE_CHECKING:
    from emu.machine import Machine

_DESCRIPTOR = re.compile(
    r"\s*\[\s*pa\s*:(?P<address>[^\]]*)\]\s*\.\s*(?P<field>\w{2,}(\[\d+:\d+\])?)\s*", re.IGNORECASE
)
"""A field of a descriptor; sizes of memory operands have one letter."""


class Supposed(Trial):
    """A machine as it was when this was made, but for what is supposed on top."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.mec = MecView(self.cpu, self.memory)
        self.begin()

    def set_register(self, name: str, value: int) -> None:
        """Suppose that a register, or a field of one ("TCR2_EL2.AMEC1"), holds a value. Raises EmuError."""
        compile_target(name, vocabulary(self._machine)).assign(_machine(self), value)

    def again(self, request: Request) -> Request:
        """The same access by the supposed registers: they may put its exception level into another regime.

        An access that was made under other registers than the machine's present ones stays as it is.
        """
        was, now = self._machine.cpu.acting, self.cpu.acting
        el = request.el
        try:
            if (regime_of(el, was), security_of(el, was)) != (request.regime, request.security):
                return request
            return replace(request, regime=regime_of(el, now), security=security_of(el, now))
        except ReservedSecurityStateError:
            return request

    # What expressions ask of a machine.

    def read_virtual(self, va: int, size: int) -> bytes | None:
        """What a load in the supposed context would see; None where it would fault."""
        return self.cpu.peek_bytes(va, size)


def _machine(where: Machine | Supposed) -> Machine:
    """Both have the CPU, the memory and the ownership map that assignments need."""
    return cast("Machine", where)


@dataclass(frozen=True, slots=True)
class Supposition:
    """One thing that is supposed to be another: "TCR2_EL2.AMEC1=1", "[pa:0x40083008].AMEC=1"."""

    name: str
    value: int
    target: Target | None = None
    pa: int = 0
    field: Field | None = None
    """Of the descriptor at `pa`, where there is no target."""

    @property
    def text(self) -> str:
        return f"{self.name}={self.value:#x}"

    def apply(self, where: Machine | Supposed) -> Change:
        """Make it so, in a copy or in the machine itself. Raises EmuError, and then nothing has changed.

        A descriptor gets its value as plaintext of whoever owns it: a walk under another context still sees noise.
        """
        if self.target is not None:
            return self.target.assign(_machine(where), self.value)
        assert self.field is not None
        old = int.from_bytes(where.read(self.pa, 8), "little")
        new = replaced(old, self.field, self.value)
        where.write(self.pa, new.to_bytes(8, "little"))
        return Change(self.name, self.field.of(old), self.field.of(new), self.value)


def suppose(machine: Machine, text: str, walk: Walk | None = None) -> Supposition:
    """Understand "WHAT=VALUE". WHAT is a register, a field of one, memory, or a field of a descriptor.

    `walk` tells whether the descriptor is one of stage 1 or stage 2, whose fields differ. Raises EmuError.
    """
    place, equals, value_text = text.partition("=")
    if not equals or not place.strip() or not value_text.strip():
        raise EmuError("suppose what? Write WHAT=VALUE: TCR2_EL2.AMEC1=1, [pa:0x40083008]=0x743, [pa:0x40083008].AF=1")
    names, environment = vocabulary(machine), MachineEnvironment(machine)
    value = compile(value_text, names).evaluate(environment)
    found = _DESCRIPTOR.fullmatch(place)
    if found is None:
        target = compile_target(place.strip(), names)
        return Supposition(target.name, value, target)
    pa = compile(found["address"], names).evaluate(environment)
    if pa % 8:
        raise EmuError(f"a descriptor is at a multiple of 8, not at {pa:#x}")
    field = field_named(found["field"], _stage_of(pa, walk))
    return Supposition(f"[pa:{pa:#x}].{field.name}", value, None, pa, field)


def _stage_of(pa: int, walk: Walk | None) -> int | None:
    def search(steps: tuple[WalkStep, ...]) -> int | None:
        for step in steps:
            if step.pa == pa:
                return step.stage
            nested = search(step.stage2)
            if nested is not None:
                return nested
        return None

    return None if walk is None else search((*walk.steps, *walk.stage2))
