"""Reports in Markdown: a walk, the findings, or whatever a pane shows, each with where the machine stood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from emu.translation.records import Walk, WalkStep
from mectui.queries.findings import FindingsView
from mectui.queries.status import StatusView
from mectui.queries.walk import WalkView
from mectui.render import findings as render_findings
from mectui.render import numbers
from mectui.render import walk as render_walk
from mectui.render.text import Line, plain

Row = Sequence[str]
ENDING_COLUMNS = 100


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Where the machine stood when the report was made."""

    guest: str
    stopped: str
    """Why it stands there, in a few words; "" where that is not known."""
    status: StatusView | None


def cell(text: str) -> str:
    """`text` for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def table(heads: Row, rows: Iterable[Row]) -> list[str]:
    return [
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
        *(f"| {' | '.join(cell(each) for each in row)} |" for row in rows),
    ]


def heading(title: str, around: Circumstances) -> list[str]:
    rows = [("guest", code(around.guest))]
    if around.status is not None:
        status = around.status
        where = f" ({status.pc_label})" if status.pc_label else ""
        rows += [
            ("instructions", f"{status.instructions:,}"),
            ("at", f"{code(numbers.address(status.pc))}{where}, EL{status.el} {status.security.label}"),
        ]
    if around.stopped:
        rows.append(("stopped", around.stopped))
    return [f"# {title}", "", *table(("", ""), rows), ""]


def text(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def of_pane(title: str, lines: Iterable[Line], around: Circumstances) -> str:
    """What a pane shows, as it stands there."""
    return text([*heading(title, around), "```text", plain(lines).rstrip("\n").replace("```", "` ` `"), "```"])


def steps(walk: Walk) -> Iterator[tuple[str, WalkStep]]:
    """Every descriptor fetch in the order in which the hardware makes them, with what it is for."""
    for step in walk.steps:
        for inner in step.stage2:
            yield f"stage 2 for the level {step.level} table", inner
        yield "stage 1", step
    for step in walk.stage2:
        yield "stage 2 for the output address", step


def step_row(purpose: str, step: WalkStep) -> Row:
    owner = "nobody" if step.owner is None else render_walk.owner_text(step.owner)
    return (
        purpose,
        str(step.level),
        f"{step.index} (bits {step.index_high}:{step.index_low})",
        code(numbers.address(step.address if step.pa is None else step.pa)),
        "not read" if step.descriptor is None else code(numbers.value64(step.descriptor)),
        step.kind,
        f"{step.mecid} from {step.source.value}" if step.source.value != "0" else str(step.mecid),
        f"{owner} **SUBSTITUTED**" if step.is_mismatch else owner,
        "" if step.gpc is None else render_walk.gpc_text(step.gpc),
    )


def of_walk(view: WalkView, around: Circumstances) -> str:
    """One walk: the fetches as a table, the fields of each descriptor, where it ends and why."""
    walk = view.walk
    if walk is None:
        return text([*heading("Page-table walk", around), "There is no walk to show yet."])
    request = walk.request
    lines = heading(f"Walk of {numbers.address(request.va)}", around)
    what = f" ({view.symbol})" if view.symbol else ""
    lines += [
        f"A {request.access.value} from EL{request.el} of {code(numbers.address(request.va))}{what}, regime "
        f"{request.regime.value}, {request.security.label} state. {walk.summary}",
        "",
    ]
    found = list(steps(walk))
    if found:
        heads = ("fetch", "level", "index", "at PA", "descriptor", "kind", "MECID", "owner of the table", "GPC")
        lines += ["## Descriptor fetches", "", *table(heads, (step_row(*item) for item in found)), ""]
        lines += ["## Fields", ""]
        for purpose, step in found:
            if step.fields:
                lines += [
                    f"### {purpose}, level {step.level}",
                    "",
                    f"{step.outcome}. MECID {step.mecid}: {step.why}.",
                    "",
                ]
                rows = [(field.name, numbers.short(field.value), field.meaning) for field in step.fields]
                lines += [*table(("field", "value", "means"), rows), ""]
    lines += ["## Where it ends", "", "```text"]
    lines += [plain(render_walk.ending(walk, ENDING_COLUMNS, answers=view.answers)).rstrip("\n"), "```"]
    return text(lines)


def of_findings(view: FindingsView, around: Circumstances) -> str:
    """Every finding in full, oldest first."""
    lines = heading("Broken rules of memory encryption contexts", around)
    lines += [f"{render_findings.counted(view).capitalize()}, {numbers.plural(view.rules, 'rule')} checked.", ""]
    for item in view.findings:
        finding = item.finding
        lines += [f"## {item.number}. {finding.rule} ({finding.severity.value})", "", render_findings.place(item), ""]
        lines += [render_findings.sentence(finding.message), "", f"**What to do:** {finding.fix}", ""]
        rows = [("code", code(numbers.address(finding.pc)))]
        if finding.va is not None:
            rows.append(("virtual address", code(numbers.address(finding.va))))
        if finding.pa is not None:
            rows.append(("physical address", code(numbers.address(finding.pa))))
        if finding.other is not None:
            other = finding.other
            rows.append(
                ("the other moment", f"#{other.instruction:,} at {code(numbers.address(other.pc))}, EL{other.el}")
            )
        lines += [*table(("", ""), rows), ""]
    return text(lines)
