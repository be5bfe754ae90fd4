"""PSTATE.BTYPE of one CPU and what may be branched to in guarded pages (FEAT_BTI)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu import state
from emu.architecture import Access
from emu.cpu_state import CpuState
from emu.features import Features
from emu.isa.ops import Mode
from emu.translation.mmu import Mmu
from emu.translation.regimes import sctlr_name

if TYPE_CHECKING:
    from emu.cpu import TranslationListener


class BranchTargets(CpuState):
    """Branch target identification."""

    features: Features
    mmu: Mmu
    _listeners: list[TranslationListener]

    @property
    def branch_type(self) -> int:
        """PSTATE.BTYPE. The slot keeps its value until the next branch sets it; only the instruction after counts."""
        slots = self.slots
        if not slots[state.BTYPE] or self.instructions != slots[state.BTYPE_SET] + 1:
            return 0
        return slots[state.BTYPE] if "FEAT_BTI" in self.features.isa else 0

    def set_branch_type(self, target: int, otherwise: int, guarded: int) -> None:
        """PSTATE.BTYPE for the next instruction; the page that this one is fetched from chooses the value."""
        slots = self.slots
        kind = otherwise
        if slots[state.GUARDED]:
            where = self.mmu.look(self._request(slots[state.PC], 4, Access.FETCH, Mode.NORMAL))
            if where is not None and where.translation.is_guarded:
                kind = guarded
            self._check_fetch(target)
        slots[state.BTYPE], slots[state.BTYPE_SET] = kind, self.instructions

    def return_branch_type(self, kind: int) -> None:
        """PSTATE.BTYPE as an exception return brings it back, for the instruction at the PC."""
        slots = self.slots
        slots[state.BTYPE], slots[state.BTYPE_SET] = kind, self.instructions
        if kind:
            self._check_fetch(slots[state.PC])

    def _check_fetch(self, va: int) -> None:
        """Have the next fetch of an address come here, however often engines have seen its page."""
        for listener in self._listeners:
            listener.forget_fetch(va)

    def is_landing_pad(self, word: int, kind: int) -> bool:
        """Whether an instruction in a guarded page may be branched to with this PSTATE.BTYPE."""
        if word & 0xFFFF_FF3F == 0xD503_241F:  # BTI, with bit 6 for calls and bit 7 for jumps
            calls, jumps = word >> 6 & 1, word >> 7 & 1
            return bool((calls and kind != 3) or (jumps and kind != 2))
        if word & 0xFFFF_FFBF == 0xD503_233F:  # PACIASP, PACIBSP
            strict = self.regs[sctlr_name(self.regime)] >> (36 if self.slots[state.EL] else 35) & 1
            return kind != 3 or not strict
        return word & 0xFFE0_001F in (0xD420_0000, 0xD440_0000)  # BRK, HLT
