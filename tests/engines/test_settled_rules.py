"""Returns that native code makes by itself leave the rules with the same memory as if each had heard of every one."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import emu
from emu.registers.table import OPERATIONS
from mectui.resources import bench_guests

_MECID, _SIZE = 40, 48
"""Of what the guest `switches` keeps of a Realm: where the MECID is, and the size."""
_TLBI = {item.name: item for item in OPERATIONS if item.name in ("TLBI ALLE1", "TLBI VMALLS12E1")}
_SLICES = 25


def _remembered(machine: emu.Machine) -> dict[str, object]:
    kept = machine.snapshot().checker
    return {"pc": machine.cpu.pc, "x": machine.cpu.x[0], "findings": kept.findings, "total": kept.total, **kept.rules}


def _check(seed: int) -> list[int]:
    """Run `switches` while the outside changes MECIDs, keys and TLBs; returns how many returns Python made for each."""
    source = random.Random(seed)
    path = next(guest.path for guest in bench_guests() if guest.name == "switches")
    machines = [emu.Machine(memory="16M", engine=engine, rules="all") for engine in ("interpreter", "reference")]
    for machine in machines:
        machine.load(path)
        machine.run(max_instructions=1400)
    made = [0, 0]
    for number, machine in enumerate(machines):
        plain = machine.cpu.exceptions.eret

        def count(target: int, number: int = number, plain: Callable[[int], object] = plain) -> object:
            made[number] += 1
            return plain(target)

        machine.cpu.exceptions.eret = count  # type: ignore[assignment,method-assign]
    realms = machines[0].symbols.lookup("realms")
    assert realms is not None
    for _ in range(_SLICES):
        length, kind, what = source.randrange(1, 300), source.random(), source.randrange(2)
        mecid, name = source.choice((5, 6, 7)), source.choice(sorted(_TLBI))
        seen = []
        for machine in machines:
            if kind < 0.12:
                machine.mec.refresh(mecid)
            elif kind < 0.3:
                machine.write(realms + what * _SIZE + _MECID, mecid.to_bytes(8, "little"))
            elif kind < 0.4:
                machine.cpu.system.operations.operate(_TLBI[name], 0)
            elif kind < 0.5:
                machine.restore(machine.snapshot())
            machine.run(max_instructions=length)
            seen.append(_remembered(machine))
        assert seen[0] == seen[1], seed
    return made


def test_rules_remember_the_returns_of_native_code() -> None:
    by_python, all_of_them = map(sum, zip(*[_check(seed) for seed in range(3)], strict=True))
    assert by_python < 0.7 * all_of_them


@pytest.mark.long
def test_rules_remember_the_returns_of_native_code_in_many_runs() -> None:
    for seed in range(100, 250):
        _check(seed)
