"""Stepping by lines of the source: run plans that end where another line begins."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from emu.debug.events import Stop, StopReason
from emu.debug.lines import Spot
from emu.debug.stops import AnyStop, CatchKind, CatchStop, CodeStop, Place
from mectui.exits import INDIRECT
from mectui.queries.decode import Instruction, decode
from mectui.running import Frame, Pace, Plan, is_own, one, resume, stopped_here, until

if TYPE_CHECKING:
    import emu

MOST = 4_000
"""Instructions of a line that are looked through for where they lead out of it; those behind are another line."""
WITHOUT_LINES = "no source known here"
Part = Generator[None, None, Stop | None]


def over_line(machine: emu.Machine, pace: Pace) -> Plan:
    """To the beginning of another line; calls on the way are run to their end."""
    return (yield from _line(machine, pace, is_over=True))


def step_line(machine: emu.Machine, pace: Pace) -> Plan:
    """The same, but into functions whose lines are known."""
    return (yield from _line(machine, pace, is_over=False))


def _line(machine: emu.Machine, pace: Pace, is_over: bool) -> Plan:
    lines = machine.lines
    lines.finish()
    here = start = lines.at(machine.cpu.pc)
    if start is None:
        return one(machine) or stopped_here(machine, StopReason.LIMIT, f"{WITHOUT_LINES}: one instruction")
    while True:
        stop = yield from _leave(machine, pace, here, is_over)
        if stop is not None:
            return stop
        pc = machine.cpu.pc
        here = lines.at(pc)
        if here is None:
            if not is_among_lines(machine):
                return stopped_here(machine, StopReason.LIMIT, WITHOUT_LINES)
        elif here.is_stmt and not here.is_same_line(start):
            if here.start == pc:
                return stopped_here(machine, StopReason.LIMIT, "line")
            # A line is shown from its beginning: who comes back from a call into its middle goes on to the next one.
            start = here
        yield


def is_among_lines(machine: emu.Machine) -> bool:
    """Whether code that comes from no line belongs to a function that comes from some: it leads to a line again."""
    found = machine.symbols.nearest(machine.cpu.pc)
    return found is not None and machine.lines.at(machine.cpu.pc - found[1]) is not None


def _leave(machine: emu.Machine, pace: Pace, here: Spot | None, is_over: bool) -> Part:
    """Runs until control leaves the instructions around the program counter that come from one line.

    A call, an exception, and an instruction that may lead anywhere are such ends too. A stop where that ended the run.
    """
    pc = machine.cpu.pc
    word = machine.fetch_word(pc)
    instruction = None if word is None else decode(word, pc)
    if instruction is not None and instruction.is_call:
        return (yield from _call(machine, pace, instruction, is_over))
    ends = set() if here is None else _ends(machine, here)
    if not ends or pc in ends:
        return one(machine)
    stops: list[AnyStop] = [CodeStop(place=Place(address)) for address in ends]
    points = machine.stops.add_all_hidden([*stops, CatchStop(kind=CatchKind.EXCEPTION)])
    try:
        stop = yield from resume(machine, pace)
    finally:
        machine.stops.remove_all(points)
    return None if is_own(stop) else stop


def _call(machine: emu.Machine, pace: Pace, instruction: Instruction, is_over: bool) -> Part:
    """Over a call, or into it where its lines are known."""
    after = machine.cpu.pc + 4
    frame = Frame(machine, has_stack=instruction.mnemonic.startswith("bl"))
    if not is_over:
        stop = one(machine)
        if stop is not None or machine.lines.at(machine.cpu.pc) is not None:
            return stop
    stop = yield from until(machine, pace, after, frame)
    return None if stop.reason is StopReason.LIMIT else stop


def _ends(machine: emu.Machine, here: Spot) -> set[int]:
    """Where control leaves the stretch of a line: what lies behind it or is branched to, and what leads anywhere."""
    low, high = _stretch(machine, here)
    ends = {high}
    for address in range(low, high, 4):
        word = machine.fetch_word(address)
        instruction = None if word is None else decode(word, address)
        if instruction is None or instruction.is_call or instruction.is_return or instruction.mnemonic in INDIRECT:
            ends.add(address)
        elif instruction.target is not None and not low <= instruction.target < high:
            ends.add(instruction.target)  # an address that is only computed there does no harm
    return ends


def _stretch(machine: emu.Machine, here: Spot) -> tuple[int, int]:
    """The addresses around a spot that come from its line without a gap."""
    low, high = here.start & ~3, here.end
    while high - low < 4 * MOST and (after := machine.lines.at(high)) is not None and here.is_same_line(after):
        high = after.end
    while high - low < 4 * MOST and (before := machine.lines.at(low - 4)) is not None and here.is_same_line(before):
        low = before.start & ~3
    return low, min(high, low + 4 * MOST)
