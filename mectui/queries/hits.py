"""Substituted hits with both sides: who stored the data under which MECID, who asked for it under which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import PAS, Access, MecidSource
from emu.debug.events import Hit
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu


@dataclass(frozen=True, slots=True)
class HitView:
    """One hit, the symbols on both sides, and the step that is probably missing."""

    number: int
    hit: Hit
    where: str
    writer: str
    likely: str


@dataclass(frozen=True, slots=True)
class HitsView:
    hits: tuple[HitView, ...]
    total: int
    """All hits of the run; more than are listed when there are very many."""


def hits(machine: emu.Machine, last: int = 500) -> HitsView:
    """The `last` hits of the run, newest last."""
    everything = machine.mec.hits
    first = max(len(everything) - last, 0)
    views = tuple(
        HitView(
            number=first + at + 1,
            hit=hit,
            where=label(machine, hit.pc),
            writer="" if hit.writer is None else label(machine, hit.writer.pc),
            likely=likely(hit),
        )
        for at, hit in enumerate(everything[first:])
    )
    return HitsView(views, len(everything))


def likely(hit: Hit) -> str:
    """The step that is probably missing, in one clause."""
    owner = hit.owned_by
    if owner.pas is not hit.pas:
        return (
            f"stored through the {owner.pas.label} address space, asked for through {hit.pas.label}: "
            "store it again through the address space it is used in"
        )
    if owner.mecid == hit.mecid:
        return f"the key of MECID {owner.mecid} was refreshed after the store: the new owner must initialise the page"
    if hit.pas is PAS.REALM and hit.source is MecidSource.ZERO:
        return "MEC was off (EMEC = 0) or the mapping had no MECID for this access: enable EMEC before it"
    if hit.source is MecidSource.ZERO:
        return f"the access carries no MECID: use a mapping that carries MECID {owner.mecid}"
    if hit.access is Access.WALK:
        return f"the tables were stored under MECID {owner.mecid}: store them under {hit.source.value}'s ({hit.mecid})"
    return (
        f"set {hit.source.value} to {owner.mecid} (and ISB) before the access, "
        f"or let the new owner store to the page first"
    )
