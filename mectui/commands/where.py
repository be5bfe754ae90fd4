"""Places in a guest as people write them: an address, a symbol, a line of the source, any expression."""

from __future__ import annotations

import emu
from emu.debug.events import StopReason
from emu.debug.expressions import Expression, MachineEnvironment, compile, vocabulary
from emu.debug.lines import parsed
from emu.errors import EmuError

LIMIT = 100_000_000
"""Instructions after which --until counts as never reached, and a run without an end is broken off."""


def run_until(machine: emu.Machine, text: str) -> None:
    """Run to the place that WHERE means; a guest that begins there is there. Raises EmuError when it never is."""
    # Text that is a symbol's name is that, whatever it looks like.
    lines = None if machine.symbols.lookup(text) is not None else parsed(text)
    targets = (resolve(machine, text),) if lines is None else machine.lines.addresses(lines)
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


def resolve(machine: emu.Machine, text: str) -> int:
    """The address that WHERE means: an expression of the machine as it is now. Raises EmuError with a sentence."""
    return evaluated(machine, text)[1] & (1 << 64) - 1


def evaluated(machine: emu.Machine, text: str) -> tuple[Expression, int]:
    """An expression of the machine as it is now, and its value. Raises EmuError with a sentence."""
    expression = compile(text, vocabulary(machine))
    return expression, expression.evaluate(MachineEnvironment(machine))
