"""The machine: one CPU, memory, devices, an engine; what scripts, tests and the screen drive."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from emu import state
from emu.architecture import PAGE, PAS, VA, Access, Regime, Security
from emu.cpu import Cpu
from emu.data_path import MOST_KEPT
from emu.debug.bus import EventBus
from emu.debug.events import ENDS, Event, ExceptionTaken, Stop, StopReason
from emu.debug.exception_log import ExceptionLog
from emu.debug.explanation import Explanation, Rehearsal
from emu.debug.lines import Lines
from emu.debug.rule_port import RulePort
from emu.debug.stops import Stops
from emu.debug.symbols import Symbols
from emu.debug.what_if import Supposed
from emu.devices.monitor import Monitor
from emu.devices.mpe import BASE as MPE_BASE
from emu.devices.mpe import ProtectionEngine
from emu.devices.semihosting import Semihosting
from emu.devices.uart import Uart
from emu.engine.reference import Reference
from emu.errors import ConfigurationError, EmuError, LoadError
from emu.features import CPUS, Features
from emu.loader import Image, Segment, read_elf, read_file
from emu.mec.cache import CacheState
from emu.mec.memory import Bookkeeping
from emu.mec.rules import Finding, RuleChecker, choose, choose_stops
from emu.memory import PhysicalMemory
from emu.snapshot import Snapshot
from emu.synchronisation import Sync
from emu.translation.records import Request, Walk
from emu.translation.regimes import regime_of, security_of
from emu.translation.staleness import Comparison
from emu.translation.tlb import TlbEntry
from emu.views import Breakpoints, EngineStatistics, Events, MecView, RegisterTable, TlbView

if TYPE_CHECKING:
    from emu.debug.history import History

Engine = Literal["auto", "reference", "interpreter", "jit"]
_ENGINES = ("auto", "reference", "interpreter", "jit")
_UART_BASE = 0x0900_0000
_SLICE = {"reference": 2_000, "interpreter": 4_000_000, "jit": 20_000_000}
"""Instructions between two looks at whether a pause was asked for: a few milliseconds each."""
_CLEARED = 1 << 20
"""Bytes of memory without content in an image that are looked at together."""
_SUFFIXES = {"K": 10, "M": 20, "G": 30}
_SAME_EXCEPTION_LIMIT = 64
"""Exceptions in a row that return nowhere: the guest faults in its own vector."""


def parse_size(text: str | int) -> int:
    """A memory size such as "256M", "1G" or 65536, in bytes. Raises ConfigurationError."""
    if isinstance(text, int):
        return text
    digits, suffix = text.strip(), 0
    if digits and digits[-1].upper() in _SUFFIXES:
        suffix = _SUFFIXES[digits[-1].upper()]
        digits = digits[:-1]
    try:
        return int(digits, 0) << suffix
    except ValueError:
        raise ConfigurationError(f"{text!r} is not a memory size: write one such as 256M or 1G") from None


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
        if cpus != 1:
            raise ConfigurationError(f"{cpus} CPUs were asked for: this version models one CPU")
        if el not in (1, 2, 3):
            raise ConfigurationError(f"the machine cannot start at EL{el}: choose 3, 2 or 1")
        if engine not in _ENGINES:
            raise ConfigurationError(f"there is no engine {engine!r}: choose auto, jit, interpreter or reference")
        if jit_threshold is not None and jit_threshold < 0:
            raise ConfigurationError(f"a JIT threshold of {jit_threshold} makes no sense: choose 0 (at once) or more")
        if mec_model not in ("cipher", "substitute"):
            raise ConfigurationError(f"there is no memory model {mec_model!r}: choose cipher or substitute")
        if cpu not in CPUS:
            raise ConfigurationError(f"there is no CPU {cpu!r}: choose {' or '.join(CPUS)}")
        if not 1 <= mecid_width <= 16:
            raise ConfigurationError(f"a MECID cannot have {mecid_width} bits: choose a width from 1 to 16")
        if tlb not in ("strict", "forgiving"):
            raise ConfigurationError(f"there is no TLB {tlb!r}: choose strict or forgiving")
        if sync not in ("architectural", "immediate"):
            raise ConfigurationError(f"there is no synchronisation {sync!r}: choose architectural or immediate")
        if not 1 <= tlb_entries <= 1 << 16:
            raise ConfigurationError(f"a TLB of {tlb_entries} entries cannot be built: choose 1 to 65536")
        chosen = choose(rules)
        stops = choose_stops(stop_on, chosen)
        self.engine_name = "jit" if engine == "auto" else engine
        self._jit_threshold, self._keeps_regions = jit_threshold, keeps_regions
        self.mec_model = mec_model
        self.features = Features(has_mec=mec, mecid_width=mecid_width, isa=CPUS[cpu], has_cache=mec_cache)
        self.memory = PhysicalMemory(
            parse_size(memory), model="cipher" if mec_model == "cipher" else "substitute", pas_keys=pas_keys, seed=seed
        )
        self.command_line = command_line
        self.symbols = Symbols()
        self.lines = Lines(self._function_start)
        """Where code comes from in the source, for images that have line tables."""
        self._console = bytearray()
        self._console_input = bytearray()
        self._bus = EventBus()
        self._console_listeners: list[Callable[[bytes], None]] = []
        self._start_el = el
        self._pause_requested = False
        self._entry: int | None = None
        self._images: list[Image] = []
        self._seconds = 0.0
        self._uart = Uart(_UART_BASE, lambda character: self.print_text(bytes((character,))))
        self.memory.devices.append(self._uart)
        self._semihosting = Semihosting(self)
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
            semihosting=self._semihosting.call,
            sync=sync,
        )
        self.sync = sync
        self._maintenance = self.cpu.caches.log
        self._exceptions = ExceptionLog(self.cpu.transitions, MOST_KEPT)
        self._bus.on_change.append(self.cpu.synchronisation.wanted_changed)
        width = mecid_width if mec else 0
        self._mpe = ProtectionEngine(MPE_BASE, width, self.cpu.system.refresh_key)
        self.memory.devices.append(self._mpe)
        self.monitor = self._build_monitor(width) if el < 3 else None
        """The calls of EL3 firmware, where the guest brings none of its own."""
        self.cpu.system.monitor = self.monitor
        self.cpus = (self.cpu,)
        self._reference = Reference(self.cpu)
        self._rehearsal: Rehearsal | None = None
        self._engine = self._build_engine(cache_folder, on_compile)
        self._handlers_before = self._handlers()
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
        self.cpu.mmu.tlb.is_counting = self.engine_name == "reference"
        self.tlb = TlbView(self.cpu)
        self.events = Events(self._bus)
        self.stops = Stops(self)
        """Breakpoints, watchpoints and catchpoints."""
        self.history: History | None = None
        """Whoever keeps moments of the run to go back to; None while nobody does."""
        self.breakpoints = Breakpoints(self.stops)
        self._checker.on_found = self.stops.found

    def _build_monitor(self, width: int) -> Monitor:
        return Monitor(
            mecid_width=width,
            refresh=self.cpu.system.refresh_key,
            is_memory=self.is_delegable,
            is_protected=lambda: bool(self.cpu.regs.field("GPCCR_EL3.GPC")),
        )

    def is_delegable(self, pa: int) -> bool:
        """Whether there is memory at an address that firmware may give to another address space."""
        region = self.memory.region_of(pa)
        return region is not None and region.is_writable

    def _build_engine(
        self, cache_folder: Path | Literal["default"] | None, on_compile: Callable[[int], None] | None
    ) -> Any:
        if self.engine_name == "reference":
            return self._reference
        if cache_folder == "default":
            from platformdirs import user_cache_path

            cache_folder = user_cache_path("mectui") / "objects"
        if self.engine_name == "interpreter":
            from emu.engine.interpreter import Interpreter

            return Interpreter(self.cpu, cache_folder, on_compile)
        from emu.engine.jit import DEFAULT_THRESHOLD, Jit

        threshold = DEFAULT_THRESHOLD if self._jit_threshold is None else self._jit_threshold
        return Jit(self.cpu, cache_folder, on_compile, threshold, self._keeps_regions)

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
        for segment in image.segments:
            region = self.memory.region_of(segment.address)
            if region is None or segment.address + segment.size > region.end:
                places = ", ".join(f"{r.name} at {r.base:#x}-{r.end - 1:#x}" for r in self.memory.regions)
                raise LoadError(
                    f"{image.name} wants {segment.size} bytes at {segment.address:#x}, outside memory ({places}): "
                    "link it for these addresses, or give more --memory"
                )
        for segment in image.segments:
            self.write(segment.address, segment.data)
            for at in range(segment.address + len(segment.data), segment.address + segment.size, _CLEARED):
                nothing = bytes(min(_CLEARED, segment.address + segment.size - at))
                if self.memory.peek(at, len(nothing)) != nothing:
                    self.write(at, nothing)
        self._images.append(image)
        self.symbols.add(list(image.symbols))
        self.symbols.add_data(image.data_ranges)
        self.lines.add(image)
        self.stops.symbols_changed()
        if self._entry is None:
            self._entry = image.entry
            self.cpu.pc = image.entry

    def _function_start(self, address: int) -> int:
        found = self.symbols.nearest(address)
        return 0 if found is None else address - found[1]

    # Running.

    def step(self) -> Stop | None:
        """Execute one instruction; a Stop when it ended the run (exit, halt), else None."""
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

        `on_slice` is called now and then between instructions, for whoever wants to look.
        """
        cpu = self.cpu
        self._begin_run()
        self._pause_requested = False
        end = None if max_instructions is None else self.instructions + max_instructions
        budget = _SLICE[self.engine_name]
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

    def _handlers(self) -> tuple[int, float]:
        """Handlers that this process compiled, and the seconds it took."""
        engine = self._engine
        return (0, 0.0) if engine is self._reference else (engine.compiled, engine.handler_seconds)

    def engine_statistics(self) -> EngineStatistics:
        """What the engine compiled for this machine and how long that took, and how often the TLB was filled."""
        engine, (handlers, seconds) = self._engine, self._handlers()
        is_jit = self.engine_name == "jit"
        return EngineStatistics(
            self.engine_name,
            handlers - self._handlers_before[0],
            seconds - self._handlers_before[1],
            engine.compiled_regions if is_jit else 0,
            engine.compiled_instructions if is_jit else 0,
            engine.compile_seconds if is_jit else 0.0,
            self.cpu.mmu.tlb.filled,
        )

    def reset(self) -> None:
        """Start over: memory cleared, images loaded again, the CPU reset. Breakpoints stay."""
        memory = self.memory
        for page in memory.restore_pages({}):
            self.cpu.code_written(page * PAGE, PAGE)
        memory.encrypted.restore(Bookkeeping({}))
        images, self._images, self._entry = self._images, [], None
        self.symbols = Symbols()
        self.lines.clear()
        self.cpu.hits.clear()
        self.cpu.hit_count = 0
        self._exceptions.cut(0)
        self._console.clear()
        self._seconds = 0.0
        self.cpu.mmu.invalidate_all()
        self.cpu.flush_translations()
        self._mpe.reset()
        if self.monitor is not None:
            self.monitor.reset()
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
        cpu = self.cpu
        try:
            kind = Access(access)
        except ValueError:
            raise EmuError(f"there is no access {access!r}: use read, write or fetch") from None
        level = cpu.el if el is None else el
        chosen = regime_of(level, cpu.acting)
        if regime is not None:
            try:
                chosen = Regime(regime)
            except ValueError:
                names = ", ".join(item.value for item in Regime)
                raise EmuError(f"there is no translation regime {regime!r}: use one of {names}") from None
            if el is None:
                level = chosen.el
        security = Security.ROOT if chosen is Regime.EL3 else self._security_below(level)
        request = Request(VA(va & (1 << 64) - 1), kind, level, chosen, security, honours_pan=bool(cpu.pan))
        return self.explain(request)

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

    def _security_below(self, level: int) -> Security:
        try:
            return security_of(min(level, 2), self.cpu.acting)
        except ValueError:
            return Security.NON_SECURE

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
        """Everything the guest has printed."""
        return self._console.decode("utf-8", errors="replace")

    def write_console_input(self, data: bytes) -> None:
        """Characters for the guest to read, at the UART and through semihosting."""
        self._uart.receive(data)
        self._console_input += data

    def on_console(self, listener: Callable[[bytes], None]) -> None:
        """Be told of output as it appears."""
        self._console_listeners.append(listener)

    # What semihosting needs of its host.

    def print_text(self, data: bytes) -> None:
        self._console += data
        for listener in self._console_listeners:
            listener(data)

    @property
    def unread_input(self) -> bytes:
        """What was typed for semihosting and not read yet."""
        return bytes(self._console_input)

    def read_input(self, size: int) -> bytes:
        data = bytes(self._console_input[:size])
        del self._console_input[:size]
        return data

    def read_guest(self, va: int, size: int) -> bytes:
        return bytes(self.cpu.load(va + index, 1) for index in range(size))

    def write_guest(self, va: int, data: bytes) -> None:
        for index, value in enumerate(data):
            self.cpu.store(va + index, 1, value)

    def exit(self, code: int) -> None:
        cpu = self.cpu
        cpu.end_run(Stop(StopReason.EXIT, cpu.pc, cpu.el, cpu.security, code))

    # Events.

    def _emit(self, event: Event) -> None:
        if isinstance(event, ExceptionTaken):
            self._exceptions.add(event)
            self._watch_for_wild_guest(event)
        if self._maintenance.is_behind:
            self._maintenance.catch_up()
        self._bus.emit(event)

    def _watch_for_wild_guest(self, event: ExceptionTaken) -> None:
        """A guest whose vector itself faults would spin for ever: end the run with a report instead."""
        cpu = self.cpu
        slots, instruction = cpu.slots, event.moment.instruction
        slots[state.IN_A_ROW] = slots[state.IN_A_ROW] + 1 if instruction == slots[state.AFTER_EXCEPTION] else 1
        slots[state.AFTER_EXCEPTION] = instruction + 1
        if slots[state.IN_A_ROW] < _SAME_EXCEPTION_LIMIT:
            return
        slots[state.IN_A_ROW] = 0
        where = self.symbols.describe(event.elr)
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

    # Snapshots.

    def snapshot(self, before: Snapshot | None = None) -> Snapshot:
        """The whole machine as it is now; cost and size follow the memory the guest touched.

        What did not change since `before` is shared with it.
        """
        memory = self.memory
        return Snapshot(
            self.cpu.architectural_state(),
            memory.copy_pages() if before is None else memory.copy_pages(before.pages),
            memory.encrypted.bookkeeping(),
            CacheState() if memory.cache is None else memory.cache.state(),
            self.cpu.mmu.snapshot(),
            bytes(self._console),
            len(self.cpu.hits),
            self.cpu.hit_count,
            len(self._exceptions),
            (
                self._uart.snapshot(),
                bytes(self._console_input),
                self._mpe.snapshot(),
                None if self.monitor is None else self.monitor.snapshot(),
            ),
            frozenset(self.cpu.regs.never_written),
            self.cpu.acting.pending(),
            self._checker.snapshot(),
            self.last_access,
            (self.cpu.slots[state.AFTER_EXCEPTION], self.cpu.slots[state.IN_A_ROW]),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Return to a snapshot of this machine."""
        memory = self.memory
        for page in memory.restore_pages(snapshot.pages):
            self.cpu.code_written(page * PAGE, PAGE)
        memory.encrypted.restore(snapshot.bookkeeping)
        if memory.cache is not None:
            memory.cache.restore(snapshot.cache)
        self.cpu.mmu.restore(snapshot.mmu)
        self.cpu.flush_translations()
        del self._console[len(snapshot.console) :]
        self._console[:] = snapshot.console
        del self.cpu.hits[snapshot.hits :]
        self.cpu.hit_count = snapshot.hit_count
        self._exceptions.cut(snapshot.exceptions)
        uart, typed, keys, monitor = snapshot.devices
        self._uart.restore(uart)
        assert isinstance(typed, bytes)
        self._console_input[:] = typed
        self._mpe.restore(keys)
        if self.monitor is not None:
            self.monitor.restore(monitor)
        self.cpu.regs.never_written.clear()
        self.cpu.regs.never_written.update(snapshot.never_written)
        self.cpu.restore_architectural_state(snapshot.state, snapshot.pending, snapshot.last_access)
        self._checker.restore(snapshot.checker)
        self.cpu.slots[state.AFTER_EXCEPTION], self.cpu.slots[state.IN_A_ROW] = snapshot.faults
