"""The page-table walk for one address, with the names people know it by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from emu.architecture import Access
from emu.translation.records import Request, Walk
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu


class Follow(StrEnum):
    """Whose address the walk pane shows."""

    ACCESS = "last data access"
    PC = "program counter"
    PINNED = "pinned address"


@dataclass(frozen=True, slots=True)
class WalkView:
    """A walk, why this address was walked, and the symbol there. `walk` is None where there is nothing to show yet."""

    follow: Follow
    walk: Walk | None
    symbol: str = ""


def walk(
    machine: emu.Machine, va: int, access: Access = Access.READ, el: int | None = None, follow: Follow = Follow.PINNED
) -> WalkView:
    """Walks `va` as an access from `el` (the current one by default); changes nothing."""
    return WalkView(follow, machine.translate(va, access=access, el=el), label(machine, va))


def walk_followed(machine: emu.Machine, follow: Follow, pinned: Request | None = None) -> WalkView:
    """The walk for whatever the pane follows; `pinned` is the pinned address, or the last access known so far."""
    if follow is Follow.PC:
        return walk(machine, machine.cpu.pc, Access.FETCH, follow=follow)
    request = pinned
    if follow is Follow.ACCESS:
        request = machine.last_access or pinned
    if request is None:
        return WalkView(follow, None)
    # The access's own EL and regime: by now the machine may be in another one.
    return WalkView(follow, machine.explain(request), label(machine, request.va))
