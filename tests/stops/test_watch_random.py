"""Watchpoints against a trace of every access that the reference engine's operations make, in random programs."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from emu.debug.stops import Place, WatchStop
from tests.engines.flat import DATA
from tests.engines.test_engines_agree import _everything, random_machine
from tests.stops.programs import stops_of

_STEPS = 120
Access = tuple[int, int, int, bool]
"""(instruction, address, bytes, whether it is a store)."""


def trace(machine: emu.Machine) -> list[Access]:
    """Every access that instructions ask the reference engine for and that is made, noted above the CPU model."""
    accesses: list[Access] = []
    engine: Any = machine._engine
    load, store, zero = engine.load, engine.store, machine.cpu.zero_block

    def loading(address: int, size: int, *rest: Any, **named: Any) -> int:
        value: int = load(address, size, *rest, **named)
        accesses.append((machine.instructions, address, size, False))
        return value

    def storing(address: int, size: int, value: int, *rest: Any, **named: Any) -> None:
        store(address, size, value, *rest, **named)
        accesses.append((machine.instructions, address, size, True))

    def zeroing(va: int, size: int) -> None:
        zero(va, size)
        accesses.append((machine.instructions, va & -size, size, True))

    engine.load, engine.store, machine.cpu.zero_block = loading, storing, zeroing  # type: ignore[method-assign]
    machine.run(max_instructions=_STEPS)
    return accesses


def check(seed: int, realm: bool, engines: tuple[str, ...]) -> int:
    """How many stops there were."""
    source = random.Random(seed)
    traced = random_machine("reference", seed, "cipher", realm)
    accesses = trace(traced)
    near = source.choice(accesses)[1] if accesses and source.random() < 0.9 else DATA + 0x1000
    start, size = near + source.randrange(-20, 8), source.choice((1, 8, 16, 64, 5000))
    reads, writes = source.choice(((True, False), (False, True), (True, True)))
    is_physical = source.random() < 0.5
    stop = WatchStop(place=Place(start, is_physical=is_physical), size=size, reads=reads, writes=writes)
    expected = sorted(
        {
            number + 1
            for number, address, length, is_store in accesses
            if address < start + size and start < address + length and (writes if is_store else reads)
        }
    )
    for engine in engines:
        machine = random_machine(engine, seed, "cipher", realm)
        assert [count for count, _ in stops_of(machine, _STEPS, stop)] == expected, engine
        assert _everything(machine) == _everything(traced)
    return len(expected)


@pytest.mark.parametrize("realm", [False, True])
def test_watchpoints_stop_where_a_trace_of_all_accesses_says(realm: bool) -> None:
    total = sum(check(seed, realm, ("reference", "interpreter", "jit")) for seed in range(15))
    assert total > 12


@pytest.mark.long
@pytest.mark.parametrize("realm", [False, True])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 32))
def test_many_random_watchpoints(realm: bool, seed: int) -> None:
    check(seed, realm, ("reference", "interpreter"))
