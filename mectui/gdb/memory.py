"""Memory as a client reads and writes it: by virtual addresses, through the eyes that `monitor eyes` chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.architecture import PAGE, PAS
from emu.debug.expressions.environment import MachineEnvironment
from emu.debug.expressions.targets import require_sight
from emu.errors import EmuError
from mectui.queries.memory import Eyes, Window

if TYPE_CHECKING:
    import emu

MASK64 = (1 << 64) - 1
REFUSED_RAW = "what memory holds encrypted cannot be written: choose other eyes, such as `monitor eyes owner`"


class UnreadableError(EmuError):
    """Not even the first byte can be read."""


class Memory:
    """Memory of one machine. `eyes` and `mecid` say how it is read, `is_physical` what addresses mean."""

    def __init__(self, machine: emu.Machine) -> None:
        self._machine = machine
        self.eyes = Eyes.CONTEXT
        self.mecid = 0
        """The MECID of `Eyes.MECID`."""
        self.is_physical = False
        self.problem = ""
        """Why the last read or write failed, in a sentence."""

    def read(self, address: int, size: int) -> bytes:
        """Up to `size` bytes: those before the first that cannot be read. Raises UnreadableError where that is it."""
        data = b""
        while len(data) < size:
            here = (address + len(data)) & MASK64
            try:
                data += self._read_in_page(here, min(size - len(data), PAGE - here % PAGE))
            except EmuError as error:
                self.problem = str(error)
                break
        if size and not data:
            raise UnreadableError(self.problem)
        return data

    def _read_in_page(self, address: int, size: int) -> bytes:
        """Bytes within one page, whose physical address is looked up once."""
        environment = MachineEnvironment(self._machine)
        pa, pas = address, self._machine.cpu.security.pas
        if not self.is_physical:
            pa, _, pas, _ = environment.where(address, size)[0]
        environment.require_memory(pa, size)
        window = Window(self._machine, self.is_physical, self.eyes, self.mecid)
        data = window.read(address, pa, pas, size)
        if data is None:
            raise UnreadableError(f"{address:#x} cannot be read")
        return data

    def write(self, address: int, data: bytes) -> None:
        """Write as an edit on the screen does: every block stays its owner's, and the eyes see what was written.

        Raises EmuError, and then nothing has changed.
        """
        try:
            pieces = self._pieces(address, len(data))
        except EmuError as error:
            self.problem = str(error)
            raise
        at = 0
        for pa, size in pieces:
            self._machine.write(pa, data[at : at + size])
            at += size

    def _pieces(self, address: int, size: int) -> list[tuple[int, int]]:
        """(physical address, bytes) of the parts of a range. Raises EmuError where its bytes would not be seen."""
        machine = self._machine
        if self.eyes is Eyes.RAW and machine.mec_model == "cipher":
            raise EmuError(REFUSED_RAW)
        environment = MachineEnvironment(machine)
        if self.is_physical:
            reached = [(address, size, machine.cpu.security.pas, 0)] if size else []
        else:
            reached = [(int(pa), length, pas, mecid) for pa, length, pas, mecid in environment.where(address, size)]
        for pa, length, pas, mecid in reached:
            environment.require_memory(pa, length)
            if self.eyes is Eyes.CONTEXT:
                require_sight(machine, pa, length, pas, mecid)
            elif self.eyes is Eyes.MECID:
                require_sight(machine, pa, length, PAS.REALM, self.mecid)
        return [(pa, length) for pa, length, _, _ in reached]
