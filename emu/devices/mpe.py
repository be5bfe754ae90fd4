"""The memory protection engine's register block: where EL3 firmware asks for a new key for a MECID.

No architecture names such a block; boards have one of their own, and this is this machine's. It answers in the Root
address space alone: an access from any other space finds nothing there and takes an External abort.

| offset | name | access | meaning |
|---|---|---|---|
| 0x00 | ID | RO | [3:0] bits of a MECID minus 1; [4] whether there are MECIDs; [15:8] version 1; [31:16] 0x4D45 |
| 0x08 | REFRESH | WO | [15:0] a MECID: it gets a new key at once; bits [63:16] have to be 0 |
| 0x10 | STATUS | RO | what became of the last REFRESH: 0 none since reset, 1 done, 2 no such MECID |
| 0x18 | COUNT | RO | keys renewed since reset |

Registers are 64 bits wide; an access of 4 bytes reaches the low or high half. What is not listed reads as zero and
ignores writes.
"""

from __future__ import annotations

from collections.abc import Callable

from emu.architecture import PAS

BASE = 0x0A10_0000
"""Behind the virtio transports of QEMU's virt board, where that board has nothing."""
ID, REFRESH, STATUS, COUNT = 0x00, 0x08, 0x10, 0x18
NONE, DONE, NO_SUCH_MECID = 0, 1, 2
_MAGIC, _VERSION = 0x4D45, 1


class ProtectionEngine:
    """The register block. `refresh` gives a MECID a new key; `width` is in bits, 0 for a machine without MECIDs."""

    name = "memory protection engine"
    size = 0x1000
    spaces = frozenset((PAS.ROOT,))

    def __init__(self, base: int, width: int, refresh: Callable[[int], None]) -> None:
        self.base = base
        self._width = width
        self._refresh = refresh
        self._status = NONE
        self._count = 0

    def read(self, offset: int, size: int) -> int:
        identity = _MAGIC << 16 | _VERSION << 8 | (1 << 4 | self._width - 1 if self._width else 0)
        value = {ID: identity, STATUS: self._status, COUNT: self._count}.get(offset & ~7, 0)
        return value >> 8 * (offset & 7)

    def write(self, offset: int, size: int, value: int) -> None:
        if offset != REFRESH:
            return
        if value >> self._width or not self._width:
            self._status = NO_SUCH_MECID
            return
        self._status, self._count = DONE, self._count + 1
        self._refresh(value)

    def reset(self) -> None:
        self._status, self._count = NONE, 0

    def snapshot(self) -> object:
        return self._status, self._count

    def restore(self, kept: object) -> None:
        assert isinstance(kept, tuple)
        self._status, self._count = kept
