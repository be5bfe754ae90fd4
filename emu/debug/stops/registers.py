"""MSR and MRS for catchpoints: the instructions come to the CPU model, which tells of each one here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.debug.stops.catches import RegisterAccessed
from emu.isa.ops import Escape
from emu.permissions import encoding_of
from emu.registers.access import Allowed
from emu.registers.table import BY_ENCODING, BY_NAME

if TYPE_CHECKING:
    from emu.cpu import Cpu

_PSTATE = {(0, 3): "UAO", (0, 4): "PAN", (0, 5): "SPSel", (3, 1): "SSBS", (3, 2): "DIT", (3, 6): "DAIF", (3, 7): "DAIF"}
"""What MSR (immediate) writes, by op1 and op2."""

Names = frozenset[str] | None
"""Registers by name; None for every one."""


class RegisterWatch:
    """Which accesses to system registers are told of. All others are as fast as ever."""

    def __init__(self, cpu: Cpu, tell: Callable[[RegisterAccessed], None]) -> None:
        self._cpu = cpu
        self._tell = tell
        self._reads: Names = frozenset()
        self._writes: Names = frozenset()
        self._undo: list[Callable[[], None]] = []

    def install(self, reads: Names, writes: Names) -> None:
        """Tell of MRS and of MSR of these registers from now on."""
        if (reads, writes) == (self._reads, self._writes):
            return
        for undo in self._undo:
            undo()
        self._reads, self._writes = reads, writes
        kinds = ([Escape.MRS] if reads != frozenset() else []) + (
            [Escape.MSR, Escape.MSR_IMMEDIATE] if writes != frozenset() else []
        )
        self._undo = [self._cpu.system.intercept(kind, self._around(kind)) for kind in kinds]
        self._cpu.permissions.withhold(self._withholds if kinds else None)

    def _withholds(self, word: int) -> bool:
        """Whether native code must not do this system instruction by itself."""
        op0, is_read = word >> 19 & 3, bool(word >> 21 & 1)
        if op0 == 1:
            return False  # SYS
        wanted = self._reads if is_read else self._writes
        return wanted is None or not wanted.isdisjoint(self._names(word, is_read, is_immediate=op0 == 0))

    def _names(self, word: int, is_read: bool, is_immediate: bool) -> tuple[str, str]:
        """(what an instruction names, what it reaches); "" for what is no register."""
        if is_immediate:
            name = _PSTATE.get((word >> 16 & 7, word >> 5 & 7), "")
            return name, name
        item = BY_ENCODING.get(encoding_of(word))
        if item is None:
            return "", ""
        decision = self._cpu.permissions.register(word, is_read)
        reached = decision.register if isinstance(decision, Allowed) else None
        return item.name, item.name if reached is None else reached.name

    def _around(self, kind: Escape) -> Callable[[int, Callable[[int], bool]], bool]:
        def around(word: int, execute: Callable[[int], bool]) -> bool:
            return self._access(kind, word, execute)

        return around

    def _access(self, kind: Escape, word: int, execute: Callable[[int], bool]) -> bool:
        cpu = self._cpu
        moment, taken = cpu.moment(), cpu.exceptions.count
        is_read = kind is Escape.MRS
        named, register = self._names(word, is_read, is_immediate=kind is Escape.MSR_IMMEDIATE)
        given = None if is_read else cpu.slots[word & 31]
        old = None if is_read else self._held(register)
        is_elsewhere = execute(word)
        if not named:
            return is_elsewhere
        outcome, value = "", None
        if cpu.exceptions.count != taken:
            outcome = f"which did not go ahead: an exception to EL{cpu.el} was taken instead"
            value = given
        elif is_read:
            value = cpu.slots[word & 31] if word & 31 != 31 else self._held(register)
        else:
            value = given if kind is Escape.MSR else self._held(register)
        self._tell(RegisterAccessed(moment, is_read, register, named, value, old, outcome))
        return is_elsewhere

    def _held(self, name: str) -> int | None:
        """What a register holds, where looking at it changes nothing."""
        if not name or name in ("RNDR", "RNDRRS") or not self._cpu.regs.has(BY_NAME[name]):
            return None
        return self._cpu.system.registers.read_raw(name)
