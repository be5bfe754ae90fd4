"""The architectural TLB: finite, tagged, and as stale as software leaves it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from emu.architecture import PAS, Regime, Security
from emu.debug.events import Moment
from emu.translation.records import Translation
from emu.translation.regimes import RegisterView
from emu.translation.tlbi import Scope, Stages, scope_of

_LOW56 = (1 << 56) - 1
_PAGE_SHIFT = 12
_REGIMES = {Regime.EL3: 0, Regime.EL2: 1, Regime.EL20: 2, Regime.EL10: 3}
_STAGES = {Stages.STAGE1: 0, Stages.BOTH: 1, Stages.STAGE2: 2}


@dataclass(frozen=True, slots=True)
class TlbEntry:
    """One cached translation and everything that decides whether it may be used.

    `translation` names the register that supplies the MECID, never its value (mec-reference.md 1.6).
    """

    stages: Stages
    regime: Regime
    security: Security
    vmid: int | None
    """None where no VMID applies."""
    asid: int | None
    """None for a global translation or a regime without ASIDs."""
    translation: Translation
    filled_at: Moment | None = None
    ipa_pas: PAS | None = None
    """Of a stage-2 entry: the address space of its input."""

    @property
    def stage(self) -> str:
        """ "1", "1+2" or "2"."""
        return self.stages.value

    @property
    def base(self) -> int:
        """First input address: a VA, or an IPA for stage 2 alone."""
        return self.translation.va_base

    @property
    def size(self) -> int:
        """Bytes covered."""
        return self.translation.size

    @property
    def leaf(self) -> tuple[int, int]:
        """Input addresses [start, end), without the bits above 55, of the leaf that the entry comes from.

        A combined entry may cover only part of stage 1's leaf; a TLBI by any address of the leaf removes it.
        """
        size = self.translation.stage1_size or self.size
        start = self.base & -size & _LOW56
        return start, start + size

    def is_in(self, scope: Scope) -> bool:
        """Whether a TLBI with this scope removes the entry."""
        if self.regime is not scope.regime or self.security is not scope.security or self.stages not in scope.stages:
            return False
        if scope.vmid is not None and self.vmid != scope.vmid:
            return False
        if self.asid is None:
            if scope.is_global_kept:
                return False
        elif scope.asid is not None and self.asid != scope.asid:
            return False
        if scope.ipa_pas is not None and self.ipa_pas != scope.ipa_pas:
            return False
        if scope.span is None:
            return True
        start, end = self.leaf
        return start < scope.span[1] and scope.span[0] < end


class Tlb:
    """`capacity` translations, replaced first in, first out, so that equal runs see equal contents.

    How often an entry is used is not counted: engines keep caches of their own over it, and would count differently.
    """

    def __init__(self, entries: int = 128) -> None:
        self.capacity = entries
        self.on_filled: Callable[[TlbEntry], None] | None = None
        """Told of each new entry."""
        self.on_evicted: Callable[[TlbEntry], None] | None = None
        """Told of each entry that made room for another, before `on_removed` is."""
        self.on_removed: Callable[[TlbEntry], None] | None = None
        """Told of each entry that was replaced or invalidated."""
        self._entries: dict[int, TlbEntry] = {}
        self._next = 0
        self._pages: dict[int, list[int]] = {}
        self._large: dict[int, list[int]] = {}

    def entries(self) -> tuple[TlbEntry, ...]:
        """Valid entries, oldest first."""
        return tuple(self._entries.values())

    @property
    def filled(self) -> int:
        """How many entries were put in since the TLB was made; those of a restored snapshot count again."""
        return self._next

    def __len__(self) -> int:
        return len(self._entries)

    def lookup(
        self,
        stages: Stages,
        regime: Regime,
        security: Security,
        vmid: int | None,
        asid: int | None,
        address: int,
        ipa_pas: PAS | None = None,
    ) -> TlbEntry | None:
        """The oldest page entry, else the oldest larger one, that translates an address (without tag) here."""
        space = _STAGES[stages] << 4 | _REGIMES[regime] << 2 | security
        numbers = self._pages.get(address >> _PAGE_SHIFT << 6 | space)
        if numbers is not None:
            for number in numbers:
                entry = self._entries[number]
                if entry.vmid == vmid and (entry.asid is None or entry.asid == asid) and entry.ipa_pas == ipa_pas:
                    return entry
        for number in self._large.get(space, ()):
            entry = self._entries[number]
            translation = entry.translation
            if (
                0 <= address - translation.va_base < translation.size
                and entry.vmid == vmid
                and (entry.asid is None or entry.asid == asid)
                and entry.ipa_pas == ipa_pas
            ):
                return entry
        return None

    def insert(self, entry: TlbEntry) -> None:
        """Add an entry, replacing the oldest when the TLB is full."""
        if len(self._entries) >= self.capacity:
            oldest = next(iter(self._entries))
            if self.on_evicted is not None:
                self.on_evicted(self._entries[oldest])
            self._remove(oldest)
        self._add(entry)
        if self.on_filled is not None:
            self.on_filled(entry)

    def remove(self, entry: TlbEntry) -> None:
        """Take out this very entry, if it is there."""
        for number, held in self._entries.items():
            if held is entry:
                self._remove(number)
                return

    def invalidate(self, name: str, operand: int, regs: RegisterView, el: int) -> tuple[TlbEntry, ...]:
        """Perform a TLBI executed at `el`; returns the entries it removed. Raises KeyError for unknown names."""
        return self.invalidate_scope(scope_of(name, operand, regs, el))

    def invalidate_scope(self, scope: Scope | None) -> tuple[TlbEntry, ...]:
        """Remove what a scope covers (None: nothing); returns the entries it removed."""
        if scope is None:
            return ()
        return tuple(self._remove(number) for number in [n for n, entry in self._entries.items() if entry.is_in(scope)])

    def clear(self) -> None:
        """Forget everything, telling nobody: a reset."""
        self.restore(())

    def restore(self, entries: Iterable[TlbEntry]) -> None:
        """Hold exactly these entries, oldest first; tells nobody."""
        self._entries.clear()
        self._pages.clear()
        self._large.clear()
        for entry in entries:
            self._add(entry)

    def _add(self, entry: TlbEntry) -> None:
        number = self._next
        self._next += 1
        self._entries[number] = entry
        index, key = self._place(entry)
        index.setdefault(key, []).append(number)

    def _place(self, entry: TlbEntry) -> tuple[dict[int, list[int]], int]:
        """The index that an entry belongs to and its key there."""
        space = _STAGES[entry.stages] << 4 | _REGIMES[entry.regime] << 2 | entry.security
        if entry.size == 1 << _PAGE_SHIFT:
            return self._pages, entry.base >> _PAGE_SHIFT << 6 | space
        return self._large, space

    def _remove(self, number: int) -> TlbEntry:
        entry = self._entries.pop(number)
        index, key = self._place(entry)
        numbers = index[key]
        numbers.remove(number)
        if not numbers:
            del index[key]
        if self.on_removed is not None:
            self.on_removed(entry)
        return entry
