"""What a translation tells: step records for people, results and faults for the CPU. Immutable, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from emu.architecture import IPA, PA, PAS, VA, Access, MecidSource, Regime, Security


@dataclass(frozen=True, slots=True)
class Request:
    """One access to translate. `el` is the EL the access counts as (0 for LDTR/STTR at EL1), `size` in bytes."""

    va: VA
    access: Access
    el: int
    regime: Regime
    security: Security
    size: int = 1
    unprivileged: bool = False
    is_at: bool = False
    """An address translation instruction: no PAN unless asked for, no alignment, no check of the final granule."""
    honours_pan: bool = False
    """PSTATE.PAN is 1 and this kind of access is subject to it."""
    is_cache_maintenance: bool = False
    is_aligned_only: bool = False
    """Exclusive, atomic, acquire/release: an address that is not aligned faults whatever SCTLR_ELx.A says."""
    alignment: int = 0
    """The alignment in bytes that counts, where it is not `size`."""
    is_zeroing: bool = False
    """DC ZVA: a write that takes an Alignment fault on Device memory however it is aligned."""
    ignores_permissions: bool = False
    """AT S1ExA (FEAT_ATS1A): no permission checks of the final address."""

    @property
    def is_dirtying(self) -> bool:
        """A write that makes hardware set the dirty state: not by AT, DC or IC."""
        return self.access is Access.WRITE and not (self.is_at or self.is_cache_maintenance)


class FaultKind(Enum):
    """Kinds of fault and the FSC base each has (Arm ARM, ISS encoding for an exception from a Data Abort)."""

    ADDRESS_SIZE = "address size fault"
    TRANSLATION = "translation fault"
    ACCESS_FLAG = "access flag fault"
    PERMISSION = "permission fault"
    EXTERNAL = "synchronous external abort"
    EXTERNAL_WALK = "synchronous external abort on a table walk"
    ALIGNMENT = "alignment fault"
    GPC_WALK = "granule protection fault on a table walk"
    GPC = "granule protection fault"


class GpcFailure(Enum):
    """Outcome of a failed granule protection check, with the GPCSC code (bits [5:1]; bit 0 is the level)."""

    ADDRESS_SIZE = 0b00000
    WALK = 0b00010
    FAIL = 0b00110
    EXTERNAL = 0b01010


@dataclass(frozen=True, slots=True)
class GpcResult:
    """One granule protection check. `failure` is None when the access may go on."""

    pa: PA
    pas: PAS
    enabled: bool
    level: int = 0
    gpi: int | None = None
    failure: GpcFailure | None = None
    entries: tuple[tuple[int, int, int], ...] = ()
    """What was read: (level, address of the entry, its value)."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a translation failed, with everything a syndrome needs."""

    kind: FaultKind
    level: int
    reason: str
    """One clause for people: the exact check that failed."""
    second_stage: bool = False
    s1ptw: bool = False
    ipa: IPA | None = None
    gpc: GpcResult | None = None
    ipa_pas: PAS | None = None
    """Address space of `ipa`; matters in Secure state, where HPFAR_EL2.NS reports it."""
    va: VA | None = None
    """Where it differs from the request's address (second part of an access that crosses a page)."""


@dataclass(frozen=True, slots=True)
class DescriptorField:
    """One field of a descriptor: its name in the manual, its value, what that means here."""

    name: str
    value: int
    meaning: str


@dataclass(frozen=True, slots=True)
class WalkStep:
    """One descriptor fetch."""

    stage: int
    level: int
    regime: Regime
    table: int
    """Base address of the table: a PA, or an IPA where stage 2 applies."""
    table_source: str
    """Register the base came from at the first level ("TTBR0_EL1"), else "level n descriptor"."""
    index: int
    index_high: int
    index_low: int
    """Bits [high:low] of the input address that make the index."""
    address: int
    """Address of the descriptor in the table's address space (IPA where stage 2 applies)."""
    pa: PA | None
    """Its physical address; None when stage 2 or the GPC failed before it was known."""
    pas: PAS | None
    descriptor: int | None
    """The value read, as the walk saw it (noise if the MECID did not match)."""
    kind: str
    """"table", "block", "page", "invalid" or "not read"."""
    fields: tuple[DescriptorField, ...]
    mecid: int
    source: MecidSource
    why: str
    """The chain of registers and enables that chose the MECID, in words."""
    gpc: GpcResult | None
    owner: tuple[PAS, int, int] | None
    """(PAS, MECID, generation) that owns the descriptor's bytes; None when nobody does."""
    is_mismatch: bool
    """The context of the fetch is not the owner's: the descriptor is noise."""
    next_address: int | None
    """Next table, or output address of the leaf."""
    outcome: str
    """In words: what this step led to."""
    stage2: tuple[WalkStep, ...] = ()
    """The walk that translated this step's own address."""


@dataclass(frozen=True, slots=True)
class Permissions:
    """What the translation allows at the privilege of the request's regime."""

    priv_read: bool
    priv_write: bool
    priv_execute: bool
    unpriv_read: bool
    unpriv_write: bool
    unpriv_execute: bool


@dataclass(frozen=True, slots=True)
class MemoryAttributes:
    """Type and shareability of the final access. `is_device` decides alignment and caching."""

    is_device: bool
    mair: int
    """The attribute byte in MAIR form, as PAR_EL1.ATTR reports it."""
    shareability: int
    is_forced: bool = field(default=False, compare=False)
    """Stage 2 made it Write-Back (FEAT_S2FWB, MemAttr 110): SCTLR_EL1.C and I, which are stage 1's, have no say."""

    @property
    def text(self) -> str:
        if self.is_device:
            return "Device-" + ("nGnRnE", "nGnRE", "nGRE", "GRE")[(self.mair >> 2) & 3]
        return {0x44: "Normal NC", 0xFF: "Normal WB", 0xBB: "Normal WT"}.get(self.mair, f"Normal {self.mair:#04x}")


@dataclass(frozen=True, slots=True)
class Translation:
    """A successful translation of one page (or larger) of addresses: the content of a TLB entry."""

    va_base: VA
    size: int
    """Bytes covered from va_base: the smaller of both stages' leaves."""
    pa_base: PA
    pas: PAS
    permissions: Permissions
    stage2_permissions: Permissions | None
    attributes: MemoryAttributes
    source: MecidSource
    """Register that supplies the MECID of an access through this translation."""
    why: str
    level: int
    stage2_level: int | None = None
    is_global: bool = True
    ipa_base: IPA | None = None
    ipa_pas: PAS | None = None
    """Address space of `ipa_base`."""
    amec: int = 0
    emec: bool = False
    """The effective EMEC when the translation was made (a TLB may keep it)."""
    mecen: bool = True
    """SCR_EL3.MECEn when the translation was made, kept as EMEC is: without it the EL2 MECID registers count as 0."""
    stage1_is_device: bool = False
    """Stage 1 by itself gives Device memory, which decides the order of Alignment and Permission faults."""
    is_clean: bool = False
    """Stage 1's leaf is writable but not dirty yet: the first write goes back to the tables (FEAT_HAFDBS)."""
    is_stage2_clean: bool = False
    """The same of stage 2's leaf."""
    is_guarded: bool = False
    """FEAT_BTI: stage 1 marks the memory as guarded (GP): indirect branches into it need a landing pad."""
    stage1_size: int | None = None
    """Bytes of stage 1's leaf (or contiguous run) where stage 2 joined in: a TLBI by VA of any of them is meant."""
    stage2_memattr: int | None = None
    """Of a translation of stage 2 alone, whose `va_base` is an IPA: SH and MemAttr[3:0] of the leaf, side by side."""

    @property
    def is_write_pending(self) -> bool:
        """Whether a write, though allowed, first has to mark a leaf dirty in the tables."""
        return self.is_clean or self.is_stage2_clean


@dataclass(frozen=True, slots=True)
class Walk:
    """The whole story of one address: what `Machine.translate`, `mectui walk` and the walk pane show."""

    request: Request
    steps: tuple[WalkStep, ...]
    translation: Translation | None
    fault: Fault | None
    pa: PA | None
    pas: PAS | None
    mecid: int
    source: MecidSource
    why: str
    gpc: GpcResult | None
    owner: tuple[PAS, int, int] | None
    """Who owns the bytes at the final address; None when nobody does or there is no final address."""
    is_mismatch: bool
    stage1_enabled: bool
    stage2_enabled: bool
    summary: str
    """One sentence: where the address goes under which MECID, or the exact reason why it does not."""
    stage2: tuple[WalkStep, ...] = ()
    """Stage-2 walk of the final intermediate address."""
