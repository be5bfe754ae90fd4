"""The value of an expression as it is printed: hexadecimal and decimal, a word, a symbol, or by its bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emu.debug.expressions import Expression
from emu.registers.model import Field
from mectui.render.numbers import grouped, short

FORMATS = {
    "x": "hexadecimal",
    "d": "signed decimal",
    "u": "unsigned decimal",
    "t": "binary",
    "a": "an address, by the symbol before it",
    "b": "its bits: those of a register by field",
}


def value(
    expression: Expression,
    number: int,
    form: str = "",
    label: Callable[[int], str] | None = None,
    fields: Sequence[Field] = (),
) -> str:
    """`number` is what `expression` evaluated to. `form` is one of FORMATS or "": what reads best.

    `label` names addresses; `fields` are those of the register that the expression is, where it is one.
    """
    match form:
        case "x":
            return hexadecimal(number)
        case "d":
            return f"{as_signed(number, expression.bits)}"
        case "u":
            return f"{number}"
        case "t":
            return "0b" + groups_of_four(f"{number:b}")
        case "a":
            name = label(number) if label is not None else ""
            return f"{hexadecimal(number)} {name}".rstrip()
        case "b":
            return bits(number, fields)
    word = expression.word_of(number)
    if word:
        return f"{word} ({short(number)})"
    if expression.is_signed:
        return f"{as_signed(number, 64)} = {hexadecimal(number)}"
    text = f"{hexadecimal(number)} = {number}" if number >= 10 else f"{number}"
    name = label(number) if label is not None and number >= 10 else ""
    return f"{text} ({name})" if name else text


def hexadecimal(number: int) -> str:
    return "0x" + grouped(number, 1) if number >= 0x10000 else f"{number:#x}"


def as_signed(number: int, width: int) -> int:
    """A number of so many bits, the highest of them its sign."""
    sign = 1 << width - 1
    return (number & 2 * sign - 1 ^ sign) - sign


def groups_of_four(digits: str) -> str:
    digits = digits.zfill((len(digits) + 3) // 4 * 4)
    return "_".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def bits(number: int, fields: Sequence[Field]) -> str:
    """The fields that are not 0 of a register, or else the bits that are 1."""
    if fields:
        told = [f"{item.name}={short(item.of(number))}" for item in fields if item.of(number)]
        return " ".join(told) if told else "every field is 0"
    ones = [str(at) for at in range(number.bit_length() - 1, -1, -1) if number >> at & 1]
    if not ones:
        return "no bit is 1"
    return f"bit {ones[0]} is 1" if len(ones) == 1 else f"bits {', '.join(ones)} are 1"
