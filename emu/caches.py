"""Cache maintenance of one CPU: the DC instructions but ZVA, and what the data cache model tells (Arm ARM D7.5).

Maintenance acts on an address in an address space whatever the MECID of the lines that hold it (mec-reference.md 1.8).
Where the cache is not modelled it has no effect, and is reported all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emu import state
from emu.architecture import BLOCK, PA, PAS, VA, Access, Security
from emu.debug.events import CacheMaintained, LineWrittenBack
from emu.maintenance_log import NUMBERS, MaintenanceLog
from emu.mec.cache import LINES, CacheState, DataCache, Key, WrittenBack
from emu.mec.writers import Words
from emu.quick_places import QuickPlaces
from emu.translation.records import Request
from emu.translation.regimes import HCR_DC, HCR_VM, hcr_of

if TYPE_CHECKING:
    from emu.cpu import Cpu

_HCR_SWIO = 1 << 1
_PA = (1 << 52) - 1
_WAY_BITS = (LINES - 1).bit_length()
CLIDR = 1 << 24 | 4
"""One level, unified; it has to be cleaned for coherence (LoC=1), and CTR_EL0.IDC says that it need not for fetches."""
CCSIDR = (LINES - 1) << 3 | 2
"""One set, a way for each line, lines of 64 bytes."""

_VISIBLE = {
    Security.NON_SECURE: (PAS.NON_SECURE,),
    Security.SECURE: (PAS.SECURE, PAS.NON_SECURE),
    Security.REALM: (PAS.REALM, PAS.NON_SECURE),
    Security.ROOT: tuple(PAS),
}
"""Address spaces whose lines maintenance by set and way may touch."""
_NAMES = {PAS.SECURE: "Secure", PAS.NON_SECURE: "Non-secure", PAS.ROOT: "Root", PAS.REALM: "Realm"}


class _Effect(NamedTuple):
    cleans: bool
    invalidates: bool


_CLEAN, _INVALIDATE, _BOTH = _Effect(True, False), _Effect(False, True), _Effect(True, True)
BY_ADDRESS = {"IVAC": _INVALIDATE, "CIVAC": _BOTH, "CVAC": _CLEAN, "CVAU": _CLEAN, "CVAP": _CLEAN, "CVADP": _CLEAN}
BY_WAY = {"ISW": _INVALIDATE, "CSW": _CLEAN, "CISW": _BOTH}
BY_PHYSICAL_ADDRESS = ("CIPAE", "CIPAPA")


_SPACES = tuple(PAS(number) for number in range(4))


class Caches:
    """Executes maintenance on a CPU's data cache."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self.quick = QuickPlaces(cpu)
        self.log = MaintenanceLog(cpu)
        if cpu.features.has_cache:
            cpu.memory.cache = DataCache(cpu.memory, store=self._store, told=self._written_back)

    @property
    def _cache(self) -> DataCache | None:
        return self._cpu.memory.cache

    def reset(self) -> None:
        """No line is valid, and the ID registers say what there is."""
        cpu = self._cpu
        if self._cache is not None:
            self._cache.restore(CacheState())
            cpu.slots[cpu.regs.slot("CLIDR_EL1")] = CLIDR
            cpu.slots[cpu.regs.slot("CCSIDR_EL1")] = CCSIDR

    def grant(self, word: int, what: str) -> None:
        """Let native code do an operation that has just been done, as far as the log says."""
        cpu = self._cpu
        if self._cache is not None or what not in NUMBERS or not self.quick.is_enabled:
            return
        way = state.MAINTAINS_PHYSICAL if what in BY_PHYSICAL_ADDRESS else state.MAINTAINS_VIRTUAL
        cpu.permissions.grant_maintenance(word, way, NUMBERS[what])
        if what == "IVAU":
            self.log.silence(what)

    def by_address(self, what: str, va: int) -> None:
        """DC by virtual address, and IC IVAU: translated and checked; raises Abandoned after taking an exception."""
        cpu = self._cpu
        needs_write = what == "IVAC"
        if not needs_write:
            place = self.quick.place(va)
            if place is not None:
                self._by_address(what, va, *place)
                return
        request = Request(
            VA(va), Access.WRITE if needs_write else Access.READ, cpu.el, cpu.regime, cpu.security,
            honours_pan=bool(cpu.slots[state.PAN]), is_cache_maintenance=True,
        )  # fmt: skip
        where = cpu.locate(request)
        if needs_write:
            cpu.check_watchpoints(request, 1)
        else:
            self.quick.learn(request, where)
        self._by_address(what, va, where.pa, where.pas)

    def _by_address(self, what: str, va: int, pa: PA, pas: PAS) -> None:
        if what not in BY_ADDRESS:
            return
        effect = BY_ADDRESS[what]
        if what == "IVAC" and self._keeps_data(HCR_VM | HCR_DC):
            effect = _BOTH
        if self._cache is not None:
            self._maintain(self._cache.copies(pa, pas), what, effect)
        self._report(what, va, pa, pas)

    def by_physical_address(self, what: str, operand: int) -> None:
        """DC CIPAE and CIPAPA: {NS, NSE} in bits [63:62] and an address, which nothing translates or checks.

        The granule protection check of CIPAE is the implementation's choice; there is none here, as in Sail.
        """
        pas, pa = _SPACES[(operand >> 62 & 1) << 1 | operand >> 63], PA(operand & _PA)
        ignored = ""
        if what == "CIPAE" and pas is not PAS.REALM:
            ignored = f"the operand names the {_NAMES[pas]} PAS: only Realm acts"
        elif self._cache is not None:
            self._maintain(self._cache.copies(pa, pas), what, _BOTH)
        self._report(what, operand, pa, pas, ignored)

    def by_way(self, what: str, operand: int) -> None:
        """DC by set and way: the way in bits [31:23], the level less 1 in [3:1]; there is one set."""
        level, way = (operand >> 1 & 7) + 1, operand >> 32 - _WAY_BITS & LINES - 1
        effect = BY_WAY[what]
        if what == "ISW" and self._keeps_data(HCR_VM | HCR_DC | _HCR_SWIO):
            effect = _BOTH
        ignored = ""
        if self._cache is None or level > 1:
            ignored = f"there is no level {level} cache: CLIDR_EL1 says so"
        else:
            self._maintain(self._cache.in_way(way, _VISIBLE[self._cpu.security]), what, effect)
        self._report(what, operand, None, None, ignored)

    def _keeps_data(self, controls: int) -> bool:
        """Whether EL2 has a guest's invalidation clean too, so that it cannot undo the stores of others."""
        cpu = self._cpu
        return cpu.el == 1 and bool(hcr_of(cpu.security, cpu.regs) & controls)

    def _maintain(self, keys: list[Key], what: str, effect: _Effect) -> None:
        assert self._cache is not None
        self._cache.maintain(keys, f"DC {what}", cleans=effect.cleans, invalidates=effect.invalidates)

    def _report(self, what: str, operand: int, pa: PA | None, pas: PAS | None, ignored: str = "") -> None:
        cpu = self._cpu
        event = CacheMaintained(cpu.moment(), what, operand, pa, pas, ignored)
        cpu.emit(event)
        self.log.told(event)

    # What the cache asks for.

    def _store(self, offset: int, value: int, owner: int, writer: Words) -> None:
        self._cpu.store_at(offset, BLOCK, value, owner, writer)

    def _written_back(self, line: WrittenBack) -> None:
        cpu = self._cpu
        if cpu.wants(LineWrittenBack):
            cpu.emit(LineWrittenBack(cpu.moment(), line.pa, line.owner, line.cause, line.overwritten))
