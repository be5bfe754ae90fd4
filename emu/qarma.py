"""QARMA5, the block cipher behind pointer authentication codes (Arm ARM, ComputePAC with FEAT_PACQARMA5)."""

from __future__ import annotations

from collections.abc import Callable

_ROUND = (0, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89, 0x4528_21E6_38D0_1377)
_ALPHA = 0xC0AC_29B7_C97C_50DD
_SUB = (0xB, 0x6, 0x8, 0xF, 0xC, 0x0, 0x9, 0xE, 0x3, 0x7, 0x4, 0x5, 0xD, 0x2, 0x1, 0xA)
_INVERSE_SUB = tuple(_SUB.index(value) for value in range(16))
# Which cell each cell of the result comes from, the lowest first.
_SHUFFLE = (13, 6, 11, 0, 7, 12, 1, 10, 8, 3, 14, 5, 2, 9, 4, 15)
_INVERSE_SHUFFLE = tuple(_SHUFFLE.index(cell) for cell in range(16))
_TWEAK = (4, 5, 6, 7, 11, 2, 3, 8, 12, 13, 14, 15, 0, 1, 10, 9)
_TWEAK_ROTATED = frozenset((2, 4, 7, 11, 12, 14, 15))
"""Cells of the shuffled tweak that take a step of a shift register."""
_MASK = (1 << 64) - 1
_LAST = 4

_Cells = list[int]


def _cells(value: int) -> _Cells:
    return [value >> shift & 0xF for shift in range(0, 64, 4)]


def _word(cells: _Cells) -> int:
    return sum(cell << 4 * number for number, cell in enumerate(cells))


def _on_cells(change: Callable[[_Cells], _Cells]) -> Callable[[int], int]:
    return lambda value: _word(change(_cells(value)))


_substitute = _on_cells(lambda cells: [_SUB[cell] for cell in cells])
_unsubstitute = _on_cells(lambda cells: [_INVERSE_SUB[cell] for cell in cells])
_shuffle = _on_cells(lambda cells: [cells[source] for source in _SHUFFLE])
_unshuffle = _on_cells(lambda cells: [cells[source] for source in _INVERSE_SHUFFLE])


def _rotate(cell: int, amount: int) -> int:
    return (cell << amount | cell >> (4 - amount)) & 0xF


def _mix(cells: _Cells) -> _Cells:
    """PACMult: each column times a circulant matrix of rotations by none, 1, 2 and 1."""
    mixed = [0] * 16
    for column in range(4):
        a, b, c, d = (cells[column + 4 * row] for row in range(4))
        mixed[column] = _rotate(b, 1) ^ _rotate(c, 2) ^ _rotate(d, 1)
        mixed[column + 4] = _rotate(a, 1) ^ _rotate(c, 1) ^ _rotate(d, 2)
        mixed[column + 8] = _rotate(a, 2) ^ _rotate(b, 1) ^ _rotate(d, 1)
        mixed[column + 12] = _rotate(a, 1) ^ _rotate(b, 2) ^ _rotate(c, 1)
    return mixed


_multiply = _on_cells(_mix)


def _next_tweak(tweak: int) -> int:
    cells = _cells(tweak)
    shuffled = [cells[source] for source in _TWEAK]
    for number in _TWEAK_ROTATED:
        cell = shuffled[number]
        shuffled[number] = cell >> 1 | ((cell ^ cell >> 1) & 1) << 3
    return _word(shuffled)


def qarma5(data: int, tweak: int, key0: int, key1: int) -> int:
    """The cipher's 64-bit output; `key0` is bits [127:64] of the key, `key1` bits [63:0]."""
    whitening = (key0 << 63 | key0 >> 1 ^ key0 >> 63) & _MASK
    tweaks = [tweak]
    for _ in range(_LAST + 1):
        tweaks.append(_next_tweak(tweaks[-1]))
    value = data ^ key0
    for number in range(_LAST + 1):
        value ^= key1 ^ tweaks[number] ^ _ROUND[number]
        if number:
            value = _multiply(_shuffle(value))
        value = _substitute(value)
    value ^= whitening ^ tweaks[-1]
    value = _substitute(_multiply(_shuffle(value)))
    value = _multiply(_shuffle(value)) ^ key1
    value = _multiply(_unsubstitute(_unshuffle(value)))
    value = _unshuffle(value) ^ key0 ^ tweaks[-1]
    for number in reversed(range(_LAST + 1)):
        value = _unsubstitute(value)
        if number:
            value = _unshuffle(_multiply(value))
        value ^= key1 ^ tweaks[number] ^ _ROUND[number] ^ _ALPHA
    return value ^ whitening
