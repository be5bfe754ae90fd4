"""The list of calls that led to the present instruction, each with how it was found; and why the list ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mectui.queries.call_code import SP
from mectui.queries.call_context import Context, EndError, How
from mectui.queries.callers import Unwinder, name_of
from mectui.queries.labels import line_name, shown
from mectui.queries.stack import MASK64, ForeignError, UnreadableError

if TYPE_CHECKING:
    import emu

MOST = 200
"""Calls that are listed; a recursion has more."""


@dataclass(frozen=True, slots=True)
class Call:
    """One function that is active. The innermost has the number 0."""

    number: int
    pc: int
    """Where it is, or goes on when what it called comes back."""
    place: int
    """The instruction that it is at: for all but the innermost its call."""
    label: str
    """ "name+0x10", or "": of the pc."""
    line: str
    """ "mec.c:40", or ""."""
    el: int
    how: How
    found: str
    """The same in words."""
    frame: int | None
    """The frame address: SP before its first instruction (DWARF's CFA); None where it is not known."""
    returns_to: int | None
    """Its own return address; None where that is not known."""
    is_sure: bool = True
    """Whether nothing was taken for granted that is not written down."""
    exception: str = ""
    """Of a context that an exception interrupted: which, in words. The call before it is its handler."""
    registers: Mapping[str, int] = field(default_factory=dict)
    """ "x0" to "x30" and "sp", as far as they are known: of a call further out as they were at `place`."""


@dataclass(frozen=True, slots=True)
class CallsView:
    """The innermost call first. `end` says why there are no more: a sentence without its full stop."""

    calls: tuple[Call, ...]
    end: str
    is_cut: bool = False
    """There are more than were asked for."""
    is_foreign: bool = False
    """It ends where the stack holds what another encryption context stored."""


def calls(machine: emu.Machine, most: int = MOST) -> CallsView:
    """The calls at the present stop, `most` at most. Changes nothing."""
    most = min(max(most, 1), MOST)
    unwinder = Unwinder(machine)
    context = unwinder.start()
    found: list[Call] = []
    while True:
        frame = returns_to = following = None
        end, is_foreign = "", False
        try:
            caller = unwinder.caller(context)
            if isinstance(caller, Context):
                following, frame = caller, caller.handler_frame
            else:
                frame, returns_to = caller.frame, unwinder.plain(caller.address, context.el)
                following = unwinder.at(caller, returns_to, context)
        except EndError as error:
            end, frame = str(error), frame if error.frame is None else error.frame
        except UnreadableError as error:
            end, is_foreign = str(error), isinstance(error, ForeignError)
        found.append(_call(machine, len(found), context, frame, returns_to))
        if following is None:
            return CallsView(tuple(found), end, is_foreign=is_foreign)
        if len(found) >= most:
            return CallsView(tuple(found), "there are more calls than these", is_cut=True)
        context = following


def _call(machine: emu.Machine, number: int, context: Context, frame: int | None, returns_to: int | None) -> Call:
    # A call may be the last instruction of its function: what stands behind it is another's.
    place = context.here
    symbol = machine.symbols.nearest(place)
    name = ""
    if symbol is not None:
        offset = symbol[1] + (context.pc - place & MASK64)
        name = f"{shown(symbol[0])}+{offset:#x}" if offset else shown(symbol[0])
    return Call(
        number, context.pc, place, name, line_name(machine, place), context.el, context.how, context.found, frame,
        returns_to, context.is_sure, context.exception, _registers(context),
    )  # fmt: skip


def _registers(context: Context) -> dict[str, int]:
    return {name_of(number): context.registers[number] for number in sorted(context.registers) if number <= SP}


def call(machine: emu.Machine, number: int) -> Call | None:
    """The call of that number at the present stop; None where there is none."""
    found = calls(machine, number + 1).calls
    return found[number] if 0 <= number < len(found) else None


def calls_json(view: CallsView) -> dict[str, Any]:
    """What `mectui calls --json` prints; names here are a contract."""
    return {
        "schema": 1,
        "calls": [call_json(item) for item in view.calls],
        "end": view.end,
        "foreign": view.is_foreign,
        "complete": not view.is_cut,
    }


def call_json(call: Call) -> dict[str, Any]:
    """One of them."""
    return {
        "number": call.number,
        "pc": f"{call.pc:#x}",
        "symbol": call.label or None,
        "line": call.line or None,
        "el": call.el,
        "frame": None if call.frame is None else f"{call.frame:#x}",
        "returns_to": None if call.returns_to is None else f"{call.returns_to:#x}",
        "how": call.how.value,
        "found": call.found,
        "sure": call.is_sure,
        "exception": call.exception or None,
        "registers": {name: f"{value:#x}" for name, value in call.registers.items()},
    }
