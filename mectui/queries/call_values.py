"""What expressions are worth in a call further out: with its registers in the place of the present ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.debug.expressions import ExpressionError, MachineEnvironment
from emu.debug.expressions.names import GENERAL, VECTORS
from emu.translation.regimes import security_of

if TYPE_CHECKING:
    import emu
    from mectui.queries.calls import Call

LEVELLED = ("pa", "mapped", "mecid")
"""Questions that the present exception level answers."""


class CallEnvironment:
    """A live machine as seen from a call; use it on the machine's thread.

    System registers, memory and its owners are those of the present: nobody keeps others.
    """

    def __init__(self, machine: emu.Machine, call: Call) -> None:
        self._machine = machine
        self._present = MachineEnvironment(machine)
        self._call = call
        self.notes = self._present.notes

    def register(self, name: str) -> int:
        call = self._call
        if name == "pc":
            return call.pc
        if name == "el":
            return call.el
        if name == "security":
            return int(security_of(call.el, self._machine.cpu.acting))
        if name not in GENERAL and name not in VECTORS:
            return self._present.register(name)
        value = call.registers.get(name)
        if value is None:
            why = "only X0 to X30 and SP are looked for" if name in VECTORS else "what it called did not keep it"
            raise ExpressionError(f"{name} of call {call.number} is not known: {why}.")
        return value

    def acting(self, name: str) -> int:
        return self._present.acting(name)

    def effective(self, register: str, field: str) -> int:
        return self._present.effective(register, field)

    def memory(self, space: str, address: int, size: int, mecid: int | None) -> int:
        if space == "va":
            self._require_level("Memory is read")
        return self._present.memory(space, address, size, mecid)

    def ask(self, question: str, argument: int) -> int:
        if question in LEVELLED:
            self._require_level(f"{question}() answers")
        return self._present.ask(question, argument)

    def source(self, text: str) -> int:
        return self._present.source(text)

    def _require_level(self, what: str) -> None:
        call, level = self._call, self._machine.cpu.el
        if level != call.el:
            raise ExpressionError(
                f"{what} as EL{level} does, and call {call.number} is at EL{call.el}: give a physical address, "
                "[pa:…], or go back with “frame 0”."
            )
