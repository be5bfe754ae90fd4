"""Where a variable is kept: the expressions of DWARF (DWARF 5, section 2.5 and 2.6), evaluated for one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

MASK64 = (1 << 64) - 1
MOST_STEPS = 10_000
"""Operations of one evaluation: expressions may loop."""
MOST_NESTED = 4
SP = 31
V0 = 64
"""DWARF's numbers of SP and V0 (DWARF for the Arm 64-bit Architecture, table "DWARF register numbers")."""


class UnknownError(Exception):
    """The value is not to be had; the text says why, in a few words."""


class Frame(Protocol):
    """What an expression asks of the call that its variable belongs to. Each raises UnknownError."""

    def register(self, number: int) -> int:
        """X0 to X30, SP as 31, V0 from 64 on (128 bits)."""
        ...

    def frame_address(self) -> int:
        """SP before the first instruction of the function: the canonical frame address."""
        ...

    def at_entry(self, number: int) -> int:
        """What a register held when the function was entered."""
        ...

    def memory(self, address: int, size: int) -> bytes:
        """As the call reads it."""
        ...


class PieceKind(StrEnum):
    MEMORY = "memory"
    REGISTER = "register"
    VALUE = "value"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a variable, or all of it where `size` is None. In bytes."""

    kind: PieceKind
    place: int = 0
    """An address, a register's number, or the value itself."""
    size: int | None = None
    data: bytes | None = None
    """Of a value that has more than 64 bits, or is given as bytes."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else an expression may need of its function and its file."""

    frame_base: Callable[[int], int]
    """The function's DW_AT_frame_base; given how deep the evaluation is nested. Raises UnknownError."""
    moved: int = 0
    """How far from where it was linked the program lies."""
    indexed: Callable[[int], int] | None = None
    """An address by its index in .debug_addr."""
    is_old: bool = False
    """Before DWARF 4 nothing could say that a constant is the value; compilers wrote the constant all the same."""


LOST = Piece(PieceKind.LOST)


def pieces(operations: Sequence[Any], frame: Frame, around: Surroundings, depth: int = 0) -> list[Piece]:
    """Where the parts of a variable are, the lowest first. `operations` are pyelftools'. Raises UnknownError."""
    return _Evaluation(operations, frame, around, depth).run()


class _Evaluation:
    def __init__(self, operations: Sequence[Any], frame: Frame, around: Surroundings, depth: int) -> None:
        if depth > MOST_NESTED:
            raise UnknownError("the expression for its place needs itself")
        self._operations = operations
        self._frame = frame
        self._around = around
        self._depth = depth
        self._stack: list[int] = []
        self._found: list[Piece] = []
        self._whole: Piece | None = None
        """What has been told of the piece that is being described."""

    def run(self) -> list[Piece]:
        by_offset = {operation.offset: at for at, operation in enumerate(self._operations)}
        at = steps = 0
        while at < len(self._operations):
            steps += 1
            if steps > MOST_STEPS:
                raise UnknownError("the expression for its place has no end")
            operation = self._operations[at]
            at += 1
            name, arguments = operation.op_name.removeprefix("DW_OP_"), operation.args
            if name in ("skip", "bra"):
                if name == "bra" and not self._pop():
                    continue
                end = self._operations[at].offset if at < len(self._operations) else operation.offset + 3
                target = by_offset.get(end + arguments[0])
                if target is None:
                    raise UnknownError("the expression for its place leads out of itself")
                at = target
                continue
            self._perform(name, arguments)
        if self._found:
            return self._found
        if self._whole is None and not self._stack:
            return [LOST]
        if self._around.is_old and len(self._operations) == 1 and _is_constant(self._operations[0].op_name):
            return [Piece(PieceKind.VALUE, self._pop())]
        return [self._described()]

    def _described(self) -> Piece:
        if self._whole is not None:
            found, self._whole = self._whole, None
            return found
        return Piece(PieceKind.MEMORY, self._pop()) if self._stack else LOST

    def _pop(self) -> int:
        if not self._stack:
            raise UnknownError("the expression for its place is damaged")
        return self._stack.pop()

    def _push(self, value: int) -> None:
        self._stack.append(value & MASK64)

    def _perform(self, name: str, arguments: list[Any]) -> None:
        frame = self._frame
        if name in _OPERATORS:
            second, first = self._pop(), self._pop()
            self._push(_OPERATORS[name](first, second))
        elif name.startswith("lit"):
            self._push(int(name[3:]))
        elif name.startswith("const") and name in _CONSTANTS:
            self._push(arguments[0])
        elif name.startswith("reg") and name[3:].isdigit():
            self._whole = Piece(PieceKind.REGISTER, int(name[3:]))
        elif name == "regx":
            self._whole = Piece(PieceKind.REGISTER, arguments[0])
        elif name.startswith("breg") and name[4:].isdigit():
            self._push(frame.register(int(name[4:])) + arguments[0])
        elif name == "bregx":
            self._push(frame.register(arguments[0]) + arguments[1])
        elif name in ("piece", "bit_piece"):
            self._piece(name, arguments)
        else:
            self._special(name, arguments)

    def _special(self, name: str, arguments: list[Any]) -> None:
        frame, around = self._frame, self._around
        match name:
            case "addr":
                self._push(arguments[0] + around.moved)
            case "addrx" | "GNU_addr_index" if around.indexed is not None:
                self._push(around.indexed(arguments[0]) + around.moved)
            case "fbreg":
                self._push(around.frame_base(self._depth + 1) + arguments[0])
            case "call_frame_cfa":
                self._push(frame.frame_address())
            case "stack_value":
                self._whole = Piece(PieceKind.VALUE, self._pop())
            case "implicit_value":
                self._whole = Piece(PieceKind.VALUE, data=bytes(arguments[0]))
            case "entry_value" | "GNU_entry_value":
                self._push(self._at_entry(arguments[0]))
            case "plus_uconst":
                self._push(self._pop() + arguments[0])
            case "deref":
                self._push(int.from_bytes(frame.memory(self._pop(), 8), "little"))
            case "deref_size" if 0 < arguments[0] <= 8:
                self._push(int.from_bytes(frame.memory(self._pop(), arguments[0]), "little"))
            case "dup":
                self._stack.append(self._top(0))
            case "over":
                self._stack.append(self._top(1))
            case "pick":
                self._stack.append(self._top(arguments[0]))
            case "drop":
                self._pop()
            case "swap":
                second, first = self._pop(), self._pop()
                self._stack += [second, first]
            case "rot":
                third, second, first = self._pop(), self._pop(), self._pop()
                self._stack += [third, first, second]
            case "neg":
                self._push(-self._pop())
            case "not":
                self._push(~self._pop())
            case "abs":
                self._push(abs(_signed(self._pop())))
            case "nop" | "GNU_uninit":
                pass
            case "implicit_pointer" | "GNU_implicit_pointer":
                raise UnknownError("the compiler has done away with what it points at")
            case "GNU_parameter_ref" | "GNU_variable_value":
                raise UnknownError("optimized out")
            case _:
                raise UnknownError(f"its place needs DW_OP_{name}, which is not evaluated here")
        if len(self._stack) > MOST_STEPS:
            raise UnknownError("the expression for its place has no end")

    def _top(self, below: int) -> int:
        if below >= len(self._stack):
            raise UnknownError("the expression for its place is damaged")
        return self._stack[-1 - below]

    def _piece(self, name: str, arguments: list[Any]) -> None:
        if name == "bit_piece":
            if arguments[0] % 8 or arguments[1]:
                raise UnknownError("a part of it is kept in bits of something else")
            size = arguments[0] // 8
        else:
            size = arguments[0]
        part = self._described()
        self._found.append(Piece(part.kind, part.place, size, part.data))

    def _at_entry(self, nested: Sequence[Any]) -> int:
        """Of a register alone, or of what one pointed at (DWARF 5, section 2.5.1.7)."""
        names = [each.op_name.removeprefix("DW_OP_") for each in nested]
        if len(nested) == 1 and names[0].startswith("reg"):
            number = nested[0].args[0] if names[0] == "regx" else int(names[0][3:])
            return self._frame.at_entry(number)
        raise UnknownError("it is known only from what held at the entry of its function")


def _is_constant(name: str) -> bool:
    return name.startswith(("DW_OP_const", "DW_OP_lit")) or name.endswith("entry_value")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _divided(first: int, second: int) -> int:
    first, second = _signed(first), _signed(second)
    if not second:
        raise UnknownError("the expression for its place divides by 0")
    found = abs(first) // abs(second)
    return found if (first < 0) == (second < 0) else -found


def _rest(first: int, second: int) -> int:
    if not second:
        raise UnknownError("the expression for its place divides by 0")
    return first % second


_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "and": lambda first, second: first & second,
    "or": lambda first, second: first | second,
    "xor": lambda first, second: first ^ second,
    "plus": lambda first, second: first + second,
    "minus": lambda first, second: first - second,
    "mul": lambda first, second: first * second,
    "div": _divided,
    "mod": _rest,
    "shl": lambda first, second: first << second if second < 64 else 0,
    "shr": lambda first, second: first >> second if second < 64 else 0,
    "shra": lambda first, second: _signed(first) >> min(second, 63),
    "eq": lambda first, second: int(first == second),
    "ne": lambda first, second: int(first != second),
    "lt": lambda first, second: int(_signed(first) < _signed(second)),
    "le": lambda first, second: int(_signed(first) <= _signed(second)),
    "gt": lambda first, second: int(_signed(first) > _signed(second)),
    "ge": lambda first, second: int(_signed(first) >= _signed(second)),
}
_CONSTANTS = frozenset(f"const{size}{sign}" for size in (1, 2, 4, 8, "") for sign in "us")
