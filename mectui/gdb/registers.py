"""Registers by their number in the target description: read and written as bytes, low byte first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.errors import EmuError
from mectui.gdb.packets import PacketError
from mectui.gdb.target import COMMON, Description, describe

if TYPE_CHECKING:
    import emu

_CHANGEABLE = {
    "NZCV": 0xF000_0000, "DIT": 1 << 24, "UAO": 1 << 23, "PAN": 1 << 22, "SSBS": 1 << 12, "DAIF": 0x3C0, "SPSel": 1,
}  # fmt: skip
"""The parts of PSTATE that a client may change, with their bits in SPSR_ELx. The exception level is not one: it
changes with the exception that changes it."""
_CORE_NAMES = ("sp", "pc")


class Registers:
    """The registers of one machine as a client sees them."""

    def __init__(self, machine: emu.Machine) -> None:
        self._machine = machine
        self.description: Description = describe(machine)

    def value(self, number: int) -> int:
        """Raises PacketError for a number that none has."""
        name, cpu = self._name(number), self._machine.cpu
        if name in _CORE_NAMES:
            return int(getattr(cpu, name))
        if name == "cpsr":
            return cpu.exceptions.spsr()
        if name in ("fpsr", "fpcr"):
            return cpu.sysreg[name.upper()]
        if number < len(COMMON):
            return cpu.x[int(name[1:])] if name[0] == "x" else cpu.v[int(name[1:])]
        return cpu.sysreg[name]

    def read(self, number: int) -> bytes:
        return self.value(number).to_bytes(self.description.slots[number].size, "little")

    def read_common(self) -> bytes:
        """The registers of a `g` packet."""
        return b"".join(map(self.read, range(len(COMMON))))

    def write(self, number: int, data: bytes) -> None:
        """Change a register. Raises PacketError for what is none, EmuError for what cannot be changed."""
        name, slot, cpu = self._name(number), self.description.slots[number], self._machine.cpu
        if len(data) != slot.size:
            raise PacketError(f"{name} has {slot.size} bytes, not {len(data)}")
        value = int.from_bytes(data, "little")
        if slot.is_read_only:
            raise EmuError(f"{name} is read-only")
        if name in _CORE_NAMES:
            setattr(cpu, name, value)
        elif name == "cpsr":
            self._write_pstate(value)
        elif name in ("fpsr", "fpcr"):
            cpu.sysreg[name.upper()] = value
        elif number >= len(COMMON):
            cpu.sysreg[name] = value
        elif name[0] == "x":
            cpu.x[int(name[1:])] = value
        else:
            cpu.v[int(name[1:])] = value

    def write_common(self, data: bytes) -> None:
        """A `G` packet: as many registers as it has. Those that are to stay as they are are left alone."""
        parts, at = {}, 0
        for number, slot in enumerate(COMMON):
            part = data[at : at + slot.size]
            at += slot.size
            if len(part) == slot.size and part != self.read(number):
                parts[number] = part
        if _CPSR in parts:  # first what may be refused: then nothing has changed
            self.write(_CPSR, parts.pop(_CPSR))
        for number, part in parts.items():
            self.write(number, part)

    def _write_pstate(self, value: int) -> None:
        differing = value ^ self.value(_CPSR)
        fixed = differing & ~sum(_CHANGEABLE.values())
        if fixed:
            raise EmuError(f"bits {fixed:#x} of cpsr cannot be changed: an exception or its return does that")
        for name, mask in _CHANGEABLE.items():
            if differing & mask:
                self._machine.cpu.sysreg[name] = value & mask

    def _name(self, number: int) -> str:
        slots = self.description.slots
        if not 0 <= number < len(slots):
            raise PacketError(f"there is no register {number}")
        return slots[number].name


_CPSR = next(number for number, slot in enumerate(COMMON) if slot.name == "cpsr")
