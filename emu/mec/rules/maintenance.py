"""Rules about cache lines that have to leave the caches when a granule changes its MECID (mec-reference.md 1.8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from emu.architecture import PA, PAGE, PAS
from emu.debug.events import BarrierExecuted, CacheMaintained, Event, LineWrittenBack, OwnerChanged
from emu.maintenance_log import Maintained
from emu.mec.rules.model import Report, Rule, Severity, Watched
from emu.mec.rules.words import at, context, several

_TO_POE = frozenset(("CIPAE", "CIGDPAE", "CIPAPA", "CIGDPAPA"))
"""Maintenance to the Point of Encryption or beyond."""


_REALM = 0b11
"""NS and NSE of an operand in bits [63:62]."""
_PA = (1 << 52) - 1


def line_size(machine: Watched) -> int:
    """Bytes of the smallest data cache line (CTR_EL0.DminLine): the stride that maintenance needs."""
    return 4 << (machine.registers["CTR_EL0"] >> 16 & 0xF)


def reuse(event: OwnerChanged, machine: Watched) -> tuple[int, int] | None:
    """(old MECID, new MECID) of a Realm block that changed hands within Realm; None for anything else.

    Where the cache is modelled, stores reach memory when lines are written back: `LineWrittenBack` tells then.
    """
    before, after = event.before, event.after
    if before is None or event.written is None or machine.features.has_cache:
        return None
    if before.pas is not PAS.REALM or after.pas is not PAS.REALM or before.mecid == after.mecid:
        return None
    return before.mecid, after.mecid


def _rising(operands: Sequence[int], start: int, size: int, most: int) -> int:
    """How many operands from `start` on are each a line behind the one before, at most so many."""
    most = min(most, len(operands) - start)
    first = operands[start]
    if operands[start : start + most] == list(range(first, first + most * size, size)):
        return most
    return next(at for at in range(1, most) if operands[start + at] != first + at * size)


class _Maintenance(Rule):
    """Remembers when each line was last cleaned and invalidated to the Point of Encryption."""

    severity = Severity.ERROR
    kinds: ClassVar[tuple[type, ...]] = (OwnerChanged, CacheMaintained)

    def __init__(self) -> None:
        self.lines: dict[int, tuple[int, ...]] = {}
        """Instruction at which each line of a granule was maintained, 0 for never; of all but `granule`."""
        self.granule = -1
        """The granule that maintenance is at; -1 for none."""
        self.open: list[int] = []
        """The same of its lines."""
        self.missing = 0
        """How many of them are 0."""
        self.whole: dict[int, int] = {}
        """The same for granules of which every line was: the earliest."""

    def ignores(self, event: Event) -> bool:
        return isinstance(event, CacheMaintained) and event.operation not in _TO_POE

    def note(self, event: CacheMaintained, size: int) -> None:
        if event.ignored or event.operation not in _TO_POE or event.pa is None or event.pas is not PAS.REALM:
            return
        self._note(event.pa, event.moment.instruction, size)

    def _note(self, pa: int, instruction: int, size: int) -> None:
        """Maintenance of a Realm line."""
        granule, number = pa // PAGE, pa % PAGE // size
        if granule != self.granule:
            self._turn_to(granule, PAGE // size)
        if not self.open[number]:
            self.missing -= 1
        self.open[number] = max(instruction, 1)
        if not self.missing:
            self.whole[granule] = min(self.open)
            self.granule = -1

    def can_wait(self, event: Event) -> bool:
        return isinstance(event, CacheMaintained)

    def hear_later(self, done: Maintained, machine: Watched) -> None:
        size = line_size(machine)
        _, instructions, operands = done
        start, count = 0, len(operands)
        while start < count:
            operand, end = operands[start], start + 1
            if operand >> 62 == _REALM:
                pa = operand & _PA
                if end < count and operands[end] == operand + size:
                    end = start + _rising(operands, start, size, PAGE // size - pa % PAGE // size)
                if end == start + 1 or not self._note_lines(pa, instructions[start:end], size):
                    for at in range(start, end):
                        self._note(operands[at] & _PA, instructions[at], size)
            start = end

    def _note_lines(self, pa: int, instructions: list[int], size: int) -> bool:
        """Maintenance of lines in a row, all at once; False where the granule is complete before the last of them."""
        granule, first = pa // PAGE, pa % PAGE // size
        if granule != self.granule:
            self._turn_to(granule, PAGE // size)
        lines = slice(first, first + len(instructions))
        before = self.open[lines]
        new = before.count(0)
        if new == self.missing and before[-1]:
            return False
        self.open[lines] = instructions if instructions[0] else [1, *instructions[1:]]
        self.missing -= new
        if not self.missing:
            self.whole[granule] = min(self.open)
            self.granule = -1
        return True

    def _turn_to(self, granule: int, count: int) -> None:
        if self.granule >= 0:
            self.lines[self.granule] = tuple(self.open)
        known = self.lines.pop(granule, None)
        self.open = [0] * count if known is None else list(known)
        self.granule, self.missing = granule, self.open.count(0)

    def _lines_of(self, granule: int) -> Sequence[int] | None:
        return self.open if granule == self.granule else self.lines.get(granule)

    def maintained_at(self, pa: int, size: int, is_whole: bool) -> int:
        """When a line was last maintained; 0 for never. `is_whole` asks for the granule's earliest line."""
        granule = pa // PAGE
        lines = self._lines_of(granule)
        some = 0 if lines is None else min(lines) if is_whole else lines[pa % PAGE // size]
        return max(some, self.whole.get(granule, 0))

    def maintained_since(self, pa: int, instruction: int) -> int:
        """How many lines of the granule of an address were maintained after an instruction."""
        granule = pa // PAGE
        return sum(1 for moment in self._lines_of(granule) or () if moment > instruction)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if isinstance(event, CacheMaintained):
            self.note(event, line_size(machine))
        elif isinstance(event, OwnerChanged) and event.written is not None:
            identities = reuse(event, machine)
            if identities is not None:
                size = line_size(machine)
                maintained = self.maintained_at(event.pa, size, machine.model == "substitute")
                self.judge(event, identities, maintained, size, machine, report)

    def judge(
        self, event: OwnerChanged, identities: tuple[int, int], maintained: int, size: int, machine: Watched,
        report: Report,
    ) -> None:  # fmt: skip
        raise NotImplementedError

    def story(self, event: OwnerChanged, identities: tuple[int, int], machine: Watched) -> str:
        old, new = identities
        return (
            f"the line at PA {event.pa:#x} was stored under MECID {old} at {at(machine, event.written)} and under "
            f"MECID {new} at {at(machine, event.moment)}"
        )


class ReuseWithoutCipae(_Maintenance):
    id = "reuse-without-cipae"
    numbers = (18,)
    title = "A granule changes its MECID without DC CIPAE"
    why = (
        "Caches before the Point of Encryption hold lines tagged with the MECID that made them. A dirty line of the "
        "old MECID that is still there may be written back at any time, over what the new owner stored."
    )
    fix = (
        "after the last use under the old MECID and before the first store under the new one: DC CIPAE for every line "
        "of the granule, then DSB"
    )
    kinds = (OwnerChanged, CacheMaintained, LineWrittenBack)

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if not isinstance(event, LineWrittenBack):
            super().hear(event, machine, report)
            return
        lost = event.overwritten
        if lost is None or (lost.pas, lost.mecid) == (event.owner.pas, event.owner.mecid):
            return
        key = ("lost", event.pa // PAGE, event.owner, lost)
        if report.repeats(self, key):
            return
        message = (
            f"a dirty line of {context(event.owner)} is written back to PA {event.pa:#x} at "
            f"{at(machine, event.moment)} ({event.cause}), over what was stored under {context(lost)} since: "
            "that is lost"
        )
        report.add(self, key, event.moment, message, pa=event.pa)

    def judge(
        self, event: OwnerChanged, identities: tuple[int, int], maintained: int, size: int, machine: Watched,
        report: Report,
    ) -> None:  # fmt: skip
        assert event.written is not None
        since = event.written.instruction
        if maintained > since or self.maintained_since(event.pa, since):
            return
        key = (event.pa // PAGE, identities)
        if not report.repeats(self, key):
            message = f"{self.story(event, identities, machine)}, without DC CIPAE in between"
            report.add(self, key, event.moment, message, other=event.written, pa=event.pa)


class CipaePartial(_Maintenance):
    id = "cipae-partial"
    numbers = (20,)
    title = "DC CIPAE reached only part of a granule"
    why = (
        "DC CIPAE acts on one cache line. A loop with a stride longer than a line (4 << CTR_EL0.DminLine bytes), or "
        "one that ends early, leaves dirty lines of the old MECID behind."
    )
    fix = "step through the whole granule by 4 << CTR_EL0.DminLine bytes"

    def judge(
        self, event: OwnerChanged, identities: tuple[int, int], maintained: int, size: int, machine: Watched,
        report: Report,
    ) -> None:  # fmt: skip
        assert event.written is not None
        since = event.written.instruction
        done = self.maintained_since(event.pa, since)
        if maintained > since or not done:
            return
        key = (event.pa // PAGE, identities)
        if not report.repeats(self, key):
            message = (
                f"{self.story(event, identities, machine)}; DC CIPAE in between reached {done} of "
                f"{several(PAGE // size, 'line')} of the granule, and not this one"
            )
            report.add(self, key, event.moment, message, other=event.written, pa=event.pa)


class CipaeWithoutDsb(_Maintenance):
    """Hears of barriers only while maintenance waits for one: native code hands over every barrier somebody wants."""

    id = "cipae-without-dsb"
    numbers = (20,)
    title = "A granule is reused before its DC CIPAE has completed"
    why = (
        "Cache maintenance is complete only after a DSB. A store under the new MECID before that may be overtaken by "
        "the write-back of the old line."
    )
    fix = "DSB after the last DC CIPAE and before the first store under the new MECID"
    is_dynamic = True
    _waiting: ClassVar[tuple[type, ...]] = (*_Maintenance.kinds, BarrierExecuted)

    def __init__(self) -> None:
        super().__init__()
        self.is_waiting = False
        self.completed = 0
        """Instruction of the last DSB after maintenance."""

    def can_wait(self, event: Event) -> bool:
        return self.is_waiting and super().can_wait(event)

    def wanted(self) -> tuple[type, ...]:
        return self._waiting if self.is_waiting else self.kinds

    def note(self, event: CacheMaintained, size: int) -> None:
        super().note(event, size)
        self.is_waiting = self.is_waiting or event.operation in _TO_POE

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        if isinstance(event, BarrierExecuted):
            if event.kind == "DSB":
                self.is_waiting, self.completed = False, event.moment.instruction
            return
        super().hear(event, machine, report)

    def judge(
        self, event: OwnerChanged, identities: tuple[int, int], maintained: int, size: int, machine: Watched,
        report: Report,
    ) -> None:  # fmt: skip
        assert event.written is not None
        if maintained <= event.written.instruction or maintained < self.completed:
            return
        key = (event.pa // PAGE, identities)
        if not report.repeats(self, key):
            message = f"{self.story(event, identities, machine)}: after the DC CIPAE, but without DSB in between"
            report.add(self, key, event.moment, message, other=event.written, pa=event.pa)


class CipaeIgnored(Rule):
    id = "cipae-ignored"
    numbers = (19,)
    severity = Severity.ERROR
    title = "DC CIPAE that does nothing"
    why = (
        "DC CIPAE takes a physical address with its address space in bits 63 (NS) and 62 (NSE), and acts only where "
        "both are 1: Realm. With anything else it is a NOP, and the lines stay in the caches."
    )
    fix = "set bits 63 and 62 of the operand: PA | 3 << 62"
    kinds: ClassVar = (CacheMaintained,)

    def ignores(self, event: Event) -> bool:
        return isinstance(event, CacheMaintained) and event.operation not in ("CIPAE", "CIGDPAE")

    def can_wait(self, event: Event) -> bool:
        return isinstance(event, CacheMaintained) and not event.ignored

    def hear_later(self, done: Maintained, machine: Watched) -> None:
        """None of them is ignored."""

    def hear(self, event: Event, machine: Watched, report: Report) -> None:
        assert isinstance(event, CacheMaintained)
        if event.operation not in ("CIPAE", "CIGDPAE") or not event.ignored:
            return
        key = (event.moment.pc, event.operand // PAGE)
        if not report.repeats(self, key):
            where = at(machine, event.moment)
            message = f"DC {event.operation} of {event.operand:#x} at {where} does nothing: {event.ignored}"
            report.add(self, key, event.moment, message, pa=None if event.pa is None else PA(event.pa))


RULES: tuple[type[Rule], ...] = (ReuseWithoutCipae, CipaeIgnored, CipaePartial, CipaeWithoutDsb)
