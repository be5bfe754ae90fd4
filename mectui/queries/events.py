"""The log of events as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from emu.debug.calls import call_name
from emu.debug.events import (
    AddressTranslated,
    BarrierExecuted,
    CacheMaintained,
    Event,
    ExceptionReturned,
    ExceptionTaken,
    FirmwareCalled,
    FirstOwner,
    Hit,
    KeyRefreshed,
    LineWrittenBack,
    MecidWritten,
    Moment,
    Owner,
    OwnerChanged,
    PendingUsed,
    RegisterWritten,
    StaleControlUsed,
    Synchronised,
    TlbEvicted,
    TlbFilled,
    TlbInvalidated,
    TranslationFailed,
)
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu
    from emu.debug.stops import Logged


KINDS: dict[str, tuple[type, ...]] = {
    "exceptions": (ExceptionTaken,),
    "returns": (ExceptionReturned,),
    "mecids": (MecidWritten,),
    "keys": (KeyRefreshed,),
    "hits": (Hit,),
    "calls": (FirmwareCalled,),
    "tlbi": (TlbInvalidated,),
    "writebacks": (LineWrittenBack,),
    "owners": (OwnerChanged,),
    "registers": (RegisterWritten,),
    "synchronised": (Synchronised,),
    "pending": (PendingUsed,),
    "barriers": (BarrierExecuted,),
    "cache": (CacheMaintained,),
    "tlb": (TlbFilled, TlbEvicted),
    "stale": (StaleControlUsed,),
    "translations": (AddressTranslated, TranslationFailed),
    "first-owners": (FirstOwner,),
}
"""Names for kinds of event, as people choose them."""
KIND_OF = {kind: name for name, kinds in KINDS.items() for kind in kinds}
LOGGED = ("exceptions", "returns", "mecids", "keys", "hits", "calls", "tlbi", "writebacks")
"""What is written down without anybody asking: rare enough to cost nothing at full speed."""
WRITTEN = "written"
"""The kind of the lines that stops write down (`log`): they are no events of the machine, and listed among them."""
LISTED = (*LOGGED, WRITTEN)
"""The kinds that the list of events on the screen has."""
CALLS = (0x11, 0x12, 0x13, 0x15, 0x16, 0x17)
"""Exception classes of SVC, HVC and SMC (Arm ARM, ESR_ELx.EC): what a program asks for."""


@dataclass(frozen=True, slots=True)
class EventView:
    """One event: when and where it happened, and what, in words. `style` is a domain style name.

    `since` is how many instructions passed since the event shown before it.
    """

    moment: Moment
    where: str
    text: str
    style: str
    kind: str = ""
    since: int | None = None


@dataclass(frozen=True, slots=True)
class EventsView:
    rows: tuple[EventView, ...]
    """Events of the kinds that are shown, the oldest first."""
    counts: tuple[tuple[str, int], ...]
    """(kind, how many of the log are of it), those that are hidden too."""
    hidden: frozenset[str] = frozenset()
    total: int = 0
    """Events of the shown kinds in the log; more than the rows when there are very many."""


def events(
    machine: emu.Machine,
    happened: Iterable[Event],
    hidden: frozenset[str] = frozenset(),
    most: int | None = None,
) -> EventsView:
    """The last `most` events of the kinds that are not `hidden`."""
    counts = dict.fromkeys(LOGGED, 0)
    shown = []
    for event in happened:
        kind = KIND_OF[type(event)]
        counts[kind] = counts.get(kind, 0) + 1
        if kind not in hidden:
            shown.append(event)
    total = len(shown)
    before: int | None = None
    if most is not None and total > most:
        before = shown[-most - 1].moment.instruction
        shown = shown[-most:]
    rows = []
    for event in shown:
        when = event.moment.instruction
        since = None if before is None else when - before
        rows.append(
            EventView(event.moment, label(machine, event.moment.pc), *describe(event), KIND_OF[type(event)], since)
        )
        before = when
    return EventsView(tuple(rows), tuple(counts.items()), hidden, total)


def written(machine: emu.Machine) -> list[Logged]:
    """What stops wrote down up to now, in order; once, where the guest came by again after going back in time."""
    found = {(entry.moment.instruction, entry.number): entry for entry in machine.stops.logged}
    entries = sorted(found.values(), key=lambda entry: entry.moment.instruction)
    return [entry for entry in entries if entry.moment.instruction <= machine.instructions]


def with_written(
    machine: emu.Machine, happened: Iterable[Event], hidden: frozenset[str] = frozenset(), most: int | None = None
) -> EventsView:
    """The last `most` events, and among them the lines that stops wrote down."""
    view, entries = events(machine, happened, hidden, most), written(machine)
    counts = (*view.counts, (WRITTEN, len(entries)))
    if not entries or WRITTEN in hidden:
        return replace(view, counts=counts)
    since_first = [
        EventView(entry.moment, label(machine, entry.moment.pc), f"log {entry.number}: {entry.text}", "strong", WRITTEN)
        for entry in entries
    ]
    rows = sorted((*view.rows, *since_first), key=lambda row: row.moment.instruction)
    kept = rows if most is None else rows[-most:]
    told = [
        replace(row, since=None if before is None else row.moment.instruction - before.moment.instruction)
        for before, row in pairwise((None, *kept))
        if row is not None
    ]
    return EventsView(tuple(told), counts, hidden, view.total + len(entries))


def events_json(view: EventsView) -> dict[str, Any]:
    """What `mectui events --json` prints; names here are a contract."""
    return {
        "schema": 1,
        "total": view.total,
        "events": [
            {
                "kind": row.kind,
                "instruction": row.moment.instruction,
                "since": row.since,
                "pc": f"{row.moment.pc:#x}",
                "symbol": row.where or None,
                "el": row.moment.el,
                "security": row.moment.security.label,
                "text": row.text,
            }
            for row in view.rows
        ],
    }


def describe(event: Event) -> tuple[str, str]:
    """(sentence, style) for an event."""
    match event:
        case ExceptionTaken():
            far = f", FAR {event.far:#x}" if event.far else ""
            style = "text" if event.ec in CALLS else "warning"
            return f"exception to EL{event.to_el}: {event.kind} (EC {event.ec:#04x}{far})", style
        case ExceptionReturned():
            return f"return to EL{event.to_el} {event.to_security.label} at {event.pc:#x}", "text"
        case MecidWritten():
            return f"{event.register} {event.old} → {event.new}", "text" if event.old == event.new else "changed"
        case KeyRefreshed():
            return f"key of MECID {event.mecid} refreshed, generation {event.generation}", "changed"
        case TlbInvalidated():
            return f"TLBI {event.operation} {event.operand:#x} removed {event.removed}", "text"
        case OwnerChanged():
            partly = ", in part: the rest of the block is noise now" if event.is_partial else ""
            return f"PA {event.pa:#x} owner {_owner(event.before)} → {_owner(event.after)}{partly}", "text"
        case Hit():
            return (
                f"SUBSTITUTED {event.access.value} of {event.size} bytes at PA {event.pa:#x}: "
                f"MECID {event.mecid} ≠ owner {event.owner}"
            ), "hit"
        case RegisterWritten():
            return f"{event.register} {event.old:#x} → {event.new:#x}", "text"
        case Synchronised():
            return f"{event.cause}: {', '.join(event.registers)} now in force", "text"
        case PendingUsed():
            return (
                f"{event.access.value} of {event.va:#x} went by {event.register}={event.used:#x}: "
                f"{event.pending:#x} was written but no ISB or exception has made it act"
            ), "warning"
        case BarrierExecuted():
            return f"{event.kind} {event.domain}".rstrip(), "text"
        case CacheMaintained():
            return f"DC {event.operation} {event.operand:#x}" + (
                f" ignored: {event.ignored}" if event.ignored else ""
            ), ("warning" if event.ignored else "text")
        case TlbFilled() | TlbEvicted():
            what = "filled" if isinstance(event, TlbFilled) else "evicted"
            entry = event.entry
            return f"TLB {what}: {entry.base:#x} stage {entry.stage} → PA {entry.translation.pa_base:#x}", "text"
        case StaleControlUsed():
            return (
                f"{event.request.access.value} of {event.request.va:#x} used a TLB entry made under "
                f"{event.control}={event.made_under}; it is {event.acting} now"
            ), "warning"
        case AddressTranslated():
            return f"AT {event.operation} of {event.va:#x}", "text"
        case TranslationFailed():
            fault = event.fault
            return f"{fault.kind.value}, level {fault.level}, of {event.request.va:#x}: {fault.reason}", "warning"
        case FirmwareCalled():
            name = call_name(event.function) or f"#{event.immediate:#x}"  # what says more comes first
            return f"{event.instruction} {name} function {event.function:#010x}", "text"
        case LineWrittenBack():
            lost = f", over what {_owner(event.overwritten)} stored" if event.overwritten is not None else ""
            return (
                f"line {event.pa:#x} written back under {_owner(event.owner)} ({event.cause}){lost}",
                "hit" if lost else "text",
            )


def _owner(owner: Owner | None) -> str:
    return "nobody" if owner is None else f"{owner.pas.label} {owner.mecid}"
