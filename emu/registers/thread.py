"""Thread identifiers: a word for software at each exception level."""

from __future__ import annotations

from emu.registers.model import Encoding, Field, Register, Reset

_WORD = (Field("ID", 63, 0, "Whatever software puts there"),)


def _thread(name: str, encoding: Encoding, el: int, meaning: str, write_el: int | None = None) -> Register:
    return Register(name, encoding, meaning, _WORD, el=el, reset=Reset.UNKNOWN, group="thread", write_el=write_el)


REGISTERS: tuple[Register, ...] = (
    _thread("TPIDR_EL0", (3, 3, 13, 0, 2), 0, "Thread identifier of EL0"),
    _thread("TPIDRRO_EL0", (3, 3, 13, 0, 3), 0, "Thread identifier that EL0 can only read", write_el=1),
    _thread("TPIDR_EL1", (3, 0, 13, 0, 4), 1, "Thread identifier of EL1"),
    _thread("TPIDR_EL2", (3, 4, 13, 0, 2), 2, "Thread identifier of EL2"),
    _thread("TPIDR_EL3", (3, 6, 13, 0, 2), 3, "Thread identifier of EL3"),
)
