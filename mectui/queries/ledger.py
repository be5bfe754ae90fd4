"""The ledger of MECIDs: what each owns, who holds it, who ran under it, when it was last stored under."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from emu.architecture import BLOCK, PAGE, PAS
from emu.debug.events import Moment
from emu.mec.writers import COUNT_SHIFT
from mectui.queries.grid import Owner, glyphs
from mectui.queries.history import History, Tenancy
from mectui.queries.labels import label

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    import emu
    from emu.mec.pages import PageTable

SHOWN = 2_000
"""Rows at most; a machine may have used every MECID there is."""
PAGES_READ = 4_096
"""Pages of an owner whose records of last stores are looked through; beyond that the answer would take too long."""


class Standing(Enum):
    """What becomes of a MECID's data; the words are what people read."""

    HELD = "in use"
    WAITING = "waiting"
    ORPHANED = "orphaned"
    IDLE = "owns nothing"
    SPACE = ""
    """Not a MECID: an address space that has none."""


STANDING_MEANS = {
    Standing.HELD: "a register, a TLB entry or accesses without EMEC have it",
    Standing.WAITING: "a VMID that last ran under it may come back",
    Standing.ORPHANED: "it owns memory that nobody can reach any more: the data is lost when it is recycled",
    Standing.IDLE: "something has it, and nothing is stored under it",
}


@dataclass(frozen=True, slots=True)
class Holder:
    """A MECID register that has the number. `is_pending`: written, and no context synchronisation event yet."""

    register: str
    is_pending: bool = False
    is_old: bool = False
    """The register has another number already, and this one acts until the next such event."""


@dataclass(frozen=True, slots=True)
class LedgerRow:
    glyph: str
    owner: Owner
    pages: int
    """Pages most of whose owned blocks are its own."""
    blocks: int
    """Its blocks of 16 bytes, in mixed pages too."""
    key: int
    """Generation of its key now."""
    lost: int
    """Blocks stored under an earlier key: nobody can read them again."""
    holders: tuple[Holder, ...]
    tlb: int
    """TLB entries for Realm memory that would use it now."""
    tenancies: tuple[Tenancy, ...]
    """VMIDs that were entered under it, the latest first."""
    stored: Moment | None
    """The last store under it that memory still has; None where there is none, or too much to look through."""
    stored_by: str
    standing: Standing
    is_exact: bool = True
    """Whether `stored` is known."""


@dataclass(frozen=True, slots=True)
class LedgerView:
    rows: tuple[LedgerRow, ...]
    total: int
    """All that there are; more than are listed when there are very many."""

    @property
    def orphaned(self) -> int:
        return sum(row.standing is Standing.ORPHANED for row in self.rows)


def ledger(machine: emu.Machine, history: History | None = None) -> LedgerView:
    """Every owner of memory, and every MECID that a register holds or a VMID ran under, by number."""
    table = machine.mec.page_table()
    blocks = block_counts(machine, table)
    holders = register_holders(machine)
    owners: set[Owner] = {(who.pas, who.mecid) for who in blocks}
    owners |= {(PAS.REALM, mecid) for mecid in holders}
    if history is not None:
        owners |= {(PAS.REALM, item.tenant.mecid) for item in history.tenancies}
    ordered = sorted(owners, key=lambda owner: (owner[0] is not PAS.REALM, owner[0], owner[1]))
    signs = glyphs(ordered)
    shown = ordered[:SHOWN]
    by_owner: dict[Owner, list[int]] = {}
    counted = Counter[Owner]()
    lost = Counter[Owner]()
    for who, (identity, count) in blocks.items():
        owner = (who.pas, who.mecid)
        by_owner.setdefault(owner, []).append(identity)
        counted[owner] += count
        if who.pas is PAS.REALM and who.generation != machine.mec.generation(who.mecid):
            lost[owner] += count
    always = (PAS.REALM, 0) if has_accesses_without_emec(machine) else None
    rows = []
    for owner in shown:
        pas, mecid = owner
        is_realm = pas is PAS.REALM
        pages, stored, is_exact = pages_of(machine, table, by_owner.get(owner, []))
        held = tuple(holders.get(mecid, ())) if is_realm else ()
        tenancies = history.under(mecid) if is_realm and history is not None else ()
        entries = len(machine.mec.references(mecid).tlb) if is_realm and machine.cpu.features.has_mec else 0
        rows.append(
            LedgerRow(
                glyph=signs[owner],
                owner=owner,
                pages=pages,
                blocks=counted[owner],
                key=machine.mec.generation(mecid) if is_realm else 0,
                lost=lost[owner],
                holders=held,
                tlb=entries,
                tenancies=tenancies,
                stored=stored,
                stored_by="" if stored is None else label(machine, stored.pc),
                standing=standing(owner, counted[owner], bool(held or entries or owner == always), tenancies, history),
                is_exact=is_exact,
            )
        )
    return LedgerView(tuple(rows), len(ordered))


def has_accesses_without_emec(machine: emu.Machine) -> bool:
    """Whether an exception level's accesses to Realm memory have MECID 0 because its EMEC does not act."""
    enables = machine.mec.effective()
    return not (enables["emec_el2"][0] and enables["emec_el3"][0])


def standing(
    owner: Owner, blocks: int, is_held: bool, tenancies: Sequence[Tenancy], history: History | None
) -> Standing:
    """Held beats waiting; what is neither and owns memory is an orphan."""
    if owner[0] is not PAS.REALM:
        return Standing.SPACE
    if is_held:
        return Standing.HELD if blocks else Standing.IDLE
    if history is not None and any(history.is_last_of(item) for item in tenancies):
        return Standing.WAITING
    return Standing.ORPHANED if blocks else Standing.IDLE


def register_holders(machine: emu.Machine) -> dict[int, list[Holder]]:
    """MECID registers by the number they hold or still act with. What nobody wrote since reset holds nothing."""
    found: dict[int, list[Holder]] = {}
    pending = machine.registers.pending()
    unwritten = machine.registers.never_written
    for name, value in machine.mec.registers().items():
        if name == "MECIDR_EL2" or name in unwritten:
            continue
        found.setdefault(value & 0xFFFF, []).append(Holder(name, is_pending=name in pending))
        if name in pending and (acting := pending[name].acting & 0xFFFF) != value & 0xFFFF:
            found.setdefault(acting, []).append(Holder(name, is_old=True))
    return found


def block_counts(machine: emu.Machine, table: PageTable) -> dict[Any, tuple[int, int]]:
    """(owner id, blocks) of every owner with its key generation; mixed pages are counted block by block."""
    import numpy as np

    totals = np.zeros(int(table.owner.max()) + 1 if len(table.owner) else 1, dtype=np.int64)
    pure = ~table.mixed
    summed = np.bincount(table.owner[pure], table.owned_blocks[pure], len(totals)).astype(np.int64)
    totals += summed
    extra: Counter[int] = Counter()
    for pa in table.pa[table.mixed].tolist():
        extra.update(identity for identity in machine.mec.block_owners(pa, PAGE) if identity)
    counts = Counter({identity: int(totals[identity]) for identity in np.flatnonzero(totals).tolist()})
    counts.update(extra)
    return {machine.mec.owner(identity): (identity, count) for identity, count in counts.items()}


def pages_of(machine: emu.Machine, table: PageTable, identities: Sequence[int]) -> tuple[int, Moment | None, bool]:
    """(pages of these owner ids, their last store, whether that is known)."""
    import numpy as np

    mine = np.isin(table.owner, identities) if identities else np.zeros(len(table.pa), dtype=np.bool_)
    count = int(mine.sum())
    if not count:
        return 0, None, not identities
    if count > PAGES_READ:
        return count, None, False
    return count, last_store(machine, table.pa[mine], identities), True


def last_store(machine: emu.Machine, pages: NDArray[np.int64], identities: Sequence[int]) -> Moment | None:
    """The latest record of a store among the blocks of these pages that these ids own."""
    import numpy as np

    memory = machine.memory
    starts = np.array([memory.ram_offset(int(pa)) for pa in pages], dtype=np.int64) // BLOCK
    every = (starts[:, None] + np.arange(PAGE // BLOCK)).ravel()
    tags = np.frombuffer(memory.tags, dtype=np.uint32)[every]
    own = every[np.isin(tags & (1 << 31) - 1, identities)]
    if not len(own):
        return None
    counts = np.frombuffer(memory.writers, dtype=np.uint64)[own * 2] >> np.uint64(COUNT_SHIFT)
    at = int(own[int(counts.argmax())]) * BLOCK
    return memory.encrypted.last_writer(at)


def ledger_json(view: LedgerView) -> list[dict[str, Any]]:
    """What `mectui mec --json` prints of it; names here are a contract."""
    return [
        {
            "pas": row.owner[0].label,
            "mecid": row.owner[1],
            "pages": row.pages,
            "blocks": row.blocks,
            "key_generation": row.key,
            "lost_blocks": row.lost,
            "registers": [
                {"name": item.register, "pending": item.is_pending, "acting_until_synchronised": item.is_old}
                for item in row.holders
            ],
            "tlb_entries": row.tlb,
            "vmids": [
                {
                    "vmid": item.tenant.vmid,
                    "register": item.tenant.register,
                    "times": item.times,
                    "last_instruction": item.last.instruction,
                }
                for item in row.tenancies
            ],
            "last_stored": None
            if row.stored is None
            else {"instruction": row.stored.instruction, "pc": f"{row.stored.pc:#x}", "symbol": row.stored_by},
            "standing": row.standing.value or None,
        }
        for row in view.rows
    ]
