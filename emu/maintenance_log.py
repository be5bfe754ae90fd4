"""Cache maintenance that native code does by itself, where nobody has to hear of it at once.

Without a modelled data cache a DC instruction changes nothing: it is only told of. Where nobody wants to hear of an
operation native code goes on without a word. Where all who do can hear of it later, it makes a note in a log; they are
told before anything else happens that anybody hears of, and before anybody looks.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from emu import state
from emu.debug.events import CacheMaintained

if TYPE_CHECKING:
    from emu.cpu import Cpu

OPERATIONS = ("CIPAE", "CIPAPA", "CIVAC", "CVAC", "CVAU", "CVAP", "CVADP", "IVAU")
"""By their numbers."""
NUMBERS = {name: number for number, name in enumerate(OPERATIONS)}
_ROOM = 2048
"""Records in the log."""


class Maintained(NamedTuple):
    """DC instructions of one name by physical address, in their order."""

    operation: str
    instructions: list[int]
    operands: list[int]


Later = Callable[[Maintained], None]
"""Tells listeners of several instructions, in their order."""


class MaintenanceLog:
    """The log of one CPU, and what native code may do with each operation."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self.defer: Callable[[CacheMaintained], Later | None] | None = None
        """How to tell later of instructions like one that has just been told of; None where somebody cannot wait."""
        self._log = (ctypes.c_uint64 * (state.MAINTENANCE_WORDS * _ROOM))()
        self._records = memoryview(self._log).cast("B").cast("Q")
        self._buffer = (ctypes.c_uint64 * (state.MAINTENANCE_MODES + len(OPERATIONS)))()
        self._block = memoryview(self._buffer).cast("B").cast("Q")
        self._later: dict[str, Later] = {}
        self._asked: set[str] = set()
        """Operations whose listeners have been asked since they changed last."""
        cpu.slots[state.MAINTENANCE] = ctypes.addressof(self._buffer)
        self._rewind()

    def _rewind(self) -> None:
        self._block[state.MAINTENANCE_NEXT] = ctypes.addressof(self._log)
        self._block[state.MAINTENANCE_ROOM] = _ROOM

    def told(self, event: CacheMaintained) -> None:
        """Python has done and told of an operation: see whether native code may do others like it."""
        name = event.operation
        if name in self._asked or event.ignored:
            return
        if not self._cpu.hears(event):
            self.silence(name)
        elif self.defer is not None:
            later = self.defer(event)
            if later is not None:
                self._later[name] = later
                self._open(name, state.MAINTENANCE_LOGS)
        self._asked.add(name)

    def silence(self, name: str) -> None:
        """Nobody hears of an operation."""
        self._open(name, state.MAINTENANCE_SILENT)

    def _open(self, name: str, mode: int) -> None:
        if self._cpu.memory.cache is None and name in NUMBERS:
            self._block[state.MAINTENANCE_MODES + NUMBERS[name]] = mode

    def close(self) -> None:
        """The listeners are others: the next operation of each kind is Python's again."""
        self.catch_up()
        self._asked.clear()
        for number in range(len(OPERATIONS)):
            self._block[state.MAINTENANCE_MODES + number] = state.MAINTENANCE_ASKS

    @property
    def is_behind(self) -> bool:
        """Whether somebody has to be told of something."""
        return self._block[state.MAINTENANCE_ROOM] != _ROOM

    def catch_up(self) -> None:
        """Tell everybody of what they have not heard yet."""
        count = _ROOM - self._block[state.MAINTENANCE_ROOM]
        if not count:
            return
        words = self._records[: state.MAINTENANCE_WORDS * count].tolist()
        self._rewind()
        numbers, instructions, operands = words[::3], words[1::3], words[2::3]
        start = 0
        while start < count:
            end = start + 1
            while end < count and numbers[end] == numbers[start]:
                end += 1
            name = OPERATIONS[numbers[start]]
            self._later[name](Maintained(name, instructions[start:end], operands[start:end]))
            start = end
