"""Arm semihosting (HLT #0xF000): console, exit, command line, and time that is the instruction count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.bulk import MOST, load_bytes, load_until_zero, store_bytes
from emu.debug.events import Stop, StopReason

if TYPE_CHECKING:
    from emu.cpu import Cpu
    from emu.devices.console import Console

IMMEDIATE = 0xF000
_APPLICATION_EXIT = 0x20026
_ERROR = (1 << 64) - 1


class Semihosting:
    """The operations of the Arm semihosting specification that need no files on the host.

    Everything else returns -1, as the specification says for what a host does not do. Reads and writes are the guest's
    own accesses, by virtual address.
    """

    def __init__(self, cpu: Cpu, console: Console, command_line: str) -> None:
        self._cpu = cpu
        self._console = console
        self._command_line = command_line

    def call(self, operation: int, parameter: int) -> int:
        """Do one operation; the result goes to x0."""
        handler = getattr(self, f"_op_{operation:02x}", None)
        return _ERROR if handler is None else handler(parameter) & _ERROR

    def _read(self, va: int, size: int) -> bytes:
        return load_bytes(self._cpu, va, size)

    def _write(self, va: int, data: bytes) -> int:
        return store_bytes(self._cpu, va, data)

    def _exit(self, code: int) -> None:
        cpu = self._cpu
        cpu.end_run(Stop(StopReason.EXIT, cpu.pc, cpu.el, cpu.security, code))

    def _words(self, address: int, count: int) -> list[int]:
        data = self._read(address, 8 * count)
        return [int.from_bytes(data[i : i + 8], "little") for i in range(0, 8 * count, 8)]

    def _op_01(self, parameter: int) -> int:  # SYS_OPEN: only the console
        name, mode, length = self._words(parameter, 3)
        if length > 255 or self._read(name, length) != b":tt":
            return _ERROR
        return 1 if mode < 4 else 2 if mode < 8 else 3

    def _op_02(self, parameter: int) -> int:  # SYS_CLOSE
        return 0 if self._words(parameter, 1)[0] in (1, 2, 3) else _ERROR

    def _op_03(self, parameter: int) -> int:  # SYS_WRITEC
        self._console.print(self._read(parameter, 1))
        return 0

    def _op_04(self, parameter: int) -> int:  # SYS_WRITE0
        self._console.print(load_until_zero(self._cpu, parameter))
        return 0

    def _op_05(self, parameter: int) -> int:  # SYS_WRITE: bytes not written
        handle, address, length = self._words(parameter, 3)
        if handle not in (2, 3):
            return length
        data = self._read(address, length)
        self._console.print(data)
        return length - len(data)

    def _op_06(self, parameter: int) -> int:  # SYS_READ: bytes not read
        handle, address, length = self._words(parameter, 3)
        if handle != 1:
            return length
        done = self._write(address, self._console.look(min(length, MOST)))
        self._console.read(done)  # behind the stores: where one of them aborts, the call comes again
        return length - done

    def _op_07(self, parameter: int) -> int:  # SYS_READC
        data = self._console.read(1)
        return data[0] if data else _ERROR

    def _op_09(self, parameter: int) -> int:  # SYS_ISTTY
        return int(self._words(parameter, 1)[0] in (1, 2, 3))

    def _op_10(self, parameter: int) -> int:  # SYS_CLOCK: centiseconds, at a nominal billion instructions a second
        return self._cpu.instructions // 10_000_000

    def _op_11(self, parameter: int) -> int:  # SYS_TIME: the run begins at the epoch, so that runs repeat
        return self._cpu.instructions // 1_000_000_000

    def _op_13(self, parameter: int) -> int:  # SYS_ERRNO
        return 0

    def _op_15(self, parameter: int) -> int:  # SYS_GET_CMDLINE
        address, length = self._words(parameter, 2)
        text = self._command_line.encode("utf-8", "surrogateescape") + b"\0"
        if len(text) > length:
            return _ERROR
        self._write(address, text)
        self._write(parameter + 8, (len(text) - 1).to_bytes(8, "little"))
        return 0

    def _op_18(self, parameter: int) -> int:  # SYS_EXIT
        reason, code = self._words(parameter, 2)
        self._exit(code if reason == _APPLICATION_EXIT else 1)
        return 0

    _op_20 = _op_18  # SYS_EXIT_EXTENDED takes the same block on AArch64

    def _op_30(self, parameter: int) -> int:  # SYS_ELAPSED: one tick an instruction
        self._write(parameter, self._cpu.instructions.to_bytes(8, "little"))
        return 0

    def _op_31(self, parameter: int) -> int:  # SYS_TICKFREQ
        return 1_000_000_000
