"""Cache maintenance that native code does by itself: rules and listeners hear what the reference engine tells."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emu
from emu import context
from emu.architecture import VA, Security
from emu.debug.events import BarrierExecuted, CacheMaintained, Moment, OwnerChanged, TlbInvalidated
from emu.maintenance_log import Maintained
from emu.mec.rules.maintenance import ReuseWithoutCipae, line_size
from tests.bench.operations import GPT1, LEVEL3, WINDOW
from tests.bench.operations import machine as firmware
from tests.conformance import words as w
from tests.engines.flat import CODE, DATA
from tests.engines.test_engines_agree import _MSR, _everything, _sys, _system, random_machine

ENGINES = ("reference", "interpreter", "jit")
_REALM = 3 << 62
_CIPAE, _TLBI, _DSB, _DMB, _ISB = _sys(4, 7, 14, 0, 3), _sys(4, 8, 7, 1, 10), 0xD503_3F9F, 0xD503_3FBF, 0xD503_3FDF
_BY_ADDRESS = (_sys(3, 7, 14, 1, 4), _sys(3, 7, 10, 1, 4), _sys(3, 7, 11, 1, 4), _sys(3, 7, 5, 1, 4))
"""DC CIVAC, CVAC and CVAU, IC IVAU, of X4."""
_FEW_LINES = 0x9277_F863  # AND X3, X3, #~(1 << 8)
_NEXT_LINE, _NEXT_VA = 0x9101_0063, 0x9110_0084  # ADD X3, X3, #64; ADD X4, X4, #1024
_PLACE, _STORE, _LOAD = 0x9240_F467, 0xA900_7CFF, 0xF940_00E6  # AND X7, X3, #(1 << 62) - 1; STP XZR, XZR, [X7]; LDR X6
_MECID = (3, 4, 10, 8, 0)  # MECID_P0_EL2


def _program(source: random.Random) -> bytes:
    """Over and over: at four lines that change hands, or at whole granules."""
    words: list[int] = []
    advance, counts = source.choice((([_NEXT_LINE, _FEW_LINES], (0, 0, 1, 1, 2)), ([_NEXT_LINE], (1, 1, 2, 5, 70))))
    for _ in range(source.randrange(6, 16)):
        kind = source.random()
        if kind < 0.1:  # reuse before the maintenance has completed
            switch = _system(_MSR, *_MECID, source.choice((26, 27)))
            words += [_CIPAE, *advance, switch, _ISB, _CIPAE, _CIPAE, _PLACE, _STORE]
        elif kind < 0.35:
            words += [_CIPAE, *advance] * source.choice(counts) or advance
        elif kind < 0.5:
            words += [source.choice(_BY_ADDRESS), _NEXT_VA]
        elif kind < 0.6:
            words.append(source.choice((_DSB, _DSB, _DMB, _ISB)))
        elif kind < 0.7:
            words += [_system(_MSR, *_MECID, source.choice((26, 27))), _ISB]
        elif kind < 0.85:
            words += [_PLACE, source.choice((_STORE, _STORE, _LOAD))]
        elif kind < 0.95:
            words.append(0xD240_0063 | source.choice((0, 1)) << 16)  # EOR X3: another address space, or another line
        else:
            words.append(_TLBI)
    return b"".join(word.to_bytes(4, "little") for word in (*words, 0x1400_0000 | -len(words) & 0x3FF_FFFF))


def _machine(engine: str, seed: int) -> emu.Machine:
    source = random.Random(seed)
    machine = random_machine(engine, 1, "cipher", True)
    machine.write(CODE, _program(source))
    x = machine.cpu.x
    page = DATA + 0x1000
    x[3], x[4] = _REALM | page + 64 * source.randrange(64), page
    return machine


def _seen(machine: emu.Machine) -> dict[str, Any]:
    checker = machine.mec.checker
    assert checker is not None
    memory = checker.snapshot()
    return {**_everything(machine), "findings": machine.mec.findings, "total": memory.total, "rules": memory.rules}


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_rules_remember_the_same_maintenance(engine: str) -> None:
    found = [rule for seed in range(60) for rule in _check(engine, seed)]
    assert {rule for rule in found if "cipae" in rule} >= {"reuse-without-cipae", "cipae-without-dsb", "cipae-ignored"}


def _check(engine: str, seed: int) -> list[str]:
    """The rules that were broken."""
    source = random.Random(seed)
    machines = [_machine(each, seed) for each in ("reference", engine)]
    told: list[list[object]] = [[], []]
    for turn in range(5):
        length, stops = source.choice((1, 30, 300, 900)), []
        kinds = source.choice(((CacheMaintained,), (OwnerChanged, CacheMaintained, BarrierExecuted), (TlbInvalidated,)))
        for machine, events in zip(machines, told, strict=True):
            if turn == 2:
                stops.append(machine.events.subscribe(events.append, *kinds))
            machine.run(max_instructions=length)
        for stop in stops:
            stop()
        wanted, got = map(_seen, machines)
        for name, value in wanted.items():
            assert got[name] == value, name
    assert told[0] == told[1]
    return [finding.rule for finding in machines[0].mec.findings]


@pytest.mark.parametrize("what", ["DC CIPAPA", "DC CIPAE", "DC CVAU", "DC CIVAC", "IC IVAU"])
def test_python_is_asked_only_once(what: str) -> None:
    operation = {"DC CIPAPA": (3, 0x4040_0000 | _REALM), "DC CIPAE": (2, 0x4040_0000 | _REALM)}
    level, operand = operation.get(what, (2, 0x4000_0000))
    machine = firmware("interpreter", level)
    place = next(item.encoding[1:] for item in emu.registers.table.OPERATIONS if item.name == what)
    machine.write(0x4000_0000, w.assemble(w.sys(place, 3), 0x17FF_FFFF))
    machine.cpu.x[3] = operand
    calls = 0
    plain = machine.cpu.caches.__class__.grant

    def counted(self: Any, *given: Any) -> None:
        nonlocal calls
        calls += 1
        plain(self, *given)

    machine.cpu.caches.grant = counted.__get__(machine.cpu.caches)  # type: ignore[method-assign]
    machine.run(max_instructions=4000)
    assert 1 <= calls < 8
    heard: list[CacheMaintained] = []
    machine.events.subscribe(heard.append, CacheMaintained)  # type: ignore[arg-type]
    machine.run(max_instructions=40)
    assert [event.moment.instruction for event in heard] == ([] if what == "IC IVAU" else list(range(4000, 4040, 2)))


@pytest.mark.parametrize("numbers", [None, 1])
@pytest.mark.parametrize("engine", ENGINES)
def test_maintenance_by_a_stale_entry_is_told_every_time(
    engine: str, numbers: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if numbers is not None:  # each combination of register values has the number of the one before
        monkeypatch.setattr(context, "_MOST", numbers)
    machine = random_machine(engine, 1, "cipher", True)
    load, clean, off = 0xF940_0086, _BY_ADDRESS[2], _system(_MSR, 3, 4, 1, 0, 3, 8)  # SCTLR2_EL2
    machine.write(CODE, w.assemble(load, off, _ISB, load, load, clean, 0x17FF_FFFF))
    machine.cpu.x[4], machine.cpu.x[8] = DATA, 0
    machine.run(max_instructions=5 + 2 * 40)
    counts = [finding.count for finding in machine.mec.findings if finding.moment.pc == CODE + 20]
    assert counts == [40]


_COUNTS, _SPACES = st.sampled_from((1, 1, 3, 64)), st.sampled_from((_REALM, 1 << 63))
_LINES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 63), _COUNTS, _SPACES), max_size=12)


class _Asked:
    """What the rule asks a machine here: CTR_EL0.DminLine says 64 bytes."""

    registers = {"CTR_EL0": 4 << 16}  # noqa: RUF012


@settings(max_examples=300, deadline=None)
@given(lines=_LINES, first=st.sampled_from((0, 7)))
def test_a_rule_that_hears_later_remembers_what_it_would_have(lines: list[tuple[int, ...]], first: int) -> None:
    machine: Any = _Asked()
    operands = [
        space | 0x4000_0000 + 0x1000 * granule + 64 * (line + step)
        for granule, line, count, space in lines
        for step in range(count)
    ]
    instructions = list(range(first, first + 2 * len(operands), 2))
    at_once, later = ReuseWithoutCipae(), ReuseWithoutCipae()
    for instruction, operand in zip(instructions, operands, strict=True):
        pas = emu.PAS.REALM if operand >> 62 == 3 else emu.PAS.NON_SECURE
        moment = Moment(instruction, VA(0), 3, Security.ROOT)
        pa = operand & (1 << 52) - 1
        at_once.note(CacheMaintained(moment, "CIPAPA", operand, pa, pas, ""), line_size(machine))  # type: ignore[arg-type]
    middle = len(operands) // 3
    for part in (slice(0, middle), slice(middle, None)):
        later.hear_later(Maintained("CIPAPA", instructions[part], operands[part]), machine)
    assert later.memory() == at_once.memory()


@pytest.mark.parametrize("level", [1, 2])
def test_tables_that_granule_protection_closes_are_not_walked_any_more(level: int) -> None:
    seen = []
    for engine in ENGINES:
        machine = firmware(engine, level, stage2=level == 1)
        # LDR X1, [X0]; ADD X0, X0, #1, LSL #12; AND X0, X0, #~(1 << 21); B to the first
        machine.write(0x4000_0000, w.assemble(0xF940_0001, 0x9140_0400, 0x926A_F800, 0x17FF_FFFD))
        machine.cpu.x[0] = WINDOW
        machine.run(max_instructions=4000)
        entry = GPT1 + 8 * ((LEVEL3 & (1 << 30) - 1) >> 16)
        gpis = int.from_bytes(machine.read(entry, 8), "little") & ~(0xF << (LEVEL3 >> 12 & 15) * 4)
        machine.write(entry, gpis.to_bytes(8, "little"))
        machine.cpu.system.operations.invalidate_granules("RPALOS", LEVEL3 >> 12)
        machine.run(max_instructions=300)
        seen.append((machine.exceptions, machine.tlb.entries(), machine.cpu.pc))
    assert seen[0][0]
    assert seen[1] == seen[0]
    assert seen[2] == seen[0]
