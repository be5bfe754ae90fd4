"""The engines agree on random programs of floating point and of loads and stores of V registers."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from tests.engines.flat import CODE, DATA
from tests.engines.floating import CLASSES, random_float, random_fpcr
from tests.engines.test_engines_agree import assert_engines_agree, random_machine
from tests.engines.test_fp_memory import CLASSES as MEMORY
from tests.engines.words import random_word

_PROGRAM = 40
_BASES = (1, 2, 3)


def _word(source: random.Random) -> int:
    kind = source.random()
    if kind < 0.5:
        encoding = source.choice(CLASSES)
        word = random_word(encoding, source)
        assert word is not None
        # The bases keep pointing into the data.
        return word + 8 if word & 31 in _BASES else word
    if kind < 0.95:
        encoding = source.choice(MEMORY)
        word = random_word(encoding, source)
        assert word is not None
        if "imm19" in encoding.fields:
            return word & ~(0x7_FF00 << 5)
        if "imm12" in encoding.fields:
            word &= ~(0xF80 << 10)
        if "option" in encoding.fields:
            word = word & ~(31 << 16) | 31 << 16
        if source.random() < 0.95:
            word = word & ~(31 << 5) | source.choice(_BASES) << 5
        return word
    return source.choice((0xD518_1044, 0xD518_1045, 0xD51B_4426, 0xD51B_4407))  # CPACR_EL1, FPSR, FPCR


def _prepared(engine: str, seed: int, model: str, realm: bool) -> emu.Machine:
    machine = random_machine(engine, seed, model, realm)
    source = random.Random(seed ^ 0xF10A7)
    cpu = machine.cpu
    machine.write(CODE, b"".join(_word(source).to_bytes(4, "little") for _ in range(_PROGRAM)))
    cpu.sysreg["CPACR_EL1"] = source.choice((0, 3, 3, 3)) << 20
    cpu.sysreg["CPTR_EL2"] = source.choice((0, 0, 0, 1)) << 10
    cpu.sysreg["FPCR"] = random_fpcr(source)
    cpu.x[4], cpu.x[5], cpu.x[6], cpu.x[7] = 3 << 20, 3 << 20, 0, random_fpcr(source)
    for number in range(32):
        width = source.choice((16, 32, 64))
        cpu.v[number] = random_float(source, width) | source.getrandbits(128) >> width << width
    for number in _BASES:
        # Now and then near the end of what is mapped, or of a page.
        cpu.x[number] = DATA + source.choice((0x1000, 0x1FF0, 0x1FF8 + source.randrange(8), 0x2001))
    return machine


@pytest.mark.parametrize("model", ["cipher", "substitute"])
@pytest.mark.parametrize("realm", [False, True])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_random_programs_end_the_same(model: str, realm: bool, seed: int) -> None:
    assert_engines_agree(lambda engine: _prepared(engine, seed, model, realm))


@pytest.mark.long
@pytest.mark.parametrize("model", ["cipher", "substitute"])
@pytest.mark.parametrize("realm", [False, True])
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_many_random_programs_end_the_same(model: str, realm: bool, seed: int) -> None:
    assert_engines_agree(lambda engine: _prepared(engine, seed, model, realm))
