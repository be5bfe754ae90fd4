"""Encodings as data: a 32-character pattern per encoding class, and the decoder that the patterns make."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Semantics = Callable[..., None]
"""A meaning: called with an `Ops` and the fields of the pattern by name."""

Fields = dict[str, int]


def _always(_: Fields) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class EncodingClass:
    """One encoding class of the Arm manual.

    `mask` and `value` are the fixed bits. `fields` maps a name to (lowest bit, width). `static` names the fields
    that shape the code: the meaning sees them as plain ints in every engine, and a native engine makes one handler
    per combination. `is_allocated` refuses field values that the manual leaves unallocated.
    """

    name: str
    mask: int
    value: int
    fields: dict[str, tuple[int, int]]
    static: tuple[str, ...]
    semantics: Semantics
    is_allocated: Callable[[Fields], bool]
    ends_block: bool
    """No instruction follows in straight line: branches, exceptions."""
    feature: str = ""
    """The architecture feature that brings it ("FEAT_LSE"); empty for the base instruction set."""

    def extract(self, word: int) -> Fields:
        return {name: (word >> low) & ((1 << width) - 1) for name, (low, width) in self.fields.items()}

    def combinations(self) -> Iterator[tuple[int, ...]]:
        """Every combination of the static fields' values, allocated or not."""
        return itertools.product(*[range(1 << self.fields[name][1]) for name in self.static])


@dataclass(frozen=True, slots=True)
class Decoded:
    """An instruction word with its encoding class and its fields."""

    word: int
    encoding: EncodingClass
    operands: Fields

    @property
    def key(self) -> tuple[str, tuple[int, ...]]:
        """What selects a native handler: the class and its static fields."""
        return self.encoding.name, tuple(self.operands[name] for name in self.encoding.static)


def parse(pattern: str) -> tuple[int, int, dict[str, tuple[int, int]]]:
    """Read "sf:1 op:1 S:1 100010 ..." into (mask, value, fields). `x` is a bit that does not matter.

    Raises ValueError when the widths do not add up to 32.
    """
    fields: dict[str, tuple[int, int]] = {}
    mask = value = 0
    position = 32
    for token in pattern.split():
        if ":" in token:
            name, width = token.split(":")
            position -= int(width)
            fields[name] = (position, int(width))
            continue
        for bit in token:
            position -= 1
            if position < 0:
                break
            if bit != "x":
                mask |= 1 << position
                value |= int(bit) << position
    if position != 0:
        raise ValueError(f"pattern has {32 - position} bits: {pattern}")
    return mask, value, fields


@dataclass
class InstructionSet:
    """A set of encoding classes and the decoder over them."""

    classes: list[EncodingClass] = field(default_factory=list)
    _buckets: dict[int, tuple[EncodingClass, ...]] = field(default_factory=dict)
    _decoded: dict[int, Decoded | None] = field(default_factory=dict)

    def instruction(
        self,
        pattern: str,
        *,
        static: str = "",
        allocated: Callable[[Fields], bool] = _always,
        ends_block: bool = False,
        name: str | None = None,
        feature: str = "",
    ) -> Callable[[Semantics], Semantics]:
        """Register a meaning under its pattern. `static` lists field names separated by spaces."""
        mask, value, fields = parse(pattern)

        def register(semantics: Semantics) -> Semantics:
            self.classes.append(
                EncodingClass(
                    name or semantics.__name__,
                    mask,
                    value,
                    fields,
                    tuple(static.split()),
                    semantics,
                    allocated,
                    ends_block,
                    feature,
                )
            )
            return semantics

        return register

    def decode(self, word: int) -> Decoded | None:
        """The instruction a word encodes, or None where it is unallocated (UNDEFINED)."""
        try:
            return self._decoded[word]
        except KeyError:
            decoded = self._decoded[word] = self._decode(word)
            if len(self._decoded) > 1 << 18:
                self._decoded.clear()
            return decoded

    def _decode(self, word: int) -> Decoded | None:
        top = word >> 21
        bucket = self._buckets.get(top)
        if bucket is None:
            high = 0x7FF << 21
            bucket = tuple(c for c in self.classes if (c.value ^ (top << 21)) & c.mask & high == 0)
            self._buckets[top] = bucket
        for encoding in bucket:
            if word & encoding.mask == encoding.value:
                operands = encoding.extract(word)
                if encoding.is_allocated(operands):
                    return Decoded(word, encoding, operands)
        return None


A64 = InstructionSet()
"""All A64 instructions of this machine; filled by importing `emu.isa.a64`."""

Value = Any
"""An operand as an engine sees it: an int, or a value of the code it generates."""
