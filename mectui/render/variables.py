"""Variables as lines: a mark, the name with its fold, the value as C would write it, the type, where it is kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from emu.debug.variables import Kind
from mectui.queries.variables import Row, VariablesView
from mectui.render import numbers, values
from mectui.render.text import Line, Span, Target, TargetKind, cell_width, column, crop, empty_pane, wrap

CHANGED, FOREIGN = "*", "≠"
FOLDED, OPEN = "▸", "▾"
WITH_TYPE, WITH_PLACE = 46, 72
"""Columns from which more is told of each variable."""
LONGEST_NAME, LONGEST_TYPE = 28, 26
PLACE = 16
"""Columns of most addresses, and two before them."""
SMALL = 256
"""Below it nobody needs the hexadecimal too."""
DOUBLE = 8
"""Bytes of what Python's own numbers are."""
NOTHING: Collection[str] = ()


def summary(view: VariablesView) -> str:
    """For the border."""
    count = sum(1 for scope in view.scopes for row in scope.rows if not row.depth)
    told = numbers.plural(count, "variable")
    return f"call {view.call}: {told}" if view.call else told if view.scopes else ""


def variables(view: VariablesView, width: int, changed: Collection[str] = NOTHING) -> list[Line]:
    """Every scope, the innermost first; `changed` has the paths of what is not what it was at the last stop."""
    if view.problem:
        return empty_pane(view.problem, width)
    rows = [row for scope in view.scopes for row in scope.rows]
    names = min(max((cell_width(_name(row)) for row in rows), default=0), LONGEST_NAME, max(width // 2, 8))
    types = min(max((cell_width(row.type.name) for row in rows), default=0), LONGEST_TYPE, width // 4)
    widths = Widths(width, names, types, max((cell_width(text_of(row)) for row in rows), default=0))
    lines: list[Line] = []
    for at, scope in enumerate(view.scopes):
        if len(view.scopes) > 1 or view.call:
            title = scope.title if at or not view.call else f"{scope.title}, call {view.call}"
            lines.append(Line((Span(title, "strong"),)))
        lines += [_one(row, widths, row.path in changed) for row in scope.rows]
        if not scope.rows:
            lines += wrap("  no variables", width, "muted")
    if any(row.is_foreign for row in rows):
        text = f"{FOREIGN} its memory belongs to another encryption context: noise, and not what was stored"
        lines += wrap(text, width, "hit")
    return lines


def _name(row: Row) -> str:
    return f"{'  ' * row.depth}  {row.name}"


class Widths(NamedTuple):
    """Columns of a view, and of what its lines have."""

    whole: int
    name: int
    type: int
    value: int


def _one(row: Row, widths: Widths, is_changed: bool) -> Line:
    """ "*▾ realm    0x4008_1234 (realms)   realm_t *   x19"."""
    fold = (OPEN if row.is_open else FOLDED) if row.can_open else " "
    mark = Span(FOREIGN, "hit") if row.is_foreign else Span(CHANGED, "changed") if is_changed else Span(" ")
    name = f"{'  ' * row.depth}{fold} {row.name}"
    width = widths.whole
    spans = [mark, column(name, widths.name + 2, "register" if row.is_parameter else "text")]
    place = place_of(row) if width >= WITH_PLACE else ""
    behind = (widths.type + 2 if width >= WITH_TYPE else 0) + (PLACE if width >= WITH_PLACE else 0)
    room = min(max(width - widths.name - 3 - behind, 12), max(widths.value, 12))
    value = crop(Line(tuple(value_of(row, is_changed))), room)
    spans += value.spans
    if behind:
        spans.append(Span(" " * max(room - sum(cell_width(span.text) for span in value.spans), 0) + "  "))
    if width >= WITH_TYPE:
        spans += crop(Line((Span(row.type.name, "muted"),)), widths.type).spans
        spans.append(Span(" " * max(widths.type - cell_width(row.type.name), 0)))
    if place:
        spans.append(Span(f"  {place}", "address"))
    return crop(Line(tuple(spans), Target(TargetKind.VARIABLE, row.path)), width)


def place_of(row: Row) -> str:
    """Where it is kept: a register, an address, or "" where it is in pieces or nowhere."""
    return row.register if row.address is None else numbers.address(row.address)


def text_of(row: Row) -> str:
    """The value alone, as text."""
    return "".join(span.text for span in value_of(row))


def value_of(row: Row, is_changed: bool = False) -> list[Span]:
    style = "hit" if row.is_foreign else "changed" if is_changed else "value"
    if row.problem:
        return [Span(f"<{numbers.written_alike(row.problem)}>", "muted")]
    if row.type.kind in (Kind.RECORD, Kind.ARRAY) and row.text is None:
        inner = ", ".join(_part(part) for part in row.parts)
        return [Span(f"{{{inner}{', …' if row.has_more else ''}}}", style)]
    spans = [Span(_number(row), style)] if row.value is not None else []
    if row.word and row.text is None:
        spans.append(Span(f" {row.word}" if row.type.kind is Kind.ENUMERATION else f" → {row.word}", "symbol"))
    if row.text is not None:
        spans.append(Span(f"{' ' if spans else ''}“{row.text}”", "hit" if row.is_foreign else "text"))
    return spans


def _part(row: Row) -> str:
    """A member or an element in the line of the whole."""
    if row.problem:
        worth = "?"
    elif row.type.kind in (Kind.RECORD, Kind.ARRAY) and row.text is None:
        worth = "{…}"
    elif row.text is not None:
        worth = f"“{row.text}”"
    else:
        worth = row.word if row.type.kind is Kind.ENUMERATION and row.word else _number(row, is_short=True)
    return f"{row.name} {worth}" if row.name.startswith(".") else worth


def _number(row: Row, is_short: bool = False) -> str:
    value = row.value
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value) if row.type.size == DOUBLE else f"{value:.9g}"
    match row.type.kind:
        case Kind.POINTER:
            return values.hexadecimal(value) if value else "0"
        case Kind.BOOLEAN if value in (0, 1):
            return "true" if value else "false"
        case Kind.CHARACTER if 0x20 <= value < 0x7F:
            return f"{value} '{chr(value)}'"
        case Kind.FLOAT:  # of a size that Python has no float for
            return values.hexadecimal(value)
    if is_short or -SMALL < value < SMALL:
        return str(value)
    return f"{value} = {values.hexadecimal(value & (1 << 8 * max(row.type.size, 1)) - 1)}"
