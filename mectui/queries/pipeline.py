"""One instruction, stage by stage: what the next one will do, and what the last one did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.debug.explanation import Explanation
from emu.debug.watched import AccessTold
from emu.state import MASK64
from mectui.queries.decode import decode
from mectui.queries.labels import label
from mectui.queries.report import walk_json

if TYPE_CHECKING:
    import emu


@dataclass(frozen=True, slots=True)
class InstructionView:
    """An explanation with the names people know things by."""

    told: Explanation
    text: str
    """The instruction as a disassembler writes it; "" where it cannot be fetched."""
    where: str
    """Symbol of its address."""
    fetch: AccessView | None
    accesses: tuple[AccessView, ...]
    next_label: str


@dataclass(frozen=True, slots=True)
class AccessView:
    told: AccessTold
    symbol: str
    filled_by: str
    """Symbol of the instruction that filled the TLB entry that served it, or ""."""


@dataclass(frozen=True, slots=True)
class PipelineView:
    """`last` is None unless the instruction before was explained before it was executed: after a single step."""

    next: InstructionView
    last: InstructionView | None = None


def pipeline(machine: emu.Machine, seen: Iterable[Explanation] = ()) -> PipelineView:
    """What the next instruction will do, found out without executing it.

    `seen` are explanations of before: if one is of the instruction that brought the machine here, it is what the last
    one did.
    """
    cpu = machine.cpu
    last = next(
        (
            told
            for told in seen
            if told.moment.instruction + 1 == machine.instructions and told.next_pc == cpu.pc and not told.uncertain
        ),
        None,
    )
    return PipelineView(view(machine, machine.explain_next()), None if last is None else view(machine, last))


def view(machine: emu.Machine, told: Explanation) -> InstructionView:
    pc = told.moment.pc
    text = ""
    if told.word is not None:
        decoded = decode(told.word, pc)
        text = f"{decoded.mnemonic} {decoded.operands}".strip()
    return InstructionView(
        told,
        text,
        label(machine, pc),
        None if told.fetch is None else access_view(machine, told.fetch),
        tuple(access_view(machine, each) for each in told.accesses),
        label(machine, told.next_pc),
    )


def access_view(machine: emu.Machine, told: AccessTold) -> AccessView:
    filled = None if told.entry is None else told.entry.filled_at
    by = "" if filled is None else label(machine, filled.pc) or f"{filled.pc:#x}"
    return AccessView(told, label(machine, told.request.va & MASK64), by)


# --- JSON ---------------------------------------------------------------------------------------------------------


def pipeline_json(found: InstructionView) -> dict[str, Any]:
    """What `mectui step --json` prints; names here are a contract."""
    told = found.told
    taken = told.exception
    return {
        "schema": 1,
        "instruction": told.moment.instruction,
        "pc": f"{told.moment.pc:#x}",
        "symbol": found.where,
        "el": told.moment.el,
        "security": told.moment.security.label,
        "fetch": None if found.fetch is None else _access_json(found.fetch),
        "word": None if told.word is None else f"{told.word:#010x}",
        "text": found.text,
        "encoding": told.encoding,
        "feature": told.feature,
        "fields": dict(told.fields),
        "operation": told.operation,
        "operands": {each.name: f"{each.value:#x}" for each in told.operands},
        "accesses": [_access_json(each) for each in found.accesses],
        "more_accesses": told.more_accesses,
        "changes": [
            {"name": each.name, "before": f"{each.before:#x}", "after": f"{each.after:#x}"} for each in told.changes
        ],
        "exception": None
        if taken is None
        else {
            "to_el": taken.to_el,
            "class": taken.ec,
            "syndrome": f"{taken.esr:#x}",
            "address": f"{taken.far:#x}",
            "kind": taken.kind,
        },
        "next_pc": f"{told.next_pc:#x}",
        "ends": None if told.stop is None else told.stop.reason.value,
        "uncertain": told.uncertain or None,
    }


def _access_json(found: AccessView) -> dict[str, Any]:
    told = found.told
    where, entry = told.located, told.entry
    return {
        "access": told.request.access.value,
        "va": f"{told.request.va:#x}",
        "symbol": found.symbol,
        "size": told.size or told.request.size,
        "walk": walk_json(told.walk),
        "tlb_entry": None
        if entry is None
        else {
            "filled_at": None if entry.filled_at is None else entry.filled_at.instruction,
            "filled_by": found.filled_by,
            "stale": told.is_stale,
        },
        "goes_to": None
        if where is None
        else {
            "pa": f"{where.pa:#x}",
            "pas": where.pas.label,
            "mecid": where.mecid,
            "source": where.source.value,
        },
        "fault": None if told.fault is None else {"kind": told.fault.kind.value, "reason": told.fault.reason},
        "value": None if told.value is None else f"{told.value:#x}",
        "before": None if told.before is None else f"{told.before:#x}",
        "owner_before": _owner_json(told.owner_before),
        "owner_after": _owner_json(told.owner_after),
        "substituted": told.hit is not None,
    }


def _owner_json(owner: Any) -> dict[str, Any] | None:
    if owner is None:
        return None
    return {"pas": owner.pas.label, "mecid": owner.mecid, "generation": owner.generation}
