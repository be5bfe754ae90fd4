"""What is in scope at an address (DWARF 5, chapters 3.3 and 4.1): functions, those inlined in them, blocks."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from emu.debug.lines.limits import SOME, Allowance
from emu.debug.lines.program import DamagedError
from emu.debug.lines.units import MOST_ENTRIES, MOST_SECONDS, Range, Unit, Units
from emu.debug.variables.locations import LOST, Frame, Piece, PieceKind, Surroundings, UnknownError, pieces
from emu.debug.variables.types import MOST_MEMBERS, NOTHING, Type, TypeReader, bounded, number, text

if TYPE_CHECKING:
    from elftools.dwarf.dwarf_expr import DWARFExprParser

DEEPEST = 64
"""Blocks within each other."""
FUNCTIONS_KEPT = 64


class ScopeKind(StrEnum):
    FUNCTION = "function"
    INLINED = "inlined"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable or a parameter. `where` says where it is at an address as linked; it raises UnknownError."""

    name: str
    type: Type
    is_parameter: bool
    line: int
    """Where it is declared; 0 where nobody says."""
    where: Callable[[int, Frame, int], list[Piece]] = field(repr=False)
    """(address, call, how far the program was moved) to the parts of it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope and what it declares, in the order of the source."""

    kind: ScopeKind
    name: str
    """The function's; "" of a block."""
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class _Node:
    """A scope, what it covers, and those within it."""

    ranges: tuple[Range, ...]
    scope: Scope
    inner: list[_Node]


_INNER = {"DW_TAG_inlined_subroutine": ScopeKind.INLINED, "DW_TAG_lexical_block": ScopeKind.BLOCK}


class Scopes:
    """Of one ELF file. Raises nothing: `problem` says what is wrong with it."""

    def __init__(self, units: Units, lock: threading.RLock) -> None:
        """`lock` is held while entries are read."""
        self.problem = ""
        """Why some of it cannot be read: a few words."""
        self._units = units
        self._lock = lock
        self._types = TypeReader(lock)
        self._functions: dict[int, list[tuple[tuple[Range, ...], Any]]] = {}
        """Of each unit, by its offset: what each function covers, and its entry."""
        self._trees: OrderedDict[int, _Node] = OrderedDict()
        """Functions that were asked for, by the offset of their entries."""
        self._left, self._ranges_left = 0, Allowance(0, "")
        """Entries and ranges that may still be read for one of them."""
        self._parsers: dict[int, DWARFExprParser] = {}

    def at(self, unit: Unit, address: int) -> tuple[Scope, ...]:
        """The scopes around an address of a unit, the innermost first; () where nothing is known of it."""
        try:
            with self._lock:
                return self._at(unit, address)
        except Exception as error:  # pyelftools' own errors have no common base
            self._fails(error)
            return ()

    def _fails(self, error: Exception) -> None:
        self.problem = self.problem or (str(error) if isinstance(error, DamagedError) else "it is damaged")

    def _at(self, unit: Unit, address: int) -> tuple[Scope, ...]:
        for ranges, die in self._functions_of(unit):
            if _covers(ranges, address):
                node: _Node | None = self._tree_of(ranges, die)
                found: list[Scope] = []
                while node is not None:
                    found.append(node.scope)
                    node = next((each for each in node.inner if _covers(each.ranges, address)), None)
                return tuple(reversed(found))
        return ()

    def _tree_of(self, ranges: tuple[Range, ...], die: Any) -> _Node:
        """A function with all that is in it: a step to its next instruction asks for it again."""
        found = self._trees.pop(die.offset, None)
        if found is None:
            base = self._units.base(die.cu)
            self._left, self._ranges_left = MOST_ENTRIES, Allowance(SOME, "a function of it has too many ranges")
            found = self._node(die, ranges, base, ScopeKind.FUNCTION, self._frame_base(die, base), 0)
            if len(self._trees) >= FUNCTIONS_KEPT:
                self._trees.popitem(last=False)
        self._trees[die.offset] = found
        return found

    def _functions_of(self, unit: Unit) -> list[tuple[tuple[Range, ...], Any]]:
        found = self._functions.get(unit.offset)
        if found is None:
            found = self._functions[unit.offset] = []
            entry = self._units.entry(unit)
            base, began = self._units.base(entry), time.thread_time()
            for at, die in enumerate(_below(entry.get_top_DIE())):
                if at > MOST_ENTRIES or time.thread_time() - began > MOST_SECONDS:
                    break
                if die.tag == "DW_TAG_subprogram":
                    ranges = self._units.covered(entry, die, base)
                    if ranges:
                        found.append((ranges, die))
        return found

    def passed(self, unit: Unit, address: int, register: int, frame: Frame, moved: int) -> int | None:
        """What a call handed over in a register, by the address behind it, as its caller describes that.

        `frame` is the caller (DWARF 5, section 3.4). None where nothing describes it. Raises UnknownError.
        """
        try:
            with self._lock:
                return self._passed(unit, address, register, frame, moved)
        except UnknownError:
            raise
        except Exception as error:
            self._fails(error)
            return None

    def _passed(self, unit: Unit, address: int, register: int, frame: Frame, moved: int) -> int | None:
        for ranges, die in self._functions_of(unit):
            if not any(low < address <= high for low, high in ranges):
                continue
            site = next((each for each in _within(die) if _returns_to(each) == address), None)
            for child in bounded(site) if site is not None else ():
                attributes = child.attributes
                value = attributes.get("DW_AT_call_value") or attributes.get("DW_AT_GNU_call_site_value")
                if value is None or "DW_AT_location" not in attributes:
                    continue
                place = self._parsed(die, _block(attributes["DW_AT_location"].value))
                if len(place) != 1 or place[0].op_name != f"DW_OP_reg{register}":
                    continue
                base = self._units.base(die.cu)
                frame_base = self._frame_base(die, base)
                around = self._surroundings(die, frame_base, address - 1, frame, moved)
                found = pieces(self._parsed(die, _block(value.value)), frame, around)
                if len(found) == 1 and found[0].data is None:
                    if found[0].kind is PieceKind.REGISTER:
                        return frame.register(found[0].place)
                    return found[0].place if found[0].kind is not PieceKind.LOST else None
        return None

    # Scopes.

    def _node(
        self, die: Any, ranges: tuple[Range, ...], base: int, kind: ScopeKind, frame_base: FrameBase, depth: int
    ) -> _Node:
        """The scope of an entry, and those within it."""
        variables: list[Variable] = []
        inner: list[_Node] = []
        for child in bounded(die):
            self._left -= 1
            if self._left < 0:
                break
            if child.tag in ("DW_TAG_formal_parameter", "DW_TAG_variable"):
                try:
                    made = self._variable(child, base, frame_base)
                except Exception as error:  # this one alone
                    self._fails(error)
                    continue
                if made is not None:
                    variables.append(made)
            elif child.tag in _INNER and depth < DEEPEST:
                covered = self._units.covered(die.cu, child, base, self._ranges_left)
                if covered:
                    inner.append(self._node(child, covered, base, _INNER[child.tag], frame_base, depth + 1))
        name = "" if kind is ScopeKind.BLOCK else text(_origin(die, "DW_AT_name"))
        return _Node(ranges, Scope(kind, name, tuple(variables)), inner)

    def _variable(self, die: Any, base: int, frame_base: FrameBase) -> Variable | None:
        named = _origin(die, "DW_AT_name")
        name = text(named)
        if not name:
            return None
        typed = _origin(die, "DW_AT_type")
        kind = self._types.of(typed) if "DW_AT_type" in typed.attributes else NOTHING
        line = number(_origin(die, "DW_AT_decl_line"), "DW_AT_decl_line") or 0

        def where(address: int, frame: Frame, moved: int) -> list[Piece]:
            try:
                with self._lock:
                    return self._where(die, kind, base, frame_base, address, frame, moved)
            except UnknownError:
                raise
            except Exception as error:
                self._fails(error)
                raise UnknownError("the debugging information about it is damaged") from None

        return Variable(name, kind, die.tag == "DW_TAG_formal_parameter", line, where)

    # Places.

    def _where(
        self, die: Any, kind: Type, base: int, frame_base: FrameBase, address: int, frame: Frame, moved: int
    ) -> list[Piece]:
        placed, constant = _origin(die, "DW_AT_location"), _origin(die, "DW_AT_const_value")
        if "DW_AT_location" in placed.attributes:
            expression = self._expression(placed, placed.attributes["DW_AT_location"], base, address)
            around = self._surroundings(die, frame_base, address, frame, moved)
            return [LOST] if expression is None else pieces(self._parsed(die, expression), frame, around)
        if "DW_AT_const_value" in constant.attributes:
            value = constant.attributes["DW_AT_const_value"].value
            if isinstance(value, int):
                return [Piece(PieceKind.VALUE, value & (1 << 64) - 1)]
            data = _block(value)
            return [Piece(PieceKind.VALUE, data=data + b"\0" if kind.name.startswith("char") else data)]
        return [LOST]

    def _surroundings(self, die: Any, frame_base: FrameBase, address: int, frame: Frame, moved: int) -> Surroundings:
        def base(depth: int) -> int:
            return frame_base(address, frame, moved, depth)

        def indexed(at: int) -> int:
            return self._units.indexed(die.cu, at)

        return Surroundings(base, moved, indexed, die.cu["version"] < 4)

    def _frame_base(self, die: Any, base: int) -> FrameBase:
        def value(address: int, frame: Frame, moved: int, depth: int) -> int:
            attribute = die.attributes.get("DW_AT_frame_base")
            expression = None if attribute is None else self._expression(die, attribute, base, address)
            if expression is None:
                raise UnknownError("where its function keeps its variables is not said")
            around = Surroundings(lambda deeper: value(address, frame, moved, deeper), moved)
            found = pieces(self._parsed(die, expression), frame, around, depth)
            if len(found) == 1 and found[0].kind is PieceKind.REGISTER:
                return frame.register(found[0].place)
            if len(found) == 1 and found[0].data is None and found[0].kind is not PieceKind.LOST:
                return found[0].place
            raise UnknownError("where its function keeps its variables is not said")

        return value

    def _expression(self, die: Any, attribute: Any, base: int, address: int) -> bytes | None:
        """The bytes of the expression that holds at an address; None where none does: it is kept nowhere then."""
        from elftools.dwarf.locationlists import BaseAddressEntry, LocationEntry, LocationExpr, LocationParser

        version = die.cu["version"]
        found = LocationParser(self._units.location_lists()).parse_from_attribute(attribute, version, die)
        if isinstance(found, LocationExpr):
            return bytes(found.loc_expr)
        default: bytes | None = None
        for item in found[:MOST_MEMBERS]:
            if isinstance(item, BaseAddressEntry):
                base = item.base_address
            if not isinstance(item, LocationEntry):
                continue
            if item.begin_offset == -1:
                default = bytes(item.loc_expr)
                continue
            low, high = item.begin_offset, item.end_offset
            if not item.is_absolute:
                low, high = low + base, high + base
            if low <= address < high:
                return bytes(item.loc_expr)
        return default

    def _parsed(self, die: Any, expression: bytes) -> list[Any]:
        from elftools.dwarf.dwarf_expr import DWARFExprParser

        key = die.cu.cu_offset
        parser = self._parsers.get(key)
        if parser is None:
            parser = self._parsers[key] = DWARFExprParser(die.cu.structs)
        try:
            return parser.parse_expr(expression)
        except Exception:  # an operation that pyelftools does not know, or takes for shorter than it is
            raise UnknownError("the expression for its place is not understood") from None


FrameBase = Callable[[int, Frame, int, int], int]
"""(address, call, how far moved, how deep) to the address that DW_OP_fbreg counts from. Raises UnknownError."""
_LINKS = ("DW_AT_abstract_origin", "DW_AT_specification")


def _block(value: Any) -> bytes:
    """The bytes of an expression or a constant. Raises DamagedError for a number in their place."""
    if not isinstance(value, (bytes, list)):
        raise DamagedError("it has a number where an expression stands")
    return bytes(value)


def _covers(ranges: tuple[Range, ...], address: int) -> bool:
    return any(low <= address < high for low, high in ranges)


def _origin(die: Any, attribute: str) -> Any:
    """The entry, or the one that it is a copy of, which has the attribute; the entry itself where none has."""
    found = die
    for _ in range(4):
        if attribute in found.attributes:
            return found
        link = next((name for name in _LINKS if name in found.attributes), None)
        if link is None:
            break
        found = found.get_DIE_from_attribute(link)
    return die


def _within(die: Any, depth: int = 0) -> Iterator[Any]:
    """The entries of calls in a function, in its blocks and in what was inlined there."""
    for child in bounded(die):
        if child.tag in ("DW_TAG_call_site", "DW_TAG_GNU_call_site"):
            yield child
        elif depth < DEEPEST and child.tag in ("DW_TAG_lexical_block", "DW_TAG_inlined_subroutine"):
            yield from _within(child, depth + 1)


def _returns_to(site: Any) -> int | None:
    found = site.attributes.get("DW_AT_call_return_pc") or site.attributes.get("DW_AT_low_pc")
    return None if found is None or not isinstance(found.value, int) else found.value


def _below(die: Any) -> Iterator[Any]:
    """The entries right below one, and those in its namespaces."""
    for child in die.iter_children():
        yield child
        if child.tag == "DW_TAG_namespace":
            yield from _below(child)
