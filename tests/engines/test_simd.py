"""Advanced SIMD against unicorn: the same words on the same registers leave the same registers and flags."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import unicorn
from unicorn import arm64_const as names

from emu import state
from emu.isa.a64 import A64
from emu.isa.pattern import EncodingClass
from emu.registers.ids import CLAIMS
from tests.engines.flat import CODE, flat_machine
from tests.engines.floating import AHP, DN, FZ, FZ16, random_float
from tests.engines.words import SCALE, random_operand, random_word

_X = [getattr(names, f"UC_ARM64_REG_X{i}") for i in range(31)]
_V = [getattr(names, f"UC_ARM64_REG_V{i}") for i in range(32)]
_QC = 1 << 27
_MASK64 = (1 << 64) - 1
_ENABLE = 3 << 20
_MAKERS = ("emu.isa.simd_", "emu.isa.crypto")

NO_PEER = ("FEAT_I8MM", "FEAT_BF16")
"""Features that unicorn lacks: `test_simd_matrix` and `test_simd_against_qemu` have them."""
ALL_CLASSES = [
    encoding
    for encoding in A64.classes
    if encoding.semantics.__module__.startswith(_MAKERS) and encoding.semantics.__module__ != "emu.isa.simd_memory"
]
CLASSES = [encoding for encoding in ALL_CLASSES if encoding.feature not in NO_PEER]
FP_CLASSES = [encoding for encoding in CLASSES if encoding.semantics.__module__.startswith("emu.isa.simd_fp_")]


@dataclass(frozen=True)
class Registers:
    """What a SIMD instruction reads and writes."""

    x: tuple[int, ...]
    v: tuple[int, ...]
    fpsr: int
    fpcr: int = 0


class Peer:
    """unicorn with floating point on."""

    def __init__(self) -> None:
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self.uc.ctl_set_cpu_model(names.UC_CPU_ARM64_MAX)
        self.uc.mem_map(CODE, 0x1000)
        self.uc.reg_write(names.UC_ARM64_REG_CPACR_EL1, _ENABLE)

    def run(self, words: list[int], before: Registers) -> Registers:
        uc = self.uc
        uc.mem_write(CODE, b"".join(word.to_bytes(4, "little") for word in words))
        for register, value in zip(_X + _V, before.x + before.v, strict=True):
            uc.reg_write(register, value)
        uc.reg_write(names.UC_ARM64_REG_FPSR, before.fpsr)
        uc.reg_write(names.UC_ARM64_REG_FPCR, before.fpcr)
        uc.ctl_remove_cache(CODE, CODE + 4 * len(words))
        uc.emu_start(CODE, CODE + 4 * len(words), count=len(words))
        return Registers(
            tuple(uc.reg_read(register) for register in _X),
            tuple(uc.reg_read(register) for register in _V),
            uc.reg_read(names.UC_ARM64_REG_FPSR),
            before.fpcr,
        )


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


_BOUNDARIES = {
    8: (0, 1, 0x7F, 0x80, 0x81, 0xFF),
    16: (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF),
    32: (0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF),
    64: (0, 1, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, _MASK64),
}


def random_float_vector(source: random.Random) -> int:
    """Lanes of one format: special values, boundaries, near misses."""
    width = source.choice((16, 32, 64))
    value = 0
    for _ in range(128 // width):
        value = value << width | random_float(source, width)
    return value


def random_vector(source: random.Random) -> int:
    """Lanes at the boundaries of one size, small numbers (shift amounts, table indices), or any bits."""
    kind = source.random()
    if kind < 0.2:
        return source.getrandbits(128)
    esize = source.choice((8, 16, 32, 64))
    value = 0
    for _ in range(128 // esize):
        if kind < 0.4:
            lane = source.randrange(-70, 70) & (1 << esize) - 1
        else:
            lane = source.choice(_BOUNDARIES[esize]) if source.random() < 0.6 else source.getrandbits(esize)
        value = value << esize | lane
    return value


def random_registers(source: random.Random, *, floating: bool = False) -> Registers:
    makers = (random_float_vector if floating else random_vector, random_vector)
    modes = source.choice((0, DN, FZ, FZ16, FZ | FZ16, DN | FZ, AHP)) | source.randrange(4) << 22
    return Registers(
        tuple(random_operand(source) for _ in range(31)),
        tuple(make(source) for make in source.choices(makers, (9, 1), k=32)),
        _QC if source.random() < 0.1 else 0,
        modes if floating and source.random() < 0.6 else 0,
    )


def _without_inactive_flags(word: int, result: Registers) -> Registers:
    """QEMU also computes the lanes above a 64-bit vector, and keeps their flags, though not their results."""
    return result if word >> 30 & 1 else replace(result, fpsr=0)


def _without_sign_extension(word: int, result: Registers) -> Registers:
    """QEMU writes the 16-bit integer sign extended to 32 bits; the manual writes 16 and clears the rest."""
    v = list(result.v)
    v[word & 31] &= 0xFFFF
    return replace(result, v=tuple(v))


PEER_MISTAKES: dict[str, Callable[[int, Registers], Registers]] = {
    "simd_complex_multiply_add_by_element": _without_inactive_flags,
    "simd_fp_to_fixed_point_16_scalar": _without_sign_extension,
}
"""What is left to compare where unicorn is known to be wrong; programs of these classes have one word."""


def compare(words: list[int], source: random.Random, machine, peer: Peer) -> None:  # type: ignore[no-untyped-def]
    """Run the words as one program; if something differs, find the word that did it."""
    floating = any(decoded is not None and decoded.encoding in FP_CLASSES for decoded in map(A64.decode, words))
    before = random_registers(source, floating=floating)
    if ours(machine, words, before) == peer.run(words, before):
        return
    for word in words:
        expected = peer.run([word], before)
        got = ours(machine, [word], before)
        decoded = A64.decode(word)
        assert decoded is not None
        if decoded.encoding.name in PEER_MISTAKES:
            tidy = PEER_MISTAKES[decoded.encoding.name]
            assert tidy(word, got) == tidy(word, expected), _difference(word, before, got, expected)
            return
        assert got == expected, _difference(word, before, got, expected)
        before = got
    raise AssertionError(f"together but not one by one: {[hex(word) for word in words]}")


def _difference(word: int, before: Registers, got: Registers, expected: Registers) -> str:
    decoded = A64.decode(word)
    assert decoded is not None
    lines = [
        f"{word:#010x} {decoded.encoding.name} {decoded.operands}",
        f"FPSR here {got.fpsr:#x} unicorn {expected.fpsr:#x}, FPCR {before.fpcr:#x}",
    ]
    registers = {name: decoded.operands[name] for name in ("rn", "rm", "ra", "rd") if name in decoded.operands}
    lines += [f"{name} before {before.v[number]:#034x}" for name, number in registers.items()]
    for kind in ("x", "v"):
        for i, (a, b) in enumerate(zip(getattr(got, kind), getattr(expected, kind), strict=True)):
            if a != b:
                lines.append(f"{kind}{i} here {a:#034x} unicorn {b:#034x}")
    return "\n".join(lines)


def programs(encoding: EncodingClass, source: random.Random, count: int, length: int, combinations) -> list[list[int]]:  # type: ignore[no-untyped-def]
    """Programs of words of one class, the static fields in turn."""
    if encoding.name in PEER_MISTAKES:
        count, length = count * length, 1
    allocated = []
    for combination in combinations:
        word = random_word(encoding, source, combination, tries=64)
        if word is not None:
            allocated.append(combination)
    words = []
    for number in range(count * length):
        word = random_word(encoding, source, allocated[number % len(allocated)])
        assert word is not None
        words.append(word)
    return [words[i : i + length] for i in range(0, len(words), length)]


@pytest.fixture(scope="module")
def peer() -> Peer:
    return Peer()


@pytest.fixture(scope="module", params=["reference", "interpreter"])
def machine(request):  # type: ignore[no-untyped-def]
    return simd_machine(request.param)


def simd_machine(engine: str):  # type: ignore[no-untyped-def]
    machine = flat_machine(engine)
    machine.cpu.sysreg["CPACR_EL1"] = _ENABLE
    return machine


@pytest.mark.parametrize("encoding", CLASSES, ids=lambda encoding: encoding.name)
def test_every_word_of_a_class_does_what_unicorn_does(encoding: EncodingClass, machine, peer: Peer) -> None:  # type: ignore[no-untyped-def]
    source = random.Random(encoding.name)
    combinations = list(encoding.combinations())
    source.shuffle(combinations)
    for words in programs(encoding, source, 4 * SCALE, 4, combinations[:4] if len(combinations) > 16 else combinations):
        compare(words, source, machine, peer)


@pytest.mark.long
@pytest.mark.parametrize("encoding", CLASSES, ids=lambda encoding: encoding.name)
def test_every_native_handler_of_a_class_does_what_unicorn_does(encoding: EncodingClass, peer: Peer) -> None:
    machine = simd_machine("interpreter")
    source = random.Random(encoding.name + "!")
    for combination in encoding.combinations():
        if random_word(encoding, source, combination, tries=64) is not None:
            for words in programs(encoding, source, 10, 8, [combination]):
                compare(words, source, machine, peer)


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
