"""Pointer authentication against unicorn, which has QARMA5 and the first version of FEAT_PAuth."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace

import pytest
import unicorn
from unicorn import arm64_const as names

from tests.engines.flat import CODE, DATA, DATA_SIZE, flat_machine
from tests.engines.words import random_operand

_X = [getattr(names, f"UC_ARM64_REG_X{i}") for i in range(31)]
_COUNT = 150
_KEYS = [(3, 0, 2, 1 + number // 4, number % 4) for number in range(8)] + [(3, 0, 2, 3, 0), (3, 0, 2, 3, 1)]
_KEY_NAMES = [f"AP{key}Key{half}_EL1" for key in ("IA", "IB", "DA", "DB", "GA") for half in ("Lo", "Hi")]
_ENABLE = 1 << 31 | 1 << 30 | 1 << 27 | 1 << 13
_TCR = {"tags": 1 << 37 | 1 << 38, "tags of data": 3 << 37 | 3 << 51, "no tags": 0, "tags above": 1 << 38}
_PLAIN = frozenset(("FEAT_PAuth",))


class Peer:
    """unicorn with the same memory map."""

    def __init__(self) -> None:
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self.uc.ctl_set_cpu_model(names.UC_CPU_ARM64_MAX)
        self.uc.mem_map(CODE, 0x80_0000)

    def run(
        self, words: tuple[int, ...], x: list[int], sp: int, nzcv: int, data: bytes, branches: bool
    ) -> tuple[object, ...]:
        uc = self.uc
        code = b"".join(word.to_bytes(4, "little") for word in words)
        uc.mem_write(CODE, code)
        uc.mem_write(DATA, data)
        for register, value in zip(_X, x, strict=True):
            uc.reg_write(register, value)
        uc.reg_write(names.UC_ARM64_REG_SP, sp)
        uc.reg_write(names.UC_ARM64_REG_NZCV, nzcv << 28)
        uc.ctl_remove_cache(CODE, CODE + len(code))
        # A branch may leave the map; what counts is where it went, which unicorn knows before it fetches there.
        with contextlib.suppress(unicorn.UcError) if branches else contextlib.nullcontext():
            uc.emu_start(CODE, 0, count=len(words))
        return (
            [uc.reg_read(register) for register in _X],
            uc.reg_read(names.UC_ARM64_REG_SP),
            uc.reg_read(names.UC_ARM64_REG_NZCV) >> 28,
            uc.reg_read(names.UC_ARM64_REG_PC),
            bytes(uc.mem_read(DATA, DATA_SIZE)),
        )


def _ours(machine, words: tuple[int, ...], x: list[int], sp: int, nzcv: int, data: bytes) -> tuple[object, ...]:  # type: ignore[no-untyped-def]
    cpu = machine.cpu
    machine.write(CODE, b"".join(word.to_bytes(4, "little") for word in words))
    machine.write(DATA, data)
    for number, value in enumerate(x):
        cpu.x[number] = value
    cpu.sp, cpu.nzcv, cpu.pc = sp, nzcv, CODE
    machine.run(max_instructions=len(words))
    return [cpu.x[i] for i in range(31)], cpu.sp, cpu.nzcv, int(cpu.pc), machine.read(DATA, DATA_SIZE)


def _write(uc, encoding: tuple[int, int, int, int, int], value: int) -> None:  # type: ignore[no-untyped-def]
    op0, op1, crn, crm, op2 = encoding
    uc.reg_write(names.UC_ARM64_REG_CP_REG, (crn, crm, op0, op1, op2, value))


def _pair(engine: str, tags: int, seed: int):  # type: ignore[no-untyped-def]
    """Our machine and unicorn with the same keys, the same TCR_EL1, and stage 1 off in unicorn."""
    source = random.Random(seed)
    machine = flat_machine(engine)
    machine.cpu.features = replace(machine.cpu.features, isa=_PLAIN)
    peer = Peer()
    registers = machine.cpu.sysreg
    registers["TCR_EL1"] = registers["TCR_EL1"] | 25 << 16 | tags
    registers["SCTLR_EL1"] = registers["SCTLR_EL1"] | _ENABLE
    _write(peer.uc, (3, 6, 1, 1, 0), 0x531 | 3 << 16)
    _write(peer.uc, (3, 4, 1, 1, 0), 1 << 31 | 3 << 40)
    _write(peer.uc, (3, 0, 2, 0, 2), registers["TCR_EL1"])
    _write(peer.uc, (3, 0, 1, 0, 0), 0x3050_0980 | _ENABLE)
    for encoding, name in zip(_KEYS, _KEY_NAMES, strict=True):
        value = source.getrandbits(64)
        registers[name] = value
        _write(peer.uc, encoding, value)
    return machine, peer


def _sign(opcode: int, rn: int, rd: int) -> int:
    return 0xDAC1_0000 | opcode << 10 | rn << 5 | rd


def _canonical(source: random.Random) -> int:
    """A pointer of either half."""
    return source.choice((0, (1 << 25) - 1)) << 39 | source.getrandbits(39)


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize("tags", _TCR)
def test_signing_and_authenticating_do_what_unicorn_does(engine: str, tags: str) -> None:
    machine, peer = _pair(engine, _TCR[tags], 7)
    source = random.Random(tags)
    data = bytes(DATA_SIZE)
    for _ in range(_COUNT):
        x = [random_operand(source) for _ in range(31)]
        x[3] = _canonical(source)
        key, is_zero = source.randrange(4), source.randrange(2)
        sign = _sign(key | 8, 31, 3) if is_zero else _sign(key, 2, 3)
        check = _sign(key | 12, 31, 3) if is_zero else _sign(key | 4, 2, 3)
        other = _sign(4 | source.randrange(4), source.choice((2, 31)), 3)
        words = source.choice(
            ((sign,), (sign, check), (sign, other), (check,), (0xDAC1_43E3,), (0xDAC1_47E3,), (0x9AC3_3041,))
        )
        if len(words) == 1 and words[0] != sign:
            x[3] = source.getrandbits(64)
        expected = peer.run(words, x, DATA, 0, data, False)
        got = _ours(machine, words, x, DATA, 0, data)
        assert got == expected, f"{[hex(w) for w in words]} {hex(x[3])}: {hex(got[0][3])}, {hex(expected[0][3])}"


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_hints_and_branches_do_what_unicorn_does(engine: str) -> None:
    machine, peer = _pair(engine, 0, 8)
    source = random.Random(5)
    data = bytes(DATA_SIZE)
    pairs = [(25, 29), (27, 31), (24, 28), (26, 30), (8, 12), (10, 14), (25, 31), (25, 7)]
    for _ in range(_COUNT):
        x = [random_operand(source) for _ in range(31)]
        x[30] = x[17] = CODE + 4 * source.randrange(1 << 16)
        x[16] = source.getrandbits(64)
        first, second = (0xD503_201F | number << 5 for number in source.choice(pairs))
        words = source.choice(((first,), (first, second), (first, 0xD65F_0BFF), (first, 0xD65F_0FFF)))
        is_return = words[-1] >> 24 == 0xD6
        if is_return:  # sign with the key that the return wants, so that it arrives
            words = (0xD503_233F if words[-1] == 0xD65F_0BFF else 0xD503_237F, words[-1])
        with contextlib.suppress(RuntimeError):
            expected = peer.run(words, x, DATA, 0, data, is_return)
        assert _ours(machine, words, x, DATA, 0, data) == expected, [hex(word) for word in words]


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize("is_call", [0, 1])
@pytest.mark.parametrize("key", [0, 1])
@pytest.mark.parametrize("has_modifier", [0, 1])
def test_authenticated_branches_do_what_unicorn_does(engine: str, is_call: int, key: int, has_modifier: int) -> None:
    machine, peer = _pair(engine, 0, 9)
    source = random.Random(6)
    data = bytes(DATA_SIZE)
    branch = 0xD61F_0800 | has_modifier << 24 | is_call << 21 | key << 10 | 3 << 5 | (2 if has_modifier else 31)
    for _ in range(20):
        x = [random_operand(source) for _ in range(31)]
        x[3] = CODE + 4 * source.randrange(1 << 16)
        words = (_sign(key, 2, 3) if has_modifier else _sign(key | 8, 31, 3), branch)
        assert _ours(machine, words, x, DATA, 0, data) == peer.run(words, x, DATA, 0, data, True)


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize("key", [0, 1])
@pytest.mark.parametrize("writeback", [0, 1])
def test_authenticated_loads_authenticate_and_load(engine: str, key: int, writeback: int) -> None:
    """LDRAA and LDRAB, which take an exception in unicorn whatever the pointer: by their page in the manual."""
    machine, _ = _pair(engine, 0, 10)
    source = random.Random(11)
    data = bytes(source.randrange(256) for _ in range(DATA_SIZE))
    for _ in range(20):
        x = [random_operand(source) for _ in range(31)]
        at = DATA_SIZE // 2 + source.randrange(8)
        x[3] = DATA + at
        offset = source.randrange(-512, 512)
        field = offset & 0x3FF
        load = 0xF820_0400 | key << 23 | (field >> 9) << 22 | (field & 0x1FF) << 12 | writeback << 11 | 3 << 5 | 5
        sign = _sign(10 | key, 31, 3)
        signed = _ours(machine, (sign,), x, DATA, 0, data)[0][3]  # type: ignore[index]
        registers, _, _, _, _ = _ours(machine, (sign, load), x, DATA, 0, data)
        at += 8 * offset
        assert registers[5] == int.from_bytes(data[at : at + 8], "little")  # type: ignore[index]
        assert registers[3] == (DATA + at if writeback else signed)  # type: ignore[index]
        assert signed != x[3]
