"""One page of physical memory, or one block of it: owner, symbol, last writer, granule protection, mappings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import BLOCK, PAGE, PAS
from emu.debug.events import Moment, Owner
from emu.mec.writers import Writer
from emu.rme.gpt import GPI_NAMES
from mectui.queries.labels import label, line_name
from mectui.queries.mappings import Mapping

if TYPE_CHECKING:
    import emu
    from emu.mec.pages import PageTable

_BLOCKS = PAGE // BLOCK


@dataclass(frozen=True, slots=True)
class Use:
    """A mapping in the TLB that leads here. `is_wrong`: it would not read what the owner stored."""

    mapping: Mapping
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class PageInfo:
    """One page (one block where `is_block`): who owns it, since when, and where in the guest it is."""

    pa: int
    owner: tuple[PAS, int] | None
    generation: int
    is_mixed: bool
    owned_blocks: int
    symbol: str
    writer: Moment | None
    writer_label: str
    source: str = ""
    """Short name of the register that supplied the writer's MECID."""
    current_generation: int = 0
    """The owner's key now: data stored under an earlier one is lost."""
    space: str = ""
    """The granule's address space by the GPT, in words."""
    uses: tuple[Use, ...] = ()
    owners: tuple[tuple[tuple[PAS, int], int], ...] = ()
    """Of a mixed page: its owners and how many blocks each has."""
    is_block: bool = False
    writer_line: str = ""
    """The line of the source that stored last, "mec.c:40", where it is known."""


def page_info(
    machine: emu.Machine,
    pa: int,
    table: PageTable | None = None,
    mapped: Sequence[Mapping] = (),
    *,
    is_block: bool = False,
) -> PageInfo:
    """Everything known about the page (or the block) of a physical address."""
    size = BLOCK if is_block else PAGE
    base = pa & -size
    identities = machine.mec.block_owners(base, size)
    counts = Counter(identity for identity in identities if identity)
    here = [item for item in mapped if item.pa <= base < item.pa + item.size]
    if not counts:
        return PageInfo(
            base, None, 0, False, 0, label(machine, base), None, "", space=space_of(machine, base),
            uses=tuple(Use(item, is_wrong=False) for item in here), is_block=is_block,
        )  # fmt: skip
    first, _ = counts.most_common(1)[0]
    who = machine.mec.owner(first)
    writer = last_writer(machine, base, identities)
    shares: Counter[tuple[PAS, int]] = Counter()
    for identity, count in counts.items():
        owner = machine.mec.owner(identity)
        shares[owner.pas, owner.mecid] += count
    return PageInfo(
        pa=base,
        owner=(who.pas, who.mecid),
        generation=who.generation,
        is_mixed=len(counts) > 1,
        owned_blocks=sum(counts.values()),
        symbol=label(machine, base),
        writer=writer,
        writer_label="" if writer is None else label(machine, writer.pc),
        source="" if writer is None else writer.source.short,
        current_generation=machine.mec.generation(who.mecid) if who.pas is PAS.REALM else who.generation,
        space=space_of(machine, base),
        uses=tuple(Use(item, not is_own(machine, item, who)) for item in here),
        owners=tuple(shares.most_common()) if len(counts) > 1 else (),
        is_block=is_block,
        writer_line="" if writer is None else line_name(machine, writer.pc),
    )


def is_own(machine: emu.Machine, item: Mapping, owner: Owner) -> bool:
    """Whether a mapping reads what this owner stored."""
    context = (PAS.REALM, item.mecid, machine.mec.generation(item.mecid))
    return (owner.pas, owner.mecid, owner.generation) == context


def last_writer(machine: emu.Machine, base: int, identities: Sequence[int]) -> Writer | None:
    """The last store to any of these blocks."""
    found = [machine.mec.last_writer(base + BLOCK * at) for at, identity in enumerate(identities) if identity]
    return max(filter(None, found), key=lambda writer: writer.instruction, default=None)


def space_of(machine: emu.Machine, pa: int) -> str:
    """What the granule protection tables say about an address: "realm", "any", or why they say nothing."""
    with machine.memory.unobserved():
        result = machine.cpu.mmu.granules.look(pa, PAS.ROOT, as_cached=False)
    if not result.enabled:
        return "not checked (GPCCR_EL3.GPC = 0)"
    if result.gpi is None:
        return result.reason
    return GPI_NAMES[result.gpi]
