"""Stepping back by lines of the source: plans that end where a line begins, as those of `mectui.stepping` do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.debug.events import StopReason
from emu.debug.lines import Spot
from emu.errors import EmuError
from mectui.queries.decode import decode
from mectui.running import Pace, Plan, stopped_here
from mectui.stepping import WITHOUT_LINES, is_among_lines
from mectui.travelling import go, history_of, one_back, returning

if TYPE_CHECKING:
    import emu


def over_line_back(machine: emu.Machine, pace: Pace) -> Plan:
    """Back to where this line began, or from there to where the one before it did; over calls."""
    return (yield from _line_back(machine, pace, is_over=True))


def step_line_back(machine: emu.Machine, pace: Pace) -> Plan:
    """The same, but back into functions whose lines are known, to where their last line began."""
    return (yield from _line_back(machine, pace, is_over=False))


def _line_back(machine: emu.Machine, pace: Pace, is_over: bool) -> Plan:
    lines = machine.lines
    lines.finish()
    first = history_of(machine).first
    if machine.instructions == first:
        raise EmuError("this is the beginning of the run")
    has_source = lines.at(machine.cpu.pc) is not None

    def enters() -> bool:
        return not is_over and lines.at(machine.cpu.pc) is not None

    with returning(machine):
        is_start = True
        while True:
            here, pc, now = lines.at(machine.cpu.pc), machine.cpu.pc, machine.instructions
            yield from one_back(machine, pace, enters)
            before = lines.at(machine.cpu.pc)
            if not is_start and _begins(machine, here, pc, before):
                return (yield from go(machine, pace, now, "line"))
            if machine.instructions == first:
                return stopped_here(machine, StopReason.LIMIT, "at the beginning")
            if before is None and not is_among_lines(machine):
                if is_start or not has_source:
                    return stopped_here(machine, StopReason.LIMIT, f"{WITHOUT_LINES}: one instruction")
                return (yield from go(machine, pace, now, WITHOUT_LINES))
            is_start = False
            yield


def _begins(machine: emu.Machine, here: Spot | None, pc: int, before: Spot | None) -> bool:
    """Whether a line begins at an address, for who came there from where the machine is now.

    Behind a call that came back its line goes on.
    """
    if here is None or not here.is_stmt or here.start != pc or here.is_same_line(before):
        return False
    word = machine.fetch_word(pc - 4)
    return machine.cpu.pc == pc - 4 or word is None or not decode(word, pc - 4).is_call


BACKWARD = (over_line_back, step_line_back)
"""Plans that a guest which has ended may follow too."""
