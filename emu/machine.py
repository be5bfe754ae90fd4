"""The machine: one CPU, memory, devices, an engine; what scripts, tests and the screen drive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from emu.architecture import PAGE, PAS, Regime
from emu.configuration import check, parse_size
from emu.cpu import Cpu
from emu.data_path import MOST_KEPT
from emu.debug.bus import EventBus
from emu.debug.events import ENDS, Event, ExceptionTaken, Stop, StopReason
from emu.debug.exception_log import ExceptionLog
from emu.debug.explanation import Explanation, Rehearsal
from emu.debug.frames import FrameTables
from emu.debug.lines import Lines
from emu.debug.requests import requested
from emu.debug.rule_port import RulePort
from emu.debug.stops import Stops
from emu.debug.symbols import Symbols
from emu.debug.what_if import Supposed
from emu.debug.wild_guest import WildGuest
from emu.devices.board import Board
from emu.devices.console import Console
from emu.devices.monitor import Monitor
from emu.devices.semihosting import Semihosting
from emu.engine.choice import Choice
from emu.engine.reference import Reference
from emu.errors import EmuError, LoadError
from emu.features import CPUS, Features
from emu.images import Images
from emu.loader import Image, Segment, read_elf, read_file
from emu.mec.memory import Bookkeeping
from emu.mec.rules import Finding, RuleChecker, choose, choose_stops
from emu.memory import PhysicalMemory
from emu.snapshot import Moments, Snapshot
from emu.synchronisation import Sync
from emu.translation.records import Request, Walk
from emu.translation.staleness import Comparison
from emu.translation.tlb_entry import TlbEntry
from emu.views import Breakpoints, EngineStatistics, Events, MecView, RegisterTable, TlbView

if TYPE_CHECKING:
    from emu.debug.history import History
    from emu.debug.variables import Variables


class Machine:
    """A whole machine. See the README for what is modelled.

    `memory` is a size ("256M"); `el` the exception level to start at; `mec_model` "cipher" or "substitute";
    `tlb` "strict" (stale entries serve until a TLBI removes them) or "forgiving" (every use is checked against the
    tables, so a forgotten TLBI has no effect);
    `sync` when an MSR that the MMU sees acts: "architectural" (with the next context synchronisation event, so that
    a missing ISB shows) or "immediate";
    `mec_cache` models a write-back data cache (`emu.mec.cache`): exact, and slow;
    `cpu` the instruction set ("max" or "v8.0"); `seed` chooses what is UNKNOWN after reset; `cache_folder` keeps
    native code between runs (None: nowhere).
    `rules` says which MEC rules are checked ("default", "all", "none", ids; `emu.mec.rules.choose`), `stop_on` which of
    them end the run ("findings" for all of those, or ids).
    `jit_threshold` is how often the JIT sees a branch target before it compiles what is there (0: before it runs);
    without `keeps_regions` it compiles everything anew, whatever the cache folder has.
    Raises ConfigurationError for a machine that cannot be built.
    """

    def __init__(
        self,
        memory: str | int = "256M",
        cpus: int = 1,
        el: int = 3,
        engine: str = "auto",
        mec: bool = True,
        mec_model: str = "cipher",
        mecid_width: int = 16,
        *,
        tlb: str = "strict",
        sync: Sync = "architectural",
        tlb_entries: int = 128,
        seed: int = 0,
        pas_keys: bool = True,
        mec_cache: bool = False,
        command_line: str = "",
        cache_folder: Path | Literal["default"] | None = "default",
        on_compile: Callable[[int], None] | None = None,
        cpu: str = "max",
        rules: str | Iterable[str] = "default",
        stop_on: str | Iterable[str] = (),
        jit_threshold: int | None = None,
        keeps_regions: bool = True,
    ) -> None:
        check(
            cpus=cpus, el=el, engine=engine, jit_threshold=jit_threshold, mec_model=mec_model, cpu=cpu,
            mecid_width=mecid_width, tlb=tlb, sync=sync, tlb_entries=tlb_entries,
            switches={"mec": mec, "mec_cache": mec_cache, "pas_keys": pas_keys},
        )  # fmt: skip
        chosen = choose(rules)
        stops = choose_stops(stop_on, chosen)
        self.engine_name = "jit" if engine == "auto" else engine
        self.mec_model = mec_model
        self.features = Features(has_mec=mec, mecid_width=mecid_width, isa=CPUS[cpu], has_cache=mec_cache)
        self.memory = PhysicalMemory(
            parse_size(memory), model="cipher" if mec_model == "cipher" else "substitute", pas_keys=pas_keys, seed=seed
        )
        self.command_line = command_line
        self._images = Images(self.memory, self.write)
        self._console = Console()
        self._bus = EventBus()
        self._start_el = el
        self._pause_requested = False
        self._entry: int | None = None
        self._seconds = 0.0
        self.cpu = Cpu(
            self.memory,
            self.features,
            seed=seed,
            start_el=el,
            tlb_entries=tlb_entries,
            is_forgiving=tlb == "forgiving",
            emit=self._emit,
            wants=self._bus.wants,
            hears=self._bus.hears,
            semihosting=lambda operation, parameter: self._semihosting.call(operation, parameter),
            sync=sync,
        )
        self._semihosting = Semihosting(self.cpu, self._console, command_line)
        self.sync = sync
        self._maintenance = self.cpu.caches.log
        self._exceptions = ExceptionLog(self.cpu.transitions, MOST_KEPT)
        self._wild_guest = WildGuest(self.cpu, lambda address: self.symbols.describe(address))
        self._bus.on_change.append(self.cpu.synchronisation.wanted_changed)
        self._board = Board(self.cpu, self._console, mecid_width if mec else 0, has_firmware=el < 3)
        self.cpus = (self.cpu,)
        self._reference = Reference(self.cpu)
        self._rehearsal: Rehearsal | None = None
        self._choice = Choice(
            self.engine_name, self.cpu, self._reference, cache_folder, on_compile, jit_threshold, keeps_regions
        )
        self._engine = self._choice.engine
        self.mec = MecView(self.cpu, self.memory)
        self._checker = self.mec.checker = RuleChecker(
            (rule() for rule in chosen if (mec or not rule.needs_mec) and mec_model in rule.models),
            self._bus,
            RulePort(self.cpu, self.mec, lambda address: self.symbols.describe(address)),
            stops_on=stops,
            stop=self._stop_on_finding,
            on_waiting=self.cpu.transitions.wait_for,
            on_changed=self.cpu.transitions.forget,
            catch_up=self.cpu.transitions.catch_up,
        )
        self.cpu.transitions.settle = self._checker.settle
        self.cpu.caches.log.defer = self._checker.defer
        self.cpu.mmu.tlb.uses.is_counting = self.engine_name == "reference"
        self.tlb = TlbView(self.cpu)
        self.events = Events(self._bus)
        self.stops = Stops(self)
        """Breakpoints, watchpoints and catchpoints."""
        self.history: History | None = None
        """Whoever keeps moments of the run to go back to; None while nobody does."""
        self.breakpoints = Breakpoints(self.stops)
        self._checker.on_found = self.stops.found
        self._moments = Moments(
            self.cpu, self._board, self._console, self._exceptions, self._checker, self._wild_guest,
        )  # fmt: skip

    @property
    def monitor(self) -> Monitor | None:
        """The calls of EL3 firmware, where the guest brings none of its own."""
        return self._board.monitor

    def is_delegable(self, pa: int) -> bool:
        """Whether there is memory at an address that firmware may give to another address space."""
        return self._board.is_delegable(pa)

    # Images.

    def load(self, path: str | Path) -> None:
        """Load an ELF file; the first one's entry point is where the run starts. Raises LoadError."""
        self._place(read_elf(Path(path)))

    @property
    def entry(self) -> int | None:
        """Where the run starts; None before anything is loaded."""
        return self._entry

    @entry.setter
    def entry(self, address: int) -> None:
        self._entry = address
        self.cpu.pc = address

    def load_raw(self, data: bytes | str | Path, address: int, entry: int | None = None) -> None:
        """Load bytes (or a file of them) at a physical address, which is also the entry point unless one is given."""
        name = "raw image" if isinstance(data, bytes) else Path(data).name
        content = data if isinstance(data, bytes) else read_file(Path(data))
        if not content:
            raise LoadError(f"{name} is empty: there is nothing to load at {address:#x}")
        self._place(Image(name, address if entry is None else entry, (Segment(address, content, len(content)),), ()))

    def _place(self, image: Image) -> None:
        self._images.place(image)
        self.stops.symbols_changed()
        if self._entry is None:
            self._entry = image.entry
            self.cpu.pc = image.entry

    @property
    def symbols(self) -> Symbols:
        """Names of addresses, of every image."""
        return self._images.symbols

    @property
    def lines(self) -> Lines:
        """Where code comes from in the source, for images that have line tables."""
        return self._images.lines

    @property
    def variables(self) -> Variables:
        """What the code at an address can name, of what has been loaded with debugging information."""
        return self._images.variables

    @property
    def frames(self) -> FrameTables:
        """How functions keep what they must give back, for images that have call frame information."""
        return self._images.frames

    # Running.

    def step(self) -> Stop | None:
        """Execute one instruction; a Stop when it ended the run (exit, halt), else None."""
        self._pause_requested = False
        self._begin_run()
        try:
            self._reference.step()
            if self.history is not None:
                self.history.passed()
            return self._ended()
        finally:
            self.stops.end_run()

    def _begin_run(self) -> None:
        self.cpu.begin_run()
        self.stops.begin_run()

    def run(self, max_instructions: int | None = None, *, on_slice: Callable[[], None] | None = None) -> Stop:
        """Run until the guest ends, a breakpoint, a pause, or so many instructions.

        `on_slice` is called now and then between instructions, for whoever wants to look. Raises EmuError for a number
        of instructions below 0.
        """
        if max_instructions is not None and max_instructions < 0:
            raise EmuError(f"{max_instructions} instructions cannot be run: give 0 or more, or None to run to the end")
        cpu = self.cpu
        self._begin_run()
        self._pause_requested = False
        end = None if max_instructions is None else self.instructions + max_instructions
        budget = self._choice.slice
        started = time.perf_counter()
        try:
            while True:
                amount = budget if end is None else min(budget, end - self.instructions)
                if self.history is not None:
                    amount = min(amount, self.history.room())
                if amount > 0:
                    try:
                        self._engine.run(amount)
                    finally:  # whoever interrupts a run may look at it, and go back
                        self._maintenance.catch_up()
                if self.history is not None:
                    self.history.passed()
                stop = self._ended()
                if stop is not None:
                    return stop
                if cpu.stops_before(cpu.pc):
                    return self.stops.stop_before()
                if end is not None and self.instructions >= end:
                    return self._stop(StopReason.LIMIT)
                if self._pause_requested:
                    return self._stop(StopReason.PAUSED)
                if on_slice is not None:
                    on_slice()
        finally:
            self.stops.end_run()
            self._seconds += time.perf_counter() - started

    @property
    def is_pausing(self) -> bool:
        """Whether somebody has asked the present run to stop: what would take long had better wait."""
        return self._pause_requested

    def pause(self) -> None:
        """Ask a run on another thread to stop; it does within a few milliseconds."""
        self._pause_requested = True
        self.cpu.request_stop()

    def _ended(self) -> Stop | None:
        cpu = self.cpu
        stop, cpu.stop = cpu.stop, None
        if stop is None:
            return None
        if stop.reason in ENDS:
            self._checker.finish()
        elif cpu.stops_before(cpu.pc):
            stop = replace(stop, message=f"{stop.message}; {self.stops.stop_before().message}")
        # The one who ended the run saw the pc of its own instruction; what counts is where the CPU is now.
        return replace(stop, pc=cpu.pc, el=cpu.el, security=cpu.security)

    def _stop_on_finding(self, finding: Finding) -> None:
        cpu = self.cpu
        message = f"{finding.rule}: {finding.message}"
        cpu.end_run(Stop(StopReason.FINDING, cpu.pc, cpu.el, cpu.security, message=message))

    def _stop(self, reason: StopReason) -> Stop:
        cpu = self.cpu
        return Stop(reason, cpu.pc, cpu.el, cpu.security)

    @property
    def exceptions(self) -> list[ExceptionTaken]:
        """The first MOST_KEPT exceptions taken since reset, oldest first."""
        return self._exceptions.events

    def put_back_exceptions(self, events: list[ExceptionTaken]) -> None:
        """For a moment that was restored from one before it: all exceptions until then; it knows the first of them."""
        self._exceptions.put_back(events)

    @property
    def instructions(self) -> int:
        """Instructions executed since reset."""
        return self.cpu.instructions

    @property
    def seconds(self) -> float:
        """Host seconds spent in `run`."""
        return self._seconds

    def engine_statistics(self) -> EngineStatistics:
        """What the engine compiled for this machine and how long that took, and how often the TLB was filled."""
        return self._choice.statistics()

    def reset(self) -> None:
        """Start over: memory cleared, images loaded again, the CPU reset. Breakpoints stay."""
        memory = self.memory
        for page in memory.restore_pages({}):
            self.cpu.code_written(page * PAGE, PAGE)
        memory.encrypted.restore(Bookkeeping({}))
        images, self._entry = self._images.clear(), None
        self.cpu.hits.clear()
        self.cpu.hit_count = 0
        self._exceptions.cut(0)
        self._console.clear()
        self._seconds = 0.0
        self.cpu.mmu.invalidate_all()
        self.cpu.flush_translations()
        self._board.reset()
        self.cpu.reset(self._start_el)
        self._checker.reset()
        for image in images:
            self._place(image)
        if self.history is not None:
            self.history.begin()

    # Memory and addresses, for those who look.

    def write(self, pa: int, data: bytes, pas: PAS = PAS.NON_SECURE) -> None:
        """Write plaintext for whoever owns each block: ownership stays as it is. `pas` is where the caller looks from.

        All address spaces share the same RAM, so `pas` makes no difference to the bytes. Raises AddressError.
        """
        offset, touched_code = self.memory.poke(pa, data)
        if touched_code:
            self.cpu.code_written(offset, len(data))

    def read(self, pa: int, size: int, pas: PAS = PAS.NON_SECURE) -> bytes:
        """Plaintext in memory as the owner of each block sees it. Raises AddressError outside memory.

        What a modelled data cache has not written back is not in memory: `mec.cache.lines()` has it, and
        `read_virtual` sees it as an access would.
        """
        return self.memory.peek(pa, size)

    def read_virtual(self, va: int, size: int) -> bytes | None:
        """What a load in the current context would see; None where it would fault. Changes nothing."""
        return self.cpu.peek_bytes(va, size)

    def fetch_word(self, va: int) -> int | None:
        """The instruction word that a fetch in the current context would see; None where it would fault."""
        return self.cpu.peek_word(va)

    def translate(
        self, va: int, access: str = "read", *, el: int | None = None, regime: Regime | str | None = None
    ) -> Walk:
        """The walk for an address as the current context (or another EL or regime) would make it. Changes nothing.

        `access` is "read", "write" or "fetch". Raises EmuError for anything else.
        """
        return self.explain(requested(self.cpu, va, access, el, regime))

    def explain(self, request: Request) -> Walk:
        """The walk of one access, such as `last_access`, by the registers and tables as they are now."""
        with self.memory.unobserved():
            return self.cpu.mmu.explain(request)

    def what_if(
        self, registers: Mapping[str, int] | None = None, memory: Mapping[int, bytes] | None = None
    ) -> Supposed:
        """A machine like this one but for these registers ("TCR2_EL2", or a field of one: "TCR2_EL2.AMEC1") and bytes.

        Ask it for walks: `what_if({"TCR2_EL2.AMEC1": 0}).explain(walk.request)`. This machine stays as it is.
        Raises EmuError for what does not exist or does not fit.
        """
        supposed = Supposed(self)
        for name, value in (registers or {}).items():
            supposed.set_register(name, value)
        for pa, data in (memory or {}).items():
            supposed.write(pa, data)
        return supposed

    def explain_next(self) -> Explanation:
        """What the next instruction will do, step by step, found out without executing it. Changes nothing."""
        if self._rehearsal is None:
            self._rehearsal = Rehearsal(self)
        return self._rehearsal.explain()

    def tlb_comparison(self, entry: TlbEntry) -> Comparison:
        """A TLB entry beside a fresh walk of its address: every field that differs, and why. Changes nothing."""
        with self.memory.unobserved():
            return self.cpu.mmu.compare(entry)

    def tlb_staleness(self, entry: TlbEntry) -> str | None:
        """How a fresh walk would contradict a TLB entry; None when it would agree."""
        with self.memory.unobserved():
            return self.cpu.mmu.staleness(entry)

    @property
    def last_access(self) -> Request | None:
        """The last data access, with the EL and regime it was made from; None before the first."""
        return self.cpu.last_access

    @property
    def registers(self) -> RegisterTable:
        return RegisterTable(self.cpu)

    # Console.

    @property
    def console(self) -> str:
        """What the guest has printed since reset; of very much, the last 4 to 8 MiB."""
        return self._console.printed.decode("utf-8", errors="replace")

    def write_console_input(self, data: bytes) -> None:
        """Characters for the guest to read, at the UART and through semihosting."""
        self._board.uart.receive(data)
        self._console.type(data)

    @property
    def unread_input(self) -> bytes:
        """What was typed for semihosting and not read yet."""
        return self._console.unread

    def on_console(self, listener: Callable[[bytes], None]) -> None:
        """Be told of output as it appears."""
        self._console.listeners.append(listener)

    # Events.

    def _emit(self, event: Event) -> None:
        if isinstance(event, ExceptionTaken):
            self._exceptions.add(event)
            self._wild_guest.took(event)
        if self._maintenance.is_behind:
            self._maintenance.catch_up()
        self._bus.emit(event)

    # Snapshots.

    def snapshot(self, before: Snapshot | None = None, is_unwanted: Callable[[], bool] | None = None) -> Snapshot:
        """The whole machine as it is now; cost and size follow the memory the guest touched.

        What did not change since `before` is shared with it. Raises UnwantedError once it `is_unwanted`.
        """
        return self._moments.take(before, is_unwanted)

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot of this machine. Raises EmuError for one of another, and nothing has changed then."""
        self._moments.put_back(snapshot)
