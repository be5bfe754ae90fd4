"""What each TLBI instruction is about: operations as data, and the entries that an operand names (4.9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from emu.architecture import PAS, Regime, Security
from emu.translation.controls import TCR_NAME, vmid_of
from emu.translation.regimes import (
    HCR_E2H,
    HCR_TGE,
    RegisterView,
    hcr_of,
    is_el2_enabled,
    security_below_el3,
)


class Stages(Enum):
    """What a TLB entry translates through; the values are what people read."""

    __hash__ = object.__hash__  # a member is its only equal; Enum's own is slow

    STAGE1 = "1"
    BOTH = "1+2"
    STAGE2 = "2"


class By(Enum):
    """What an operation matches entries by, beside the regime."""

    __hash__ = object.__hash__

    ALL = "everything"
    VMID = "VMID"
    ASID = "ASID"
    VA = "VA and ASID"
    VA_ANY_ASID = "VA"
    IPA = "IPA"


@dataclass(frozen=True, slots=True, eq=False)
class TlbiOperation:
    """One operation without its shareability suffix. `el` names the regime as the instruction does (E1, E2, E3)."""

    el: int
    by: By
    stages: frozenset[Stages]
    is_range: bool = False
    has_any_vmid: bool = False


_FIRST = frozenset((Stages.STAGE1, Stages.BOTH))
_ANY = frozenset(Stages)
_SECOND = frozenset((Stages.STAGE2,))

OPERATIONS: dict[str, TlbiOperation] = {
    "VMALLE1": TlbiOperation(1, By.VMID, _FIRST),
    "VMALLS12E1": TlbiOperation(1, By.VMID, _ANY),
    "ALLE1": TlbiOperation(1, By.ALL, _ANY, has_any_vmid=True),
    "ASIDE1": TlbiOperation(1, By.ASID, _FIRST),
    "IPAS2E1": TlbiOperation(1, By.IPA, _SECOND),
    "IPAS2LE1": TlbiOperation(1, By.IPA, _SECOND),
    "RIPAS2E1": TlbiOperation(1, By.IPA, _SECOND, is_range=True),
    "RIPAS2LE1": TlbiOperation(1, By.IPA, _SECOND, is_range=True),
    "ALLE2": TlbiOperation(2, By.ALL, _FIRST),
    "ALLE3": TlbiOperation(3, By.ALL, _FIRST),
}
for _el in (1, 2, 3):
    for _name in ("VAE", "VALE"):
        OPERATIONS[f"{_name}{_el}"] = TlbiOperation(_el, By.VA, _FIRST)
        OPERATIONS[f"R{_name}{_el}"] = TlbiOperation(_el, By.VA, _FIRST, is_range=True)
for _name in ("VAAE1", "VAALE1"):
    OPERATIONS[_name] = TlbiOperation(1, By.VA_ANY_ASID, _FIRST)
    OPERATIONS[f"R{_name}"] = TlbiOperation(1, By.VA_ANY_ASID, _FIRST, is_range=True)


_MOST = 4096
"""Decisions that are kept."""


class Scope(NamedTuple):
    """The entries that one TLBI removes. None in a field means that it is not compared."""

    regime: Regime
    security: Security
    stages: frozenset[Stages]
    vmid: int | None = None
    asid: int | None = None
    is_global_kept: bool = False
    """Entries for every ASID stay (ASIDE1)."""
    span: tuple[int, int] | None = None
    """Input addresses [start, end), compared in their low 56 bits."""
    ipa_pas: PAS | None = None


@lru_cache(maxsize=512)
def base_name(name: str) -> str:
    """An operation's name without "TLBI ", "NXS" and the shareability domain, all of which change nothing here."""
    name = name.rpartition(" ")[2].removesuffix("NXS")
    return name if name in OPERATIONS else name.removesuffix("IS").removesuffix("OS")


def scope_of(name: str, operand: int, regs: RegisterView, el: int) -> Scope | None:
    """What an operation executed at `el` covers; None for no entry at all. Raises KeyError for unknown names.

    State and VMID come from the current state; EL3 takes SCR_EL3.{NSE,NS}, whose reserved encoding covers nothing.
    TTL is a hint that may be ignored, and is: a wrong one never leaves an entry behind here. A VA operand's ASID is
    compared in all its bits. No table descriptors are cached, so the last-level forms cover what the others do.
    """
    operation = OPERATIONS[base_name(name)]
    decided = _decided(operation, regs)
    return None if decided is None else _scope(operation, operand, decided)


class Scopes:
    """`scope_of` for one set of registers, with what they decide kept."""

    def __init__(self, regs: RegisterView) -> None:
        self._regs = regs
        self._known: dict[tuple[str, int], tuple[TlbiOperation, Decided | None]] = {}

    def of(self, name: str, operand: int, situation: int) -> Scope | None:
        """`situation` is a number that stands for the registers' values; 0 where it is not known."""
        known = self._known.get((name, situation))
        if known is None:
            operation = OPERATIONS[base_name(name)]
            known = operation, _decided(operation, self._regs)
            if situation:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[name, situation] = known
        operation, decided = known
        return None if decided is None else _scope(operation, operand, decided)


class Decided(NamedTuple):
    """What registers decide about an operation, whatever its operand."""

    regime: Regime
    security: Security
    stages: frozenset[Stages]
    vmid: int | None
    takes_asid: bool
    is_global_kept: bool
    page_bits: int
    """Bits of an operand's page number; 0 for operations that name no address."""
    is_ipa: bool
    unit: int
    """log2 of what a range's base counts in, where 52-bit addresses are on; else 0: its granule."""


def _decided(operation: TlbiOperation, regs: RegisterView) -> Decided | None:
    """None for an operation without a regime or stage 2 to act on."""
    here = _here(operation, *[regs[register] for register in _DECIDING])
    if here is None:
        return None
    regime, security, vmid = here
    if operation.by is By.IPA and not is_el2_enabled(security, regs):
        return None
    by = operation.by
    is_ipa = by is By.IPA
    return Decided(
        regime, security, operation.stages,
        None if operation.has_any_vmid else vmid,
        by in _BY_ASID and regime.has_two_ranges,
        by is By.ASID,
        (40 if is_ipa else 44) if by in _BY_ADDRESS else 0,
        is_ipa,
        16 if operation.is_range and _has_long_units(operation, regs, regime) else 0,
    )  # fmt: skip


def _scope(operation: TlbiOperation, operand: int, decided: Decided) -> Scope | None:
    regime, security, stages, vmid, takes_asid, is_global_kept, bits, is_ipa, unit = decided
    span = None
    if operation.is_range:
        span = _range(operand, unit, is_ipa)
        if span is None:
            return None
    elif bits:
        start = (operand & (1 << bits) - 1) << 12
        span = start, start + (1 << 12)
    asid = operand >> 48 if takes_asid else None
    ipa_pas = _ipa_pas(security, operand) if is_ipa else None
    return Scope(regime, security, stages, vmid, asid, is_global_kept, span, ipa_pas)


_BY_ADDRESS = (By.VA, By.VA_ANY_ASID, By.IPA)
_BY_ASID = (By.ASID, By.VA)
_DECIDING = ("SCR_EL3", "HCR_EL2", "VTTBR_EL2", "VTCR_EL2")


@lru_cache(maxsize=1024)
def _here(operation: TlbiOperation, *values: int) -> tuple[Regime, Security, int | None] | None:
    """The regime, Security state and VMID that an operation is about, by the values of `_DECIDING`."""
    if operation.el == 3:
        return Regime.EL3, Security.ROOT, None
    regs = dict(zip(_DECIDING, values, strict=True))
    security = security_below_el3(regs)
    if security is None:
        return None
    regime = _regime(operation, regs, security)
    return regime, security, _vmid(regime, regs, security)


def _regime(operation: TlbiOperation, regs: RegisterView, security: Security) -> Regime:
    hcr = hcr_of(security, regs)
    if operation.el == 2:
        return Regime.EL20 if hcr & HCR_E2H else Regime.EL2
    is_host = hcr & HCR_E2H and hcr & HCR_TGE
    return Regime.EL20 if is_host and operation.stages == _FIRST else Regime.EL10


def _vmid(regime: Regime, regs: RegisterView, security: Security) -> int | None:
    if regime is not Regime.EL10 or not is_el2_enabled(security, regs):
        return None
    return vmid_of(regs["VTTBR_EL2"], regs["VTCR_EL2"])


def _ipa_pas(security: Security, operand: int) -> PAS:
    """Intermediate address space: Secure state has two, chosen by bit 63."""
    if security is Security.SECURE:
        return PAS.NON_SECURE if operand >> 63 else PAS.SECURE
    return security.pas


GRANULE_OF_TG = {1: 12, 2: 14, 3: 16}
"""TG of a range operand or a TTL hint -> log2 of the granule. 0 is reserved in ranges, and "no hint" in TTL."""


def _has_long_units(operation: TlbiOperation, regs: RegisterView, regime: Regime) -> bool:
    """Whether 52-bit addresses are on (TCR_ELx.DS, VTCR_EL2.DS): bases of ranges then count in 64 KiB."""
    if operation.by is By.IPA:
        return bool(regs["VTCR_EL2"] >> 32 & 1)
    return bool(regs[TCR_NAME[regime]] >> (59 if regime.has_two_ranges else 32) & 1)


def _range(operand: int, unit: int, is_ipa: bool) -> tuple[int, int] | None:
    """Input addresses of a range operand; None where its TG is 0. At the top of all addresses a range ends."""
    granule = GRANULE_OF_TG.get(operand >> 46 & 3)
    if granule is None:
        return None
    scale, number = operand >> 44 & 3, operand >> 39 & 0x1F
    unit = unit or granule
    start = (operand & ((1 << 37) - 1)) << unit
    sign = 1 << (36 + unit)
    if not is_ipa and start & sign:
        start = (start | -sign) & ((1 << 56) - 1)
    return start, min(start + ((number + 1) << (5 * scale + 1 + granule)), 1 << 56)
