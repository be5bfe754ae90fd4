"""Small guests for stops: each engine runs the same words, stops are noted as (instructions, what was said)."""

from __future__ import annotations

import emu
from emu.debug.stops import AnyStop
from tests.conformance import words as w
from tests.engines.flat import CODE, flat_machine

ENGINES = ("reference", "interpreter", "jit")


def build(engine: str, *code: w.Code, threshold: int | None = None) -> emu.Machine:
    """EL1 with everything mapped one to one; the words at CODE, then a jump to itself."""
    machine = flat_machine(engine, jit_threshold=threshold if engine == "jit" else None)
    machine.write(CODE, w.assemble(*code, 0x1400_0000))
    machine.cpu.pc = CODE
    return machine


def alias(machine: emu.Machine, va: int, pa: int) -> None:
    """Map 2 MiB of the second GiB of the flat tables as well."""
    from tests.engines.flat import TABLE

    machine.write(TABLE + 8 * (va >> 30), (TABLE + 0x2000 | 3).to_bytes(8, "little"))
    descriptor = pa | 0b01 | 1 << 10 | 3 << 8
    machine.write(TABLE + 0x2000 + 8 * (va >> 21 & 511), descriptor.to_bytes(8, "little"))


def stops_of(machine: emu.Machine, limit: int, *stops: AnyStop) -> list[tuple[int, str]]:
    """Run so many instructions with these stops, going on after each: where they stopped and what they said."""
    for stop in stops:
        machine.stops.add(stop)
    end, found = machine.instructions + limit, []
    while machine.instructions < end:
        stop_ = machine.run(max_instructions=end - machine.instructions)
        if stop_.reason is emu.StopReason.LIMIT:
            break
        found.append((machine.instructions, stop_.message or ""))
        if stop_.reason in (emu.StopReason.EXIT, emu.StopReason.HALTED, emu.StopReason.ERROR):
            break
    return found
