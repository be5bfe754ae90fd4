"""The variables that the code of a call can name, with their values, as a tree of which some is unfolded."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.debug.variables import Kind, Member, Piece, PieceKind, Scope, Type, UnknownError, Variable
from emu.errors import EmuError
from mectui.queries.calls import Call, calls
from mectui.queries.labels import label, shown
from mectui.queries.variable_frame import OPTIMIZED, CallFrame, Storage

if TYPE_CHECKING:
    import emu

MOST_ELEMENTS = 100
"""Of an array, when it is unfolded."""
SAMPLE = 8
"""Members or elements that stand in the line of what is folded."""
MOST_TEXT = 120
"""Characters of a text that a pointer leads to, or an array holds."""
DEEPEST = 12
"""Levels that can be unfolded."""
LARGEST = 1 << 16
"""Bytes of a number; a larger one is damage."""
MOST_ROWS = 4000
FURTHER = 24
"""Calls whose values are looked for in those further out."""
_FLOATS = {2: "<e", 4: "<f", 8: "<d"}


@dataclass(frozen=True, slots=True)
class Row:
    """A variable, a member, an element, or what a pointer points at."""

    path: str
    """Names it among the rows of a view, and the same one in the next."""
    name: str
    type: Type
    depth: int = 0
    value: int | float | None = None
    """Of what is a number, or an address."""
    text: str | None = None
    """What it is a text of, or leads to."""
    word: str = ""
    """The name of an enumeration's value; the symbol that a pointer points at."""
    address: int | None = None
    register: str = ""
    problem: str = ""
    """Why it has no value: a few words."""
    is_foreign: bool = False
    """What was read belongs to another context: noise, and not what was stored."""
    is_parameter: bool = False
    can_open: bool = False
    is_open: bool = False
    parts: tuple[Row, ...] = ()
    """The first members or elements, for the line of what is folded."""
    has_more: bool = False
    """There are more parts than those."""


@dataclass(frozen=True, slots=True)
class ScopeView:
    """A function, one that was inlined there, or a block; the innermost comes first."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class VariablesView:
    call: int
    function: str
    """Whose variables they are, as symbols have it; "" where nobody knows."""
    scopes: tuple[ScopeView, ...]
    problem: str = ""
    """Why there are none: a sentence."""
    frame: int | None = None
    """The frame address of the call, which tells two calls of one function apart."""


def variables(machine: emu.Machine, number: int = 0, opened: Collection[str] = ()) -> VariablesView:
    """Of a call, by its number. `opened` has the paths of what is unfolded. Changes nothing."""
    return variables_of(machine, number, lambda path, depth: path in opened)


def variables_of(machine: emu.Machine, number: int, is_open: Callable[[str, int], bool]) -> VariablesView:
    """The same; `is_open` is asked for a path, and how deep it is."""
    found = calls(machine, number + FURTHER).calls
    if number >= len(found):
        raise EmuError(f"there is no call {number}: call {len(found) - 1} is the last one")
    call = found[number]
    function = call.label.partition("+")[0]
    if not machine.lines.has_any:
        return VariablesView(number, function, (), "No image has debugging information: build the guest with -g.")
    if not machine.lines.begin():
        return VariablesView(number, function, (), "The debugging information is being read.")
    # Compilers end what a call changes with the last byte of its instruction, and not with its first.
    at_call = call.pc if call.place == call.pc else call.pc - 1
    in_scope = machine.variables.at(at_call)
    frame = CallFrame(machine, call, found[number + 1 :])
    tree = _Tree(machine, frame, is_open)
    scopes, hidden = [], set[str]()
    for at, scope in enumerate(in_scope.scopes):
        rows: list[Row] = []
        for item in scope.variables:
            path = f"{at}.{item.name}" if item.name in hidden else item.name
            hidden.add(item.name)
            rows += tree.rows_of(item, path, in_scope.linked, in_scope.moved)
        scopes.append(ScopeView(_title(scope), tuple(rows)))
    problem = "" if scopes else _why_none(machine, call)
    return VariablesView(number, function, tuple(scopes), problem, call.frame)


def _title(scope: Scope) -> str:
    name = shown(scope.name)
    match scope.kind:
        case "function":
            return name
        case "inlined":
            return f"{name}, inlined"
    return "a block"


def _why_none(machine: emu.Machine, call: Call) -> str:
    where = call.label.partition("+")[0] or f"{call.place:#x}"
    if machine.lines.at(call.place) is None:
        return f"Nothing describes the code of {where}: it was built without -g."
    return f"{where} has no variables that its debugging information describes, as code in assembler has none."


class _Tree:
    """Makes rows, as far as they are unfolded."""

    def __init__(self, machine: emu.Machine, frame: CallFrame, is_open: Callable[[str, int], bool]) -> None:
        self._machine = machine
        self._frame = frame
        self._is_open = is_open
        self._left = MOST_ROWS

    def rows_of(self, item: Variable, path: str, linked: int, moved: int) -> list[Row]:
        self._frame.is_foreign = False
        try:
            where = item.where(linked, self._frame, moved)
        except UnknownError as error:
            return [Row(path, item.name, item.type, problem=str(error), is_parameter=item.is_parameter)]
        return self._rows(path, item.name, item.type, Storage(where, self._frame), 0, item.is_parameter)

    def _rows(
        self, path: str, name: str, kind: Type, storage: Storage, depth: int, is_parameter: bool = False,
        bits: tuple[int, int] | None = None,
    ) -> list[Row]:  # fmt: skip
        """The row of something, and those below it where it is unfolded."""
        self._left -= 1
        row = self._row(path, name, kind, storage, depth, is_parameter, bits)
        if not row.is_open or self._left < 0:
            return [row]
        found = [row]
        for below, below_name, below_kind, below_storage, below_bits in self._parts(row, storage, MOST_ELEMENTS):
            found += self._rows(below, below_name, below_kind, below_storage, depth + 1, False, below_bits)
        if kind.kind is Kind.ARRAY and (kind.count or 0) > MOST_ELEMENTS:
            rest = f"{(kind.count or 0) - MOST_ELEMENTS:,} more are not listed"
            found.append(Row(f"{path}[…]", "[…]", kind.target, depth + 1, problem=rest))
        return found

    def _row(
        self, path: str, name: str, kind: Type, storage: Storage, depth: int, is_parameter: bool = False,
        bits: tuple[int, int] | None = None, is_part: bool = False,
    ) -> Row:  # fmt: skip
        self._frame.is_foreign = False
        value: int | float | None = None
        text, word, problem = None, "", ""
        parts: tuple[Row, ...] = ()
        has_more = False
        try:
            if storage.is_lost:
                raise UnknownError(OPTIMIZED)
            if kind.kind is Kind.RECORD or (kind.kind is Kind.ARRAY and not self._is_text(kind)):
                pass  # its parts tell what they are
            elif kind.kind is Kind.ARRAY:
                text = self._text(storage, kind.count)
            else:
                value, text, word = self._value(kind, storage, bits)
        except UnknownError as error:
            problem = str(error)
        can_open = not problem and depth < DEEPEST and self._can_open(kind, value)
        if not problem and not is_part and kind.kind in (Kind.RECORD, Kind.ARRAY) and text is None:
            inner = list(self._parts_of(path, kind, storage, SAMPLE + 1))
            has_more = len(inner) > SAMPLE
            is_foreign = False
            made = []
            for below, below_name, below_kind, below_storage, below_bits in inner[:SAMPLE]:
                made.append(self._row(below, below_name, below_kind, below_storage, depth + 1, False, below_bits, True))
                is_foreign = is_foreign or made[-1].is_foreign
            parts, self._frame.is_foreign = tuple(made), is_foreign
        return Row(
            path, name, kind, depth, value, text, word, storage.address, storage.register, problem,
            self._frame.is_foreign, is_parameter, can_open, can_open and self._is_open(path, depth), parts, has_more,
        )  # fmt: skip

    @staticmethod
    def _is_text(kind: Type) -> bool:
        return kind.target.kind is Kind.CHARACTER and kind.target.size == 1 and bool(kind.count)

    def _can_open(self, kind: Type, value: int | float | None) -> bool:
        if kind.kind is Kind.POINTER:
            return bool(value) and kind.target.kind is not Kind.OTHER
        return (kind.kind is Kind.RECORD and bool(kind.members)) or (kind.kind is Kind.ARRAY and bool(kind.count))

    # Values.

    def _value(
        self, kind: Type, storage: Storage, bits: tuple[int, int] | None
    ) -> tuple[int | float | None, str | None, str]:
        """(the number, what text it leads to, the name of the number). Raises UnknownError."""
        if kind.kind is Kind.OTHER or not 0 < kind.size <= LARGEST:
            raise UnknownError("its type has no values" if kind.name != "?" else "its type is not described")
        if bits is not None:
            low, width = bits
            if not (0 < width <= 8 * LARGEST and 0 <= low < 1 << 32):
                raise UnknownError("its bits are not where bits can be")
            first = low // 8
            data = storage.part(first).read((low + width + 7) // 8 - first)
            raw = int.from_bytes(data, "little") >> low % 8 & (1 << width) - 1
        else:
            data = storage.read(kind.size)
            raw, width = int.from_bytes(data, "little"), 8 * kind.size
        match kind.kind:
            case Kind.FLOAT:
                form = _FLOATS.get(kind.size)
                return (raw if form is None else float(struct.unpack(form, data)[0])), None, ""
            case Kind.SIGNED | Kind.CHARACTER if kind.is_signed:
                return raw - (1 << width) if raw >> (width - 1) & 1 else raw, None, ""
            case Kind.ENUMERATION:
                signed = raw - (1 << width) if raw >> (width - 1) & 1 else raw
                word = kind.words.get(raw) or kind.words.get(signed) or ""
                return (signed if signed in kind.words and raw not in kind.words else raw), None, shown(word)
            case Kind.POINTER:
                return raw, self._pointed_text(kind, raw), label(self._machine, raw) if raw else ""
        return raw, None, ""

    def _pointed_text(self, kind: Type, address: int) -> str | None:
        """What a pointer to characters leads to, where that is a text."""
        if kind.target.kind is not Kind.CHARACTER or kind.target.size != 1 or not address:
            return None
        was_foreign = self._frame.is_foreign
        try:
            return self._text(Storage([Piece(PieceKind.MEMORY, address)], self._frame), None)
        except UnknownError:
            return None
        finally:
            self._frame.is_foreign = was_foreign or self._frame.is_foreign

    def _text(self, storage: Storage, count: int | None) -> str:
        """Up to the first zero byte. Raises UnknownError."""
        most = MOST_TEXT if count is None else min(count, MOST_TEXT)
        found = bytearray()
        while len(found) < most:
            size = min(most - len(found), 16)
            try:
                found += storage.part(len(found)).read(size)
            except UnknownError:
                if not found:
                    raise
                break
            if 0 in found:
                found = found[: found.index(0)]
                return "".join(map(_character, found))
        text = "".join(map(_character, found))
        return f"{text}…" if count is None or count > most else text

    # Parts.

    def _parts(self, row: Row, storage: Storage, most: int) -> list[Part]:
        if row.type.kind is Kind.POINTER:
            inside = Storage([Piece(PieceKind.MEMORY, int(row.value or 0))], self._frame)
            target = row.type.target
            if target.kind in (Kind.RECORD, Kind.ARRAY):
                return self._parts_of(f"{row.path}->", target, inside, most)
            return [(f"*{row.path}", f"*{row.name}", target, inside, None)]
        return self._parts_of(row.path, row.type, storage, most)

    @staticmethod
    def _parts_of(path: str, kind: Type, storage: Storage, most: int) -> list[Part]:
        if kind.kind is Kind.RECORD:
            return [_part(path, at, item, storage) for at, item in enumerate(kind.members[:most])]
        size = kind.target.size
        return [
            (f"{path}[{at}]", f"[{at}]", kind.target, storage.part(at * size), None)
            for at in range(min(kind.count or 0, most))
            if size
        ]


Part = tuple[str, str, Type, Storage, "tuple[int, int] | None"]
"""(path, name, type, where it is, the bits of it)."""


def _part(path: str, at: int, item: Member, storage: Storage) -> Part:
    name = shown(item.name)
    below = f"{path}.{name or at}"
    if item.bits:
        return below, f".{name}", item.type, storage, (item.low, item.bits)
    return below, f".{name}" if name else item.type.name, item.type, storage.part(item.offset), None


def _character(byte: int) -> str:
    return chr(byte) if 0x20 <= byte < 0x7F else {9: "\\t", 10: "\\n", 13: "\\r"}.get(byte, "·")


def variables_json(view: VariablesView) -> dict[str, Any]:
    """What `mectui locals --json` prints; names here are a contract."""
    return {
        "schema": 1,
        "call": view.call,
        "function": view.function or None,
        "scopes": [{"scope": item.title, "variables": _nested(list(item.rows))} for item in view.scopes],
        "problem": view.problem or None,
    }


def _nested(rows: list[Row]) -> list[dict[str, Any]]:
    """Rows of one depth, each with those below it."""
    found: list[dict[str, Any]] = []
    at = 0
    while at < len(rows):
        row = rows[at]
        end = next((to for to in range(at + 1, len(rows)) if rows[to].depth <= row.depth), len(rows))
        found.append(_row_json(row) | ({"parts": _nested(rows[at + 1 : end])} if end > at + 1 else {}))
        at = end
    return found


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "type": row.type.name,
        "value": str(row.value) if isinstance(row.value, float) and not math.isfinite(row.value) else row.value,
        "text": row.text,
        "word": row.word or None,
        "address": None if row.address is None else f"{row.address:#x}",
        "register": row.register or None,
        "parameter": row.is_parameter,
        "foreign": row.is_foreign,
        "problem": row.problem or None,
    }


__all__ = ["OPTIMIZED", "Row", "ScopeView", "VariablesView", "variables", "variables_json", "variables_of"]
