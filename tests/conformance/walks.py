"""Which encryption contexts a walk's descriptor fetches used: as the walk's records tell, and as real walks show."""

from __future__ import annotations

from emu import PAS, Hit, MecidSource
from emu.architecture import Access
from emu.translation.records import WalkStep
from tests.conformance.board import Board


def fetches(board: Board, va: int, access: str = "read") -> list[tuple[int, int, MecidSource]]:
    """(stage, MECID, the register it came from) of every descriptor fetch of Realm memory, in order."""
    walk = board.machine.translate(va, access)
    steps: list[WalkStep] = []
    for step in walk.steps:
        steps += [*step.stage2, step]
    steps += walk.stage2
    assert steps
    assert all(step.pas is PAS.REALM for step in steps)
    return [(step.stage, step.mecid, step.source) for step in steps]


def walk_hits(board: Board) -> list[Hit]:
    """Descriptor fetches, made for accesses that really happened, that saw noise."""
    return [hit for hit in board.hits if hit.access is Access.WALK]
