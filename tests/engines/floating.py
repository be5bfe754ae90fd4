"""Scalar floating point on unicorn: one word, chosen operands, what changed."""

from __future__ import annotations

import random
from dataclasses import dataclass

import unicorn
from unicorn import arm64_const as names

from emu.isa.a64 import A64
from tests.engines.flat import CODE

MASK64 = (1 << 64) - 1
ENABLE = 3 << 20
_X = [getattr(names, f"UC_ARM64_REG_X{i}") for i in range(31)]
_V = [getattr(names, f"UC_ARM64_REG_V{i}") for i in range(32)]

AHP, DN, FZ, FZ16 = 1 << 26, 1 << 25, 1 << 24, 1 << 19

CLASSES = [encoding for encoding in A64.classes if encoding.semantics.__module__.startswith("emu.isa.fp_")]


@dataclass(frozen=True)
class Case:
    """A word and what it runs on; registers that are not named keep what earlier words left in them."""

    word: int
    v: tuple[tuple[int, int], ...]
    x: tuple[tuple[int, int], ...]
    nzcv: int
    fpcr: int
    fpsr: int


@dataclass(frozen=True)
class Outcome:
    """What a word may have changed: its destination in both register files, the flags, FPSR."""

    v: int
    x: int
    nzcv: int
    fpsr: int


class Peer:
    """unicorn with floating point on."""

    def __init__(self) -> None:
        self.uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self.uc.ctl_set_cpu_model(names.UC_CPU_ARM64_MAX)
        self.uc.mem_map(CODE, 0x1_0000)
        self.uc.reg_write(names.UC_ARM64_REG_CPACR_EL1, ENABLE)
        self._next = CODE

    def run(self, case: Case) -> Outcome:
        uc = self.uc
        self._next += 4
        if self._next == CODE + 0x1_0000:
            uc.ctl_remove_cache(CODE, CODE + 0x1_0000)
            self._next = CODE
        uc.mem_write(self._next, case.word.to_bytes(4, "little"))
        for number, value in case.v:
            uc.reg_write(_V[number], value)
        for number, value in case.x:
            if number < 31:
                uc.reg_write(_X[number], value)
        uc.reg_write(names.UC_ARM64_REG_NZCV, case.nzcv << 28)
        uc.reg_write(names.UC_ARM64_REG_FPSR, case.fpsr)
        uc.reg_write(names.UC_ARM64_REG_FPCR, case.fpcr)
        uc.emu_start(self._next, self._next + 4, count=1)
        rd = case.word & 31
        return Outcome(
            uc.reg_read(_V[rd]),
            uc.reg_read(_X[rd]) if rd < 31 else 0,
            uc.reg_read(names.UC_ARM64_REG_NZCV) >> 28,
            uc.reg_read(names.UC_ARM64_REG_FPSR),
        )

    def registers(self) -> list[int]:
        return [self.uc.reg_read(register) for register in _X + _V]


# Operands.

_LAYOUT = {16: (5, 10), 32: (8, 23), 64: (11, 52)}


def random_float(source: random.Random, width: int) -> int:
    """Bits of a format: special values, boundaries, numbers near one, halfway cases, integers, any bits."""
    exponent_bits, fraction_bits = _LAYOUT[width]
    top, ones = (1 << exponent_bits) - 1, (1 << fraction_bits) - 1
    sign = source.getrandbits(1) << width - 1
    bias = top >> 1
    kind = source.randrange(10)
    if kind == 0:  # zero, infinity, a quiet and a signaling NaN
        payload = source.getrandbits(fraction_bits - 1) | 1
        field, fraction = source.choice(
            ((0, 0), (0, 0), (top, 0), (top, payload), (top, payload | 1 << fraction_bits - 1))
        )
    elif kind == 1:  # denormals, the least and largest normal number
        field, fraction = source.choice(
            ((0, 1), (0, ones), (0, source.getrandbits(fraction_bits)), (1, 0), (1, 1), (top - 1, ones), (top - 1, 0))
        )
    elif kind == 2:  # powers of two and their neighbours
        field, fraction = source.randrange(1, top), source.choice((0, 1, ones, 1 << fraction_bits - 1))
    elif kind in (3, 4):  # near one: sums that cancel, products that stay
        field = bias + source.randrange(-4, 5)
        fraction = source.choice((source.getrandbits(fraction_bits), source.randrange(8), ones - source.randrange(8)))
    elif kind == 5:  # few significant bits: exact results and ties
        field = bias + source.randrange(-fraction_bits - 3, fraction_bits + 3)
        fraction = source.getrandbits(6) << fraction_bits - 6
    elif kind == 6:  # where integers end, and halves beside them
        field = bias + source.choice((0, 8, 15, 16, 30, 31, 32, 62, 63, 64, fraction_bits - 1, fraction_bits))
        fraction = source.choice((0, 1, ones, ones - 1, source.getrandbits(fraction_bits), 1 << fraction_bits - 1))
    elif kind == 7:  # the edges of the exponent: results that overflow or underflow
        field = source.choice((source.randrange(1, min(top, fraction_bits + 4)), top - source.randrange(1, 4)))
        fraction = source.getrandbits(fraction_bits)
    elif kind == 8:  # about half of the exponent range, for products
        field = source.choice((bias // 2, bias + bias // 2)) + source.randrange(-fraction_bits, fraction_bits)
        fraction = source.getrandbits(fraction_bits)
    else:
        return source.getrandbits(width)
    return sign | max(0, min(field, top)) << fraction_bits | fraction


def random_fpcr(source: random.Random) -> int:
    """Half the time the default, else any rounding mode and any of AHP, DN, FZ, FZ16."""
    if source.getrandbits(1):
        return source.randrange(4) << 22 if source.getrandbits(1) else 0
    value = source.randrange(4) << 22
    for bit in (AHP, DN, FZ, FZ16):
        value |= bit if source.random() < 0.35 else 0
    return value
