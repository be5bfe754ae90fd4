"""The registers of one CPU under the names that people use: what scripts and tests read and write."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

from emu import state
from emu.errors import EmuError

if TYPE_CHECKING:
    from emu.cpu import Cpu


class GeneralRegisters:
    """X registers by number."""

    def __init__(self, slots: memoryview) -> None:
        self._slots = slots

    def _index(self, number: int) -> int:
        if not 0 <= number <= 31:
            raise EmuError(f"there is no register x{number}: use x0 to x30")
        return number

    def __getitem__(self, number: int) -> int:
        return self._slots[self._index(number)]

    def __setitem__(self, number: int, value: int) -> None:
        if self._index(number) != state.XZR:
            self._slots[number] = value & state.MASK64

    def __len__(self) -> int:
        return 31

    def __iter__(self) -> Iterator[int]:
        return iter(self._slots[:31].tolist())


class VectorRegisters:
    """V registers by number, as 128-bit ints."""

    def __init__(self, slots: memoryview) -> None:
        self._slots = slots

    def _index(self, number: int) -> int:
        if not 0 <= number <= 31:
            raise EmuError(f"there is no register v{number}: use v0 to v31")
        return state.VECTORS + 2 * number

    def __getitem__(self, number: int) -> int:
        index = self._index(number)
        return self._slots[index] | self._slots[index + 1] << 64

    def __setitem__(self, number: int, value: int) -> None:
        index = self._index(number)
        self._slots[index] = value & state.MASK64
        self._slots[index + 1] = value >> 64 & state.MASK64

    def __len__(self) -> int:
        return 32


class SystemRegisters(MutableMapping[str, int]):
    """System registers by name. Writing one has the effects that MSR would have, without its checks."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu

    def __getitem__(self, name: str) -> int:
        return self._cpu.system.registers.read_raw(name)

    def __setitem__(self, name: str, value: int) -> None:
        self._cpu.system.registers.write_raw(name, value & state.MASK64)

    def __delitem__(self, name: str) -> None:
        raise EmuError(f"{name} cannot be deleted: registers are hardware")

    def __iter__(self) -> Iterator[str]:
        return self._cpu.regs.names()

    def __len__(self) -> int:
        return sum(1 for _ in self._cpu.regs.names())
