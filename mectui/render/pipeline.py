"""One instruction as lines: fetch, decoding, operands, each access with its checks, results, where it goes on."""

from __future__ import annotations

from collections.abc import Collection

from emu.architecture import PAS, Access
from emu.debug.watched import AccessTold
from emu.translation.records import FaultKind
from mectui.queries.pipeline import AccessView, InstructionView, PipelineView
from mectui.render import numbers
from mectui.render import walk as render_walk
from mectui.render.styles import mecid_style, space_style
from mectui.render.text import BLANK, Line, Span, Target, TargetKind, column, crop, fit, line, wrap
from mectui.render.walk import FOLDED, OPEN, is_open, owner_text

ALL = frozenset({"*"})
LABEL = 8
"""Columns of the names of stages."""
INNER = 8
"""Columns of the names of what belongs to one access."""
_FIELDS_HIDDEN = frozenset(("sf",))


def pipeline(view: PipelineView, width: int, opened: Collection[str]) -> list[Line]:
    """The next instruction and the last one; `opened` names the folds that are open: "next", "last" and what is in
    them, "next.fetch", "next.0"."""
    lines = section("next", "will do", view.next, width, opened)
    if view.last is not None:
        lines += [BLANK, *section("last", "did", view.last, width, opened)]
    elif view.next.told.moment.instruction:
        note = "After a step the instruction that was executed is told here too."
        lines += [BLANK, *(Line(part.spans) for part in wrap(note, width, "muted"))]
    return fit(lines, width)


def walks_open(found: InstructionView, name: str = "next") -> set[str]:
    """The folds to open for everything but the fields of descriptors."""
    keys = ["fetch", *(str(at) for at in range(len(found.accesses)))]
    return {name, *(f"{name}.{key}{part}" for key in keys for part in ("", ".walk", ".walk.stage2"))}


def summary(view: PipelineView) -> str:
    """ "#12,788 EL1 realm"."""
    moment = view.next.told.moment
    return f"#{numbers.count(moment.instruction)} EL{moment.el} {moment.security.label}"


def section(name: str, verb: str, found: InstructionView, width: int, opened: Collection[str]) -> list[Line]:
    """A title with the instruction, a line with its outcome, and where the fold is open every stage."""
    opens = is_open(name, opened)
    title = line(
        (f"{OPEN if opens else FOLDED} {name} ", "strong"),
        (found.text or "(cannot be fetched)", "mnemonic" if found.text else "fault"),
        target=Target(TargetKind.FOLD, name),
    )
    moment = found.told.moment
    place = line(
        ("  ", ""),
        (numbers.address(moment.pc), "address"),
        (f" {found.where}" if found.where else "", "symbol"),
        (f"  #{numbers.count(moment.instruction)} EL{moment.el} ", "muted"),
        (moment.security.label, space_style(moment.security.label)),
        target=Target(TargetKind.VIRTUAL, moment.pc),
    )
    lines = [crop(title, width), crop(place, width)]
    text, style = outcome(found)
    if not opens or style != "text":  # what nobody may overlook stands above the stages
        lines += [Line((Span("  "), *part.spans)) for part in wrap(f"{verb}: {text}", width - 2, style)]
    if not opens:
        return lines
    return [*lines, *stages(name, found, width, opened)]


def outcome(found: InstructionView) -> tuple[str, str]:
    """What comes of an instruction, in one sentence, and its style."""
    told = found.told
    if told.exception is not None:
        return f"{told.exception.kind}, taken to EL{told.exception.to_el}", "fault"
    parts = [moved(access.told) for access in found.accesses]
    parts += [f"{each.name} {numbers.short(each.before)} → {numbers.short(each.after)}" for each in told.changes[:4]]
    if told.operation:
        parts.insert(0, told.operation)
    if told.next_pc != (told.moment.pc + 4):
        parts.append(f"goes to {found.next_label or numbers.address(told.next_pc)}")
    is_noise = any(access.told.hit for access in found.accesses)
    return "; ".join(parts) or "nothing but going on", "hit" if is_noise else "text"


def moved(told: AccessTold) -> str:
    where = "nowhere" if told.located is None else numbers.address(told.located.pa)
    if told.value is None:
        return f"{told.request.access.value} at {where}"
    noise = ", SUBSTITUTED" if told.hit else ""
    if told.request.access is Access.WRITE:
        return f"writes {value_text(told.value, told.size)} at {where}"
    return f"reads {numbers.plural(told.size, 'byte')} at {where}{noise}"


def value_text(value: int, size: int) -> str:
    if size > 16:
        return f"{size} bytes" if value else f"{size} zero bytes"
    return f"0x{numbers.grouped(value, 2 * size)}" if size > 2 else f"{value:#0{2 + 2 * size}x}"


# --- stages -------------------------------------------------------------------------------------------------------


def labelled(name: str, text: str, width: int, style: str = "text", target: Target | None = None) -> list[Line]:
    return stage(name, [Span(text, style)], width, target)


def stage(name: str, spans: list[Span], width: int, target: Target | None = None, indent: str = "  ") -> list[Line]:
    """Spans after the name of their stage, folded under themselves word by word; styles stay."""
    columns = LABEL if indent == "  " else INNER
    room = max(width - len(indent) - columns, 10)
    rows: list[list[Span]] = [[]]
    used = 0
    for span in spans:
        for word in _words(span.text):
            if used and used + len(word.rstrip()) > room:
                rows.append([])
                used, word = 0, word.lstrip()
            rows[-1].append(Span(word, span.style))
            used += len(word)
    return [
        crop(Line((Span(indent), column(name if at == 0 else "", columns, "muted"), *row), target), width)
        for at, row in enumerate(rows)
    ]


def _words(text: str) -> list[str]:
    """Words, each with the space before it."""
    found, at = [], 0
    while at < len(text):
        end = text.find(" ", at + 1)
        end = len(text) if end < 0 else end
        found.append(text[at:end])
        at = end
    return found


def stages(name: str, found: InstructionView, width: int, opened: Collection[str]) -> list[Line]:
    told = found.told
    lines: list[Line] = []
    if found.fetch is not None:
        lines += fetch(found.fetch, f"{name}.fetch", width, opened)
    lines += decoding(found, width)
    if told.operands:
        lines += stage("reads", register_spans([(each.name, each.value) for each in told.operands]), width)
    for at, access in enumerate(found.accesses):
        lines += data(access, f"{name}.{at}", width, opened)
    if told.more_accesses:
        lines += labelled("", f"and {numbers.plural(told.more_accesses, 'access')} more", width, "muted")
    if told.operation:
        lines += labelled("does", told.operation, width)
    lines += results(found, width)
    if told.uncertain:
        lines += labelled("unsure", told.uncertain, width, "warning")
    return lines


def fetch(access: AccessView, key: str, width: int, opened: Collection[str]) -> list[Line]:
    """One sentence where all is well; everything where it is opened, or where there is something to see."""
    told = access.told
    is_noteworthy = told.fault is not None or told.hit is not None or told.is_stale
    opens = is_open(key, opened)
    sign = Span(f"{OPEN if opens or is_noteworthy else FOLDED} ", "muted")
    where = told.located
    spans = [sign, Span(numbers.address(told.request.va), "address")]
    if where is not None:
        pa = "" if int(where.pa) == int(told.request.va) else f" {numbers.address(where.pa)}"
        spans += [Span(" → ", "muted"), Span(f"{where.pas.label}{pa}", space_style(where.pas.label))]
        if where.pas is PAS.REALM:  # a MECID means something there only
            spans += [Span(" "), Span(numbers.mecid(where.mecid, where.source), mecid_style(where.mecid))]
    lines = stage("fetch", spans, width, Target(TargetKind.FOLD, key))
    return [*lines, *checks(access, key, width, opened)] if opens or is_noteworthy else lines


def decoding(found: InstructionView, width: int) -> list[Line]:
    told = found.told
    if told.word is None:
        return []
    spans = [Span(f"{told.word:08x} ", "value")]
    if not told.encoding:
        return stage("decode", [*spans, Span("is no instruction of this machine", "fault")], width)
    spans.append(Span(told.encoding.replace("_", " "), "strong"))
    if told.feature:
        spans.append(Span(f" of {told.feature}", "muted"))
    for name, value in told.fields:
        if name not in _FIELDS_HIDDEN:
            spans += [Span(f" {name}", "muted"), Span(f"={numbers.short(value)}", "value")]
    return stage("decode", spans, width)


def register_spans(registers: list[tuple[str, int]]) -> list[Span]:
    spans: list[Span] = []
    for name, value in registers:
        spans += [Span(f"{' ' if spans else ''}{name}", "register"), Span(f"={numbers.short(value)}", "value")]
    return spans


def data(access: AccessView, key: str, width: int, opened: Collection[str]) -> list[Line]:
    told = access.told
    request = told.request
    spans = [
        Span(numbers.plural(told.size or request.size, "byte"), "text"),
        Span(" at ", "muted"),
        Span(numbers.address(request.va), "address"),
        Span(f" {access.symbol}" if access.symbol else "", "symbol"),
    ]
    if request.el != request.regime.el and request.unprivileged:
        spans.append(Span(" as EL0", "muted"))
    lines = stage(request.access.value, spans, width, Target(TargetKind.VIRTUAL, request.va))
    return [*lines, *checks(access, key, width, opened)]


def checks(access: AccessView, key: str, width: int, opened: Collection[str]) -> list[Line]:
    """Translation, permission, granule protection, MECID, owner, value: in the order in which hardware asks."""

    def row(name: str, spans: list[Span], target: Target | None = None) -> list[Line]:
        return stage(name, spans, width, target, indent="    ")

    told = access.told
    walk, where, fault = told.walk, told.located, told.fault
    lines = row("walk", walk_spans(told, key, opened), Target(TargetKind.FOLD, f"{key}.walk"))
    if is_open(f"{key}.walk", opened):
        for at, step in enumerate(walk.steps):
            lines += render_walk.step_lines(step, f"{key}.walk.{at}", width, opened, 3)
        if walk.stage2:
            of = "the final IPA"
            lines += render_walk.substeps(walk.stage2, f"{key}.walk.stage2", of, width, opened, 3)
    if told.entry is not None:
        filled = told.entry.filled_at
        when = "" if filled is None else f", filled at #{numbers.count(filled.instruction)} by {access.filled_by}"
        if told.is_stale:
            says = render_walk.destination(walk)
            lines += row("TLB", [Span(f"serves it{when}: STALE, the tables say: {says}", "stale")])
        else:
            lines += row("TLB", [Span(f"serves it{when}", "text")])
    if fault is not None:
        level = "" if fault.kind is FaultKind.ALIGNMENT else f", level {fault.level}"
        lines += row("FAULT", [Span(f"{fault.kind.value}{level}: {numbers.written_alike(fault.reason)}", "fault")])
        return lines
    if where is None:
        return lines
    allowed = render_walk.allowed_text(where.translation)
    lines += row("allows", [Span(f"{allowed}; {where.attributes.text}", "text")])
    if walk.gpc is not None:
        gpc = walk.gpc
        lines += row("GPC", [Span(render_walk.gpc_text(gpc), "ok" if gpc.enabled else "muted")])
    lines += row("goes to", [
        Span(f"{where.pas.label} ", space_style(where.pas.label)), Span(numbers.address(where.pa), "address"),
    ], Target(TargetKind.PHYSICAL, where.pa))  # fmt: skip
    source = f" from {where.source.value}" if where.source.value != "0" else ""
    lines += row("MECID", [
        Span(str(where.mecid), mecid_style(where.mecid)), Span(source, "register"),
        Span(f": {where.translation.why}" if where.translation.why else "", "muted"),
    ])  # fmt: skip
    lines += row("owner", owner_spans(told))
    if told.value is not None:
        lines += row("value", value_spans(told))
    return lines


def walk_spans(told: AccessTold, key: str, opened: Collection[str]) -> list[Span]:
    walk = told.walk
    if not walk.stage1_enabled and not walk.stage2_enabled:
        return [Span("no MMU: the address is physical", "muted")]
    count = len(walk.steps) + len(walk.stage2) + sum(len(step.stage2) for step in walk.steps)
    sign = OPEN if is_open(f"{key}.walk", opened) else FOLDED
    both = {(True, True): "both stages", (True, False): "stage 1", (False, True): "stage 2"}
    on = both[walk.stage1_enabled, walk.stage2_enabled]
    whether = "of the tables" if told.entry is None else "if the tables were asked"
    noise = any(step.is_mismatch for step in (*walk.steps, *walk.stage2))
    spans = [Span(f"{sign} ", "muted"), Span(f"{on}, {numbers.plural(count, 'fetch')} {whether}", "text")]
    return [*spans, Span(" with SUBSTITUTED descriptors", "hit")] if noise else spans


def owner_spans(told: AccessTold) -> list[Span]:
    where, before, after = told.located, told.owner_before, told.owner_after
    assert where is not None
    own = (where.pas, where.mecid, 0)
    if told.hit is not None:
        owner = told.hit.owned_by
        return [
            Span(owner_text((owner.pas, owner.mecid, owner.generation)), mecid_style(owner.mecid)),
            Span(f" ≠ {owner_text(own)} ⇒ SUBSTITUTED: reads noise", "hit"),
        ]
    if before is None and after is None:
        return [Span("nobody: every context reads the same", "muted")]
    if before == after and after is not None:
        who = Span(owner_text((after.pas, after.mecid, after.generation)), mecid_style(after.mecid))
        return [who, Span(" the access's own context", "ok")]
    was = "nobody" if before is None else owner_text((before.pas, before.mecid, before.generation))
    now = "nobody" if after is None else owner_text((after.pas, after.mecid, after.generation))
    return [Span(f"{was} → {now}: the store takes the block", "warning" if before is not None else "text")]


def value_spans(told: AccessTold) -> list[Span]:
    assert told.value is not None
    now = value_text(told.value, told.size)
    if told.request.access is not Access.WRITE or told.before is None:
        return [Span(now, "hit" if told.hit else "value")]
    was = value_text(told.before, told.size)
    return [Span(f"{was} → ", "muted"), Span(now, "changed" if told.before != told.value else "value")]


def results(found: InstructionView, width: int) -> list[Line]:
    told = found.told
    lines: list[Line] = []
    for at, each in enumerate(told.changes):
        spans = [
            Span(each.name, "register"),
            Span(f" {numbers.short(each.before)} → ", "muted"),
            Span(numbers.short(each.after), "changed"),
        ]
        lines += stage("result" if at == 0 else "", spans, width)
    taken = told.exception
    if taken is not None:
        lines += labelled("takes", f"{taken.kind}, to EL{taken.to_el}, ESR {taken.esr:#x}", width, "fault")
    where = found.next_label
    spans = [Span(numbers.address(told.next_pc), "address"), Span(f" {where}" if where else "", "symbol")]
    if taken is not None:
        spans.append(Span(f", the vector of EL{taken.to_el}", "muted"))
    lines += stage("goes on", spans, width, Target(TargetKind.VIRTUAL, told.next_pc))
    if told.stop is not None:
        lines += labelled("ends", told.stop.message or f"the run: {told.stop.reason.value}", width, "warning")
    return lines
