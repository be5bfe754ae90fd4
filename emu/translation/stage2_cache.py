"""The TLB's entries for stage 2 alone, as the walker uses them."""

from __future__ import annotations

from collections.abc import Callable

from emu.architecture import PAS, Regime, Security
from emu.debug.events import Moment
from emu.translation.controls import vmid_of
from emu.translation.records import Translation
from emu.translation.regimes import RegisterView
from emu.translation.tlb import Tlb, TlbEntry
from emu.translation.tlbi import Stages


class TlbStage2:
    """Stage-2 translations of the current VMID. Without `now` it only looks and keeps nothing."""

    def __init__(self, tlb: Tlb, regs: RegisterView, now: Callable[[], Moment] | None) -> None:
        self._tlb = tlb
        self._regs = regs
        self._now = now

    def stage2(self, security: Security, ipa: int, ipa_pas: PAS) -> Translation | None:
        """The cached translation of an intermediate address."""
        entry = self._tlb.lookup(Stages.STAGE2, Regime.EL10, security, self._vmid(), None, ipa, ipa_pas)
        return None if entry is None else entry.translation

    def keep_stage2(self, security: Security, ipa_pas: PAS, translation: Translation) -> None:
        """Cache a translation that has served an access, unless it is the cached one itself."""
        if self._now is None or self.stage2(security, translation.va_base, ipa_pas) is translation:
            return
        self._tlb.insert(
            TlbEntry(Stages.STAGE2, Regime.EL10, security, self._vmid(), None, translation, self._now(), ipa_pas)
        )

    def _vmid(self) -> int:
        return vmid_of(self._regs["VTTBR_EL2"], self._regs["VTCR_EL2"])
