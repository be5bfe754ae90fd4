"""A page-table walk as lines: one row per descriptor fetch, sub-walks folded under it, then where it all ends."""

from __future__ import annotations

from collections.abc import Collection

from emu.architecture import PAS, MecidSource
from emu.rme.gpt import GPI_NAMES
from emu.translation.records import FaultKind, GpcResult, Permissions, Translation, Walk, WalkStep
from mectui.queries.walk import MEMORY, NOTHING, Follow, WalkView, differing
from mectui.render import numbers
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, column, crop, empty_pane, fit, line, wrap

WIDE = 108
MEDIUM = 66
"""From these widths on a descriptor fetch takes one line, or two; below them three."""
FOLDED, OPEN = "▸", "▾"
ALL = frozenset({"*"})
"""Opens every fold."""
DIFFERS = "≠"
"""Stands after a fetch that what is supposed made another one."""
LABEL = 8
"""Columns of the labels in the lines that say where the walk ends."""


def summary(view: WalkView) -> str:
    """ "VA 0x4000_1000 (last data access)"."""
    if view.walk is None:
        return view.follow.value
    what_if = "what if, " if view.suppositions else ""
    return f"{what_if}VA {numbers.address(view.walk.request.va)} ({view.follow.value})"


def walk(view: WalkView, width: int, opened: Collection[str] = frozenset(), height: int | None = None) -> list[Line]:
    """The walk; `opened` names the folds that are open ("0", "0.stage2", "stage2"), or is `ALL`.

    Where it has more lines than `height`, how it ends stands at the top too.
    """
    if view.walk is None:
        wanted = "loads or stores something" if view.follow is Follow.ACCESS else "has an address to show"
        return empty_pane(
            f"The walk of the {view.follow.value} appears here once the guest {wanted}. "
            "`walk ADDRESS` pins any other address; `l` chooses what to follow.",
            width,
        )
    record = view.walk
    changed = differing(view.before, record) if view.before is not None else frozenset()
    lines = [BLANK]
    for at, step in enumerate(record.steps):
        lines += step_lines(step, str(at), width, opened, 0, changed)
    if record.stage2:
        lines += substeps(record.stage2, "stage2", "the final IPA", width, opened, 0, changed)
    if record.steps or record.stage2:
        lines.append(BLANK)
    lines += ending(record, width, opened, view.answers)
    begin = [*what_if(view, width), *head(view, record, width)]
    if height is not None and len(begin) + len(lines) > height and not view.suppositions:
        begin.append(in_short(record, view.answers))
    return fit([*begin, *lines], width)


def in_short(record: Walk, answers: str = MEMORY) -> Line:
    """How a walk ends, in a line."""
    if record.fault is not None or record.pa is None or record.pas is None:
        return line((f"{'FAULT':<{LABEL}}{verdict(record).partition(':')[0]}", "fault"))
    if answers == NOTHING:
        return line((f"{'ABORT':<{LABEL}}nothing at {record.pas.label} {numbers.address(record.pa)}", "fault"))
    own = owner_text((record.pas, record.mecid, 0))
    where = f"{record.pas.label} {numbers.address(record.pa)}" + (f", {own}" if record.pas is PAS.REALM else "")
    owner = f" ≠ owner {owner_text(record.owner)}" if record.is_mismatch and record.owner is not None else ""
    style = "hit" if owner else "ok"
    return line(
        (f"{'result':<{LABEL}}", "muted"), ("SUBSTITUTED: " if owner else "ok: ", style), (f"{where}{owner}", "text")
    )


def what_if(view: WalkView, width: int) -> list[Line]:
    """What is supposed, and the two ends of the walk: as it is and as it would be."""
    if not view.suppositions:
        return []
    count = numbers.plural(len(view.suppositions), "change")
    lines = [line((f"what if: {count}, machine untouched", "warning"), ("   A makes it so, Del drops it", "muted"))]
    lines += [line(("  ", ""), (text, "changed")) for text in view.suppositions]
    if view.before is not None and view.walk is not None:
        before, after = destination(view.before), destination(view.walk)
        lines += labelled("before", before, width, "text")
        same = before == after
        lines += labelled("after", "the same" if same else after, width, "muted" if same else "changed")
    return [*(crop(item, width) for item in lines), BLANK]


def destination(record: Walk) -> str:
    """Where a walk ends, in one sentence: address, MECID, and the verdict."""
    if record.fault is not None or record.pa is None or record.pas is None:
        return verdict(record)
    under = f" under MECID {record.mecid}" if record.pas is PAS.REALM else ""
    return f"{record.pas.label} {numbers.address(record.pa)}{under}; {verdict(record)}"


def verdict(record: Walk) -> str:
    """ "GPC ok: realm; owner MECID 3 ≠ MECID 5 ⇒ SUBSTITUTED", or the fault."""
    fault = record.fault
    if fault is not None:
        level = "" if fault.kind is FaultKind.ALIGNMENT else f", level {fault.level}"
        return f"{fault.kind.value}{level}: {numbers.written_alike(fault.reason)}"
    gpc = record.gpc
    checked = "no GPC" if gpc is None else "GPC off" if not gpc.enabled else f"GPC ok: {gpc.pas.label}"
    if record.owner is None:
        return f"{checked}; nobody owns the bytes yet"
    owner = owner_text(record.owner)
    if not record.is_mismatch:
        return f"{checked}; owner {owner}, the access's own context"
    own = "" if record.pas is None else f" ≠ {owner_text((record.pas, record.mecid, 0))}"
    return f"{checked}; owner {owner}{own} ⇒ SUBSTITUTED"


EVERYTHING = 1 << 48
"""Bytes from which a translation's size is no size of a block."""


def is_open(key: str, opened: Collection[str]) -> bool:
    return key in opened or "*" in opened


def head(view: WalkView, record: Walk, width: int) -> list[Line]:
    request = record.request
    first = line(
        (request.access.value, "strong"),
        (f" from EL{request.el} of ", "text"),
        ("VA ", "muted"),
        (numbers.address(request.va), "address"),
        (f" {view.symbol}" if view.symbol else "", "symbol"),
        target=Target(TargetKind.VIRTUAL, request.va),
    )
    stages = [f"stage 1 {'on' if record.stage1_enabled else 'off'}"]
    if request.regime.value == "EL1&0":
        stages.append(f"stage 2 {'on' if record.stage2_enabled else 'off'}")
    second = line(
        (f"{request.regime.value} ", "text"),
        (request.security.label, space_style(request.security.label)),
        (f"   {'   '.join(stages)}", "muted"),
    )
    return [crop(first, width), crop(second, width)]


def step_lines(
    step: WalkStep, key: str, width: int, opened: Collection[str], depth: int, changed: Collection[str] = ()
) -> list[Line]:
    """One descriptor fetch, then what is folded under it."""
    indent = "  " * depth
    target = Target(TargetKind.FOLD, key)
    fold = Span(f"{indent}{OPEN if is_open(key, opened) else FOLDED} ", "muted")
    differs = DIFFERS if key in changed else " "
    name = Span(f"S{step.stage} L{step.level}{differs} ", "changed" if key in changed else "strong")
    value = Span("not read" if step.descriptor is None else numbers.value64(step.descriptor), "value")
    kind = Span(f"{step.kind}", "ok" if step.kind in ("table", "block", "page") else "fault")
    context = [Span(numbers.mecid(step.mecid, step.source), mecid_style(step.mecid))]
    if step.is_mismatch:
        owned = "" if step.owner is None else f" ≠ owner {owner_text(step.owner)}"
        context.append(Span(f"{owned}  SUBSTITUTED", "hit"))
    leads = (
        [] if step.next_address is None else [Span("→ ", "muted"), Span(numbers.address(step.next_address), "address")]
    )
    where = numbers.address(step.address if step.pa is None else step.pa)
    index = f"[{step.index_high}:{step.index_low}] = {step.index}"
    if width >= WIDE:
        spans = [fold, name, column(index, 16, "text"), column(where, 16, "address"), value, Span("  ")]
        spans += [column(kind.text, 8, kind.style), *leads, Span("  "), *context]
        lines = [crop(Line(tuple(spans), target), width)]
    else:
        source = Span(f"  {step.table_source}" if "_" in step.table_source else "", "register")
        pad = Span(f"{indent}    ")
        fetched = (Span(where, "address"), Span(": ", "muted"), value, Span(" "), kind)
        if width >= MEDIUM:
            parts = [(fold, name, column(index, 14, "text"), *fetched), (pad, *context, Span(" "), *leads, source)]
        else:
            parts = [(fold, name, Span(index, "text"), source), (pad, *fetched), (pad, *context, Span(" "), *leads)]
        lines = [crop(Line(part, target), width) for part in parts]
    if is_open(key, opened):
        lines += step_details(step, indent, width, target, key)
    if step.gpc is not None and step.gpc.failure is not None:
        lines += gpc_lines(step.gpc, width, indent + "    ")
    if step.stage2:
        lines += substeps(step.stage2, f"{key}.stage2", "the table", width, opened, depth + 1, changed)
    if step.kind not in ("table", "block", "page"):
        failed = numbers.written_alike(step.outcome)
        lines += [Line((Span(f"{indent}    "), *part.spans), target) for part in wrap(failed, width - 4, "fault")]
    return lines


def step_details(step: WalkStep, indent: str, width: int, target: Target, key: str = "") -> list[Line]:
    """What a person who opens a step wants: where the table is, why this MECID, the descriptor's fields."""
    pad = f"{indent}      "
    room = width - len(pad)
    table = f"table {numbers.address(step.table)} from {step.table_source}"
    register = register_target(step.table_source) or target
    texts = [(table, register), (f"MECID {step.mecid}: {step.why}", source_target(step.source) or target)]
    if step.gpc is not None:
        texts.append((f"GPC: {gpc_text(step.gpc)}", target))
        texts += [(text, target) for text in gpt_entries(step.gpc)]
    if step.kind in ("table", "block", "page"):  # else the row says it whether it is open or not
        texts.append((numbers.written_alike(step.outcome), target))
    lines = [Line((Span(pad), *part.spans), goal) for text, goal in texts for part in wrap(text, room, "text")]
    names = max((len(field.name) for field in step.fields), default=0) + 1
    for field in step.fields:
        spans = (Span(pad), column(field.name, names, "register"), Span(numbers.short(field.value), "value"))
        goal = Target(TargetKind.FIELD, f"{key}#{field.name}")
        lines.append(crop(Line((*spans, Span(f"  {field.meaning}", "muted")), goal), width))
    return lines


def register_target(name: str) -> Target | None:
    return Target(TargetKind.REGISTER, name) if "_EL" in name else None


def source_target(source: MecidSource) -> Target | None:
    return register_target(source.value)


def gpt_entries(gpc: GpcResult) -> list[str]:
    """What the granule protection check read: "GPT L0 0x4100_0000: 0000_0000_4101_0003"."""
    return [
        f"GPT L{level} {numbers.address(address)}: {numbers.value64(value)}" for level, address, value in gpc.entries
    ]


def substeps(
    steps: tuple[WalkStep, ...], key: str, of: str, width: int, opened: Collection[str], depth: int,
    changed: Collection[str] = (),
) -> list[Line]:  # fmt: skip
    """A stage-2 walk under the row that caused it: one line when folded."""
    indent = "  " * depth
    opens = is_open(key, opened)
    last = steps[-1]
    went = last.kind in ("block", "page")
    target = Target(TargetKind.FOLD, key)
    fetches = f"{len(steps)} fetch{'es' if len(steps) != 1 else ''}"
    if not went:
        result = [Span(f"{fetches}, ", "muted"), Span(f"failed: {numbers.written_alike(last.outcome)}", "fault")]
    else:
        result = [Span(f"{fetches} → ", "muted"), Span(numbers.address(last.next_address or 0), "address")]
    differs = f" {DIFFERS}" if any(name.startswith(f"{key}.") for name in changed) else ""
    context = [] if opens else folded_contexts(steps)
    first = (Span(f"{indent}{OPEN if opens else FOLDED} ", "muted"), Span(f"stage 2 of {of}", "text"))
    head_line = Line((*first, Span(differs, "changed"), Span(": ", "text"), *result, *context), target)
    lines = [crop(head_line, width)]
    if opens:
        for at, step in enumerate(steps):
            lines += step_lines(step, f"{key}.{at}", width, opened, depth + 1, changed)
    return lines


def folded_contexts(steps: tuple[WalkStep, ...]) -> list[Span]:
    """What a folded walk must not hide: a fetch that got noise."""
    return [Span("  SUBSTITUTED inside", "hit")] if any(step.is_mismatch for step in steps) else []


def owner_text(owner: tuple[PAS, int, int]) -> str:
    pas, mecid, generation = owner
    return f"MECID {mecid}" + (f" key {generation}" if generation else "") if pas is PAS.REALM else pas.label


def gpc_text(gpc: GpcResult) -> str:
    if not gpc.enabled:
        return "off"
    if gpc.failure is None:
        kind = GPI_NAMES.get(gpc.gpi or 0, "invalid")
        found = "" if gpc.gpi is None else f" (GPI {gpc.gpi:#x}: {kind}, level {gpc.level})"
        return f"ok for {gpc.pas.label}{found}"
    return f"FAILED at level {gpc.level}: {gpc.reason}"


def gpc_lines(gpc: GpcResult, width: int, indent: str = "") -> list[Line]:
    style = "ok" if gpc.enabled and gpc.failure is None else "fault" if gpc.failure else "muted"
    return labelled("GPC", gpc_text(gpc), width, style, indent)


def labelled(name: str, text: str, width: int, style: str = "text", indent: str = "") -> list[Line]:
    """ "GPC     ok for realm", folded under itself."""
    room = width - LABEL - len(indent)
    folded = wrap(text, room, style)
    return [
        Line((Span(indent), Span(f"{name if at == 0 else '':<{LABEL}}", "muted"), *part.spans))
        for at, part in enumerate(folded)
    ]


def permission_text(allowed: Permissions) -> str:
    def letters(*flags: bool) -> str:
        return "".join(letter if flag else "-" for letter, flag in zip("rwx", flags, strict=True))

    privileged = letters(allowed.priv_read, allowed.priv_write, allowed.priv_execute)
    return f"{privileged} EL0 {letters(allowed.unpriv_read, allowed.unpriv_write, allowed.unpriv_execute)}"


def allowed_text(translation: Translation) -> str:
    """What each stage allows: "rwx EL0 rwx; stage 2 r-x EL0 r-x"."""
    first, second = translation.permissions, translation.stage2_permissions
    both = "" if second is None else f"; stage 2 {permission_text(second)}"
    return f"{permission_text(first)}{both}"


def ending(record: Walk, width: int, opened: Collection[str] = frozenset(), answers: str = MEMORY) -> list[Line]:
    """Physical address, MECID, owner, then what else there is to say; or the exact reason of the fault."""
    lines: list[Line] = []
    gpc = [] if record.gpc is None else final_gpc(record.gpc, width, opened)
    if record.fault is not None:
        lines += gpc
        fault = record.fault
        level = "" if fault.kind is FaultKind.ALIGNMENT else f", level {fault.level}"
        stage = ", stage 2" if fault.second_stage else ""
        on_walk = " of a stage-1 table" if fault.s1ptw else ""
        lines += labelled("FAULT", f"{fault.kind.value}{level}{stage}{on_walk}", width, "fault")
        lines += labelled("because", numbers.written_alike(fault.reason), width, "fault")
        return lines
    if record.pa is not None and record.pas is not None:
        spans = [
            Span(f"{'PA':<{LABEL}}", "muted"),
            Span(numbers.address(record.pa), "address"),
            Span(f" {record.pas.label}", space_style(record.pas.label)),
            Span("" if answers in (MEMORY, NOTHING) else f"  {answers}", "symbol"),
        ]
        lines.append(crop(Line(tuple(spans), Target(TargetKind.PHYSICAL, record.pa)), width))
    spans = [Span(f"{'MECID':<{LABEL}}", "muted"), Span(str(record.mecid), mecid_style(record.mecid))]
    source = Span(f" from {record.source.value}" if record.source.value != "0" else "", "register")
    lines.append(Line((*spans, source), source_target(record.source)))
    lines += [Line((Span(" " * LABEL), *part.spans)) for part in wrap(record.why, width - LABEL, "muted")]
    lines += owner_lines(record, width) if answers == MEMORY else []
    translation = record.translation
    if translation is not None:
        allowed = allowed_text(translation)
        # Without an MMU a "page" is all there is: its size says nothing.
        size = f"; {numbers.size(translation.size)}" if translation.size < EVERYTHING else ""
        lines += labelled("allows", f"{allowed}; {translation.attributes.text}{size}", width)
    return [*lines, *gpc, *result(record, width, answers)]


def result(record: Walk, width: int, answers: str) -> list[Line]:
    """The last word, which repeats nothing that stands above it."""
    if answers == NOTHING:
        return labelled("ABORT", "neither memory nor a device is there: an access is an External abort", width, "fault")
    if record.is_mismatch:
        return labelled("result", "SUBSTITUTED: not the owner's context, so it gets noise", width, "hit")
    return labelled("result", "ok", width, "ok")


def final_gpc(gpc: GpcResult, width: int, opened: Collection[str]) -> list[Line]:
    """The check of the final address; the granule protection table entries it read are folded under it."""
    if not gpc.entries:
        return gpc_lines(gpc, width)
    opens, target = is_open("gpc", opened), Target(TargetKind.FOLD, "gpc")
    style = "ok" if gpc.failure is None else "fault"
    lines = labelled("GPC", f"{gpc_text(gpc)} {OPEN if opens else FOLDED}", width, style)
    if opens:
        for text in gpt_entries(gpc):
            lines += labelled("", text, width)
    return [Line(item.spans, target) for item in lines]


def owner_lines(record: Walk, width: int) -> list[Line]:
    label = Span(f"{'owner':<{LABEL}}", "muted")
    if record.owner is None:
        return [crop(Line((label, Span("nobody: every context reads the same", "muted"))), width)]
    pas, mecid, _ = record.owner
    style = mecid_style(mecid) if pas is PAS.REALM else space_style(pas.label)
    who = Span(owner_text(record.owner), style)
    if not record.is_mismatch:
        return [crop(Line((label, who, Span(", the access's own context", "muted"))), width)]
    own = "" if record.pas is None else owner_text((record.pas, record.mecid, 0))
    return [crop(Line((label, who, Span(f" ≠ {own} of the access" if own else "", "hit"))), width)]
