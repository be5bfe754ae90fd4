"""QARMA5, the block cipher behind pointer authentication codes (Arm ARM, ComputePAC with FEAT_PACQARMA5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

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


# Substitution works on cells apart: two of them in a byte.
_SUBSTITUTION = bytes(_SUB[byte >> 4] << 4 | _SUB[byte & 0xF] for byte in range(256))
_INVERSE_SUBSTITUTION = bytes(_INVERSE_SUB[byte >> 4] << 4 | _INVERSE_SUB[byte & 0xF] for byte in range(256))
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


_Tables = tuple[list[int], ...]


def _tabulate(change: Callable[[int], int]) -> _Tables:
    """A linear change of a word as eight tables, one for each of its bytes: their entries' sum is the result."""
    tables = []
    for byte in range(8):
        table = [0]
        for bit in range(8):
            column = change(1 << 8 * byte + bit)
            table += [entry ^ column for entry in table]
        tables.append(table)
    return tuple(tables)


@cache
def _layers() -> tuple[_Tables, _Tables, _Tables, _Tables]:
    """What lies between the substitutions: of a forward round, the reflector, a backward round, and the tweak's."""
    return (
        _tabulate(lambda word: _multiply(_shuffle(word))),
        _tabulate(lambda word: _unshuffle(_multiply(_unshuffle(word)))),
        _tabulate(lambda word: _unshuffle(_multiply(word))),
        _tabulate(_next_tweak),
    )


def _through(tables: _Tables, word: bytes) -> int:
    a, b, c, d, e, f, g, h = word
    t = tables
    return t[0][a] ^ t[1][b] ^ t[2][c] ^ t[3][d] ^ t[4][e] ^ t[5][f] ^ t[6][g] ^ t[7][h]


@lru_cache(maxsize=4096)
def qarma5(data: int, tweak: int, key0: int, key1: int) -> int:
    """The cipher's 64-bit output; `key0` is bits [127:64] of the key, `key1` bits [63:0]."""
    forward, reflector, backward, stepping = _layers()
    whitening = (key0 << 63 | key0 >> 1 ^ key0 >> 63) & _MASK
    tweaks = [tweak]
    for _ in range(_LAST + 1):
        tweaks.append(_through(stepping, tweaks[-1].to_bytes(8, "little")))
    last = tweaks.pop()
    rounds = [key1 ^ tweaks[number] ^ _ROUND[number] for number in range(_LAST + 1)]
    word = (data ^ key0 ^ rounds[0]).to_bytes(8, "little").translate(_SUBSTITUTION)
    for number in range(1, _LAST + 1):
        value = int.from_bytes(word, "little") ^ rounds[number]
        word = _through(forward, value.to_bytes(8, "little")).to_bytes(8, "little").translate(_SUBSTITUTION)
    value = int.from_bytes(word, "little") ^ whitening ^ last
    word = _through(forward, value.to_bytes(8, "little")).to_bytes(8, "little").translate(_SUBSTITUTION)
    value = _through(forward, word) ^ key1
    value = _through(reflector, value.to_bytes(8, "little").translate(_INVERSE_SUBSTITUTION)) ^ key0 ^ last
    for number in range(_LAST, 0, -1):
        word = value.to_bytes(8, "little").translate(_INVERSE_SUBSTITUTION)
        value = _through(backward, word) ^ rounds[number] ^ _ALPHA
    word = value.to_bytes(8, "little").translate(_INVERSE_SUBSTITUTION)
    return int.from_bytes(word, "little") ^ rounds[0] ^ _ALPHA ^ whitening
