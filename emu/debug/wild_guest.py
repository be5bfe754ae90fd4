"""A guest whose exception vector itself faults would spin for ever: the run ends with a report instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu import state
from emu.debug.events import ExceptionTaken, Stop, StopReason

if TYPE_CHECKING:
    from emu.cpu import Cpu

_SAME_EXCEPTION_LIMIT = 64
"""Exceptions in a row that return nowhere."""


class WildGuest:
    """Counts exceptions that are taken by the first instruction after another one; native code counts in the slots."""

    def __init__(self, cpu: Cpu, describe: Callable[[int], str]) -> None:
        """`describe` gives an address in words."""
        self._cpu = cpu
        self._describe = describe

    def took(self, event: ExceptionTaken) -> None:
        """One more exception."""
        cpu = self._cpu
        slots, instruction = cpu.slots, event.moment.instruction
        slots[state.IN_A_ROW] = slots[state.IN_A_ROW] + 1 if instruction == slots[state.AFTER_EXCEPTION] else 1
        slots[state.AFTER_EXCEPTION] = instruction + 1
        if slots[state.IN_A_ROW] < _SAME_EXCEPTION_LIMIT:
            return
        slots[state.IN_A_ROW] = 0
        where = self._describe(event.elr)
        cpu.end_run(
            Stop(
                StopReason.ERROR,
                cpu.pc,
                cpu.el,
                cpu.security,
                message=f"the guest faults in its own exception vector at EL{event.to_el}: {event.kind}, at {where}; "
                f"check VBAR_EL{event.to_el} ({cpu.regs[f'VBAR_EL{event.to_el}']:#x})",
            )
        )

    def snapshot(self) -> tuple[int, int]:
        """For `restore`."""
        slots = self._cpu.slots
        return slots[state.AFTER_EXCEPTION], slots[state.IN_A_ROW]

    def restore(self, kept: tuple[int, int]) -> None:
        """Count on from there."""
        self._cpu.slots[state.AFTER_EXCEPTION], self._cpu.slots[state.IN_A_ROW] = kept
