"""The pure operations on Python ints: what add, sar or clz mean. Native engines fold constants with them."""

from __future__ import annotations

from emu.state import MASK64


def sign_extend(value: int, width: int) -> int:
    """The low `width` bits as a signed number, in 64 bits."""
    value &= (1 << width) - 1
    return (value ^ (1 << (width - 1))) - (1 << (width - 1)) & MASK64


def signed(value: int) -> int:
    """A 64-bit pattern as a Python int from -2**63 to 2**63 - 1."""
    return value - (1 << 64) if value >> 63 else value


class Arithmetic:
    """The operations that are pure functions of their operands; other engines fold constants with them."""

    @staticmethod
    def add(a: int, b: int) -> int:
        return (a + b) & MASK64

    @staticmethod
    def sub(a: int, b: int) -> int:
        return (a - b) & MASK64

    @staticmethod
    def mul(a: int, b: int) -> int:
        return (a * b) & MASK64

    @staticmethod
    def umulh(a: int, b: int) -> int:
        return (a * b) >> 64

    @staticmethod
    def smulh(a: int, b: int) -> int:
        return (signed(a) * signed(b) >> 64) & MASK64

    @staticmethod
    def udiv(a: int, b: int) -> int:
        return a // b if b else 0

    @staticmethod
    def sdiv(a: int, b: int) -> int:
        if not b:
            return 0
        x, y = signed(a), signed(b)
        quotient = abs(x) // abs(y)
        return (quotient if (x < 0) == (y < 0) else -quotient) & MASK64

    @staticmethod
    def and_(a: int, b: int) -> int:
        return a & b

    @staticmethod
    def or_(a: int, b: int) -> int:
        return a | b

    @staticmethod
    def xor(a: int, b: int) -> int:
        return a ^ b

    @staticmethod
    def shl(a: int, b: int) -> int:
        return (a << b) & MASK64

    @staticmethod
    def shr(a: int, b: int) -> int:
        return a >> b

    @staticmethod
    def sar(a: int, b: int) -> int:
        return (signed(a) >> b) & MASK64

    @staticmethod
    def eq(a: int, b: int) -> int:
        return int(a == b)

    @staticmethod
    def ult(a: int, b: int) -> int:
        return int(a < b)

    @staticmethod
    def slt(a: int, b: int) -> int:
        return int(signed(a) < signed(b))

    @staticmethod
    def select(condition: int, a: int, b: int) -> int:
        return a if condition else b

    @staticmethod
    def zext(a: int, width: int) -> int:
        return a & ((1 << width) - 1)

    @staticmethod
    def sext(a: int, width: int) -> int:
        return sign_extend(a, width)

    @staticmethod
    def clz(a: int) -> int:
        return 64 - a.bit_length()

    @staticmethod
    def bit_reverse(a: int) -> int:
        return int(f"{a:064b}"[::-1], 2)

    @staticmethod
    def byte_reverse(a: int) -> int:
        return int.from_bytes(a.to_bytes(8, "little"), "big")

    @staticmethod
    def lookup(table: bytes, index: int) -> int:
        return table[index]
