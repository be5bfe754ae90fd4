"""Substitution boxes of AES and SM4, made from their definitions: inversion in GF(2**8) between affine maps."""

from __future__ import annotations


def _multiply(a: int, b: int, polynomial: int) -> int:
    """Product in GF(2**8) with a reduction polynomial of degree 8."""
    result = 0
    while b:
        if b & 1:
            result ^= a
        a <<= 1
        if a & 0x100:
            a ^= polynomial
        b >>= 1
    return result


def _inverses(generator: int, polynomial: int) -> list[int]:
    """1 / a for every a, and 0 for 0, from the powers of an element that generates all others."""
    powers = [1]
    for _ in range(254):
        powers.append(_multiply(generator, powers[-1], polynomial))
    inverses = [0] * 256
    for exponent, power in enumerate(powers):
        inverses[power] = powers[-exponent]
    return inverses


def _affine(a: int, row: int) -> int:
    """The product with the circulant matrix whose row i is `row` rotated left by i; bit i is the row's parity."""
    result = 0
    for i in range(8):
        rotated = (row << i | row >> (8 - i)) & 0xFF
        result |= ((rotated & a).bit_count() & 1) << i
    return result


_AES_FIELD = _inverses(3, 0x11B)  # FIPS 197, section 4.2: x**8 + x**4 + x**3 + x + 1
_SM4_FIELD = _inverses(2, 0x1F5)  # GB/T 32907: x**8 + x**7 + x**6 + x**5 + x**4 + x**2 + 1

AES: bytes = bytes(_affine(inverse, 0xF1) ^ 0x63 for inverse in _AES_FIELD)
"""FIPS 197, section 5.1.1: bit i of the result is the sum of bits i and i+4 to i+7 of the inverse, and of 0x63's."""
AES_INVERSE: bytes = bytes(AES.index(a) for a in range(256))
SM4: bytes = bytes(_affine(_SM4_FIELD[_affine(a, 0xA7) ^ 0xD3], 0xA7) ^ 0xD3 for a in range(256))
"""The same affine map before and after the inversion."""
