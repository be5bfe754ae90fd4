"""A CPU whose accesses are written down as they happen: translation, TLB, owner, what is moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emu.architecture import VA, Access, Regime
from emu.cpu import Cpu
from emu.debug.events import Event, Hit, Owner, TranslationFailed
from emu.exceptions import Abandoned
from emu.translation.controls import vmid_of
from emu.translation.mmu import Located
from emu.translation.records import Fault, Request, Walk
from emu.translation.tlb_entry import TlbEntry
from emu.translation.tlbi import Stages

MOST_ACCESSES = 12
"""Data accesses of one instruction that are told; copies of memory make more."""


@dataclass(frozen=True, slots=True)
class AccessTold:
    """One access within a page: what the tables say, what the CPU goes by, what is moved."""

    request: Request
    walk: Walk
    """By the tables as they were right before, whatever the TLB holds."""
    located: Located | None
    """Where it goes; None where it faults."""
    fault: Fault | None
    entry: TlbEntry | None
    """The TLB entry that served it; None where the tables were walked, or there is nothing to translate."""
    size: int = 0
    """Bytes moved; 0 where nothing was: it only had to be allowed, or something else went wrong before."""
    value: int | None = None
    """What was read or written, little-endian, as this access sees it."""
    before: int | None = None
    """What a write replaces: as this access would have read it."""
    owner_before: Owner | None = None
    """Who owned the block until then."""
    owner_after: Owner | None = None
    hit: Hit | None = None
    """What was read was another owner's: noise."""

    @property
    def is_stale(self) -> bool:
        """The TLB sends it elsewhere than the tables would."""
        where, walk = self.located, self.walk
        if self.entry is None or where is None:
            return False
        return walk.fault is not None or (where.pa, where.pas, where.mecid) != (walk.pa, walk.pas, walk.mecid)


@dataclass(slots=True)
class Draft:
    request: Request
    walk: Walk
    located: Located | None = None
    fault: Fault | None = None
    entry: TlbEntry | None = None
    size: int = 0
    value: int | None = None
    before: int | None = None
    owner_before: Owner | None = None
    owner_after: Owner | None = None
    hit: Hit | None = None

    def finish(self) -> AccessTold:
        return AccessTold(
            self.request, self.walk, self.located, self.fault, self.entry, self.size, self.value, self.before,
            self.owner_before, self.owner_after, self.hit,
        )  # fmt: skip


class WatchedCpu(Cpu):
    """A CPU whose accesses are written down while somebody watches."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.drafts: list[Draft] | None = None
        self.count = 0
        """Accesses since somebody watches, those that are not written down too."""
        self.told: list[Event] = []
        super().__init__(*arguments, **named)

    def locate(self, request: Request, reported: VA | None = None) -> Located:
        if self.drafts is None:
            return super().locate(request, reported)
        self.count += 1
        if self.count > MOST_ACCESSES + 1:
            return super().locate(request, reported)
        draft = Draft(request, self.mmu.explain(request))
        self.drafts.append(draft)
        filled = self.mmu.tlb.filled
        try:
            where = super().locate(request, reported)
        except Abandoned:
            failed = [event for event in self.told if isinstance(event, TranslationFailed)]
            draft.fault = failed[-1].fault if failed else None
            raise
        draft.located = where
        if not self.mmu.is_forgiving and self.mmu.tlb.filled == filled:
            draft.entry = self._serving(where, request)
        return where

    def _serving(self, where: Located, request: Request) -> TlbEntry | None:
        """The TLB entry that an access without a walk went by: of its regime, or of stage 2 where stage 1 is off."""
        found, tlb = where.translation, self.mmu.tlb
        entry = next((each for each in tlb.entries() if each.translation is found), None)
        if entry is not None or found.ipa_base is None:
            return entry
        vmid = vmid_of(self.acting["VTTBR_EL2"], self.acting["VTCR_EL2"])
        return tlb.lookup(Stages.STAGE2, Regime.EL10, request.security, vmid, None, found.ipa_base, found.ipa_pas)

    def _draft_of(self, where: Located) -> Draft | None:
        """The draft that a transfer belongs to: its own, or one that was located for it before."""
        for draft in reversed(self.drafts or ()):
            if draft.located is where:
                return draft
        return None

    def _read(self, va: int, size: int, where: Located, access: Access) -> int:
        seen = len(self.told)
        value = super()._read(va, size, where, access)
        draft = self._draft_of(where)
        if draft is not None and draft.request.access is Access.WRITE and self.drafts is not None:
            # The load of an atomic instruction, which had to be allowed to write as well.
            self.drafts.remove(draft)
            draft = self.drafts[-1] if self.drafts else None
        if draft is not None and draft.value is None:
            draft.size, draft.value = size, value
            draft.owner_before = draft.owner_after = self.memory.owner_of(where.pa)
            draft.hit = next((event for event in self.told[seen:] if isinstance(event, Hit)), None)
        return value

    def _write(self, va: int, size: int, value: int, where: Located) -> None:
        draft = self._draft_of(where)
        before, owner = None, None
        if draft is not None and self.memory.ram_offset(where.pa, is_store=True) is not None:
            before, owner = self._as_seen(where, size), self.memory.owner_of(where.pa)
        super()._write(va, size, value, where)
        if draft is not None and draft.value is None:
            draft.size, draft.value, draft.before, draft.owner_before = size, value, before, owner
            draft.owner_after = self.memory.owner_of(where.pa)

    def _as_seen(self, where: Located, size: int) -> int:
        memory = self.memory
        if memory.cache is not None and self.is_cached(where, Access.WRITE):
            return memory.cache.look(where.pa, size, where.pas, where.mecid)[0]
        return int.from_bytes(memory.view_as(where.pa, size, where.pas, where.mecid), "little")
