"""A stop at work: its number, whether it is on, and what it has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emu.debug.events import Moment
from emu.debug.expressions import Expression
from emu.debug.stops.specification import AnyStop, CatchStop, CodeStop


@dataclass
class StopPoint:
    """One stop of a machine. Change it through `Stops` only."""

    number: int
    """From 1, never used again; 0 for those that the debugger sets for itself."""
    stop: AnyStop
    condition: Expression | None = None
    log: tuple[str | Expression, ...] = ()
    """The message in pieces: text, and expressions whose values go in between."""
    is_enabled: bool = True
    hits: int = 0
    """How often it was reached with its condition met."""
    ignore: int = 0
    """How many of the next hits are passed over."""
    last: Moment | None = None
    """When it was hit last."""
    address: int | None = None
    """Where its place is now, the lowest of several; None for catchpoints, and while its symbol is not there."""
    addresses: tuple[int, ...] = ()
    """All of them: a line of the source may begin in several places."""
    matches: Callable[[Any], bool] | None = field(default=None, repr=False)
    """Of a catchpoint: whether an event is one that is meant."""
    when: Callable[[], bool] | None = field(default=None, repr=False)
    """A condition of the debugger's own."""

    @property
    def name(self) -> str:
        """ "breakpoint 2"."""
        kind = {CodeStop: "breakpoint", CatchStop: "catchpoint"}.get(type(self.stop), "watchpoint")
        return f"{kind} {self.number}"


@dataclass(frozen=True, slots=True)
class KeptStop:
    """What outlives a machine of a stop."""

    number: int
    stop: AnyStop
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class Logged:
    """What a stop with a log message wrote down."""

    moment: Moment
    number: int
    text: str
