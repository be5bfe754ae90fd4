"""What stands around the CPU and its memory: serial port, protection engine, firmware where the guest has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.devices.console import Console
from emu.devices.monitor import Monitor
from emu.devices.mpe import BASE as MPE_BASE
from emu.devices.mpe import ProtectionEngine
from emu.devices.uart import Uart

if TYPE_CHECKING:
    from emu.cpu import Cpu

_UART_BASE = 0x0900_0000


def firmware_for(cpu: Cpu, mecid_width: int, is_memory: Callable[[int], bool]) -> Monitor:
    """What answers a CPU's SMCs from now on; `is_memory` says of physical addresses what `Board.is_delegable` does."""
    monitor = cpu.system.calls.monitor = Monitor(
        mecid_width=mecid_width,
        refresh=cpu.system.refresh_key,
        is_memory=is_memory,
        is_protected=lambda: bool(cpu.regs.field("GPCCR_EL3.GPC")),
    )
    return monitor


class Board:
    """The devices of one machine, in its memory map."""

    def __init__(self, cpu: Cpu, console: Console, mecid_width: int, *, has_firmware: bool) -> None:
        """`has_firmware`: somebody has to answer for EL3. `mecid_width` is 0 without MEC."""
        self._memory = cpu.memory
        self._console = console
        self.uart = Uart(_UART_BASE, lambda character: console.print(bytes((character,))))
        self._mpe = ProtectionEngine(MPE_BASE, mecid_width, cpu.system.refresh_key)
        cpu.memory.devices += [self.uart, self._mpe]
        self.monitor = firmware_for(cpu, mecid_width, self.is_delegable) if has_firmware else None

    def is_delegable(self, pa: int) -> bool:
        """Whether there is memory at an address that firmware may give to another address space."""
        region = self._memory.region_of(pa)
        return region is not None and region.is_writable

    def reset(self) -> None:
        """Start over. What waits at the serial port still does."""
        self._mpe.reset()
        if self.monitor is not None:
            self.monitor.reset()

    def snapshot(self) -> tuple[object, ...]:
        """Everything but what has been printed; for `restore`."""
        monitor = None if self.monitor is None else self.monitor.snapshot()
        return self.uart.snapshot(), self._console.unread, self._mpe.snapshot(), monitor

    def restore(self, kept: tuple[object, ...], printed: bytes) -> None:
        """Return to what `snapshot` gave, and to what had been printed then."""
        uart, typed, keys, monitor = kept
        assert isinstance(typed, bytes)
        self.uart.restore(uart)
        self._console.restore(printed, typed)
        self._mpe.restore(keys)
        if self.monitor is not None:
            self.monitor.restore(monitor)
