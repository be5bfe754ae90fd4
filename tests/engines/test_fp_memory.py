"""Loads and stores of V registers against unicorn: the same registers and the same memory afterwards."""

from __future__ import annotations

import random

import pytest
import unicorn
from unicorn import arm64_const as names

from emu.isa.a64 import A64
from emu.isa.pattern import EncodingClass
from tests.engines.flat import CODE, DATA, DATA_SIZE, flat_machine
from tests.engines.words import SCALE, random_word

_PER_CLASS = 300 * SCALE
_ENABLE = 3 << 20
_X = [getattr(names, f"UC_ARM64_REG_X{i}") for i in range(31)]
_V = [getattr(names, f"UC_ARM64_REG_V{i}") for i in range(32)]
_WINDOW = 0x400
"""Bytes around the base that an access may touch."""
_BASE = DATA + DATA_SIZE // 2

CLASSES = [encoding for encoding in A64.classes if encoding.semantics.__module__ == "emu.isa.simd_memory"]


class Peer:
    """unicorn with the same memory map."""

    def __init__(self) -> None:
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self.uc.ctl_set_cpu_model(names.UC_CPU_ARM64_MAX)
        self.uc.mem_map(CODE, 0x80_0000)
        self.uc.reg_write(names.UC_ARM64_REG_CPACR_EL1, _ENABLE)
        self._next = CODE

    def run(self, word: int, x: list[int], v: list[int], sp: int, data: bytes) -> tuple[object, ...]:
        uc = self.uc
        self._next = CODE + (self._next + 4 - CODE) % 0x1000
        if self._next == CODE:
            uc.ctl_remove_cache(CODE, CODE + 0x1000)
        uc.mem_write(self._next, word.to_bytes(4, "little"))
        uc.mem_write(_BASE - _WINDOW, data)
        for register, value in zip(_X + _V, x + v, strict=True):
            uc.reg_write(register, value)
        uc.reg_write(names.UC_ARM64_REG_SP, sp)
        uc.emu_start(self._next, self._next + 4, count=1)
        return (
            [uc.reg_read(register) for register in _X],
            [uc.reg_read(register) for register in _V],
            uc.reg_read(names.UC_ARM64_REG_SP),
            bytes(uc.mem_read(_BASE - _WINDOW, 2 * _WINDOW)),
        )


class Ours:
    """One of our machines, used the same way."""

    def __init__(self, engine: str) -> None:
        self.machine = flat_machine(engine)
        self.machine.cpu.sysreg["CPACR_EL1"] = _ENABLE
        self._next = CODE

    def run(self, word: int, x: list[int], v: list[int], sp: int, data: bytes) -> tuple[object, ...]:
        machine, cpu = self.machine, self.machine.cpu
        self._next = CODE + (self._next + 4 - CODE) % 0x1000
        machine.write(self._next, word.to_bytes(4, "little"))
        machine.write(_BASE - _WINDOW, data)
        for number, value in enumerate(x):
            cpu.x[number] = value
        for number, value in enumerate(v):
            cpu.v[number] = value
        cpu.sp, cpu.pc = sp, self._next
        machine.run(max_instructions=1)
        assert int(cpu.pc) == self._next + 4, f"{word:#010x} took an exception"
        return list(cpu.x), [cpu.v[i] for i in range(32)], cpu.sp, machine.read(_BASE - _WINDOW, 2 * _WINDOW)


@pytest.fixture(scope="module")
def peer() -> Peer:
    return Peer()


@pytest.fixture(scope="module", params=["reference", "interpreter"])
def ours(request) -> Ours:  # type: ignore[no-untyped-def]
    return Ours(request.param)


def _usable(encoding: EncodingClass, word: int) -> bool:
    """Addresses stay in the window; what the manual leaves CONSTRAINED UNPREDICTABLE is left out."""
    fields = encoding.extract(word)
    if "imm12" in fields:
        return fields["imm12"] << (fields["wide"] << 2 | fields["size"]) < _WINDOW // 2
    if "imm7" in fields:
        offset = ((fields["imm7"] ^ 64) - 64) << 2 + fields["opc"]
        return abs(offset) < _WINDOW // 2 and not (fields["L"] and fields["rt"] == fields["rt2"])
    if "rm" in fields and "option" in fields:
        return fields["rm"] != fields["rn"]
    return "imm19" not in fields  # see the literal's own test


def _words(encoding: EncodingClass, source: random.Random):  # type: ignore[no-untyped-def]
    combinations = [
        item for item in encoding.combinations() if random_word(encoding, source, item, tries=60) is not None
    ]
    total = max(_PER_CLASS, 2 * len(combinations))
    number = 0
    while number < total:
        word = random_word(encoding, source, combinations[number % len(combinations)])
        assert word is not None
        if "imm12" in encoding.fields:
            word &= ~(0xFC0 << 10)
        if _usable(encoding, word):
            number += 1
            yield word


@pytest.mark.parametrize("encoding", CLASSES, ids=lambda encoding: encoding.name)
def test_every_word_does_what_unicorn_does(encoding: EncodingClass, ours: Ours, peer: Peer) -> None:
    if encoding.name == "simd_load_literal":
        return
    source = random.Random(encoding.name)
    data = source.randbytes(2 * _WINDOW)
    for word in _words(encoding, source):
        fields = encoding.extract(word)
        x = [source.getrandbits(64) for _ in range(31)]
        v = [source.getrandbits(128) for _ in range(32)]
        if fields.get("rm", 31) != 31:
            small = source.choice((0, 1, 8, 16, 31, -1, -8, -24)) & (1 << 64) - 1
            if fields.get("option") == 2:  # UXTW: a negative word would be a large positive offset
                small &= 0x1F
            x[fields["rm"]] = small
        sp = _BASE + 16 * source.randrange(4)
        if fields["rn"] != 31:
            x[fields["rn"]] = _BASE + source.randrange(64)
        expected, got = peer.run(word, x, v, sp, data), ours.run(word, x, v, sp, data)
        assert got == expected, f"{word:#010x} {encoding.name} {fields}"


@pytest.mark.parametrize("opc", [0, 1, 2])
def test_a_literal_is_loaded_from_beside_the_code(opc: int, ours: Ours) -> None:
    machine, cpu = ours.machine, ours.machine.cpu
    literal = bytes(range(0xA0, 0xB0))
    machine.write(CODE + 0x1000, (opc << 30 | 0x1C00_0000 | 0x100 << 5 | 7).to_bytes(4, "little"))
    machine.write(CODE + 0x1400, literal)
    cpu.v[7] = (1 << 128) - 1
    cpu.pc = CODE + 0x1000
    machine.run(max_instructions=1)
    assert cpu.v[7] == int.from_bytes(literal[: 4 << opc], "little")


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize(
    ("word", "faults_at"),
    [
        (0x3DC0_0020, (1, 2, 4, 8, 12)),  # LDR Q0, [X1]: aligned to 16
        (0x3D80_0020, (1, 8)),  # STR Q0, [X1]
        (0xFD40_0020, (1, 4)),  # LDR D0, [X1]: aligned to 8
        (0xAD40_0820, (8, 1)),  # LDP Q0, Q2, [X1]: aligned to 16 each
        (0x6D40_0820, (4, 1)),  # LDP D0, D2, [X1]: aligned to 8 each
        (0x4C40_7820, (1, 2)),  # LD1 {V0.4S}, [X1]: aligned to the element
        (0x4D40_8020, (1, 2)),  # LD1 {V0.S}[2], [X1]
    ],
)
def test_alignment_is_checked_where_sctlr_asks_for_it(engine: str, word: int, faults_at: tuple[int, ...]) -> None:
    for offset in (0, *faults_at, 16, 32):
        ours = Ours(engine)
        machine, cpu = ours.machine, ours.machine.cpu
        cpu.sysreg["SCTLR_EL1"] = cpu.sysreg["SCTLR_EL1"] | 2
        machine.write(CODE, word.to_bytes(4, "little"))
        cpu.x[1], cpu.pc = DATA + offset, CODE
        machine.run(max_instructions=1)
        if offset in faults_at:
            assert cpu.sysreg["ESR_EL1"] & 0xFC00_003F == 0x25 << 26 | 0x21, offset
            assert cpu.sysreg["FAR_EL1"] == DATA + offset
        else:
            assert int(cpu.pc) == CODE + 4, offset


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize("word", [0xADC1_0821, 0x4CDF_2020, 0x4CDF_0020, 0x4DFF_E020, 0x3CC1_0C20])
def test_a_load_that_faults_halfway_leaves_its_registers_alone(engine: str, word: int) -> None:
    ours = Ours(engine)
    machine, cpu = ours.machine, ours.machine.cpu
    machine.write(CODE, word.to_bytes(4, "little"))
    before = [0x1111 * number for number in range(32)]
    for number, value in enumerate(before):
        cpu.v[number] = value
    edge = CODE + 0x80_0000  # the end of what is mapped
    start = {0xADC1_0821: edge - 0x30, 0x3CC1_0C20: edge - 0x18, 0x4DFF_E020: edge - 1}.get(word, edge - 0x20)
    cpu.x[1], cpu.pc = start, CODE
    machine.run(max_instructions=1)
    assert cpu.sysreg["ESR_EL1"] >> 26 == 0x25
    assert [cpu.v[number] for number in range(32)] == before
    assert cpu.x[1] == start
    assert edge - 16 <= cpu.sysreg["FAR_EL1"] <= edge
