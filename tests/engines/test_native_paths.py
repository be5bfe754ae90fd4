"""What native code does by itself is what Python would have done: first stores, grants, entries kept for later."""

from __future__ import annotations

import pytest

import emu
from emu.debug.events import FirstOwner
from tests.engines.flat import CODE, DATA, flat_machine
from tests.engines.test_engines_agree import _everything, _sys, _system, random_machine

_MRS, _MSR = 0xD530_0000, 0xD510_0000
_STP_POST = 0xA881_7C7F  # STP XZR, XZR, [X3], #16
_STUR_ODD = 0xF800_C062  # STUR X2, [X3, #12]: over two blocks
_LDUR_ODD = 0xF840_C064  # LDUR X4, [X3, #12]
_ADD_16 = 0x9100_4063  # ADD X3, X3, #16
_ZVA = _sys(3, 7, 4, 1, 3)  # DC ZVA, X3
_TPIDR_EL0, _DAIF, _CNTVCT, _ELR = (3, 3, 13, 0, 2), (3, 3, 4, 2, 1), (3, 3, 14, 0, 2), (3, 0, 4, 0, 1)
ENGINES = ("reference", "interpreter", "jit")


def _loop(*body: int) -> bytes:
    back = 0x1400_0000 | -len(body) & 0x3FF_FFFF
    return b"".join(word.to_bytes(4, "little") for word in (*body, back))


def _machines(code: bytes) -> list[emu.Machine]:
    machines = [flat_machine(engine) for engine in ENGINES]
    for machine in machines:
        machine.write(CODE, code)
        machine.cpu.x[2], machine.cpu.x[3] = 0x0123_4567_89AB_CDEF, DATA
    return machines


def _assert_alike(machines: list[emu.Machine]) -> None:
    expected = _everything(machines[0])
    for machine in machines[1:]:
        got = _everything(machine)
        for name, value in expected.items():
            assert got[name] == value, (machine.engine_name, name)


@pytest.mark.parametrize("body", [(_STP_POST,), (_STUR_ODD, _LDUR_ODD, _ADD_16), (_ZVA, _ADD_16)])
def test_first_stores_leave_the_same_owners_and_records(body: tuple[int, ...]) -> None:
    machines = _machines(_loop(*body))
    for machine in machines:
        machine.run(max_instructions=1200)
    _assert_alike(machines)
    assert machines[0].memory.encrypted.owner_at(DATA + 0x400 - 0x4000_0000) is not None
    for machine in machines:  # after somebody has looked at the pages, more is claimed in them
        machine.run(max_instructions=300)
    _assert_alike(machines)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_first_owner_is_told_from_the_moment_somebody_listens(engine: str) -> None:
    machine = flat_machine(engine)
    machine.write(CODE, _loop(_STP_POST))
    machine.cpu.x[3] = DATA
    machine.run(max_instructions=100)
    told: list[FirstOwner] = []
    stop = machine.events.subscribe(told.append, FirstOwner)
    machine.run(max_instructions=100)
    stop()
    assert [event.pa for event in told] == [DATA + 16 * (50 + number) for number in range(50)]
    machine.run(max_instructions=100)
    assert len(told) == 50


def test_registers_granted_to_native_code_read_and_trap_like_the_others() -> None:
    body = [
        _system(_MSR, *_TPIDR_EL0, 2), _system(_MRS, *_TPIDR_EL0, 5), _system(_MRS, *_DAIF, 6),
        _system(_MRS, *_CNTVCT, 7), _system(_MSR, *_ELR, 2), _system(_MRS, *_ELR, 8), 0xD503_42DF, 0xD503_42FF,
        _system(_MSR, *_DAIF, 2), 0x9100_0442,  # ADD X2, X2, #1
    ]  # fmt: skip
    machines = _machines(_loop(*body))
    for machine in machines:
        machine.run(max_instructions=200)
    _assert_alike(machines)
    for machine in machines:
        machine.cpu.sysreg["CNTVOFF_EL2"] = 7
        machine.run(max_instructions=100)
    _assert_alike(machines)
    before = len(machines[0].exceptions)
    for machine in machines:  # FEAT_FGT: EL1's reads of TPIDR_EL0 go to EL2
        machine.cpu.sysreg["HFGRTR_EL2"] = 1 << 35
        machine.run(max_instructions=12)
    assert len(machines[0].exceptions) > before
    _assert_alike(machines)


@pytest.mark.parametrize("body", [(_ZVA, _ADD_16)])
def test_what_another_context_pushed_out_comes_back_and_is_forgotten_on_demand(body: tuple[int, ...]) -> None:
    mecid = (3, 4, 10, 8, 0)
    code = _loop(
        _system(_MSR, *mecid, 26), 0xD503_3FDF, 0xF940_0064, *body, _system(_MSR, *mecid, 27), 0xD503_3FDF,
        0xF900_0062, 0xF940_0065,
    )  # fmt: skip
    machines = [random_machine(engine, 3, "cipher", True) for engine in ENGINES]
    for machine in machines:
        machine.write(CODE, code)
        machine.cpu.pc = CODE
        machine.cpu.x[2], machine.cpu.x[3] = 0x1234, DATA
        machine.cpu.x[26], machine.cpu.x[27] = 5, 6
        machine.run(max_instructions=300)
    _assert_alike(machines)
    for machine in machines:
        machine.write(CODE + 12, _sys(4, 8, 7, 0, 31).to_bytes(4, "little"))  # TLBI ALLE2
        machine.run(max_instructions=300)
    _assert_alike(machines)
