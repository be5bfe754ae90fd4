"""The log of events as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.debug.events import (
    AddressTranslated,
    BarrierExecuted,
    CacheMaintained,
    Event,
    ExceptionReturned,
    ExceptionTaken,
    FirmwareCalled,
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


@dataclass(frozen=True, slots=True)
class EventView:
    """One event: when and where it happened, and what, in words. `style` is a domain style name."""

    moment: Moment
    where: str
    text: str
    style: str


def events(machine: emu.Machine, happened: Iterable[Event]) -> tuple[EventView, ...]:
    return tuple(EventView(event.moment, label(machine, event.moment.pc), *describe(event)) for event in happened)


def describe(event: Event) -> tuple[str, str]:
    """(sentence, style) for an event."""
    match event:
        case ExceptionTaken():
            far = f", FAR {event.far:#x}" if event.far else ""
            return f"exception to EL{event.to_el}: {event.kind} (EC {event.ec:#04x}{far})", "warning"
        case ExceptionReturned():
            return f"return to EL{event.to_el} {event.to_security.label} at {event.pc:#x}", "text"
        case MecidWritten():
            return f"{event.register} {event.old} → {event.new}", "changed"
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
                f"id {event.mecid} ≠ owner {event.owner}"
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
            return f"{event.instruction} #{event.immediate:#x} function {event.function:#010x}", "text"
        case LineWrittenBack():
            lost = f", over what {_owner(event.overwritten)} stored" if event.overwritten is not None else ""
            return (
                f"line {event.pa:#x} written back under {_owner(event.owner)} ({event.cause}){lost}",
                "hit" if lost else "text",
            )


def _owner(owner: Owner | None) -> str:
    return "nobody" if owner is None else f"{owner.pas.label} {owner.mecid}"
