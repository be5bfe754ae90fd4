"""Ways to go back in time, each a plan as those of `mectui.running`; and forward again to where the run has been."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from emu.data_path import MOST_KEPT
from emu.debug.events import ENDS, StopReason
from emu.debug.history import Found, History, Kind, last_stop, travel
from emu.debug.stops import CatchKind, CatchStop, CodeStop, KeptStop, Place
from emu.errors import EmuError
from mectui.queries.decode import decode
from mectui.render.numbers import count as counted
from mectui.running import Frame, Pace, Plan, slice_of_run, stopped_here

if TYPE_CHECKING:
    import emu

Search = Generator[None, None, Found | None]

CATCHES = {
    Kind.EXCEPTION: CatchKind.EXCEPTION,
    Kind.HIT: CatchKind.HIT,
    Kind.FINDING: CatchKind.FINDING,
    Kind.LEVEL: CatchKind.EL,
    Kind.SECURITY: CatchKind.SECURITY,
}
VECTORS, VECTOR = 0x800, 0x80
"""Bytes of a vector table, and of an entry of it (Arm ARM D1.3.1)."""
MOST_CALLS = 200
"""Calls of a function that had returned, looked at before giving up."""


def history_of(machine: emu.Machine) -> History:
    if machine.history is None:
        raise EmuError("nothing of this run was kept to go back to")
    return machine.history


def go(machine: emu.Machine, pace: Pace, instruction: int, message: str) -> Plan:
    """Goes there, and says how; where the guest ended there, that it ended."""
    stop = yield from travel(machine, instruction, partial(slice_of_run, machine, pace))
    if stop is None:
        here = machine.instructions
        stop = next(
            (other for at, other in history_of(machine).marks.stops if at == here and other.reason in ENDS), None
        )
    return stop or stopped_here(machine, StopReason.LIMIT, message)


@contextmanager
def returning(machine: emu.Machine) -> Iterator[None]:
    """Whatever goes wrong, or is interrupted, leaves the machine where it was."""
    history = history_of(machine)
    origin = history.here()
    try:
        yield
    except (GeneratorExit, EmuError):
        history.put_back(origin)
        raise


def at(machine: emu.Machine, pace: Pace, instruction: int) -> Plan:
    """To the moment with this instruction count. Raises EmuError for one where the machine has never been."""
    history = history_of(machine)
    if not history.first <= instruction <= history.furthest:
        raise EmuError(
            f"the run has been from #{counted(history.first)} to #{counted(history.furthest)} so far, "
            f"not at #{counted(instruction)}"
        )
    return (yield from go(machine, pace, instruction, f"at #{counted(instruction)}"))


def beginning(machine: emu.Machine, pace: Pace) -> Plan:
    """To where the run began."""
    return (yield from go(machine, pace, history_of(machine).first, "at the beginning"))


def furthest(machine: emu.Machine, pace: Pace) -> Plan:
    """To the furthest moment the machine has been at."""
    return (yield from go(machine, pace, history_of(machine).furthest, "as far as the run has come"))


def step_back(machine: emu.Machine, pace: Pace, count: int = 1) -> Plan:
    """`count` instructions back, or to the beginning."""
    history, now = history_of(machine), machine.instructions
    if now == history.first:
        raise EmuError("this is the beginning of the run")
    wanted = max(now - count, history.first)
    message = "at the beginning" if wanted == history.first else "back" if count == 1 else f"back {counted(count)}"
    return (yield from go(machine, pace, wanted, message))


def over_back(machine: emu.Machine, pace: Pace, count: int = 1) -> Plan:
    """An instruction back, or a whole call where the instruction before this one is a call; `count` of them."""
    with returning(machine):
        stop = yield from one_back(machine, pace)
        for _ in range(1, count):
            if machine.instructions == history_of(machine).first:
                break
            stop = yield from one_back(machine, pace)
        return stop


def one_back(machine: emu.Machine, pace: Pace, enters: Callable[[], bool] = lambda: False) -> Plan:
    """One instruction back, or a whole call; not where `enters` says, at the end of what was called, to stay there."""
    call = machine.cpu.pc - 4
    word = machine.fetch_word(call)
    frame = Frame(machine)
    stop = yield from step_back(machine, pace)
    if word is None or not decode(word, call).is_call or (machine.cpu.pc == call and frame.is_back()):
        return stop
    if enters():
        return stop
    found = yield from _search(machine, pace, [CodeStop(place=Place(call))], frame.is_back)
    return stop if found is None else (yield from go(machine, pace, found.instruction, "back over the call"))


def resume_back(machine: emu.Machine, pace: Pace) -> Plan:
    """To the last moment at which one of the stops would have stopped the guest, or to the beginning."""
    stops = [
        KeptStop(point.number, replace(point.stop, ignore=0, is_temporary=False))
        for point in machine.stops.items()
        if point.is_enabled and not point.log
    ]
    found = None
    if stops:
        found = yield from last_stop(machine, stops, partial(slice_of_run, machine, pace))
    if found is None:
        why = "at the beginning: no stop before" if stops else "at the beginning: no stops are set"
        return (yield from go(machine, pace, history_of(machine).first, why))
    yield from go(machine, pace, found.instruction, "")
    return found.stop


def until_back(machine: emu.Machine, pace: Pace, address: int) -> Plan:
    """To the last moment before this one at which the instruction at `address` came next."""
    found = yield from _search(machine, pace, [CodeStop(place=Place(address))], None)
    if found is None:
        raise EmuError(f"the run has not come by {machine.symbols.describe(address)} before this moment")
    return (yield from go(machine, pace, found.instruction, "back there"))


def back_to(machine: emu.Machine, pace: Pace, kind: Kind) -> Plan:
    """To the last moment before this one at which something of a kind had just happened."""
    marks, now = history_of(machine).marks, machine.instructions
    place: int | None = None
    if is_complete(machine, kind):
        place = marks.last_before(kind, now)
    elif kind in CATCHES:
        found = yield from last_stop(
            machine, [KeptStop(0, CatchStop(kind=CATCHES[kind]))], partial(slice_of_run, machine, pace)
        )
        place = None if found is None else found.instruction
    if place is None:
        raise EmuError(f"there was no {NAMES[kind]} before this moment")
    return (yield from go(machine, pace, place, f"back to the last {NAMES[kind]}"))


NAMES = {
    Kind.EXCEPTION: "exception",
    Kind.HIT: "hit",
    Kind.FINDING: "finding",
    Kind.STOP: "stop",
    Kind.LEVEL: "change of exception level",
    Kind.SECURITY: "change of Security state",
}


def is_complete(machine: emu.Machine, kind: Kind) -> bool:
    """Whether every moment of a kind was written down."""
    marks = history_of(machine).marks
    match kind:
        case Kind.EXCEPTION:
            return len(marks.all_exceptions()) < MOST_KEPT
        case Kind.HIT:
            return len(marks.all_hits()) < MOST_KEPT
        case Kind.FINDING:
            return machine.mec.finding_count <= len(marks.all_findings())
        case Kind.LEVEL | Kind.SECURITY:
            return marks.is_complete
        case Kind.STOP:
            return True


def to_level(machine: emu.Machine, pace: Pace) -> Plan:
    """Back to the last change of the exception level."""
    return (yield from back_to(machine, pace, Kind.LEVEL))


def to_security(machine: emu.Machine, pace: Pace) -> Plan:
    """Back to the last change of the Security state."""
    return (yield from back_to(machine, pace, Kind.SECURITY))


def to_exception(machine: emu.Machine, pace: Pace) -> Plan:
    """Back to the last exception, at its vector."""
    return (yield from back_to(machine, pace, Kind.EXCEPTION))


def to_hit(machine: emu.Machine, pace: Pace) -> Plan:
    """Back to the last substituted hit."""
    return (yield from back_to(machine, pace, Kind.HIT))


def to_finding(machine: emu.Machine, pace: Pace) -> Plan:
    """Back to the last finding of a rule."""
    return (yield from back_to(machine, pace, Kind.FINDING))


def to_stop(machine: emu.Machine, pace: Pace) -> Plan:
    """Back to where the guest stopped last before this."""
    return (yield from back_to(machine, pace, Kind.STOP))


def out_back(machine: emu.Machine, pace: Pace) -> Plan:
    """Back to the call of this function: to before its BL, SVC, HVC, SMC, or whatever else led into it."""
    places, origin = entries(machine), machine.instructions
    first = history_of(machine).first
    if not places:
        raise EmuError("no symbol tells where this function begins")
    if machine.cpu.pc in places and origin > first:
        return (yield from go(machine, pace, origin - 1, "back at the call"))
    stops, frame = [CodeStop(place=Place(place)) for place in places], Frame(machine)
    with returning(machine):
        for _ in range(MOST_CALLS):
            found = yield from _search(machine, pace, stops, frame.is_back)
            if found is None or found.instruction == first:
                break
            yield from go(machine, pace, found.instruction - 1, "")
            pc = machine.cpu.pc
            word = machine.fetch_word(pc)
            if word is None or not decode(word, pc).is_call:
                return stopped_here(machine, StopReason.LIMIT, "back at what led here")
            # A visit that was over before the present one began had come back behind its call.
            if not (yield from _happens(machine, pace, pc + 4, Frame(machine).is_back, origin)):
                return (yield from go(machine, pace, found.instruction - 1, "back at the call"))
            yield from go(machine, pace, found.instruction, "")
        raise EmuError("nothing in this run called this function")


def entries(machine: emu.Machine) -> list[int]:
    """Where the function at the program counter may have begun: its symbol, or the vector it lies behind."""
    pc, found = machine.cpu.pc, []
    symbol = machine.symbols.nearest(pc)
    if symbol is not None:
        found.append(pc - symbol[1])
    el = machine.cpu.el
    base = machine.cpu.regs[f"VBAR_EL{el}"] if el and f"VBAR_EL{el}" not in machine.registers.never_written else None
    if base is not None and 0 <= pc - base < VECTORS:
        found.append(base + (pc - base) // VECTOR * VECTOR)
    return found


def _search(machine: emu.Machine, pace: Pace, stops: list[CodeStop], when: Callable[[], bool] | None) -> Search:
    kept = [KeptStop(0, stop) for stop in stops]
    return (yield from last_stop(machine, kept, partial(slice_of_run, machine, pace), when))


def _happens(
    machine: emu.Machine, pace: Pace, address: int, when: Callable[[], bool], end: int
) -> Generator[None, None, bool]:
    """Whether the run from here to an instruction count comes by an address, there included."""
    with machine.stops.only([KeptStop(0, CodeStop(place=Place(address)))], when):
        while machine.instructions < end:
            before = machine.instructions
            stop = slice_of_run(machine, pace, end - before)
            yield
            if stop is not None and stop.reason is StopReason.BREAKPOINT:
                return True
            if machine.instructions == before:
                break
    return False


BACKWARD = (
    at, beginning, furthest, step_back, over_back, resume_back, until_back, back_to, out_back,
    to_level, to_security, to_exception, to_hit, to_finding, to_stop,
)  # fmt: skip
"""Plans that a guest which has ended may follow too."""
QUICK = (step_back,)
"""Plans that are over before a screen could say that they are under way."""
