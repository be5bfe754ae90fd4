"""Where maintenance by virtual address went before: loops over the lines of a page need one translation for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu import state
from emu import tlb_rows as rows
from emu.architecture import PA, PAS, VA

if TYPE_CHECKING:
    from emu.cpu import Cpu
    from emu.translation.mmu import Located
    from emu.translation.records import Request

_PAGE_SHIFT = 12
_MOST = 1024


class QuickPlaces:
    """Translations of a CPU's reads for maintenance, each for as long as its entry is in the TLB.

    The same entry in the same context gives the same answer, as long as no other entry comes before it: one for a page
    does before a larger one, an older one before a younger one.
    """

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self._known: dict[tuple[int, int, int], tuple[int, int, PAS]] = {}
        """By context, PSTATE.PAN and page: the entry's row and serial, and the address space."""
        self.reached: VA | None = None
        """What was asked about last, if its page is known."""
        self._age = 0
        self.is_enabled = not cpu.mmu.is_forgiving
        """Whether anything is learned. A test that compares switches it off before the first run."""

    def place(self, va: int) -> tuple[PA, PAS] | None:
        """The physical address of one that is known."""
        cpu = self._cpu
        slots, words = cpu.slots, cpu.mmu.tlb.rows.words
        self.reached = None
        known = self._known.get((slots[state.HERE], slots[state.PAN], va >> _PAGE_SHIFT))
        if (
            known is None
            or not slots[state.ACTING]
            or self._age != cpu.contexts.age
            or cpu.synchronisation.watched is not None
        ):
            return None
        at, serial, pas = known
        if words[at + rows.KEY] == rows.UNUSED or words[at + rows.SERIAL] != serial:
            return None
        if words[at + rows.SIZE] != 1 << _PAGE_SHIFT and words[rows.HEADS + (va >> _PAGE_SHIFT & rows.BUCKETS - 1)]:
            return None
        pa = PA(words[at + rows.OUTPUT] + va - words[at + rows.BASE])
        if not cpu.mmu.granules.passes(pa, pas, cpu.security):
            return None
        cpu.mmu.tlb.uses.note((at - rows.ROWS) // rows.ROW)
        self.reached = VA(va)
        return pa, pas

    def learn(self, request: Request, where: Located) -> None:
        """A read for maintenance has gone well."""
        cpu, va = self._cpu, request.va
        if not self.is_enabled or va >> 55 not in (0, 0x1FF) or not cpu.slots[state.ACTING]:
            return
        if self._age != cpu.contexts.age or len(self._known) >= _MOST:
            self._known.clear()
            self._age = cpu.contexts.age
        key = cpu.mmu.tlb_key(request)
        row = None if key is None else cpu.mmu.tlb.find(*key, va)
        if row is None or not cpu.mmu.tlb.holds(row, where.translation) or not cpu.may_keep(va, where):
            return
        at = rows.ROWS + row * rows.ROW
        serial = cpu.mmu.tlb.rows.words[at + rows.SERIAL]
        place = cpu.slots[state.HERE], cpu.slots[state.PAN], va >> _PAGE_SHIFT
        self._known[place] = at, serial, where.pas
        self.reached = va
