"""Bytes of memory as some context sees them, with the owner of every 16-byte block."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from emu.architecture import BLOCK, PAGE, PAS, MecidSource
from emu.errors import EmuError
from mectui.queries.labels import label
from mectui.queries.needle import Find, Found, everywhere, find
from mectui.queries.page import space_of

if TYPE_CHECKING:
    import emu

MASK64 = (1 << 64) - 1


class Eyes(StrEnum):
    """Through whose eyes memory is read."""

    CONTEXT = "as seen now"
    OWNER = "owner's plaintext"
    MECID = "as MECID"
    RAW = "raw"
    """What a probe on the memory bus would see: every block encrypted under its owner's key."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns a block. `is_foreign`: the current context would not read what was stored."""

    pas: PAS
    mecid: int
    is_foreign: bool = False


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One block of 16 bytes. `data` is None where the address leads nowhere; `pa` is None where it is unknown."""

    address: int
    pa: int | None
    data: bytes | None
    owner: Ownership | None
    symbol: str = ""
    changed: frozenset[int] = frozenset()
    """Which of the bytes changed since the last stop."""
    found: frozenset[int] = frozenset()
    """Which of the bytes belong to what is searched for."""


@dataclass(frozen=True, slots=True)
class PageLine:
    """What is known about a page that begins in the view: where it is, whose it is, by which MECID it is reached."""

    address: int
    pa: int | None
    owners: tuple[tuple[PAS, int], ...]
    """Those of its blocks, the commonest first."""
    space: str
    """The granule's address space by the GPT, in words."""
    mapping: tuple[int, MecidSource] | None = None
    """The MECID of an access by the present context, and the register that supplies it; None for physical views."""
    problem: str = ""
    """Why the page is not mapped."""


@dataclass(frozen=True, slots=True)
class MemoryView:
    start: int
    is_physical: bool
    eyes: Eyes
    mecid: int
    """The MECID of `Eyes.MECID`."""
    where: str
    rows: tuple[MemoryRow, ...]
    problem: str = ""
    """Why the first row has no data, in words."""
    pages: tuple[PageLine, ...] = ()
    """The pages that begin in the view."""
    found: Found | None = None
    """The answer to a search."""
    is_plain: bool = False
    """Nothing is encrypted in this model: raw memory is the owner's plaintext."""


def memory(
    machine: emu.Machine,
    start: int,
    rows: int,
    *,
    is_physical: bool = False,
    eyes: Eyes = Eyes.CONTEXT,
    mecid: int = 0,
    before: MemoryView | None = None,
    wanted: bytes = b"",
    sought: Find | None = None,
) -> MemoryView:
    """`rows` blocks from `start` (rounded down to 16 bytes); `before` is the view at the last stop, for changes.

    `wanted` is marked where it occurs; where it is `sought` and found outside the view, the view begins there.
    """
    start &= ~(BLOCK - 1) & MASK64
    known = {row.address: row.data for row in earlier_rows(before, is_physical, eyes, mecid)}
    window = Window(machine, is_physical, eyes, mecid)
    found = None if sought is None else find(machine, Window(machine, is_physical, eyes, mecid), sought)
    if found is not None and found.address is not None and not start <= found.address < start + BLOCK * (rows - 1):
        start = max((found.address & -BLOCK) - BLOCK * (rows // 3), 0)
    built = []
    for at in range(rows):
        address = (start + BLOCK * at) & MASK64
        data, pa, owner = window.block(address)
        old = known.get(address)
        differing = frozenset(i for i in range(BLOCK) if data[i] != old[i]) if data and old else frozenset()
        built.append(MemoryRow(address, pa, data, owner, label(machine, address), differing))
    return MemoryView(
        start,
        is_physical,
        eyes,
        mecid,
        label(machine, start),
        tuple(marked(built, wanted)),
        window.problem,
        tuple(window.page(row.address) for row in built if row.address % PAGE == 0),
        found,
        is_plain=machine.mec_model != "cipher",
    )


def marked(rows: list[MemoryRow], wanted: bytes) -> list[MemoryRow]:
    """The rows with the places of a pattern marked, those across rows too."""
    if not wanted:
        return rows
    data = b"".join(bytes(BLOCK) if row.data is None else row.data for row in rows)
    hits = {at + index for at in everywhere(data, wanted) for index in range(len(wanted))}
    return [
        replace(row, found=frozenset(at - BLOCK * number for at in hits if at // BLOCK == number)) if row.data else row
        for number, row in enumerate(rows)
    ]


def earlier_rows(before: MemoryView | None, is_physical: bool, eyes: Eyes, mecid: int) -> tuple[MemoryRow, ...]:
    """The rows of an earlier view that shows memory in the same way; none where it does not."""
    if before is None or (before.is_physical, before.eyes, before.mecid) != (is_physical, eyes, mecid):
        return ()
    return before.rows


class Window:
    """Reads blocks for one view; translates each page once."""

    def __init__(self, machine: emu.Machine, is_physical: bool, eyes: Eyes, mecid: int) -> None:
        self.machine = machine
        self.is_physical = is_physical
        self.eyes = eyes
        self.mecid = mecid
        self.problem = ""
        self._pages: dict[int, tuple[int, PAS, int] | None] = {}

    def block(self, address: int) -> tuple[bytes | None, int | None, Ownership | None]:
        """(bytes, physical address, owner) of the block at `address`."""
        place = self.place(address)
        if place is None:
            return None, None, None
        pa, pas, mecid = place
        try:
            owner = self.machine.mec.owner_of(pa)
            data = self.read(address, pa, pas)
        except EmuError as error:
            self.problem = self.problem or str(error)
            return None, pa, None
        if data is None:
            self.problem = self.problem or "there is no memory at this address"
        if owner is None:
            return data, pa, None
        is_foreign = not self.is_physical and (owner.pas is not pas or owner.mecid != mecid)
        return data, pa, Ownership(owner.pas, owner.mecid, is_foreign)

    def read(self, address: int, pa: int, pas: PAS, size: int = BLOCK) -> bytes | None:
        if self.eyes is Eyes.OWNER:
            return self.machine.read(pa, size)
        if self.eyes is Eyes.MECID:
            return self.machine.mec.view_as(pa, size, PAS.REALM, self.mecid)
        if self.eyes is Eyes.RAW:
            return self.machine.mec.raw(pa, size)
        if self.is_physical:
            return self.machine.mec.view_as(pa, size, pas, 0)
        return self.machine.read_virtual(address, size)

    def page(self, address: int) -> PageLine:
        """The page that begins at an address."""
        if self.is_physical:
            pa, mapping, problem = address, None, ""
        else:
            walk = self.machine.translate(address)
            if walk.pa is None or walk.fault is not None:
                return PageLine(address, None, (), "", problem=walk.summary)
            pa, mapping, problem = int(walk.pa), (walk.mecid, walk.source) if walk.pas is PAS.REALM else None, ""
        counts: Counter[tuple[PAS, int]] = Counter()
        for identity, count in Counter(self.machine.mec.block_owners(pa, PAGE)).items():
            if identity:
                owner = self.machine.mec.owner(identity)
                counts[owner.pas, owner.mecid] += count
        owners = tuple(owner for owner, _ in counts.most_common())
        return PageLine(address, pa, owners, space_of(self.machine, pa), mapping, problem)

    def place(self, address: int) -> tuple[int, PAS, int] | None:
        """(PA, address space, MECID) that the current context reaches `address` with."""
        if self.is_physical:
            return address, self.machine.cpu.security.pas, 0
        page = address & ~(PAGE - 1) & MASK64
        if page not in self._pages:
            walk = self.machine.translate(page)
            if walk.pa is None or walk.pas is None or walk.fault is not None:
                self._pages[page] = None
                self.problem = self.problem or walk.summary
            else:
                self._pages[page] = (walk.pa, walk.pas, walk.mecid)
        found = self._pages[page]
        return None if found is None else (found[0] + address % PAGE, found[1], found[2])


def memory_json(view: MemoryView) -> dict[str, Any]:
    """Everything `mectui memory --json` prints."""
    return {
        "schema": 1,
        "start": f"{view.start:#x}",
        "physical": view.is_physical,
        "eyes": view.eyes.value,
        "mecid": view.mecid if view.eyes is Eyes.MECID else None,
        "problem": view.problem or None,
        "blocks": [
            {
                "address": f"{row.address:#x}",
                "pa": None if row.pa is None else f"{row.pa:#x}",
                "data": None if row.data is None else row.data.hex(),
                "owner": None if row.owner is None else {"pas": row.owner.pas.label, "mecid": row.owner.mecid},
                "foreign": row.owner is not None and row.owner.is_foreign,
                "symbol": row.symbol or None,
            }
            for row in view.rows
        ],
    }
