"""The TLB's entries for stage 2 alone, as the walker uses them."""

from __future__ import annotations

from collections.abc import Callable

from emu.architecture import PAS, Regime, Security
from emu.debug.events import Moment
from emu.tlb_rows import tag_of
from emu.translation.controls import vmid_of
from emu.translation.records import Translation
from emu.translation.regimes import RegisterView
from emu.translation.tlb import Tlb
from emu.translation.tlb_entry import TlbEntry, space_of
from emu.translation.tlbi import Stages


class TlbStage2:
    """Stage-2 translations of the current VMID. Without `now` it only looks and keeps nothing.

    A forgiving one keeps translations and never serves them.
    """

    def __init__(
        self, tlb: Tlb, regs: RegisterView, now: Callable[[], Moment] | None, *, is_forgiving: bool = False
    ) -> None:
        self._tlb = tlb
        self._is_forgiving = is_forgiving
        self._regs = regs
        self._now = now

    def stage2(self, security: Security, ipa: int, ipa_pas: PAS) -> Translation | None:
        """The cached translation of an intermediate address."""
        if self._is_forgiving:
            return None
        row = self._row(security, ipa, ipa_pas)
        if row is None:
            return None
        if self._now is not None:
            self._tlb.uses.note(row)
        return self._tlb.translation_of(row)

    def keep_stage2(self, security: Security, ipa_pas: PAS, translation: Translation) -> None:
        """Cache a translation that has served an access, unless it is the cached one itself."""
        if self._now is None:
            return
        row = self._row(security, translation.va_base, ipa_pas)
        if row is not None:
            held = self._tlb.entry_of(row)
            if held.translation is translation:
                return
            if self._is_forgiving and held.translation == translation:
                self._tlb.uses.note(row)
                return
            if self._is_forgiving or held.translation.is_stage2_clean:  # the leaf has been marked dirty since
                self._tlb.remove(held)
        self._tlb.insert(
            TlbEntry(Stages.STAGE2, Regime.EL10, security, self._vmid(), None, translation, self._now(), ipa_pas)
        )

    def _row(self, security: Security, ipa: int, ipa_pas: PAS) -> int | None:
        space = space_of(Stages.STAGE2, Regime.EL10, security)
        return self._tlb.find(space, tag_of(self._vmid(), None, ipa_pas), ipa)

    def _vmid(self) -> int:
        return vmid_of(self._regs["VTTBR_EL2"], self._regs["VTCR_EL2"])
