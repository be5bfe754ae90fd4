"""The types of a program's variables (DWARF 5, chapter 5), as C writes them; each is read when somebody asks for it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from emu.visible import visible

MOST_MEMBERS = 4096
"""Of one structure, and words of one enumeration."""
DEEPEST = 32
"""Types that stand for each other one after the other; more of them are no type."""
LONGEST = 200
"""Characters of a type's name."""


class Kind(StrEnum):
    """What a value of a type looks like."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    CHARACTER = "character"
    BOOLEAN = "boolean"
    FLOAT = "float"
    POINTER = "pointer"
    RECORD = "record"
    """A structure, a union or a class."""
    ARRAY = "array"
    ENUMERATION = "enumeration"
    OTHER = "other"
    """Nothing that has a value: void, a function, or what is not understood."""


@dataclass(frozen=True, slots=True)
class Member:
    """A part of a record. `offset` is in bytes; a bit-field has `bits` bits from bit `low` of the record on."""

    name: str
    type: Type
    offset: int
    bits: int = 0
    low: int = 0


@dataclass(eq=False)
class Type:
    """One type. `size` is in bytes, 0 where it is not known."""

    kind: Kind
    name: str
    size: int = 0
    count: int | None = None
    """Elements of an array; None where nobody knows."""
    is_signed: bool = False
    """Of numbers and characters."""
    _reader: TypeReader | None = field(default=None, repr=False)
    _die: Any = field(default=None, repr=False)
    _target: Type | None = field(default=None, repr=False)

    @cached_property
    def target(self) -> Type:
        """What a pointer points at, what an array has."""
        if self._target is not None:
            return self._target
        if self._reader is None or self.kind is not Kind.POINTER:
            return NOTHING
        try:
            return self._reader.referred(self._die, 0)
        except Exception:
            return UNKNOWN

    @cached_property
    def members(self) -> tuple[Member, ...]:
        if self._reader is None or self.kind is not Kind.RECORD:
            return ()
        try:
            return tuple(self._reader.members(self._die))
        except Exception:  # pyelftools' own errors have no common base; what is damaged has no members
            return ()

    @cached_property
    def words(self) -> Mapping[int, str]:
        """The names of an enumeration's values; negative ones as they are."""
        if self._reader is None or self.kind is not Kind.ENUMERATION:
            return {}
        try:
            return self._reader.words(self._die)
        except Exception:
            return {}


NOTHING = Type(Kind.OTHER, "void")
UNKNOWN = Type(Kind.OTHER, "?")
_ENCODINGS = {
    0x01: Kind.UNSIGNED,  # an address
    0x02: Kind.BOOLEAN,
    0x04: Kind.FLOAT,
    0x05: Kind.SIGNED,
    0x06: Kind.CHARACTER,
    0x07: Kind.UNSIGNED,
    0x08: Kind.CHARACTER,
    0x10: Kind.CHARACTER,
}
"""DW_ATE_* (DWARF 5, table 7.11)."""
_SIGNED = (0x05, 0x06)
_RECORDS = {"DW_TAG_structure_type": "struct", "DW_TAG_union_type": "union", "DW_TAG_class_type": "class"}
_QUALIFIERS = {
    "DW_TAG_const_type": "const",
    "DW_TAG_volatile_type": "volatile",
    "DW_TAG_restrict_type": "restrict",
    "DW_TAG_atomic_type": "_Atomic",
}
_POINTERS = {"DW_TAG_pointer_type": "*", "DW_TAG_reference_type": "&", "DW_TAG_rvalue_reference_type": "&&"}


class TypeReader:
    """Makes types of the entries (of pyelftools) of one file; each of them once."""

    def __init__(self, lock: threading.RLock) -> None:
        """`lock` is held while entries are read: the file they are in has one place that it is read at."""
        self._lock = lock
        self._known: dict[int, Type] = {}
        self._making: set[int] = set()
        """Those that are being read: where one needs itself for its name, there is none."""

    def of(self, die: Any) -> Type:
        """The type of a variable or a member: what its DW_AT_type refers to."""
        return self.referred(die, 0)

    def referred(self, die: Any, depth: int) -> Type:
        if "DW_AT_type" not in die.attributes:
            return NOTHING
        with self._lock:
            return self._type(die.get_DIE_from_attribute("DW_AT_type"), depth + 1)

    def _type(self, die: Any, depth: int) -> Type:
        found = self._known.get(die.offset)
        if found is not None:
            return found
        if depth > DEEPEST or die.offset in self._making:
            return UNKNOWN
        self._making.add(die.offset)
        try:
            found = self._known[die.offset] = self._made(die, depth)
        finally:
            self._making.discard(die.offset)
        return found

    def _made(self, die: Any, depth: int) -> Type:
        tag, size = die.tag, number(die, "DW_AT_byte_size") or 0
        if tag == "DW_TAG_base_type":
            encoding = number(die, "DW_AT_encoding") or 0
            return Type(_ENCODINGS.get(encoding, Kind.OTHER), text(die) or "?", size, None, encoding in _SIGNED)
        if tag == "DW_TAG_typedef":
            return self._renamed(self.referred(die, depth), text(die) or "?")
        if tag in _QUALIFIERS:
            inner = self.referred(die, depth)
            if inner.kind is Kind.POINTER and inner.name.endswith(("*", "&")):
                return self._renamed(inner, f"{inner.name} {_QUALIFIERS[tag]}")
            return self._renamed(inner, f"{_QUALIFIERS[tag]} {inner.name}")
        if tag in _POINTERS:
            return self._pointer(die, _POINTERS[tag], size, depth)
        if tag in _RECORDS:
            name = text(die)
            called = f"{_RECORDS[tag]} {name}" if name else f"{_RECORDS[tag]} {{…}}"
            return Type(Kind.RECORD, called, size, _reader=self, _die=die)
        if tag == "DW_TAG_enumeration_type":
            name = text(die)
            return Type(Kind.ENUMERATION, f"enum {name}" if name else "enum {…}", size, _reader=self, _die=die)
        if tag == "DW_TAG_array_type":
            return self._array(die, depth)
        if tag == "DW_TAG_subroutine_type":
            return Type(Kind.OTHER, f"{self.referred(die, depth).name} ({self._parameters(die, depth)})")
        return Type(Kind.OTHER, text(die) or "?", size)

    def _renamed(self, inner: Type, name: str) -> Type:
        """The same under another name. What there is to read of it stays unread."""
        target = inner.target if inner.kind is Kind.ARRAY else None
        return Type(
            inner.kind, name[:LONGEST], inner.size, inner.count, inner.is_signed, inner._reader, inner._die, target
        )

    def _pointer(self, die: Any, sign: str, size: int, depth: int) -> Type:
        inner = self.referred(die, depth).name
        if inner.endswith(")") and " (" in inner:  # a function
            head, _, parameters = inner.partition(" (")
            name = f"{head} ({sign})({parameters}"
        else:
            name = f"{inner}{'' if inner.endswith('*') else ' '}{sign}"
        return Type(Kind.POINTER, name[:LONGEST], size or 8, _reader=self, _die=die)

    def _parameters(self, die: Any, depth: int) -> str:
        parts = []
        for child in bounded(die):
            if child.tag == "DW_TAG_formal_parameter":
                parts.append(self.referred(child, depth).name)
            elif child.tag == "DW_TAG_unspecified_parameters":
                parts.append("...")
            if len(parts) > DEEPEST:
                parts.append("…")
                break
        return ", ".join(parts) if parts else "void" if "DW_AT_prototyped" in die.attributes else ""

    def _array(self, die: Any, depth: int) -> Type:
        element = self.referred(die, depth)
        counts: list[int | None] = []
        for child in bounded(die):
            if child.tag == "DW_TAG_subrange_type":
                count, upper = number(child, "DW_AT_count"), number(child, "DW_AT_upper_bound")
                lower = number(child, "DW_AT_lower_bound") or 0
                counts.append(count if count is not None else None if upper is None else upper - lower + 1)
        base, dimensions = element.name, ""
        found = element
        for count in reversed(counts or [None]):
            count = None if count is None or not 0 <= count < 1 << 48 else count
            dimensions = f"[{'' if count is None else count}]{dimensions}"
            name = f"{base} {dimensions}"[:LONGEST]
            found = Type(Kind.ARRAY, name, found.size * (count or 0), count, _target=found)
        return found

    # What is read later.

    def members(self, die: Any) -> list[Member]:
        with self._lock:
            return self._members(die)

    def _members(self, die: Any) -> list[Member]:
        found: list[Member] = []
        for child in bounded(die):
            if child.tag not in ("DW_TAG_member", "DW_TAG_inheritance"):
                continue
            offset = number(child, "DW_AT_data_member_location")
            if offset is None:
                offset = _added(child, "DW_AT_data_member_location")
            if offset is None:  # computed, as that of a virtual base
                continue
            bits = number(child, "DW_AT_bit_size") or 0
            kind = self.of(child)
            low = number(child, "DW_AT_data_bit_offset")
            if bits and low is None:
                low = 8 * offset
                from_high = number(child, "DW_AT_bit_offset")  # before DWARF 4: counted from the highest bit
                if from_high is not None:
                    unit = number(child, "DW_AT_byte_size") or kind.size
                    low += 8 * unit - from_high - bits
            name = text(child) or ("" if child.tag == "DW_TAG_member" else kind.name)
            found.append(Member(name, kind, offset, bits, low or 0))
            if len(found) >= MOST_MEMBERS:
                break
        return found

    def words(self, die: Any) -> dict[int, str]:
        found: dict[int, str] = {}
        with self._lock:
            for child in bounded(die):
                value = number(child, "DW_AT_const_value")
                if child.tag == "DW_TAG_enumerator" and value is not None:
                    found.setdefault(value, text(child))
        return found


def bounded(die: Any) -> Any:
    """The entries right below one, as many as are looked at."""
    for at, child in enumerate(die.iter_children()):
        if at >= MOST_MEMBERS:
            return
        yield child


def number(die: Any, name: str) -> int | None:
    """An attribute that is a constant; None where it is not there or something else, such as an expression."""
    found = die.attributes.get(name)
    if found is None or not isinstance(found.value, int) or isinstance(found.value, bool):
        return None
    if found.form in ("DW_FORM_sec_offset", "DW_FORM_exprloc", "DW_FORM_loclistx") or "ref" in found.form:
        return None
    return found.value


def _added(die: Any, name: str) -> int | None:
    """What an expression adds, as DWARF 2 writes where a member is: DW_OP_plus_uconst N; 0 where there is none."""
    found = die.attributes.get(name)
    if found is None:
        return 0
    block = found.value
    if not isinstance(block, (bytes, list)) or len(block) < 2 or block[0] != _PLUS_UCONST or len(block) > _LONGEST_LEB:
        return None
    return sum((int(byte) & 0x7F) << 7 * at for at, byte in enumerate(block[1:]))


_PLUS_UCONST = 0x23
_LONGEST_LEB = 10


def text(die: Any, name: str = "DW_AT_name") -> str:
    found = die.attributes.get(name)
    value = None if found is None else found.value
    return visible(value[:LONGEST].decode("utf-8", "replace")) if isinstance(value, bytes) else ""
