"""An entry of the TLB: what it translates, where, and for whom; as an object, and as what native code keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from emu import tlb_rows as rows
from emu.architecture import IPA, PA, PAS, VA, Regime, Security
from emu.debug.events import Moment
from emu.tlb_rows import parts_of
from emu.translation.records import Translation
from emu.translation.tlbi import Scope, Stages

_LOW56 = (1 << 56) - 1
_REGIMES = {Regime.EL3: 0, Regime.EL2: 1, Regime.EL20: 2, Regime.EL10: 3}
_STAGES = {Stages.STAGE1: 0, Stages.BOTH: 1, Stages.STAGE2: 2}
SPACE_MASK = (1 << rows.SPACE_BITS) - 1
"""Of a row's KEY: what `space_of` gives."""


@dataclass(frozen=True, slots=True)
class TlbEntry:
    """One cached translation and everything that decides whether it may be used.

    `translation` names the register that supplies the MECID, never its value (mec-reference.md 1.6).
    """

    stages: Stages
    regime: Regime
    security: Security
    vmid: int | None
    """None where no VMID applies."""
    asid: int | None
    """None for a global translation or a regime without ASIDs."""
    translation: Translation
    filled_at: Moment | None = None
    ipa_pas: PAS | None = None
    """Of a stage-2 entry: the address space of its input."""

    @property
    def stage(self) -> str:
        """ "1", "1+2" or "2"."""
        return self.stages.value

    @property
    def base(self) -> int:
        """First input address: a VA, or an IPA for stage 2 alone."""
        return self.translation.va_base

    @property
    def size(self) -> int:
        """Bytes covered."""
        return self.translation.size

    @property
    def leaf(self) -> tuple[int, int]:
        """Input addresses [start, end), without the bits above 55, of the leaf that the entry comes from.

        A combined entry may cover only part of stage 1's leaf; a TLBI by any address of the leaf removes it.
        """
        size = self.translation.stage1_size or self.size
        start = self.base & -size & _LOW56
        return start, start + size

    def is_in(self, scope: Scope) -> bool:
        """Whether a TLBI with this scope removes the entry."""
        if self.regime is not scope.regime or self.security is not scope.security or self.stages not in scope.stages:
            return False
        if scope.vmid is not None and self.vmid != scope.vmid:
            return False
        if self.asid is None:
            if scope.is_global_kept:
                return False
        elif scope.asid is not None and self.asid != scope.asid:
            return False
        if scope.ipa_pas is not None and self.ipa_pas != scope.ipa_pas:
            return False
        if scope.span is None:
            return True
        start, end = self.leaf
        return start < scope.span[1] and scope.span[0] < end


Kept = TlbEntry | tuple[bytes, int, Translation]
"""An entry that has been removed: itself, or rows, its word in them, and the class that it can be made of."""


def space_of(stages: Stages, regime: Regime, security: Security) -> int:
    """Stages, regime and Security state as one small number."""
    return _STAGES[stages] << 4 | _REGIMES[regime] << 2 | security


STAGE2_SPACES = _STAGES[Stages.STAGE2] << 4
"""Spaces from this one on are of stage 2 alone."""
_SPACES = {
    space_of(stages, regime, security): (stages, regime, security)
    for stages in Stages
    for regime in Regime
    for security in Security
}


def revive(kept: Kept) -> TlbEntry:
    """A removed entry as an object."""
    if isinstance(kept, TlbEntry):
        return kept
    words = memoryview(kept[0]).cast("Q")
    return entry_of_row(words, kept[1], kept[2])


def entry_of_row(words: memoryview, at: int, like: Translation) -> TlbEntry:
    """The entry that a row of native code means, the row at word `at`; its leaf is no larger than it is."""
    base, output = VA(words[at + rows.BASE]), PA(words[at + rows.OUTPUT])
    stages, regime, security = _SPACES[words[at] & SPACE_MASK]
    vmid, asid, ipa_pas = parts_of(words[at + rows.TAG])
    place = words[at + rows.PLACE]
    moment = Moment(words[at + rows.INSTRUCTION], VA(words[at + rows.PC]), place & 3, Security(place >> 2))
    size = words[at + rows.SIZE]
    if stages is Stages.STAGE1:
        return TlbEntry(
            stages, regime, security, vmid, asid, replace(like, va_base=base, size=size, pa_base=output), moment
        )
    if stages is Stages.STAGE2:
        second = replace(like, va_base=base, size=size, pa_base=output, ipa_base=IPA(base))
        assert ipa_pas is not None
        return TlbEntry(stages, regime, security, vmid, asid, second, moment, PAS(ipa_pas))
    middle = IPA(words[at + rows.MIDDLE])
    both = replace(like, va_base=base, size=size, pa_base=output, ipa_base=middle, stage1_size=size)
    return TlbEntry(stages, regime, security, vmid, asid, both, moment)
