"""The table of `mectui bench`: one line a guest, speeds side by side, then how to read it."""

from __future__ import annotations

from mectui.queries.bench import SHORTEST, Bench, Row
from mectui.render.text import BLANK, Line, Span, column, fit, line, wrap

NAME = 11
INSTRUCTIONS = 7
SPEED = 8
RATIO = 7
COMPILED = 9
SECONDS = 6
PEER = 8
FILLS = 8
NONE = "-"
_COMPILES = {"jit": "regions", "interpreter": "handlers"}


def table(view: Bench, width: int) -> list[Line]:
    """Two header lines, a line for each guest, and notes; lines fit `width`; where there is room, more columns."""
    shown = shown_compilers(view, width)
    has_peer_speed = view.peer_name is not None and _needed(view, shown) + SPEED <= width
    lines = [_groups(view, shown, has_peer_speed), _header(view, shown, has_peer_speed)]
    lines += [_row(row, view, shown, has_peer_speed) for row in view.rows]
    return [*fit(lines, width), BLANK, *notes(view, width)]


def shown_compilers(view: Bench, width: int) -> tuple[str, ...]:
    """The engines whose compilation is shown: all that fit, the last one at least."""
    engines = tuple(engine for engine in view.engines if engine in _COMPILES)
    while len(engines) > 1 and _needed(view, engines) > width:
        engines = engines[1:]
    return engines


def _needed(view: Bench, compilers: tuple[str, ...]) -> int:
    peer = view.peer_name is not None
    return (
        NAME + INSTRUCTIONS + FILLS
        + len(view.engines) * (SPEED + peer * RATIO)
        + len(compilers) * (COMPILED + SECONDS)
        + peer * PEER
    )  # fmt: skip


def _right(text: str, columns: int, style: str = "text") -> Span:
    return column(text, columns, style, right=True)


def _groups(view: Bench, compilers: tuple[str, ...], has_peer_speed: bool) -> Line:
    peer = view.peer_name is not None
    spans = [Span(" " * (NAME + INSTRUCTIONS))]
    spans += [_right(engine, SPEED + peer * RATIO, "muted") for engine in view.engines]
    spans += [_right("compiled", COMPILED + SECONDS, "muted") for _ in compilers]
    spans.append(_right("TLB", FILLS, "muted"))
    if peer:
        spans.append(_right("QEMU", PEER, "muted"))
        if has_peer_speed:
            spans.append(_right("QEMU", SPEED, "muted"))
    return Line(tuple(spans))


def _header(view: Bench, compilers: tuple[str, ...], has_peer_speed: bool) -> Line:
    peer = view.peer_name is not None
    spans = [column("guest", NAME, "muted"), _right("M ins", INSTRUCTIONS, "muted")]
    for _ in view.engines:
        spans.append(_right("MIPS", SPEED, "muted"))
        if peer:
            spans.append(_right("×QEMU", RATIO, "muted"))
    for engine in compilers:
        spans += [_right(_COMPILES[engine], COMPILED, "muted"), _right("s", SECONDS, "muted")]
    spans.append(_right("fills", FILLS, "muted"))
    if peer:
        spans.append(_right("s", PEER, "muted"))
        if has_peer_speed:
            spans.append(_right("MIPS", SPEED, "muted"))
    return Line(tuple(spans))


def _row(row: Row, view: Bench, compilers: tuple[str, ...], has_peer_speed: bool) -> Line:
    spans = [column(row.guest, NAME), _right(millions(row.instructions), INSTRUCTIONS, "value")]
    for engine in view.engines:
        failed = any(sample.problem for sample in row.samples.get(engine, ())) and not row.good(engine)
        spans.append(_right("failed" if failed else number(row.mips(engine)), SPEED, "stale" if failed else "value"))
        if view.peer_name is not None:
            spans.append(_right(ratio(row.ratio(engine)), RATIO, "value"))
    for engine in compilers:
        made = row.compiled(engine)
        spans.append(_right(NONE if made is None else f"{made[0]:,}", COMPILED))
        spans.append(_right(NONE if made is None else f"{made[1]:.2f}", SECONDS))
    spans.append(_right(NONE if row.tlb_fills is None else f"{row.tlb_fills:,}", FILLS))
    if view.peer_name is not None:
        text = "no peer" if row.peer_problem else "short" if row.is_peer_short else _seconds(row.peer)
        spans.append(_right(text, PEER, "muted"))
        if has_peer_speed:
            spans.append(_right(number(row.peer_mips), SPEED))
    return Line(tuple(spans))


def _seconds(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def number(value: float | None) -> str:
    """Three digits that mean something: "1,234", "95.1", "0.28"."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def ratio(value: float | None) -> str:
    """Three digits below 10 as well: a slow guest must not read as 0.00."""
    return NONE if value is None else number(value) if value >= 0.1 else f"{value:.{3 if value >= 0.0095 else 4}f}"


def millions(value: int | None) -> str:
    return NONE if value is None else f"{value / 1e6:,.1f}" if value >= 100_000 else f"{value / 1e6:.3f}"


def notes(view: Bench, width: int) -> list[Line]:
    """What the numbers are, what was left out of them, and what went wrong."""
    rounds = "one run" if view.done_rounds == 1 else f"medians of {view.done_rounds} rounds"
    work = (
        "" if view.percent == 100 else f", {view.percent}% of the work: start-up and compilation weigh more than usual"
    )
    texts = [
        f"{rounds[:1].upper()}{rounds[1:]}{work}. M ins: million guest instructions in a run; MIPS: million of them a "
        "second of the host, compilation included. TLB fills: entries that went into the modelled TLB."
    ]
    if view.is_cached and not view.keeps_regions:
        texts.append("Handlers that earlier runs left on disk were used; the JIT compiled all of its regions anew.")
    elif view.is_cached:
        texts.append("Native code that earlier runs left on disk was used; --no-cache makes it anew.")
    if view.done_rounds < view.rounds:
        texts.append(f"Interrupted: {view.done_rounds} of {view.rounds} rounds were complete; later runs count too.")
    if view.peer_name is None:
        texts.append("No QEMU was asked: put qemu-system-aarch64 on PATH to see how much faster or slower it is.")
    else:
        startup = "" if view.peer_startup is None else f", without the {view.peer_startup:.3f} s that starting it takes"
        texts.append(f"QEMU: {view.peer_name} running the same files{startup}. ×QEMU above 1: faster than QEMU.")
    if any(row.is_peer_short for row in view.rows):
        texts.append(f"short: QEMU took less than {SHORTEST:.2f} s more than to start, too little to measure.")
    if any(row.peer_problem for row in view.rows):
        reasons = sorted({row.peer_problem for row in view.rows if row.peer_problem})
        texts.append(f"no peer: {'; '.join(reasons)}.")
    folded = [part for text in texts for part in wrap(text, width, "muted")]
    problems = [part for row in view.rows for text in row.problems() for part in wrap(text, width, "stale", "  ")]
    return [*folded, *([line(("Problems:", "stale"))] if problems else []), *problems]
