"""Exception entries, returns and context synchronisation: what native code does by itself is what Python would do."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from emu import state
from emu.debug.events import Event, ExceptionReturned, ExceptionTaken, MecidWritten, RegisterWritten, Synchronised
from tests.engines.flat import CODE, DATA
from tests.engines.test_engines_agree import _MRS, _MSR, _everything, _sys, _system, random_machine

_BASE = 0x4000_0000
_PROGRAM = 0x1000
"""Between the programs of the levels, at _BASE."""
_VECTORS = 0x1_0000
"""Between the vectors of the levels, behind _BASE."""
_DATA = _BASE + 0x20_0000
_STEPS = 600
_ISB, _ERET, _NOP = 0xD503_3FDF, 0xD69F_03E0, 0xD503_201F
_SVC, _HVC, _SMC = 0xD400_0001, 0xD400_0002, 0xD400_0003

_REALM_SCR = 1 << 62 | 1 << 49 | 1 << 44 | 1 << 43 | 1 << 10 | 1 << 8 | 1
_NON_SECURE_SCR = 1 << 10 | 1 << 8 | 1
_HCR = (1 << 31, 1 << 31 | 1 << 27, 1 << 31 | 1 << 34, 1 << 31 | 1 << 19, 1 << 31 | 1 << 34 | 1 << 27)
"""HCR_EL2.RW with nothing, TGE, E2H, TSC, and both of a host."""
_SPSR = (0x3C0, 0x3C4, 0x3C5, 0x3C8, 0x3C9, 0x3CC, 0x3CD, 0x3C5 | 1 << 22, 0x60000005, 0x3C5 | 1 << 21)
_ODD_SPSR = (0x3C5 | 1 << 20, 0x3C5 | 1 << 10, 0x3D3, 0x3C1)

_STEERING = {
    "VBAR": [(3, op1, 12, 0, 0) for op1 in (0, 4, 6)],
    "SPSR": [(3, op1, 4, 0, 0) for op1 in (0, 4, 6)],
    "ELR": [(3, op1, 4, 0, 1) for op1 in (0, 4, 6)],
}
_MECIDS = [(3, 4, 10, 8, op2) for op2 in range(4)] + [(3, 4, 10, 9, 0), (3, 4, 10, 9, 1)]


def _op(source: random.Random) -> int:
    kind = source.random()
    if kind < 0.36:
        return source.choice((_SVC, _SVC, _HVC, _SMC)) | source.randrange(4) << 5
    if kind < 0.46:
        return _ERET
    if kind < 0.57:
        return source.choice((0xF940_0021, 0xF900_0021, 0xB840_0821, 0xF800_0821))  # LDR, STR, LDTR, STTR of [X1]
    if kind < 0.65:
        return _ISB
    if kind < 0.84:
        return _write(source)
    return source.choice(
        (
            0xD500_409F | source.randrange(2) << 8,  # MSR PAN
            0xD500_40BF | source.randrange(2) << 8,  # MSR SPSel
            0xD503_40DF | source.randrange(16) << 8,  # MSR DAIFSet
            0xD503_40FF | source.randrange(16) << 8,  # MSR DAIFClr
            _system(_MRS, 3, 0, 4, 2, 2, 7),  # MRS X7, CurrentEL
            _system(_MSR, 3, 3, 4, 2, 0, 8),  # MSR NZCV, X8
            _system(_MRS, 3, 3, 9, 13, 0, 9),  # MRS X9, PMCCNTR_EL0
            _sys(0, 8, 7, 0, 31),  # TLBI VMALLE1
            0x9100_0508,  # ADD X8, X8, #1
            0xD538_5204,  # MRS X4, ESR_EL1
            0xD503_205F,  # WFE, which ends the run unless there was a return since the last
            _NOP,
        )
    )


def _write(source: random.Random) -> int:
    """An MSR; the registers that it takes its value from are those of `_registers`."""
    kind = source.random()
    if kind < 0.25:
        return _system(_MSR, *source.choice(_STEERING["SPSR"]), source.choice((10, 11, 12)))
    if kind < 0.38:
        return _system(_MSR, *source.choice(_STEERING["ELR"]), source.choice((13, 14, 15, 16)))
    if kind < 0.70:
        return _system(_MSR, *source.choice(_MECIDS), source.choice((26, 27)))
    if kind < 0.80:
        return _system(_MSR, 3, 4, 2, 1, 0, source.choice((17, 18)))  # VTTBR_EL2
    if kind < 0.85:
        return _system(_MSR, 3, 4, 1, 1, 0, source.choice((19, 20)))  # HCR_EL2
    if kind < 0.90:
        return _system(_MSR, 3, 0, 2, 0, 0, source.choice((17, 18)))  # TTBR0_EL1
    if kind < 0.94:
        return _system(_MSR, 3, 3, 9, 12, source.choice((1, 2)), 21)  # PMCNTENSET_EL0, PMCNTENCLR_EL0
    if kind < 0.97:
        return _system(_MSR, 2, 0, 0, 2, 2, source.choice((22, 23)))  # MDSCR_EL1
    return _system(_MSR, 3, 0, 1, 0, 0, source.choice((24, 25)))  # SCTLR_EL1


def _code(words: list[int]) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)


def _machine(engine: str, seed: int, sync: str = "architectural") -> emu.Machine:
    source = random.Random(seed)
    threshold = 0 if engine == "jit" else None
    machine = emu.Machine(memory="8M", engine=engine, sync=sync, jit_threshold=threshold)  # type: ignore[arg-type]
    cpu, registers = machine.cpu, machine.cpu.sysreg
    registers["SCR_EL3"] = source.choice((_REALM_SCR, _REALM_SCR, _NON_SECURE_SCR))
    registers["SCTLR2_EL2"] = 2
    hosts = source.sample(_HCR, 2)
    registers["HCR_EL2"] = hosts[0]
    odd = source.choice(_ODD_SPSR) if source.random() < 0.3 else source.choice(_SPSR)
    for el in (1, 2, 3):
        registers[f"VBAR_EL{el}"] = _BASE + el * _VECTORS
        registers[f"ELR_EL{el}"] = _BASE + (el - 1) * _PROGRAM
        registers[f"SPSR_EL{el}"] = source.choice(_SPSR)
        registers[f"SCTLR_EL{el}"] = registers[f"SCTLR_EL{el}"] & ~0xF
        registers[f"SP_EL{el}"] = _DATA + 0x1000 * el
        handlers = [[_op(source) for _ in range(source.randrange(3))] + [_ERET] for _ in range(16)]
        for number, handler in enumerate(handlers):
            machine.write(_BASE + el * _VECTORS + 0x80 * number, _code(handler))
    registers["VTTBR_EL2"], registers["VTCR_EL2"] = 1 << 48, 1 << 31
    for number, encoding in enumerate(("P0", "A0", "P1", "A1")):
        registers[f"MECID_{encoding}_EL2"] = 5 + number
    registers["VMECID_P_EL2"], registers["VMECID_A_EL2"] = 5, 6
    registers["PMCR_EL0"] = 1
    for el in range(4):
        length = source.randrange(4, 14)
        body = [_op(source) for _ in range(length)]
        back = 0x1400_0000 | (-length & 0x3FF_FFFF)  # B to the first
        machine.write(_BASE + el * _PROGRAM, _code([*body, back]))
    for number in range(31):
        cpu.x[number] = source.getrandbits(64)
    cpu.x[1] = _DATA
    values = {
        10: source.choice(_SPSR), 11: source.choice(_SPSR), 12: odd,
        **{13 + el: _BASE + el * _PROGRAM for el in range(4)},
        17: 1 << 48, 18: 2 << 48, 19: hosts[0], 20: hosts[1], 21: 1 << 31,
        22: 0, 23: source.choice((0, 1, 1 << 13)), 24: registers["SCTLR_EL1"],
        25: registers["SCTLR_EL1"] ^ source.choice((1 << 23, 1 << 3, 1 << 6)), 26: 5, 27: 6,
    }  # fmt: skip
    for number, value in values.items():
        cpu.x[number] = value
    cpu.pc = _BASE + 3 * _PROGRAM
    return machine


def _seen(machine: emu.Machine) -> dict[str, object]:
    cpu = machine.cpu
    return {
        **_everything(machine),
        "instructions": machine.instructions,
        "pending": cpu.acting.pending(),
        "findings": machine.mec.findings,
        "last access": machine.last_access,
        "context": (cpu.regime, cpu.security, cpu.demands_alignment, cpu.slots[state.FP_DISABLED]),
        "never written": set(cpu.regs.never_written),
        "armed": cpu.debug.is_armed,
    }


def _assert_agree(first: emu.Machine, second: emu.Machine, pieces: Callable[[], int]) -> None:
    expected = first.run(max_instructions=_STEPS)
    while True:
        stop = second.run(max_instructions=min(pieces(), _STEPS - second.instructions))
        if stop.reason.value != "limit" or second.instructions >= _STEPS:
            break
    assert stop == expected
    wanted, got = _seen(first), _seen(second)
    for name, value in wanted.items():
        assert got[name] == value, name


@pytest.mark.parametrize("engine", ["interpreter", "jit"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32), sync=st.sampled_from(("architectural", "architectural", "immediate")))
def test_random_walks_through_the_levels_agree(engine: str, seed: int, sync: str) -> None:
    source = random.Random(seed)
    _assert_agree(
        _machine("reference", seed, sync), _machine(engine, seed, sync), lambda: source.choice((1, 3, 50, 1000, 1000))
    )


@pytest.mark.long
@settings(max_examples=4000, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_many_random_walks_through_the_levels_agree(seed: int) -> None:
    _assert_agree(_machine("reference", seed), _machine("interpreter", seed), lambda: 1000)


_ALTERNATING = {
    "stores": [0xF900_0021, 0xF900_0422],  # STR X1, [X1]; STR X2, [X1, #8]
    "loads": [0xF940_0023, 0xF940_0C24],  # LDR X3, [X1]; LDR X4, [X1, #24]
    "both, on two pages": [0xF900_0021, 0xF95F_FC25],  # STR X1, [X1]; LDR X5, [X1, #16376]
}


@pytest.mark.parametrize("accesses", _ALTERNATING)
@pytest.mark.parametrize("register", _MECIDS[:2])
@pytest.mark.parametrize("barriers", ["both", "one", "none"])
def test_a_mecid_that_takes_turns(accesses: str, register: tuple[int, ...], barriers: str) -> None:
    """Combinations of register values come back again and again, acting or waiting."""
    first, second = _ALTERNATING[accesses]
    words = [
        _system(_MSR, *register, 26), _ISB if barriers == "both" else _NOP, first,
        _system(_MSR, *register, 27), _NOP if barriers == "none" else _ISB, second,
    ]  # fmt: skip
    machines = []
    for engine in ("reference", "interpreter"):
        machine = random_machine(engine, 1, "cipher", True)
        machine.write(CODE, _code([*words, 0x1400_0000 | (-len(words) & 0x3FF_FFFF)]))
        machine.cpu.x[1] = DATA
        machine.run(max_instructions=100)
        machines.append(machine)
    wanted, got = (_seen(machine) for machine in machines)
    for name, value in wanted.items():
        assert got[name] == value, name


_TURNS = (_system(_MSR, 3, 4, 10, 8, 0, 26), _ISB, _NOP, _system(_MSR, 3, 4, 10, 8, 0, 27), _ISB, 0x17FF_FFFB)


@pytest.mark.parametrize("engine", ["interpreter", "jit"])
def test_mecids_that_take_turns_need_python_only_once(engine: str) -> None:
    machine = random_machine(engine, 1, "cipher", True)
    machine.write(CODE, _code([*_TURNS]))
    calls, plain = [], machine.cpu.synchronisation.write
    machine.cpu.synchronisation.write = lambda *given: (calls.append(given), plain(*given))[1]  # type: ignore[method-assign]
    machine.run(max_instructions=6000)
    assert len(calls) < 8


@pytest.mark.parametrize("engine", ["reference", "interpreter", "jit"])
def test_whoever_begins_to_listen_hears_every_write(engine: str) -> None:
    machine = random_machine(engine, 1, "cipher", True)
    machine.write(CODE, _code([*_TURNS]))
    machine.run(max_instructions=600)
    heard: list[Event] = []
    stop = machine.events.subscribe(heard.append, MecidWritten, RegisterWritten, Synchronised)
    machine.run(max_instructions=60)
    stop()
    machine.run(max_instructions=601)
    kinds = [MecidWritten, RegisterWritten, Synchronised] * 20
    assert [type(event) for event in heard] == kinds
    assert [event.moment.instruction for event in heard] == [
        600 + 6 * turn + at for turn in range(10) for at in (0, 0, 1, 3, 3, 4)
    ]
    pending = machine.cpu.acting.pending()["MECID_P0_EL2"]
    assert (pending.acting, pending.programmed, pending.moment.instruction) == (6, 5, 1260)


def _round_trips(trips: int) -> emu.Machine:
    """EL0 calls EL1 for ever; a run of `trips` calls and returns has been done."""
    machine = emu.Machine(memory="8M", engine="interpreter", el=1)
    registers = machine.cpu.sysreg
    registers["SPSR_EL1"], registers["ELR_EL1"], registers["VBAR_EL1"] = 0x3C0, _BASE, _BASE + _VECTORS
    registers["SCTLR_EL1"] = registers["SCTLR_EL1"] & ~0xF
    machine.write(_BASE, _code([_SVC | 7 << 5, 0x17FF_FFFF]))
    machine.write(_BASE + _VECTORS + 0x400, _code([_ERET]))
    machine.cpu.pc = _BASE + _VECTORS + 0x400
    machine.run(max_instructions=1 + 3 * trips)
    return machine


def test_calls_and_returns_need_python_only_once() -> None:
    machine = _round_trips(5000)
    assert len(machine.exceptions) == 5000
    assert machine.cpu.exceptions.count < 10


def test_the_log_is_the_same_whoever_writes_it() -> None:
    machine = _round_trips(9000)
    listening = _round_trips(1)
    listening.events.subscribe(lambda event: None, ExceptionTaken)
    listening.run(max_instructions=3 * 8999)
    assert listening.cpu.exceptions.count == 9000
    assert machine.exceptions == listening.exceptions


def test_whoever_begins_to_listen_hears_everything_from_then_on() -> None:
    machine = _round_trips(100)
    heard: list[object] = []
    stop = machine.events.subscribe(heard.append, ExceptionTaken, ExceptionReturned)
    machine.run(max_instructions=30)
    stop()
    machine.run(max_instructions=30)
    assert [type(event) for event in heard] == [ExceptionTaken, ExceptionReturned] * 10
    assert len(machine.exceptions) == 120


def test_a_snapshot_cuts_the_log() -> None:
    machine = _round_trips(100)
    kept = machine.snapshot()
    before = list(machine.exceptions)
    machine.run(max_instructions=300)
    machine.restore(kept)
    assert machine.exceptions == before
    machine.run(max_instructions=300)
    assert [event.moment.instruction for event in machine.exceptions] == [1 + 3 * n for n in range(200)]


def test_a_guest_that_calls_its_own_vector_is_stopped() -> None:
    machine = _round_trips(10)
    machine.write(_BASE + _VECTORS + 0x200, _code([_SVC]))
    machine.write(_BASE + _VECTORS + 0x400, _code([_SVC]))
    stop = machine.run(max_instructions=10_000)
    assert stop.reason.value == "error"
    assert machine.instructions < 200


def test_a_counter_that_is_switched_on_counts_across_levels() -> None:
    machine = _round_trips(10)
    machine.cpu.sysreg["PMCNTENSET_EL0"] = 1 << 31
    machine.cpu.sysreg["PMCR_EL0"] = 1
    before = machine.cpu.sysreg["PMCCNTR_EL0"]
    machine.run(max_instructions=300)
    assert machine.cpu.sysreg["PMCCNTR_EL0"] - before == 300
