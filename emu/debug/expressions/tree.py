"""What an expression says, as a tree of immutable nodes; nothing is looked up yet."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a node stands in the text."""

    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Number(Place):
    value: int


@dataclass(frozen=True, slots=True)
class Name(Place):
    """A register, field, symbol, word, or value of the caller's. A quoted name is a symbol."""

    text: str
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Unary(Place):
    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary(Place):
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional(Place):
    test: Node
    yes: Node
    no: Node


@dataclass(frozen=True, slots=True)
class Slice(Place):
    """Bits [high:low]."""

    operand: Node
    high: int
    low: int


@dataclass(frozen=True, slots=True)
class Within(Place):
    """`operand in low..high`: from `low` to before `high`."""

    operand: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class Memory(Place):
    """`size` bytes, little-endian. `space` is "va", "pa", "raw" or an address space; `mecid` only for realm."""

    space: str
    address: Node
    size: int
    mecid: Node | None = None


@dataclass(frozen=True, slots=True)
class Call(Place):
    function: str
    arguments: tuple[Node, ...]


Node = Number | Name | Unary | Binary | Conditional | Slice | Within | Memory | Call
