"""Random values where mistakes are: the edges of integers, of lanes, and of the floating-point formats."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.engines.floating import AHP, DN, FZ, FZ16, random_float
from tests.engines.words import INTERESTING

M64, M128 = (1 << 64) - 1, (1 << 128) - 1
_BOUNDARIES = {
    width: (0, 1, (1 << width - 1) - 1, 1 << width - 1, (1 << width - 1) + 1, (1 << width) - 1)
    for width in (8, 16, 32, 64)
}
QC = 1 << 27


def integer(source: random.Random) -> int:
    """64 bits: boundaries, their neighbours, few significant bits, runs of ones, anything."""
    kind = source.randrange(8)
    if kind < 3:
        return source.choice(INTERESTING)
    if kind == 3:
        return (source.choice(INTERESTING) + source.randrange(-2, 3)) & M64
    if kind == 4:
        return (source.getrandbits(source.randrange(1, 64)) * source.choice((1, -1))) & M64
    if kind == 5:  # a tie of rounding: one bit below a run of zeros, or beside it
        low = source.randrange(1, 60)
        value = source.getrandbits(64) >> low << low | (1 << low - 1) + source.randrange(-1, 2)
        return value & M64
    return source.getrandbits(64)


def lanes(source: random.Random) -> int:
    """128 bits: lanes at the boundaries of one size, small numbers (shift amounts, indices), or anything."""
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


def floats(source: random.Random, width: int) -> int:
    """128 bits of floating-point numbers of one format; 15 stands for BFloat16, the top half of single precision."""
    value = 0
    if width == 15:
        for _ in range(8):
            value = value << 16 | random_float(source, 32) >> 16
        return value
    for _ in range(128 // width):
        value = value << width | random_float(source, width)
    return value


def related(source: random.Random, width: int, last: int) -> int:
    """A vector beside another one: the same, or lanes that are equal, opposite or one step away."""
    kind = source.randrange(4)
    if kind == 0:
        return last
    step = sum((1 << width - 1 if kind == 1 else 1) << at for at in range(0, 128, width))
    return last ^ (step & source.getrandbits(128))


def fpcr(source: random.Random) -> int:
    """Often the default; else any rounding mode, with any of AHP, DN, FZ and FZ16."""
    value = source.randrange(4) << 22 if source.random() < 0.6 else 0
    if source.random() < 0.5:
        for bit in (AHP, DN, FZ, FZ16):
            value |= bit if source.random() < 0.35 else 0
    return value


def fpsr(source: random.Random) -> int:
    return source.choice((0, 0, QC, 0x10, 0x0800_009F & source.getrandbits(32)))


def vectors(source: random.Random, count: int, floating: bool) -> list[int]:
    """Operands of one instruction, often of one format and related to each other."""
    width = source.choice((16, 32, 64, 32, 64, 15))
    makers: list[Callable[[], int]] = [lambda: floats(source, width)] if floating else [lambda: lanes(source)]
    found: list[int] = []
    for _ in range(count):
        if found and source.random() < 0.25:
            found.append(related(source, 16 if width == 15 else width, found[-1]))
        elif source.random() < 0.15:
            found.append(lanes(source) if floating else floats(source, width))
        else:
            found.append(source.choice(makers)())
    return found
