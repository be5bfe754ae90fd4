"""The log of events as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.debug.events import (
    Event,
    ExceptionReturned,
    ExceptionTaken,
    Hit,
    KeyRefreshed,
    MecidWritten,
    Moment,
    OwnerChanged,
    TlbInvalidated,
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
            before = "nobody" if event.before is None else f"{event.before.pas.label} {event.before.mecid}"
            partly = ", in part: the rest of the block is noise now" if event.is_partial else ""
            return f"PA {event.pa:#x} owner {before} → {event.after.pas.label} {event.after.mecid}{partly}", "text"
        case Hit():
            return (
                f"SUBSTITUTED {event.access.value} of {event.size} bytes at PA {event.pa:#x}: "
                f"id {event.mecid} ≠ owner {event.owner}"
            ), "hit"
