"""Places in a guest as people write them: an address, a symbol, a line of the source, any expression."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import emu
from emu.debug.events import StopReason
from emu.debug.expressions import Expression, MachineEnvironment, compile, vocabulary
from emu.debug.lines import parsed
from emu.errors import EmuError
from mectui.queries.call_values import CallEnvironment

if TYPE_CHECKING:
    from mectui.queries.calls import Call

LIMIT = 100_000_000
"""Instructions after which --until counts as never reached, and a run without an end is broken off."""


def run_until(machine: emu.Machine, text: str) -> None:
    """Run to the place that WHERE means; a guest that begins there is there. Raises EmuError when it never is."""
    targets = places(machine, text)
    if not machine.instructions and machine.cpu.pc in targets:
        return
    numbers = [machine.breakpoints.add(target) for target in targets]
    stop = machine.run(LIMIT)
    for number in numbers:
        machine.breakpoints.remove(number)
    if stop.reason is not StopReason.BREAKPOINT:
        place = text if text[:1].isdigit() else f"{text} ({targets[0]:#x})"
        raise EmuError(
            f"the guest never reached {place}: it stopped with {stop.reason.value!r} "
            f"at {machine.symbols.describe(stop.pc)} after {machine.instructions:,} instructions"
        )


def note(text: str) -> None:
    """Something to know about what was asked, which is done all the same."""
    print(f"mectui: {text}", file=sys.stderr)


def places(machine: emu.Machine, text: str) -> tuple[int, ...]:
    """The addresses that WHERE means: of a line of the source every one at which it begins. Raises EmuError."""
    # Text that is a symbol's name is that, whatever it looks like.
    line = None if machine.symbols.lookup(text) is not None else parsed(text)
    if line is None:
        return (resolve(machine, text),)
    found = machine.lines.addresses(line)
    told = machine.lines.note(line.text)
    if told:
        note(told)
    return found


def resolve(machine: emu.Machine, text: str, tell: Callable[[str], None] = note) -> int:
    """The address that WHERE means: an expression of the machine as it is now. Raises EmuError with a sentence."""
    return evaluated(machine, text, tell)[1] & (1 << 64) - 1


def evaluated(
    machine: emu.Machine, text: str, tell: Callable[[str], None] = note, call: Call | None = None
) -> tuple[Expression, int]:
    """An expression of the machine as it is now, or as `call` has it, and its value. Raises EmuError with a sentence.

    `tell` is given what there is to know about its names, such as a line that has no code.
    """
    expression = compile(text, vocabulary(machine))
    environment = MachineEnvironment(machine) if call is None else CallEnvironment(machine, call)
    value = expression.evaluate(environment)
    for told in environment.notes:
        tell(told)
    return expression, value
