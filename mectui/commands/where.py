"""Places in a guest as people write them: a symbol, a symbol plus an offset, an address."""

from __future__ import annotations

import difflib

import emu
from emu.debug.events import StopReason
from emu.errors import EmuError

LIMIT = 100_000_000
"""Instructions after which --until counts as never reached, and a run without an end is broken off."""


def run_until(machine: emu.Machine, text: str) -> None:
    """Run to the place that WHERE means. Raises EmuError when the guest never gets there."""
    target = resolve(machine, text)
    number = machine.breakpoints.add(target)
    stop = machine.run(LIMIT)
    machine.breakpoints.remove(number)
    if stop.reason is not StopReason.BREAKPOINT:
        raise EmuError(
            f"the guest never reached {text} ({target:#x}): it stopped with {stop.reason.value!r} "
            f"at {machine.symbols.describe(stop.pc)} after {machine.instructions:,} instructions"
        )


def resolve(machine: emu.Machine, text: str) -> int:
    """The address that WHERE means. Raises EmuError with a sentence."""
    name, plus, offset = text.strip().partition("+")
    base = machine.symbols.lookup(name.strip())
    if base is None:
        base = _number(name.strip())
        if base is None:
            near = difflib.get_close_matches(name.strip(), machine.symbols.names(), n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "write a symbol of the guest, or 0x4000_0000"
            raise EmuError(f"there is no symbol or address {text!r}: {hint}")
    if not plus:
        return base
    distance = _number(offset.strip())
    if distance is None:
        raise EmuError(f"{offset.strip()!r} is not an offset in {text!r}: write a number such as 0x10")
    return base + distance & (1 << 64) - 1


def _number(text: str) -> int | None:
    try:
        value = int(text.replace("_", ""), 0)
    except ValueError:
        return None
    return value if 0 <= value < 1 << 64 else None
