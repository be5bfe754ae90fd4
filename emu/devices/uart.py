"""PL011 UART: enough of Arm's PrimeCell UART for polled output and input (DDI 0183)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from emu.architecture import PAS

_DR, _RSR, _FR, _ILPR, _IBRD, _FBRD, _LCR_H, _CR = 0x00, 0x04, 0x18, 0x20, 0x24, 0x28, 0x2C, 0x30
_IFLS, _IMSC, _RIS, _MIS, _ICR, _DMACR = 0x34, 0x38, 0x3C, 0x40, 0x44, 0x48
_ID = {
    0xFE0: 0x11, 0xFE4: 0x10, 0xFE8: 0x14, 0xFEC: 0x00, 0xFF0: 0x0D, 0xFF4: 0xF0, 0xFF8: 0x05, 0xFFC: 0xB1,
}  # fmt: skip
_RXFE, _TXFE = 1 << 4, 1 << 7
_RXRIS, _TXRIS = 1 << 4, 1 << 5
_STORED = {
    _ILPR: 0xFF, _IBRD: 0xFFFF, _FBRD: 0x3F, _LCR_H: 0xFF, _CR: 0xFF87, _IFLS: 0x3F, _IMSC: 0x7FF, _DMACR: 0x7,
}  # fmt: skip
"""Registers that keep what is written, with their writable bits."""


class Uart:
    """One PL011. Characters go out at once through `transmit`; its interrupt line is not connected."""

    name = "PL011 UART"
    size = 0x1000
    spaces = frozenset(PAS)

    def __init__(self, base: int, transmit: Callable[[int], None]) -> None:
        self.base = base
        self._transmit = transmit
        self._received: deque[int] = deque()
        self._registers = {_CR: 0x300, _IFLS: 0x12}

    def receive(self, data: bytes) -> None:
        """Characters typed at the terminal."""
        self._received.extend(data)

    def read(self, offset: int, size: int) -> int:
        offset &= ~3
        if offset == _DR:
            return self._received.popleft() if self._received else 0
        if offset == _FR:
            return _TXFE | (0 if self._received else _RXFE)
        if offset in (_RIS, _MIS):
            raised = _TXRIS | (_RXRIS if self._received else 0)
            return raised & (self._registers.get(_IMSC, 0) if offset == _MIS else 0x7FF)
        if offset in _ID:
            return _ID[offset]
        return self._registers.get(offset, 0)

    def write(self, offset: int, size: int, value: int) -> None:
        offset &= ~3
        if offset == _DR:
            self._transmit(value & 0xFF)
        elif offset in _STORED:
            self._registers[offset] = value & _STORED[offset]

    def snapshot(self) -> object:
        return list(self._received), dict(self._registers)

    def restore(self, kept: object) -> None:
        assert isinstance(kept, tuple)
        self._received, self._registers = deque(kept[0]), dict(kept[1])
