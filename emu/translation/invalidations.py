"""What TLB maintenance did: a bounded log, each operation with its operand in words and what it removed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from emu.architecture import PAS, VA, Regime, Security
from emu.debug.events import Moment
from emu.translation.tlb_entry import Kept, TlbEntry, revive
from emu.translation.tlbi import GRANULE_OF_TG, OPERATIONS, By, Scope, Stages, base_name

KEPT = 1000
"""Invalidations that the log remembers."""
_LOW56 = (1 << 56) - 1


@dataclass(frozen=True, slots=True)
class Invalidation:
    """One TLBI instruction as it was executed."""

    moment: Moment
    operation: str
    """The manual's name without "TLBI ": "VAE1IS"."""
    operand: int
    """Xt; means nothing for operations without one."""
    scope: Scope | None
    """Entries that it was about; None for none at all, and for operations on granule protection information."""
    granules: tuple[int, int] | None
    """Physical addresses [start, end) of an operation on granule protection information."""
    removed: tuple[TlbEntry, ...]
    removed_granules: int = 0
    """Cached ranges of granule protection information that it removed."""

    @property
    def count(self) -> int:
        """Everything it removed."""
        return len(self.removed) + self.removed_granules

    @property
    def text(self) -> str:
        """The operand and the context in words."""
        if self.granules is not None:
            start, end = self.granules
            return "all granule protection information" if start == 0 and end > _LOW56 else f"PA {_span(start, end)}"
        if self.scope is None:
            return "nothing: the range has no granule, or the state has no such regime"
        return ", ".join((*_operand(self.operation, self.operand, self.scope), *_context(self.scope)))


When = tuple[int, int, int, Security]
"""A `Moment` that is not one yet: its fields."""
Done = tuple[When, str, int, Scope | None, tuple[int, int] | None, tuple[Kept, ...], int]
"""An `Invalidation` that is not one yet: its fields."""


class InvalidationLog:
    """The last KEPT invalidations, oldest first. Removed entries become objects when somebody looks."""

    def __init__(self) -> None:
        self._kept: deque[Invalidation | Done] = deque(maxlen=KEPT)

    def add(self, done: Done) -> None:
        """One more."""
        self._kept.append(done)

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._kept)

    def entries(self, last: int | None = None) -> tuple[Invalidation, ...]:
        """What is remembered, oldest first: all of it, or the `last` ones."""
        start = 0 if last is None else max(len(self._kept) - last, 0)
        for at in range(start, len(self._kept)):
            item = self._kept[at]
            if not isinstance(item, Invalidation):
                self._kept[at] = self._told(item)
        return tuple(item for item in islice(self._kept, start, None) if isinstance(item, Invalidation))

    def state(self) -> tuple[Invalidation | Done, ...]:
        """What has to be kept to remember the same again: nothing is made an object for that."""
        return tuple(self._kept)

    def _told(self, done: Done) -> Invalidation:
        (instruction, pc, el, security), operation, operand, scope, granules, removed, removed_granules = done
        moment, entries = Moment(instruction, VA(pc), el, security), tuple(map(revive, removed))
        return Invalidation(moment, operation, operand, scope, granules, entries, removed_granules)

    def restore(self, kept: Iterable[Invalidation | Done]) -> None:
        """Remember exactly these."""
        self._kept = deque(kept, maxlen=KEPT)


def removers(entry: TlbEntry) -> tuple[tuple[str, int | None], ...]:
    """Operations that remove an entry, the narrowest first: (name, operand or None where there is none).

    They act in the entry's own Security state and VMID; an operand has no TTL hint.
    """
    page = entry.base >> 12 & (1 << 44) - 1
    match entry.regime:
        case Regime.EL3:
            return ("VAE3", page), ("ALLE3", None)
        case Regime.EL2:
            return ("VAE2", page), ("ALLE2", None)
        case Regime.EL20:
            return ("VAE2", (entry.asid or 0) << 48 | page), ("ALLE2", None)
    whole = ("VMALLS12E1", None), ("ALLE1", None)
    if entry.stages is Stages.STAGE2:
        is_other = entry.security is Security.SECURE and entry.ipa_pas is PAS.NON_SECURE
        return ("IPAS2E1", int(is_other) << 63 | entry.base >> 12 & (1 << 40) - 1), *whole
    if entry.asid is None:
        return ("VAAE1", page), ("VMALLE1", None), *whole
    by_asid = ("ASIDE1", entry.asid << 48)
    return ("VAE1", entry.asid << 48 | page), ("VAAE1", page), by_asid, ("VMALLE1", None), *whole


def _operand(operation: str, operand: int, scope: Scope) -> list[str]:
    kind = OPERATIONS[base_name(operation)]
    words = []
    if scope.span is not None:
        words.append(f"{'IPA' if kind.by is By.IPA else 'VA'} {_span(*scope.span)}")
    if kind.by is By.IPA and scope.ipa_pas is not None:
        words.append(f"{scope.ipa_pas.label} IPA space")
    if scope.asid is not None:
        words.append(f"ASID {scope.asid}")
    elif scope.regime.has_two_ranges and kind.by is By.VA_ANY_ASID:
        words.append("any ASID")
    if scope.span is not None:
        words += _hint(operand, is_range=kind.is_range)
    if kind.by in (By.ALL, By.VMID):
        words.append("everything")
    return words


def _hint(operand: int, *, is_range: bool) -> list[str]:
    """TTL in words."""
    if is_range:
        level = operand >> 37 & 3
        return [f"hint: level {level}"] if level else []
    shift = GRANULE_OF_TG.get(operand >> 46 & 3)
    return [] if shift is None else [f"hint: {1 << shift - 10} KiB level {operand >> 44 & 3}"]


def _context(scope: Scope) -> list[str]:
    words = [f"{scope.security.label} {scope.regime.value}"]
    if scope.vmid is not None:
        words.append(f"VMID {scope.vmid}")
    if Stages.STAGE2 in scope.stages:
        words.append("stage 2" if len(scope.stages) == 1 else "both stages")
    return words


def _span(start: int, end: int) -> str:
    """An address, or the ends of a range, upper-half addresses in full."""
    if start >> 55 & 1:
        start, end = start | 0xFF << 56, end | 0xFF << 56
    return f"{start:#x}" if end - start <= 1 << 12 else f"{start:#x}-{end - 1:#x}"
