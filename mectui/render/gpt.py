"""The granule protection table as lines: its settings, one address entry by entry, then run by run."""

from __future__ import annotations

from emu.rme.gpt_table import GptRun
from mectui.queries.gpt import AddressView, CachedRange, GptView, gpi_name, remark
from mectui.render import numbers
from mectui.render.styles import STYLES, space_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, column, crop, empty_pane, fit, line, wrap

AROUND = 4
"""Runs before and after the one that holds the address."""
MOST_RUNS = 2000
MOST_CACHED = 64
HERE = "▶"
LABEL = 8


def gpi_style(gpi: int | None) -> str:
    name = space_style(gpi_name(gpi))
    return name if name in STYLES else "fault" if gpi in (None, 0) else "text"


def summary(view: GptView) -> str:
    """ "on, 12 runs, PA 0x4008_0000 (chosen address)"."""
    state = "on" if view.is_enabled else "off"
    stale = f", {view.stale} stale" if view.stale else ""
    pa = "" if view.address is None else f", PA {numbers.address(view.address.pa)} ({view.follow})"
    return f"{state}, {numbers.plural(len(view.runs), 'run')}{stale}{pa}"


def gpt(view: GptView, width: int, is_whole: bool = False) -> list[Line]:
    """The settings, the address, then the runs around it, or all of them."""
    if not view.is_enabled and not view.runs_are_meant:
        return empty_pane(
            "Granule protection is off (GPCCR_EL3.GPC=0): every physical address is in every address space. "
            "The table appears here once EL3 has made one and set the bit.",
            width,
        )
    lines = settings(view, width)
    if view.address is not None:
        lines += [BLANK, *address(view.address, width)]
    if view.runs:
        lines += [BLANK, *runs(view, width, is_whole)]
    if view.cached:
        lines += [BLANK, *cached(view, width)]
    return fit(lines, width)


def labelled(name: str, text: str, width: int, style: str = "text", target: Target | None = None) -> list[Line]:
    folded = wrap(text, width - LABEL, style)
    return [
        Line((Span(f"{name if at == 0 else '':<{LABEL}}", "muted"), *part.spans), target)
        for at, part in enumerate(folded)
    ]


def settings(view: GptView, width: int) -> list[Line]:
    config = view.config
    if config.problem:
        return labelled("GPT", f"cannot be used: {config.problem}", width, "fault")
    text = (
        f"{'on' if view.is_enabled else 'OFF'}, level 0 at {numbers.address(config.base)}, protects "
        f"{numbers.size(config.limit)} in granules of {numbers.size(1 << config.granule)}; "
        f"a level 0 entry covers {numbers.size(1 << config.block)}"
    )
    return labelled("GPT", text, width, "text" if view.is_enabled else "warning")


def address(found: AddressView, width: int) -> list[Line]:
    """One address: each entry that is read, the verdict, and who may reach it."""
    head = line(
        (f"{'PA':<{LABEL}}", "muted"),
        (numbers.address(found.pa), "address"),
        (f" {found.symbol}" if found.symbol else "", "symbol"),
        target=Target(TargetKind.PHYSICAL, found.pa),
    )
    lines = [crop(head, width)]
    for entry in found.entries:
        where = Target(TargetKind.PHYSICAL, entry.address)
        text = (
            f"{numbers.address(entry.address)}: {numbers.value64(entry.value)} {numbers.written_alike(entry.meaning)}"
        )
        lines += labelled(f"L{entry.level}", text, width, target=where)
    if found.problem:
        lines += labelled("GPI", found.problem, width, "fault")
    elif found.gpi is not None:
        lines += labelled("GPI", f"{found.gpi:#x}: {gpi_name(found.gpi)}", width, gpi_style(found.gpi))
    for name, passes in (("passes", True), ("fails", False)):
        labels = [each.pas.label for each in found.verdicts if each.passes is passes]
        spans = [Span(f"{name:<{LABEL}}", "muted")]
        for at, text in enumerate(labels):
            spans += [Span(", " if at else "", "muted"), Span(text, space_style(text))]
        lines.append(crop(Line((*spans, *(() if labels else (Span("none", "muted"),)))), width))
    note = remark(found)
    if note:
        lines += labelled("", note, width, "warning")
    if found.cached is not None:
        item = found.cached
        if item.is_stale:
            text = f"{range_text(item.start, item.end)} {gpi_name(item.gpi)}: STALE, the table says otherwise"
            lines += labelled("cached", f"{text}; TLBI RPAOS or PAALL removes it", width, "stale")
        else:
            lines += labelled("cached", f"{range_text(item.start, item.end)} {gpi_name(item.gpi)}", width)
    return lines


def range_text(start: int, end: int) -> str:
    return f"{numbers.address(start)}-{numbers.address(end - 1)}"


def runs(view: GptView, width: int, is_whole: bool) -> list[Line]:
    here = None
    if view.address is not None:
        pa = view.address.pa
        here = next((at for at, run in enumerate(view.runs) if run.start <= pa < run.end), None)
    first, last = 0, len(view.runs)
    if not is_whole and here is not None:
        first, last = max(here - AROUND, 0), min(here + AROUND + 1, len(view.runs))
    last = min(last, first + MOST_RUNS)
    total = numbers.plural(len(view.runs), "run")
    shown = f"{total} of equal granules" if last - first == len(view.runs) else f"{last - first} of {total}"
    hint = "" if last - first == len(view.runs) or is_whole else "; v shows all"
    lines = [line((f"{shown}{hint}", "muted"))]
    columns = max((len(range_text(run.start, run.end)) for run in view.runs[first:last]), default=0) + 1
    lines += [run_line(view.runs[at], columns, at == here) for at in range(first, last)]
    return [crop(item, width) for item in lines]


def run_line(run: GptRun, columns: int, is_here: bool) -> Line:
    spans = (
        Span(f"{HERE if is_here else ' '} ", "pc" if is_here else ""),
        column(range_text(run.start, run.end), columns, "address"),
        column(numbers.size_roughly(run.end - run.start), 15, "value"),
        column(gpi_name(run.gpi), 16, gpi_style(run.gpi)),
        Span(run.problem or run.kind, "fault" if run.problem else "muted"),
    )
    return Line(spans, Target(TargetKind.PHYSICAL, run.start))


def cached(view: GptView, width: int) -> list[Line]:
    """GPT information that the TLB holds, stale ranges first and alone where there are many."""
    stale = [item for item in view.cached if item.is_stale]
    lines = [line((f"cached in the TLB: {numbers.plural(len(view.cached), 'range')}, {len(stale)} stale", "muted"))]
    ordered = [*stale, *(item for item in view.cached if not item.is_stale)]
    columns = max((len(range_text(item.start, item.end)) for item in ordered[:MOST_CACHED]), default=0) + 1
    lines += [cached_line(item, columns) for item in ordered[:MOST_CACHED]]
    if len(ordered) > MOST_CACHED:
        lines.append(line((f"and {numbers.plural(len(ordered) - MOST_CACHED, 'range')} more", "muted")))
    return [crop(item, width) for item in lines]


def cached_line(item: CachedRange, columns: int) -> Line:
    spans = (
        Span("! " if item.is_stale else "  ", "stale"),
        column(range_text(item.start, item.end), columns, "stale" if item.is_stale else "address"),
        column(numbers.size_roughly(item.end - item.start), 15, "value"),
        column(gpi_name(item.gpi), 16, gpi_style(item.gpi)),
        Span(f"level {item.level}", "muted"),
    )
    return Line(spans, Target(TargetKind.PHYSICAL, item.start))
