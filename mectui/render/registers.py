"""Registers as lines. `*` marks a changed value, `?` one nobody wrote since reset: nothing is told by colour alone."""

from __future__ import annotations

from collections.abc import Collection

from mectui.queries.registers import (
    GeneralView,
    MecRegistersView,
    RegisterView,
    SimdView,
    SystemView,
)
from mectui.render import numbers
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, column, crop, fit, line, wrap

CHANGED = "*"
UNKNOWN = "?"
REGISTER_COLUMNS = 24
"""A general register: name, sixteen digits in groups, mark."""
FOLDED, OPEN = "▸", "▾"
NO_FOLDS: Collection[str] = ()


def mark(register: RegisterView) -> Span:
    if register.is_changed:
        return Span(CHANGED, "changed")
    if register.is_unknown:
        return Span(UNKNOWN, "unknown")
    return Span(" ")


def value_style(register: RegisterView) -> str:
    if register.is_changed:
        return "changed"
    if register.is_unknown:
        return "unknown"
    return "value" if register.value else "zero"


def general(view: GeneralView, width: int) -> list[Line]:
    """PSTATE, PC, SP, then X0-X30 in as many columns as fit, with symbols where there is one column."""
    lines = [pstate(view)]
    columns = max(min((width + 1) // (REGISTER_COLUMNS + 1), 4), 1)
    lines += [crop(one_general(register, with_note=True), width) for register in (view.pc, view.sp)]
    rows = -(-len(view.x) // columns)
    for row in range(rows):
        spans: list[Span] = []
        for at in range(row, len(view.x), rows):
            if spans:
                spans.append(Span(" "))
            spans += one_general(view.x[at], with_note=columns == 1).spans
        lines.append(crop(Line(tuple(spans), Target(TargetKind.VIRTUAL, view.x[row].value)), width))
    return fit(lines, width)


def one_general(register: RegisterView, with_note: bool) -> Line:
    spans = [
        Span(f"{register.name:>3} ", "register"),
        Span(numbers.value64(register.value), value_style(register)),
        mark(register),
    ]
    if with_note and register.note:
        spans.append(Span(f" {register.note}", "symbol"))
    return Line(tuple(spans), Target(TargetKind.VIRTUAL, register.value))


def pstate(view: GeneralView) -> Line:
    """Flags as letters: upper case is set."""
    flags = "".join(letter if view.nzcv >> (3 - at) & 1 else letter.lower() for at, letter in enumerate("NZCV"))
    masks = "".join(letter if view.daif >> (3 - at) & 1 else letter.lower() for at, letter in enumerate("DAIF"))
    return line(
        (f"EL{view.el}", "strong"),
        " ",
        (view.security, space_style(view.security)),
        ("  flags ", "muted"),
        (flags, "changed" if view.is_nzcv_changed else "value"),
        (CHANGED if view.is_nzcv_changed else " ", "changed"),
        (" masks ", "muted"),
        (masks, "value"),
        ("  SPSel ", "muted"),
        (str(view.spsel), "value"),
        ("  PAN ", "muted"),
        (str(view.pan), "value"),
    )


def system(view: SystemView, width: int, opened: Collection[str] = NO_FOLDS) -> list[Line]:
    """System registers by group; the fields of those whose names are in `opened`."""
    lines: list[Line] = []
    for group, registers in view.groups:
        if lines:
            lines.append(BLANK)
        lines.append(line((group, "strong")))
        for register in registers:
            lines += one_system(register, width, register.name in opened)
    return fit(lines, width)


def one_system(register: RegisterView, width: int, is_open: bool, name_width: int = 18) -> list[Line]:
    target = Target(TargetKind.REGISTER, register.name)
    fold = (OPEN if is_open else FOLDED) if register.fields else " "
    head = Line(
        (
            Span(f"{fold} ", "muted"),
            column(register.name, name_width, "register"),
            Span(numbers.value64(register.value), value_style(register)),
            mark(register),
            Span(f" {register.note}" if width >= 70 else "", "muted"),
        ),
        target,
    )
    lines = [crop(head, width)]
    if is_open:
        if width < 70:
            lines += [Line((Span("  "), *item.spans), target) for item in wrap(register.note, width - 2, "muted")]
        for field in register.fields:
            lines.append(
                crop(
                    Line(
                        (
                            Span("    "),
                            column(f"[{field.bits}]", 8, "muted"),
                            column(field.name, 11, "register"),
                            Span(numbers.short(field.value), "changed" if field.is_changed else "value"),
                            Span(CHANGED if field.is_changed else " ", "changed"),
                            Span(f" {field.meaning}", "text"),
                        ),
                        target,
                    ),
                    width,
                )
            )
    return lines


def mec_registers(view: MecRegistersView, width: int) -> list[Line]:
    """MECID registers, enables with what takes effect and why, the bits behind them."""
    lines = [line(("MECID registers", "strong"), ("   ? nobody wrote it since reset", "muted"))]
    for register in view.mecids:
        number = register.value & 0xFFFF
        is_identifier = register.name != "MECIDR_EL2"
        value = Span(f"{number if is_identifier else register.value:>6}", value_style(register))
        if is_identifier and not register.is_unknown and not register.is_changed:
            value = Span(value.text, mecid_style(number))
        text = register.note if is_identifier else f"MECIDs have {(register.value & 15) + 1} bits"
        spans = (column(register.name, 15, "register"), value, mark(register), Span(f" {text}", "muted"))
        lines.append(crop(Line(spans, Target(TargetKind.REGISTER, register.name)), width))
    lines += [BLANK, line(("Enables", "strong"), ("   programmed → effective", "muted"))]
    for item in view.effective:
        differs = bool(item.programmed) != item.effective
        lines.append(
            line(
                (f"{item.name:<16}", "register"),
                (f"{item.programmed}", "value"),
                (" → ", "muted"),
                (f"{int(item.effective)}", "warning" if differs else "ok" if item.effective else "value"),
                ("  differs" if differs else "", "warning"),
            )
        )
        lines += [Line((Span("    "), *part.spans)) for part in wrap(item.why, width - 4, "muted")]
    lines += [BLANK, line(("Bits behind them", "strong"))]
    for register_name, control, bit, meaning in view.controls:
        name = f"{register_name}.{control}"
        lines.append(crop(line((f"{name:<17}", "register"), (f"{bit}  ", "value"), (meaning, "muted")), width))
    return fit(lines, width)


def simd(view: SimdView, width: int) -> list[Line]:
    """V0-V31 as 32 hexadecimal digits."""
    return [
        crop(
            line(
                (f"{register.name:>3} ", "register"),
                (numbers.grouped(register.value, 32), value_style(register)),
                (CHANGED if register.is_changed else " ", "changed"),
            ),
            width,
        )
        for register in view.v
    ]
