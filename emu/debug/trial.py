"""A second CPU that begins where a machine is: what is supposed or tried on it leaves the machine as it is.

It is made of the machine's own classes, so that nothing in it means anything else than in the machine; only what it
stands on is a copy. Registers, the TLB, cached granule protection, the data cache and the devices are copied when it
begins; pages of memory come over when something reaches for them. The world outside is not there: what the guest
prints goes nowhere.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import TYPE_CHECKING

from emu.architecture import PAGE, PAS
from emu.cpu import Cpu
from emu.debug.events import KINDS, Event
from emu.devices.board import firmware_for
from emu.devices.console import Console
from emu.devices.monitor import Monitor
from emu.devices.mpe import ProtectionEngine
from emu.devices.semihosting import Semihosting
from emu.devices.uart import Uart
from emu.memory import PhysicalMemory
from emu.translation.records import Request, Walk

if TYPE_CHECKING:
    from emu.machine import Machine

_MOST_PAGES = 4096
"""Pages that may have come over before their host memory is given back."""


class TrialMemory(PhysicalMemory):
    """The memory of another one at the moment of `begin`; changes stay here."""

    def __init__(self, original: PhysicalMemory) -> None:
        encrypted = original.encrypted
        super().__init__(
            original.regions[0].size, model=encrypted.model, pas_keys=encrypted.pas_keys, seed=encrypted.seed
        )
        self._original = original
        self._here: set[int] = set()
        self._ever = 0

    def begin(self) -> None:
        """Forget what is here: every page comes over again when it is reached."""
        self._ever += len(self._here)
        if self._ever > _MOST_PAGES:
            self._ever = 0
            for held in (self._arena_map, self._tags_map, self._writers_map):
                held.madvise(mmap.MADV_DONTNEED)
        self._here.clear()
        self.touched.clear()
        self.encrypted.adopt(self._original.encrypted)

    def ram_offset(self, pa: int, *, is_store: bool = False) -> int | None:
        # Whoever reads or writes a piece of memory asks where it is before; no access crosses a page.
        offset = super().ram_offset(pa, is_store=is_store)
        if offset is not None:
            self._bring(offset // PAGE)
        return offset

    def _span(self, pa: int, size: int, what: str) -> int:
        offset = super()._span(pa, size, what)
        for page in range(offset // PAGE, (offset + max(size, 1) - 1) // PAGE + 1):
            self._bring(page)
        return offset

    def _bring(self, page: int) -> None:
        if page in self._here:
            return
        self._here.add(page)
        original = self._original
        for mine, theirs, length in (
            (self.arena, original.arena, PAGE),
            (self.tags, original.tags, PAGE // 16),
            (self.writers, original.writers, PAGE // 8),
        ):
            mine[page * length : (page + 1) * length] = theirs[page * length : (page + 1) * length]


class UnknownDevice:
    """In the place of a device that cannot be copied: it answers 0, and says that it was asked."""

    def __init__(self, name: str, base: int, size: int, spaces: frozenset[PAS], asked: Callable[[str], None]) -> None:
        self.name, self.base, self.size, self.spaces = name, base, size, spaces
        self._asked = asked

    def read(self, offset: int, size: int) -> int:
        self._asked(self.name)
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        """What it does with a value is its own affair."""


class Trial:
    """A CPU to try things on. `make` builds it, for those who want to look over its shoulder."""

    def __init__(self, machine: Machine, make: type[Cpu] = Cpu) -> None:
        original, memory = machine.cpu, machine.memory
        self._machine = machine
        self.memory = TrialMemory(memory)
        self.events: list[Event] = []
        """What happened on it, in order."""
        self.uncertain = ""
        """What was asked that nobody can answer without really doing it, or ""."""
        self._console = Console()
        self.cpu = make(
            self.memory,
            machine.features,
            seed=original.regs.seed,
            start_el=3,
            tlb_entries=original.mmu.tlb.capacity,
            is_forgiving=original.mmu.is_forgiving,
            emit=self.events.append,
            wants=lambda kind: True,
            hears=lambda event: True,
            semihosting=lambda operation, parameter: self._semihosting.call(operation, parameter),
            sync=machine.sync,
        )
        self._semihosting = Semihosting(self.cpu, self._console, machine.command_line)
        self.cpu.synchronisation.wanted_changed(frozenset(KINDS))
        self._devices: dict[str, Uart | ProtectionEngine] = {}
        width = machine.features.mecid_width if machine.features.has_mec else 0
        for device in memory.devices:
            if isinstance(device, Uart):
                copy: Uart | ProtectionEngine = Uart(device.base, lambda character: None)
            elif isinstance(device, ProtectionEngine):
                copy = ProtectionEngine(device.base, width, self.cpu.system.refresh_key)
            else:
                spaces = device.spaces
                self.memory.devices.append(UnknownDevice(device.name, device.base, device.size, spaces, self._ask))
                continue
            self._devices[device.name] = copy
            self.memory.devices.append(copy)
        self.monitor: Monitor | None = None
        if machine.monitor is not None:
            self.monitor = firmware_for(self.cpu, width, machine.is_delegable)

    def begin(self) -> None:
        """Be where the machine is now."""
        machine, cpu, original = self._machine, self.cpu, self._machine.cpu
        self.memory.begin()
        if self.memory.cache is not None and machine.memory.cache is not None:
            self.memory.cache.restore(machine.memory.cache.state())
        cpu.mmu.restore(original.mmu.snapshot())
        for device in machine.memory.devices:
            if isinstance(device, Uart | ProtectionEngine):
                self._devices[device.name].restore(device.snapshot())
        if self.monitor is not None and machine.monitor is not None:
            self.monitor.restore(machine.monitor.snapshot())
        self._console.restore(b"", machine.unread_input)
        cpu.regs.never_written.clear()
        cpu.regs.never_written.update(original.regs.never_written)
        cpu.restore_architectural_state(original.architectural_state(), original.acting.pending())
        cpu.begin_run()
        cpu.hits.clear()
        cpu.hit_count = 0
        self.events.clear()
        self.uncertain = ""

    def _ask(self, name: str) -> None:
        self.uncertain = f"what the {name} answers is known only once it is asked"

    # What people do to a machine's registers and memory, done here.

    def read(self, pa: int, size: int) -> bytes:
        """Plaintext as the owner of each block sees it. Raises AddressError outside memory."""
        return self.memory.peek(pa, size)

    def write(self, pa: int, data: bytes) -> None:
        """Write plaintext for whoever owns each block, as `Machine.write` does. Raises AddressError."""
        self.memory.poke(pa, data)

    def explain(self, request: Request) -> Walk:
        """The walk of an access by the registers and tables here."""
        return self.cpu.mmu.explain(request)
