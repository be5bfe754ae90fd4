"""One walk of one stage as data: where it begins, the rules it follows, and what it finds."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from emu.architecture import IPA, PAS, Regime, Security
from emu.mec.selection import MecControls
from emu.translation.geometry import Geometry
from emu.translation.records import Fault, FaultKind, GpcResult, Translation, WalkStep

AF = 1 << 10
DBM = 1 << 51
_BIT7 = 1 << 7
"""AP[2] at stage 1, 1 for read-only; S2AP[1] at stage 2, 1 for writable."""


class Nested(Protocol):
    """Translates a table's own address through stage 2.

    `is_write` is about hardware updates of descriptors, which need write permission and make stage 2's leaf dirty.
    """

    def __call__(
        self, ipa: int, ipa_pas: PAS, steps: list[WalkStep] | None, is_write: bool = False
    ) -> Translation | Fault: ...


class Plan(NamedTuple):
    """What a walk needs to know before its first fetch."""

    stage: int
    regime: Regime
    security: Security
    geometry: Geometry
    address: int
    """The input address, without tag."""
    upper: bool
    """VA[55], in a regime with two ranges."""
    table: int
    table_pas: PAS
    table_name: str
    """The register that holds the first table's address."""
    limit: int
    """First address beyond the output size."""
    output_pas: PAS | None
    """Address space of the output, where descriptors do not choose it."""
    mec: MecControls
    nested: Nested | None = None
    """Stage 2 for the tables' own addresses."""
    s1ptw: bool = False
    """A stage-2 walk on behalf of a stage-1 table fetch."""
    ipa_pas: PAS | None = None
    """Of a stage-2 walk: the address space of the input."""
    mair: int = 0
    """Of a stage-1 walk: MAIR_ELx, to put AttrIdx into words."""
    is_forced: bool = False
    """Of a stage-2 walk: HCR_EL2.FWB, to put MemAttr into words."""
    ha: bool = False
    """Hardware sets the Access flag: AF=0 is no fault."""
    hd: bool = False
    """Hardware sets the dirty state: leaves with DBM=1 are writable."""
    shareability: int | None = None
    """Shareability of the output where leaves have no SH field, because of DS."""

    def fault(self, kind: FaultKind, level: int, reason: str, gpc: GpcResult | None = None) -> Fault:
        """A fault of this walk."""
        is_stage2 = self.stage == 2
        ipa = IPA(self.address) if is_stage2 else None
        return Fault(kind, level, reason, is_stage2, self.s1ptw, ipa, gpc, self.ipa_pas)

    def has_writes_enabled(self, descriptor: int) -> bool:
        """Whether DBM makes a leaf writable whatever AP[2] or S2AP[1] says (FEAT_HAFDBS)."""
        return self.hd and bool(descriptor & DBM)

    def is_clean(self, descriptor: int) -> bool:
        """Whether a leaf is writable through DBM and not dirty yet: the first write marks it in the table."""
        return self.has_writes_enabled(descriptor) and bool(descriptor & _BIT7) == (self.stage == 1)

    def settled(self, descriptor: int, is_write: bool) -> int:
        """What hardware makes of a leaf for an access that it allows (mec-reference.md 4.8)."""
        if self.ha:
            descriptor |= AF
        return descriptor ^ _BIT7 if is_write and self.is_clean(descriptor) else descriptor

    def shareability_of(self, descriptor: int) -> int:
        """SH of a leaf's output."""
        return descriptor >> 8 & 3 if self.shareability is None else self.shareability


class Leaf(NamedTuple):
    """The Block or Page descriptor at the end of a walk."""

    descriptor: int
    level: int
    size: int
    """Bytes covered: the leaf's own, or its contiguous run's."""
    base: int
    """Output address of the first of them."""
    pas: PAS
    hierarchy: int
    """OR of the table descriptors on the way: APTable, UXNTable and PXNTable in their places."""
    table_pas: PAS
    """Address space that the leaf was read from."""
    address: int
    """Where in it the descriptor is."""


def output_pas(plan: Plan, descriptor: int, table_pas: PAS) -> PAS:
    """Address space of a leaf's output (mec-reference.md 3.3)."""
    if plan.output_pas is not None:
        return plan.output_pas
    if plan.stage == 2:
        return PAS.NON_SECURE if descriptor >> 55 & 1 else PAS.REALM
    ns = descriptor >> 5 & 1
    if plan.regime is Regime.EL3:
        return PAS((descriptor >> 11 & 1) << 1 | ns)
    if plan.security is Security.REALM:
        return PAS.NON_SECURE if ns else PAS.REALM
    return PAS.NON_SECURE if ns or table_pas == PAS.NON_SECURE else PAS.SECURE
