"""Registers as lines. `*` marks a changed value, `?` one nobody wrote since reset: nothing is told by colour alone."""

from __future__ import annotations

from collections.abc import Collection

from mectui.queries.pointed import Pointed
from mectui.queries.registers import (
    FieldView,
    GeneralView,
    MecRegistersView,
    RegisterView,
    SimdView,
    SystemView,
)
from mectui.render import numbers
from mectui.render.mec import moment
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, column, crop, fit, line, wrap
from mectui.render.text import fold as folded
from mectui.render.text import width as width_of

CHANGED = "*"
UNKNOWN = "?"
REGISTER_COLUMNS = 24
"""A general register: name, sixteen digits in groups, mark."""
ROOM_FOR_SYMBOL = REGISTER_COLUMNS + 10
"""Columns from which the symbol of a value stands behind it; half a name says nothing."""
ABOVE = 3
"""Lines above X0: the state, PC and SP."""
LOST = Span(f"{'not known':>{len(numbers.value64(0))}}", "muted")
"""In the place of a value that nobody has kept."""
GROUP_TITLES = {"mec": "MEC", "rme": "RME"}
"""Headings of groups that are abbreviations."""
VALUE_COLUMNS = 23
"""The fold's sign, a value of 64 bits, its mark, a space."""
FIELD_BEFORE, FIELD_NAME = 12, 11
"""A field's line: what stands before its name, and what the name has at least."""
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


def general_columns(count: int, width: int, height: int | None = None) -> int:
    """In how many columns `count` registers stand: as few as `height` allows, as many as fit where it is None."""
    most = max(min((width + 1) // (REGISTER_COLUMNS + 1), 4), 1)
    if height is None:
        return most
    return next((columns for columns in range(1, most) if ABOVE + -(-count // columns) <= height), most)


def general(view: GeneralView, width: int, height: int | None = None, place: str = "") -> list[Line]:
    """PSTATE, PC, SP, then X0-X30 in columns, with symbols where a column has room; the one called `place` marked."""
    lines = [pstate(view)]
    columns = general_columns(len(view.x), width, height)
    room = (width + 1) // columns - 1
    lines += [crop(one_general(register, with_note=True), width) for register in (view.pc, view.sp)]
    rows = -(-len(view.x) // columns)
    has_notes = columns == 1 or room >= ROOM_FOR_SYMBOL
    for row in range(rows):
        spans: list[Span] = []
        for at in range(row, len(view.x), rows):
            register = view.x[at]
            cell = crop(one_general(register, has_notes, columns > 1 and register.name == place), room)
            gap = " " * (room + 1 - width_of(cell)) if at + rows < len(view.x) else ""
            spans += [*cell.spans, Span(gap)]
        first = view.x[row]
        lines.append(
            crop(Line(tuple(spans), None if first.is_lost else Target(TargetKind.VIRTUAL, first.value)), width)
        )
    return fit(lines, width)


def one_general(register: RegisterView, with_note: bool, is_place: bool = False) -> Line:
    spans = [
        Span(f"{register.name:>3}", "register cell_cursor" if is_place else "register"),
        Span(" "),
        LOST if register.is_lost else Span(numbers.value64(register.value), value_style(register)),
        mark(register),
    ]
    if register.is_lost:
        return Line(tuple(spans))
    if with_note and register.note:
        spans.append(Span(f" {register.note}", "symbol"))
    if with_note and register.pointed is not None:
        spans += [Span(" → ", "muted"), *pointed(register.pointed)]
    return Line(tuple(spans), Target(TargetKind.VIRTUAL, register.value))


def pointed(item: Pointed) -> list[Span]:
    """What a register points at: a text, an address by its symbol, or a number; ≠ before what is noise."""
    if item.text:
        what = Span(f"“{item.text}”", "text")
    elif item.label:
        what = Span(item.label, "symbol")
    else:
        what = Span(numbers.short(item.value), "value" if item.value else "zero")
    return [Span("≠ ", "hit"), Span(what.text, "hit")] if item.is_foreign else [what]


def pstate(view: GeneralView) -> Line:
    """Flags as letters: upper case is set. Of a call further out which one it is, and how to leave it."""
    if view.call:
        return line((f"call {view.call}", "strong"), (f"  EL{view.el}", "value"), ("  “frame 0” goes back", "muted"))
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


def system(view: SystemView, width: int, opened: Collection[str] = NO_FOLDS, *, is_whole: bool = False) -> list[Line]:
    """System registers by group; the fields of those whose names are in `opened`, `is_whole`: folded, never cut."""
    lines: list[Line] = []
    for group, registers in view.groups:
        if lines:
            lines.append(BLANK)
        lines.append(line((GROUP_TITLES.get(group, group.capitalize()), "strong")))
        for register in registers:
            lines += one_system(register, width, register.name in opened, is_whole=is_whole)
    return fit(lines, width)


def one_system(
    register: RegisterView, width: int, is_open: bool, name_width: int = 18, *, is_whole: bool = False
) -> list[Line]:
    """A register, and where it is open what is known about it and its fields; a field's line stands for the field."""
    target = Target(TargetKind.REGISTER, register.name)
    fold = (OPEN if is_open else FOLDED) if register.fields else " "
    names, value, is_cut = name_width, numbers.value64(register.value), False
    if width < name_width + VALUE_COLUMNS - 1:  # the value matters more than that values stand below each other
        names = max(len(register.name) + 1, width - VALUE_COLUMNS + 1)
        room = width - names - 3
        if len(value) > room:
            value = next(
                (form for form in (value.replace("_", ""), f"{register.value:#x}") if len(form) <= room), value
            )
        is_cut = len(value) > room
    said = state(register)
    if len(said) > width - name_width - VALUE_COLUMNS:
        said = said.partition(":")[0]
    has_room = width > names + VALUE_COLUMNS + 3  # less than a word says nothing
    note = (
        Span(f" {said}" if has_room else "", "unknown" if register.is_unknown else "warning")
        if said
        else Span(f" {register.note}" if width >= 70 else "", "muted")
    )
    head = Line(
        (
            Span(f"{fold} ", "muted"),
            column(register.name, names, "register"),
            Span(value, value_style(register)),
            mark(register),
            note,
        ),
        target,
    )
    lines = folded(head, width, " " * (2 + name_width)) if is_whole else [crop(head, width)]
    if is_open:
        if is_cut:
            lines.append(Line((Span("  "), Span(numbers.value64(register.value), value_style(register))), target))
        if width < 70 or said:
            lines += [Line((Span("  "), *item.spans), target) for item in wrap(register.note, width - 2, "muted")]
        for text in known(register):
            lines += [Line((Span("  "), *item.spans), target) for item in wrap(text, width - 2, "text")]
        names = max((len(field.name) + 1 for field in register.fields), default=0)
        names = max(names, FIELD_NAME)
        indent = " " * (FIELD_BEFORE + names + 2 if width >= 70 else 6)
        for field in register.fields:
            lines += folded(one_field(register, field, names), width, indent)
    return lines


def one_field(register: RegisterView, field: FieldView, name_width: int) -> Line:
    acting = "" if field.effective is None else f" → acts as {numbers.short(field.effective)}: {field.why}"
    return Line(
        (
            Span("    "),
            column(f"[{field.bits}]", 8, "muted"),
            column(field.name, name_width, "register"),
            Span(numbers.short(field.value), "changed" if field.is_changed else "value"),
            Span(CHANGED if field.is_changed else " ", "changed"),
            Span(acting, "warning"),
            Span(f" {field.meaning}", "text"),
        ),
        Target(TargetKind.FIELD, f"{register.name}.{field.name}"),
    )


def state(register: RegisterView) -> str:
    """What is unusual about a register, in a few words: pending, masked, never written."""
    if register.pending is not None:
        return f"pending: {numbers.short(register.pending.acting)} acts until an ISB or exception"
    if register.effective is not None:
        return f"acts as {numbers.short(register.effective)}: {register.why}"
    if register.is_unknown:
        return "never written: UNKNOWN"
    return ""


def known(register: RegisterView) -> list[str]:
    """All of it in sentences: who wrote it, what acts in its place and why."""
    told = []
    if register.is_unknown:
        told.append("Nobody has written it since reset: its UNKNOWN bits are the seed's choice.")
    if register.written is not None:
        told.append(f"Last written by {moment(register.written, register.written_by)}.")
    if register.pending is not None:
        since = moment(register.pending.moment, register.pending.where)
        told.append(
            f"Pending: written by {since}; {numbers.short(register.pending.acting)} acts until an ISB, "
            "an exception or an exception return."
        )
    if register.effective is not None:
        told.append(f"Acts as {numbers.short(register.effective)}: {register.why}.")
    return told


def mec_registers(view: MecRegistersView, width: int) -> list[Line]:
    """MECID registers, enables with what takes effect and why, the bits behind them."""
    if not view.mecids:
        text = "FEAT_MEC is not there (--mec off): no MECID registers, and every access has MECID 0."
        return [*wrap(text, width, "muted")]
    lines = [line(("MECID registers", "strong"), ("   ? nobody wrote it since reset", "muted"))]
    for register in view.mecids:
        number = register.value & 0xFFFF
        is_identifier = register.name != "MECIDR_EL2"
        value = Span(f"{number if is_identifier else register.value:>6}", value_style(register))
        if is_identifier and not register.is_unknown and not register.is_changed:
            value = Span(value.text, mecid_style(number))
        text = register.note if is_identifier else f"MECIDs have {(register.value & 15) + 1} bits"
        said = state(register) if is_identifier else ""
        by = ""
        if is_identifier and register.written is not None:
            by = f" by {register.written_by or hex(register.written.pc)} #{numbers.count(register.written.instruction)}"
        spans = (
            column(register.name, 15, "register"),
            value,
            mark(register),
            Span(f" {said};" if said and by else f" {said}" if said else "", "warning"),
            Span(by, "symbol"),
            Span("" if said else f"{'  ' if by else ' '}{text}", "muted"),
        )
        lines.append(crop(Line(spans, Target(TargetKind.REGISTER, register.name)), width))
    lines += [BLANK, line(("Enables", "strong"), ("   programmed → effective", "muted"))]
    for item in view.effective:
        differs = bool(item.programmed) != item.effective and not item.is_unknown
        lines.append(
            line(
                (f"{item.name:<16}", "register"),
                (f"{item.programmed}", "value"),
                (" → ", "muted"),
                (f"{int(item.effective)}", "warning" if differs else "ok" if item.effective else "value"),
                ("  differs" if differs else "", "warning"),
                ("  UNKNOWN: never written since reset" if item.is_unknown else "", "warning"),
            )
        )
        if item.why != f"{item.name}={item.programmed}":  # else the line above has said it
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
