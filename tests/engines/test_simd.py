"""Advanced SIMD classes all at once: off means trapped, and a feature is claimed where its instructions are."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from emu import state
from emu.isa.a64 import A64
from emu.isa.pattern import EncodingClass
from emu.registers.claims import CLAIMS
from tests.conformance.differential.operands import lanes
from tests.engines.flat import CODE, flat_machine
from tests.engines.words import random_operand, random_word

_QC = 1 << 27
_MASK64 = (1 << 64) - 1
_ENABLE = 3 << 20
_MAKERS = ("emu.isa.simd_", "emu.isa.crypto")

ALL_CLASSES = [
    encoding
    for encoding in A64.classes
    if encoding.semantics.__module__.startswith(_MAKERS) and encoding.semantics.__module__ != "emu.isa.simd_memory"
]


@dataclass(frozen=True)
class Registers:
    """What a SIMD instruction reads and writes."""

    x: tuple[int, ...]
    v: tuple[int, ...]
    fpsr: int
    fpcr: int = 0


def _load(cpu, before: Registers) -> None:  # type: ignore[no-untyped-def]
    slots = cpu.slots
    slots[0:31] = _array(before.x)
    slots[state.VECTORS : state.VECTORS + 64] = _array([half for v in before.v for half in (v & _MASK64, v >> 64)])
    slots[state.FPSR], slots[state.FPCR] = before.fpsr, before.fpcr


def _registers(cpu) -> Registers:  # type: ignore[no-untyped-def]
    slots = cpu.slots
    halves = slots[state.VECTORS : state.VECTORS + 64]
    return Registers(
        tuple(slots[0:31]),
        tuple(halves[2 * i] | halves[2 * i + 1] << 64 for i in range(32)),
        slots[state.FPSR],
        slots[state.FPCR],
    )


def ours(machine, words: list[int], before: Registers) -> Registers:  # type: ignore[no-untyped-def]
    cpu = machine.cpu
    machine.write(CODE, b"".join(word.to_bytes(4, "little") for word in words))
    _load(cpu, before)
    cpu.pc = CODE
    machine.run(max_instructions=len(words))
    assert int(cpu.pc) == CODE + 4 * len(words)
    return _registers(cpu)


def _array(values):  # type: ignore[no-untyped-def]
    return memoryview(b"".join(value.to_bytes(8, "little") for value in values)).cast("Q")


def random_registers(source: random.Random) -> Registers:
    return Registers(
        tuple(random_operand(source) for _ in range(31)),
        tuple(lanes(source) for _ in range(32)),
        _QC if source.random() < 0.1 else 0,
    )


def simd_machine(engine: str):  # type: ignore[no-untyped-def]
    machine = flat_machine(engine)
    machine.cpu.sysreg["CPACR_EL1"] = _ENABLE
    return machine


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_every_class_is_trapped_where_simd_is_off_and_changes_nothing(engine: str) -> None:
    machine = simd_machine(engine)
    cpu, source = machine.cpu, random.Random(engine)
    cpu.sysreg["CPACR_EL1"] = 0
    for encoding in ALL_CLASSES:
        word = random_word(encoding, source)
        assert word is not None
        before = random_registers(source)
        machine.write(CODE, word.to_bytes(4, "little"))
        _load(cpu, before)
        cpu.pc = CODE
        machine.run(max_instructions=1)
        assert cpu.sysreg["ESR_EL1"] >> 26 == 0x07, encoding.name
        assert cpu.sysreg["ELR_EL1"] == CODE, encoding.name
        assert _registers(cpu) == before, encoding.name


@pytest.mark.parametrize("encoding", ALL_CLASSES, ids=lambda encoding: encoding.name)
def test_a_class_belongs_to_a_feature_that_the_id_registers_claim(encoding: EncodingClass) -> None:
    assert encoding.feature in CLAIMS
