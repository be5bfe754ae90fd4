"""The page-table walk for one address, with the names people know it by; and what it would be if things were other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from emu.architecture import Access, Regime
from emu.debug.expressions.environment import error_of
from emu.debug.what_if import Supposed, suppose
from emu.errors import EmuError
from emu.translation.records import Request, Walk, WalkStep
from mectui.editing import told
from mectui.queries.disassembly import coming_access
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu


MEMORY, NOTHING = "memory", "nothing"
"""What answers at a physical address, where it is no device."""


class Follow(StrEnum):
    """Whose address the walk pane shows."""

    ACCESS = "last data access"
    PC = "program counter"
    PINNED = "pinned address"
    COMING = "access to come"
    """Of the instruction that is executed next: where somebody went back to it for that."""


@dataclass(frozen=True, slots=True)
class WalkView:
    """A walk, why this address was walked, and the symbol there. `walk` is None where there is nothing to show yet."""

    follow: Follow
    walk: Walk | None
    symbol: str = ""
    suppositions: tuple[str, ...] = ()
    """What is supposed, "TCR2_EL2.AMEC1=0x1": `walk` is what would be then."""
    before: Walk | None = None
    """The walk of the machine as it is, where something is supposed."""
    rejected: tuple[tuple[str, str], ...] = ()
    """Suppositions that make no sense, each with a sentence about why."""
    answers: str = MEMORY
    """What is at the physical address the walk comes to: memory, a device by its name, or nothing."""


def answering(machine: emu.Machine, walk: Walk | None) -> str:
    """What is at the physical address that a walk comes to; where it comes to none, memory would be."""
    if walk is None or walk.pa is None or walk.pas is None or machine.memory.region_of(walk.pa) is not None:
        return MEMORY
    device = machine.memory.device_of(walk.pa, walk.pas)
    return NOTHING if device is None else device.name


def viewed(machine: emu.Machine, follow: Follow, found: Walk) -> WalkView:
    """A walk, with what the machine knows about its two ends."""
    return WalkView(follow, found, label(machine, found.request.va), answers=answering(machine, found))


def walk(
    machine: emu.Machine,
    va: int,
    access: Access = Access.READ,
    el: int | None = None,
    follow: Follow = Follow.PINNED,
    supposed: Sequence[str] = (),
    regime: Regime | None = None,
) -> WalkView:
    """Walks `va` as an access from `el` or in a regime (the current ones by default); changes nothing."""
    found = machine.translate(va, access=access, el=el, regime=regime)
    return supposing(machine, viewed(machine, follow, found), supposed)


def walk_followed(
    machine: emu.Machine, follow: Follow, pinned: Request | None = None, supposed: Sequence[str] = ()
) -> WalkView:
    """The walk for whatever the pane follows; `pinned` is the pinned address, or the last access known so far."""
    if follow is Follow.PC:
        return walk(machine, machine.cpu.pc, Access.FETCH, follow=follow, supposed=supposed)
    request = pinned
    if follow is Follow.ACCESS:
        request = machine.last_access or pinned
    if request is None:
        return supposing(machine, WalkView(follow, None), supposed)
    # The access's own EL and regime: by now the machine may be in another one.
    return supposing(machine, viewed(machine, follow, machine.explain(request)), supposed)


def walk_coming(
    machine: emu.Machine,
    known: tuple[int, Access] | None,
    last: Request | None = None,
    supposed: Sequence[str] = (),
) -> WalkView:
    """The walk of the access that the next instruction makes, `known` or found; the last one's where it makes none."""
    found = known or coming_access(machine)
    if found is None:
        return walk_followed(machine, Follow.ACCESS, last, supposed)
    return walk(machine, *found, follow=Follow.COMING, supposed=supposed)


def supposing(machine: emu.Machine, view: WalkView, texts: Sequence[str]) -> WalkView:
    """The view as it would be if all this were so; what makes no sense is left out and rejected with a sentence."""
    if not texts:
        return view
    supposed, accepted, rejected = Supposed(machine), [], []
    for text in texts:
        try:
            found = suppose(machine, text, view.walk)
            found.apply(supposed)
            accepted.append(found.text)
        except EmuError as error:
            rejected.append((text, error_of(error)))
    if view.walk is None or not accepted:
        return replace(view, suppositions=tuple(accepted), rejected=tuple(rejected))
    after = supposed.explain(supposed.again(view.walk.request))
    return WalkView(
        view.follow, after, view.symbol, tuple(accepted), view.walk, tuple(rejected), answering(machine, after)
    )


def make_real(machine: emu.Machine, texts: Sequence[str], record: Walk | None) -> str:
    """Does what was supposed to the machine itself; says what became what. Raises EmuError."""
    return " ".join(told(suppose(machine, text, record).apply(machine)) for text in texts)


def step_of(record: Walk, key: str) -> WalkStep | None:
    """The descriptor fetch that a fold is called by: "0", "0.stage2.1", "stage2.0"."""
    steps: tuple[WalkStep, ...] = record.steps
    found: WalkStep | None = None
    for part in key.split("."):
        if part == "stage2":
            steps, found = (record.stage2 if found is None else found.stage2), None
        elif part.isdecimal() and len(part) < 10 and int(part) < len(steps):
            found = steps[int(part)]
        else:
            return None
    return found


def differing(before: Walk, after: Walk) -> frozenset[str]:
    """The keys of the fetches in `after` that are not the same in `before`."""
    found: set[str] = set()

    def look(old: tuple[WalkStep, ...], new: tuple[WalkStep, ...], prefix: str) -> None:
        for at, step in enumerate(new):
            was = old[at] if at < len(old) else None
            if was is None or essence(was) != essence(step):
                found.add(f"{prefix}{at}")
            look(() if was is None else was.stage2, step.stage2, f"{prefix}{at}.stage2.")

    look(before.steps, after.steps, "")
    look(before.stage2, after.stage2, "stage2.")
    return frozenset(found)


def essence(step: WalkStep) -> tuple[object, ...]:
    """What makes two fetches the same: place, value, context, verdict, and what they led to."""
    gpc = None if step.gpc is None else (step.gpc.enabled, step.gpc.failure, step.gpc.gpi)
    return (
        step.stage, step.level, step.regime, step.pa, step.pas, step.descriptor, step.kind, step.mecid, step.source,
        gpc, step.is_mismatch, step.next_address, step.outcome, step.fields,
    )  # fmt: skip
