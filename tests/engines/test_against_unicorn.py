"""Base integer instructions against unicorn: the same word on the same state leaves the same state."""

from __future__ import annotations

import contextlib
import random

import pytest
import unicorn
from unicorn import arm64_const as names

from tests.engines.flat import CODE, DATA, DATA_SIZE, flat_machine
from tests.engines.words import (
    BRANCH_CLASSES,
    DATA_CLASSES,
    MEMORY_CLASSES,
    SCALE,
    by_name,
    random_operand,
    random_word,
)

_X = [getattr(names, f"UC_ARM64_REG_X{i}") for i in range(31)]
_PER_CLASS = 200 * SCALE
CLREX = 0xD503_3F5F


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


@pytest.fixture(scope="module")
def peer() -> Peer:
    return Peer()


@pytest.fixture(scope="module", params=["reference", "interpreter"])
def machine(request):  # type: ignore[no-untyped-def]
    return flat_machine(request.param)


def _state(name: str, word: int, source: random.Random) -> tuple[list[int], int]:
    """Registers for one word: operands at boundaries; for memory, bases inside the data and small offsets."""
    x = [random_operand(source) for _ in range(31)]
    sp = DATA + DATA_SIZE // 2
    if name in MEMORY_CLASSES:
        fields = by_name(name).extract(word)
        base = DATA + DATA_SIZE // 2
        if fields.get("rm", 31) != 31:
            x[fields["rm"]] = source.choice((0, 8, 16, 40, 0xFFFF_FFFF_FFFF_FFF8)) & (1 << 64) - 1
            if fields["option"] == 2:
                x[fields["rm"]] &= 0xFF
        if fields.get("rn", 31) != 31:
            aligned = "exclusive" in name or "acquire" in name
            x[fields["rn"]] = base + (0 if aligned else source.randrange(16))
    return x, sp


def _usable(name: str, word: int) -> bool:
    """Keep addresses inside the data: no far literals or offsets, no base that is also the offset."""
    fields = by_name(name).extract(word)
    if name == "load_literal":
        offset = ((fields["imm19"] ^ 1 << 18) - (1 << 18)) * 4
        return 0 <= offset < 0x1000
    if name == "load_store_unsigned":
        return fields["imm12"] << fields["size"] < DATA_SIZE // 4
    if name == "load_store_register":
        return fields["rm"] != fields["rn"]
    return True


@pytest.mark.parametrize("name", DATA_CLASSES + BRANCH_CLASSES + MEMORY_CLASSES)
def test_every_word_of_a_class_does_what_unicorn_does(name: str, machine, peer: Peer) -> None:  # type: ignore[no-untyped-def]
    source = random.Random(name)
    encoding = by_name(name)
    data = bytes(source.randrange(256) for _ in range(DATA_SIZE))
    done = 0
    while done < _PER_CLASS:
        word = random_word(encoding, source)
        assert word is not None
        if not _usable(name, word):
            continue
        done += 1
        _check(name, word, source, machine, peer, data)


@pytest.mark.parametrize("name", DATA_CLASSES + BRANCH_CLASSES + MEMORY_CLASSES)
def test_every_native_handler_of_a_class_does_what_unicorn_does(name: str, peer: Peer) -> None:
    machine = flat_machine("interpreter")
    source = random.Random(name + "!")
    encoding = by_name(name)
    data = bytes(source.randrange(256) for _ in range(DATA_SIZE))
    for combination in encoding.combinations():
        for _ in range(50):
            word = random_word(encoding, source, combination, tries=100)
            if word is None or _usable(name, word):
                break
        if word is not None and _usable(name, word):
            _check(name, word, source, machine, peer, data)


def _check(name: str, word: int, source: random.Random, machine, peer: Peer, data: bytes) -> None:  # type: ignore[no-untyped-def]
    x, sp = _state(name, word, source)
    if name == "branch_register":
        x = [CODE + 4 * source.randrange(1 << 16) for _ in range(31)]
    nzcv = source.randrange(16)
    # The monitor must not remember what an earlier word did.
    words = (CLREX, word) if "exclusive" in name else (word,)
    expected = peer.run(words, x, sp, nzcv, data, name in BRANCH_CLASSES)
    got = _ours(machine, words, x, sp, nzcv, data)
    assert got == expected, f"{word:#010x} with x={[hex(v) for v in x]} nzcv={nzcv:04b}"


@pytest.mark.parametrize("size", [0, 1, 2, 3])
@pytest.mark.parametrize("is_pair", [False, True])
def test_a_store_exclusive_after_its_load_succeeds_as_in_unicorn(size: int, is_pair: bool, machine, peer: Peer) -> None:  # type: ignore[no-untyped-def]
    if is_pair and size < 2:
        return
    source = random.Random(size)
    data = bytes(source.randrange(256) for _ in range(DATA_SIZE))
    x = [random_operand(source) for _ in range(31)]
    x[1] = DATA + 0x100
    pair = int(is_pair) << 21
    load = size << 30 | 0x085F_0000 & ~(1 << 21) | pair | (3 << 10 if is_pair else 31 << 10) | 1 << 5 | 2
    store = size << 30 | 0x0800_0000 | pair | 7 << 16 | (5 << 10 if is_pair else 31 << 10) | 1 << 5 | 4
    words = (load, store, store)  # the second store must fail: the first one used the reservation up
    assert _ours(machine, words, x, DATA, 0, data) == peer.run(words, x, DATA, 0, data, False)
