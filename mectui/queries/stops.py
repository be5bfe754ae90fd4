"""The list of stops as people look at it: what each waits for, how often it was hit, and what was logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.debug.events import Moment
from emu.debug.stops import CatchStop, CodeStop, Logged, StopPoint, WatchStop
from mectui.queries.labels import label, line_name
from mectui.stop_orders import described

if TYPE_CHECKING:
    import emu

MOST_LOGGED = 200


@dataclass(frozen=True, slots=True)
class StopView:
    """One stop."""

    number: int
    kind: str
    """"breakpoint", "watchpoint" or "catchpoint"."""
    text: str
    """What it waits for, with its symbol."""
    condition: str
    log: str
    hits: int
    ignore: int
    is_enabled: bool
    is_temporary: bool
    last: Moment | None
    last_where: str
    """The symbol of the instruction that hit it last."""
    address: int | None
    """Where Enter goes; None for catchpoints, and while a symbol is not there."""
    is_physical: bool
    is_code: bool
    size: int = 0
    line: str = ""
    """The line of the source that a breakpoint is at, where its text does not say so already."""


@dataclass(frozen=True, slots=True)
class StopsView:
    stops: tuple[StopView, ...]
    logged: tuple[Logged, ...]
    """The last messages that stops wrote down, oldest first."""
    total: int
    """How many messages are kept; more than `logged` where there are very many."""


def stops(machine: emu.Machine) -> StopsView:
    """Every stop, by number."""
    logged = machine.stops.logged
    last = tuple(logged[at] for at in range(max(0, len(logged) - MOST_LOGGED), len(logged)))
    return StopsView(tuple(one(machine, point) for point in machine.stops.items()), last, len(logged))


def one(machine: emu.Machine, point: StopPoint) -> StopView:
    stop = point.stop
    return StopView(
        point.number,
        point.name.partition(" ")[0],
        described(machine, point),
        stop.condition,
        stop.log,
        point.hits,
        point.ignore,
        point.is_enabled,
        stop.is_temporary,
        point.last,
        "" if point.last is None else label(machine, point.last.pc),
        point.address,
        not isinstance(stop, CatchStop) and stop.place.is_physical,
        isinstance(stop, CodeStop),
        stop.size if isinstance(stop, WatchStop) else 0,
        _line(machine, point),
    )


def _line(machine: emu.Machine, point: StopPoint) -> str:
    stop, address = point.stop, point.address
    if not isinstance(stop, CodeStop) or stop.place.source or stop.place.is_physical or address is None:
        return ""
    return line_name(machine, address)


@dataclass(frozen=True, slots=True)
class CodeMark:
    """What the disassembly shows beside an instruction that has a breakpoint."""

    number: int
    is_enabled: bool
    is_special: bool
    """It has a condition, or a message and goes on."""


def code_marks(machine: emu.Machine) -> dict[int, CodeMark]:
    """By virtual address; of several at one place the one that is on."""
    marks: dict[int, CodeMark] = {}
    for point in machine.stops.items():
        if not isinstance(point.stop, CodeStop) or point.stop.place.is_physical:
            continue
        for address in point.addresses:
            present = marks.get(address)
            if present is None or (point.is_enabled and not present.is_enabled):
                is_special = bool(point.stop.condition or point.stop.log or point.ignore)
                marks[address] = CodeMark(point.number, point.is_enabled, is_special)
    return marks
