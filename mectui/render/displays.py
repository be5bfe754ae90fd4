"""The expressions that are shown at every stop as lines: a mark, the number, the expression, its value, its symbol."""

from __future__ import annotations

from mectui.queries.displays import Shown
from mectui.render import numbers, values
from mectui.render.text import (
    Line,
    Span,
    Target,
    TargetKind,
    cell_width,
    column,
    crop,
    empty_pane,
    printable,
    wrap,
)

CHANGED = "*"
LONGEST = 28
"""Columns for expressions; a longer one has a line of its own."""


def summary(view: tuple[Shown, ...]) -> str:
    """For the border."""
    changed = sum(item.is_changed for item in view)
    if not view:
        return ""
    return numbers.plural(len(view), "expression") + (f", {changed} changed" if changed else "")


def displays(view: tuple[Shown, ...], width: int) -> list[Line]:
    if not view:
        return empty_pane(
            "Expressions are shown here with their values at every stop. a adds one, or type: display x0, "
            "display/x [sp+8].w, display/b SCTLR_EL2. undisplay 1 removes it again.",
            width,
        )
    room = min(LONGEST, max(8, width // 3), max(cell_width(name(item)) for item in view))
    return [part for item in view for part in one(item, width, room)]


def name(item: Shown) -> str:
    return printable(item.text)


def worth(item: Shown) -> tuple[str, str]:
    """(text, style) of the value, or of why there is none."""
    if item.value is None or item.expression is None:
        return item.problem, "warning"
    return values.value(item.expression, item.value, item.form, None, item.fields), (
        "changed" if item.is_changed else "value"
    )


def one(item: Shown, width: int, room: int) -> list[Line]:
    """ "* 2 x0 + 8   0x4000_0120 = 1,073,742,112 → main+0x20"."""
    target = Target(TargetKind.DISPLAY, item.number)
    head = (Span(CHANGED if item.is_changed else " ", "changed"), column(f"{item.number}", 4, "muted"))
    indent = 5 + room + 2
    value, style = worth(item)
    text = name(item)
    body = wrap(value, max(width - indent, 12), style)
    if item.label and body and cell_width(body[-1].text) + 3 + cell_width(item.label) <= width - indent:
        body[-1] = Line((*body[-1].spans, Span(" → ", "muted"), Span(item.label, "symbol")))
    elif item.label:
        body.append(Line((Span("→ ", "muted"), Span(item.label, "symbol"))))
    if cell_width(text) <= room:
        lines = [Line((*head, column(text, room + 2, "text"), *body[0].spans), target)]
        rest = body[1:]
    else:
        lines, rest = [Line((*head, Span(text, "text")), target)], body
    lines += [Line((Span(" " * indent), *part.spans), target) for part in rest]
    return [crop(each, width) for each in lines]
