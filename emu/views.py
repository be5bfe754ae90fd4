"""What a machine shows of its parts: ownership and hits, the TLB, breakpoints, events, the register table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emu.architecture import BLOCK, PA, PAS
from emu.cpu import Cpu
from emu.debug.bus import EventBus
from emu.debug.events import Event, Hit, Owner
from emu.debug.stops import CodeStop, Place, Stops
from emu.errors import EmuError
from emu.mec import selection
from emu.mec.cache import DataCache
from emu.mec.memory import OWNER_MASK
from emu.mec.pages import Pages, PageTable
from emu.mec.rules import Finding, Rule, RuleChecker
from emu.mec.writers import Writer
from emu.memory import PhysicalMemory
from emu.registers.model import Register
from emu.registers.pending import Pending
from emu.registers.table import REGISTERS
from emu.translation.invalidations import Invalidation, removers
from emu.translation.tlb_entry import TlbEntry


@dataclass(frozen=True, slots=True)
class References:
    """Live uses of a MECID."""

    registers: tuple[str, ...]
    """MECID registers that hold it, or held it at the last context synchronisation event."""
    granules: tuple[PA, ...]
    """Pages most of whose blocks were stored under it and its present key."""
    tlb: tuple[TlbEntry, ...]
    """TLB entries for Realm memory whose source register holds it."""


class MecView:
    """What the memory protection engine knows: the ownership map, the hits, the registers that choose."""

    def __init__(self, cpu: Cpu, memory: PhysicalMemory) -> None:
        self._cpu = cpu
        self._memory = memory
        self.checker: RuleChecker | None = None
        """Set by the machine, once there is one."""

    def pages(self) -> Pages:
        """Every page that has an owned block, by address."""
        return self._memory.encrypted.pages(self._regions())

    def page_table(self) -> PageTable:
        """The same as arrays, for maps of millions of pages; `owner` says what an owner id stands for."""
        return self._memory.encrypted.page_table(self._regions())

    def owner(self, identity: int) -> Owner:
        """The context that an owner id (of `page_table`, of `block_owners`) stands for."""
        return self._memory.encrypted.owner(identity)

    def block_owners(self, pa: int, size: int) -> list[int]:
        """The owner id of each block of a stretch of memory, 0 for nobody; empty outside memory."""
        first, last = self._memory.ram_offset(pa), self._memory.ram_offset(pa + size - 1)
        if first is None or last is None:
            return []
        return [tag & OWNER_MASK for tag in self._memory.tags[first // BLOCK : last // BLOCK + 1]]

    def raw(self, pa: int, size: int) -> bytes:
        """What a probe on the memory bus would see: every block under its owner's key. Raises AddressError.

        Memory that nobody stored to is not encrypted, and in the substitute model nothing is.
        """
        self._memory.peek(pa, size)
        offset = self._memory.ram_offset(pa)
        assert offset is not None
        return self._memory.encrypted.raw(offset, size)

    def generation(self, mecid: int) -> int:
        """How many times the key of a Realm MECID has been refreshed."""
        return self._memory.encrypted.generation(mecid)

    def _regions(self) -> list[tuple[int, int, int]]:
        return sorted((region.base, region.arena, region.size) for region in self._memory.regions)

    @property
    def hits(self) -> list[Hit]:
        """Substituted accesses so far, oldest first."""
        return self._cpu.hits

    @property
    def hit_count(self) -> int:
        """How many substituted accesses there were; `hits` keeps the first hundred thousand."""
        return self._cpu.hit_count

    @property
    def findings(self) -> list[Finding]:
        """What the chosen rules found, by the instruction that each finding is about."""
        return [] if self.checker is None else self.checker.findings

    @property
    def finding_count(self) -> int:
        """How many findings there were, repeats not counted; `findings` keeps the first thousands."""
        return 0 if self.checker is None else self.checker.total

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that were chosen; `emu.mec.rules.CATALOGUE` has them all."""
        return () if self.checker is None else self.checker.rules

    def owner_of(self, pa: int) -> Owner | None:
        """Who owns the block at an address; None for memory nobody stored to, and for devices."""
        return self._memory.owner_of(PA(pa))

    def last_writer(self, pa: int) -> Writer | None:
        """The last store to the block at an address; None where no guest has stored."""
        memory = self._memory
        offset = memory.ram_offset(pa)
        return None if offset is None else memory.encrypted.last_writer(offset)

    @property
    def cache(self) -> DataCache | None:
        """The data cache, whose `lines()` tell what memory does not have yet; None where it is not modelled."""
        return self._memory.cache

    def view_as(self, pa: int, size: int, pas: PAS, mecid: int) -> bytes:
        """Memory as a read under another context would see it."""
        return self._memory.view_as(pa, size, pas, mecid)

    def refresh(self, mecid: int) -> None:
        """Give a MECID a new key, as the platform does when firmware asks for it."""
        self._cpu.system.refresh_key(mecid)

    def registers(self) -> dict[str, int]:
        """The MEC registers' raw values; empty when the machine has no FEAT_MEC."""
        regs = self._cpu.regs
        return {r.name: regs[r.name] for r in REGISTERS if r.group == "mec" and regs.has(r)}

    def effective(self) -> dict[str, tuple[bool, str]]:
        """Each enable as the hardware takes it, with the reason."""
        return selection.effective_enables(self._cpu.acting, self._cpu.features)

    def references(self, mecid: int) -> References:
        """What still uses a MECID: whoever gives it a new key should find nothing here."""
        cpu, encrypted = self._cpu, self._memory.encrypted
        acting, features = cpu.acting, cpu.features
        names = (name for name in self.registers() if name != "MECIDR_EL2")
        generation = encrypted.generation(mecid)
        pages = self.pages().of(Owner(PAS.REALM, mecid, generation))
        entries = [
            entry
            for entry in self._cpu.mmu.tlb.entries()
            if entry.translation.pas is PAS.REALM
            and selection.mecid_value(acting, entry.translation.source, features) == mecid
        ]
        return References(
            tuple(name for name in names if mecid in (cpu.regs[name], acting[name])),
            tuple(page.pa for page in pages),
            tuple(entries),
        )


@dataclass(frozen=True, slots=True)
class EngineStatistics:
    """What an engine did for its speed. All counts are 0 for the reference engine, which compiles nothing."""

    engine: str
    """Its name: "reference", "interpreter" or "jit"."""
    handlers: int
    """Kinds of instruction that native code was made for since the machine was built; 0 if the cache had them all."""
    handler_seconds: float
    regions: int
    """Pieces of guest code that the JIT put in place, compiled or from the cache."""
    region_instructions: int
    """Guest instructions in those that were compiled."""
    region_seconds: float
    """Host seconds for both, on a thread of their own."""
    tlb_fills: int
    """Entries that went into the architectural TLB."""


class TlbView:
    """The architectural TLB, for those who look."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self.is_used_wanted = False
        """Whether somebody has asked for `used` since `set_going`."""

    def entries(self) -> list[TlbEntry]:
        """Valid entries, oldest first."""
        return list(self._cpu.mmu.tlb.entries())

    def log(self, last: int | None = None) -> list[Invalidation]:
        """The last thousand TLBI instructions, or the `last` ones, oldest first, with what each removed."""
        return list(self._cpu.mmu.log.entries(last))

    @property
    def logged(self) -> int:
        """How many TLBI instructions `log` has."""
        return len(self._cpu.mmu.log)

    def removers(self, entry: TlbEntry) -> tuple[tuple[str, int | None], ...]:
        """The TLBI operations that remove an entry, the narrowest first, with their operands."""
        return removers(entry)

    def watch_uses(self) -> None:
        """From here on `used` tells which entries are used. An engine's next access of every page costs a little."""
        self._cpu.watch_uses()

    def set_going(self) -> None:
        """The guest is about to run again: `watch_uses` if somebody has asked for `used` since it was last told so."""
        if self.is_used_wanted:
            self.watch_uses()
        else:
            self._cpu.mmu.tlb.uses.is_watched = False
        self.is_used_wanted = False

    def used(self) -> list[bool] | None:
        """Of each of `entries`: whether it was made since `watch_uses`, or has answered an access or a walk.

        None where nobody watched, or a snapshot has been restored since.
        """
        uses = self._cpu.mmu.tlb.uses
        self.is_used_wanted = True
        return list(uses.used()) if uses.is_watched else None

    def hits(self) -> list[int] | None:
        """Of each of `entries`: how many accesses, instruction fetches and walks' questions to stage 2 it has answered.

        The access that the entry was made for is not one of them; an atomic update is two. None on native engines,
        which ask the TLB for the first access of a page only.
        """
        uses = self._cpu.mmu.tlb.uses
        return list(uses.answers()) if uses.is_counting else None

    @property
    def capacity(self) -> int:
        return self._cpu.mmu.tlb.capacity

    @property
    def is_forgiving(self) -> bool:
        """Whether every use of an entry is checked against the tables."""
        return self._cpu.mmu.is_forgiving


class Breakpoints:
    """Numbered virtual addresses that stop a run: the plain ones of `Machine.stops`."""

    def __init__(self, stops: Stops) -> None:
        self._stops = stops

    def add(self, va: int) -> int:
        """Stop before the instruction at an address; returns the breakpoint's number."""
        va &= (1 << 64) - 1
        for point in self._stops.at_code(va):
            return point.number
        return self._stops.add(CodeStop(place=Place(va))).number

    def remove(self, number: int) -> None:
        """Raises EmuError when there is no such breakpoint."""
        if number not in self.items():
            raise EmuError(f"there is no breakpoint {number}: the numbers are in the list of breakpoints")
        self._stops.remove(number)

    def items(self) -> dict[int, int]:
        """Number -> address."""
        return {
            point.number: point.address
            for point in self._stops.items()
            if isinstance(point.stop, CodeStop) and not point.stop.place.is_physical and point.address is not None
        }


class Events:
    """Where to ask to be told of events."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus

    def subscribe(
        self, listener: Callable[[Event], None], *kinds: type, ignores: Callable[[Event], bool] | None = None
    ) -> Callable[[], None]:
        """Be told of events of these classes (of every class when none is named); call the result to stop.

        `ignores` says of an event that the listener does nothing about it and all that are like it: native code need
        not stop for those, and they may be told of or not.
        """
        return self._bus.subscribe(listener, *kinds, ignores=ignores)


class RegisterTable:
    """The system registers of this machine as data."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu

    @property
    def table(self) -> tuple[Register, ...]:
        """Every register this machine has."""
        return tuple(register for register in REGISTERS if self._cpu.regs.has(register))

    def pending(self) -> dict[str, Pending]:
        """Registers that were written and do not act yet: (value that acts, value they hold, moment of the write)."""
        return self._cpu.acting.pending()

    @property
    def never_written(self) -> set[str]:
        """Registers that still hold the UNKNOWN value of reset."""
        return self._cpu.regs.never_written
