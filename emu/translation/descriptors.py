"""Layouts of 64-bit translation table descriptors, as data that walks and people read alike (mec-reference.md 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from emu.architecture import Regime, Security
from emu.registers.model import Field
from emu.translation.geometry import AddressForm
from emu.translation.records import DescriptorField

Layout = tuple[Field, ...]

_SHAREABILITY = {0: "non-shareable", 1: "reserved", 2: "outer shareable", 3: "inner shareable"}
_AP_TWO = {
    0: "privileged read/write, none at EL0",
    1: "read/write, also at EL0",
    2: "privileged read-only, none at EL0",
    3: "read-only, also at EL0",
}
_AP_ONE = {0: "read/write", 1: "read/write", 2: "read-only", 3: "read-only"}
_YES = {0: "no", 1: "yes"}

ATTR_INDEX = Field("AttrIdx", 4, 2, "which byte of MAIR_ELx")
STAGE1_NS = Field("NS", 5, 5, "output address space bit NS")
AP = Field("AP", 7, 6, "data access permissions AP[2:1]")
SH = Field("SH", 9, 8, "shareability", _SHAREABILITY)
AF = Field("AF", 10, 10, "access flag", {0: "not accessed: takes an Access flag fault", 1: "accessed"})
NG = Field("nG", 11, 11, "not global", {0: "global", 1: "of the current ASID"})
NSE = Field("NSE", 11, 11, "output address space bit NSE")
NT = Field("nT", 16, 16, "block translation entry: no translation", {0: "usable", 1: "takes a Translation fault"})
GP = Field("GP", 50, 50, "guarded page: branch targets are checked", _YES)
DBM = Field("DBM", 51, 51, "dirty bit modifier", {0: "no", 1: "yes, without effect: hardware sets no dirty state"})
CONTIGUOUS = Field("Contiguous", 52, 52, "one of a run of entries that a TLB may merge", _YES)
PXN = Field("PXN", 53, 53, "privileged execute never", _YES)
UXN = Field("UXN", 54, 54, "unprivileged execute never", _YES)
XN = Field("XN", 54, 54, "execute never", _YES)
AMEC = Field("AMEC", 63, 63, "alternate MECID", {0: "primary MECID", 1: "alternate MECID"})

AP_TABLE = Field(
    "APTable",
    62,
    61,
    "limit on the permissions below",
    {0: "none", 1: "no access at EL0 below", 2: "no writes below", 3: "no writes, none at EL0 below"},
)
UXN_TABLE = Field("UXNTable", 60, 60, "unprivileged execute never below", _YES)
XN_TABLE = Field("XNTable", 60, 60, "execute never below", _YES)
PXN_TABLE = Field("PXNTable", 59, 59, "privileged execute never below", _YES)
NS_TABLE = Field("NSTable", 63, 63, "tables and output below are Non-secure", _YES)

MEM_ATTR = Field("MemAttr", 5, 2, "memory type")
S2AP = Field("S2AP", 7, 6, "data access", {0: "none", 1: "read-only", 2: "write-only", 3: "read/write"})
FNXS = Field("FnXS", 11, 11, "XS attribute forced to 0", _YES)
STAGE2_XN = Field(
    "XN",
    54,
    53,
    "execute never",
    {0: "executable", 1: "executable at EL0 only", 2: "never", 3: "executable at EL1 only"},
)
STAGE2_NS = Field("NS", 55, 55, "output address space", {0: "realm", 1: "non-secure"})

_TYPE = Field("type", 1, 0, "valid bit and kind")


def _type(text: str, value: int) -> Field:
    return Field(_TYPE.name, _TYPE.high, _TYPE.low, _TYPE.meaning, {value: text})


def _address(name: str, low: int, meaning: str, form: AddressForm) -> Layout:
    """The fields of an address: bits [47:low] in their place, and what a 52-bit one has elsewhere (4.4)."""
    main = Field(name, 47, low, meaning)
    if form is AddressForm.LPA:
        return (Field(f"{name}[51:48]", 15, 12, f"{meaning}, bits [51:48]"), main)
    if form is AddressForm.DS:
        return (
            Field(f"{name}[51:50]", 9, 8, f"{meaning}, bits [51:50]"),
            Field(name, 49, low, meaning),
        )
    return (main,)


@lru_cache(maxsize=256)
def leaf_layout(
    stage: int,
    regime: Regime,
    security: Security,
    low: int,
    is_block: bool,
    form: AddressForm = AddressForm.SHORT,
) -> Layout:
    """Fields of a Block or Page descriptor whose output address starts at bit `low`."""
    kind = _type("block", 1) if is_block else _type("page", 3)
    output = _address("OutputAddress", low, "output address", form)
    shareability = () if form is AddressForm.DS else (SH,)
    has_amec = security is Security.REALM and (stage == 2 or regime in (Regime.EL2, Regime.EL20))
    block_only = (NT,) if is_block else ()
    last = (AMEC,) if has_amec else ()
    if stage == 2:
        space = (STAGE2_NS,) if security is Security.REALM else ()
        return (
            kind,
            MEM_ATTR,
            S2AP,
            *shareability,
            AF,
            FNXS,
            *block_only,
            *output,
            DBM,
            CONTIGUOUS,
            STAGE2_XN,
            *space,
            *last,
        )
    if regime.has_two_ranges:
        middle: Layout = (Field(AP.name, AP.high, AP.low, AP.meaning, _AP_TWO), *shareability, AF, NG)
        execute: Layout = (PXN, UXN)
    else:
        middle = (Field(AP.name, AP.high, AP.low, AP.meaning, _AP_ONE), *shareability, AF)
        execute = (XN,)
    if regime is Regime.EL3:
        middle = (*middle, NSE)
    space = () if security is Security.NON_SECURE or _has_one_space(regime, security) else (STAGE1_NS,)
    return (kind, ATTR_INDEX, *space, *middle, *block_only, *output, GP, DBM, CONTIGUOUS, *execute, *last)


@lru_cache(maxsize=256)
def table_layout(
    stage: int, regime: Regime, security: Security, low: int, form: AddressForm = AddressForm.SHORT
) -> Layout:
    """Fields of a Table descriptor whose next-level address starts at bit `low`."""
    kind = _type("table", 3)
    address = _address("NextLevelTable", low, "address of the next table", form)
    if stage == 2:
        return (kind, *address)
    execute = (PXN_TABLE, UXN_TABLE) if regime.has_two_ranges else (XN_TABLE,)
    space = (NS_TABLE,) if security is Security.SECURE else ()
    return (kind, *address, *execute, AP_TABLE, *space)


INVALID_LAYOUT: Layout = (Field("type", 1, 0, "valid bit and kind", {0: "invalid", 1: "invalid here", 2: "invalid"}),)


def _has_one_space(regime: Regime, security: Security) -> bool:
    """Realm EL1&0 has a single intermediate address space: NS is ignored."""
    return regime is Regime.EL10 and security is Security.REALM


_ADDRESSES = frozenset(("OutputAddress", "NextLevelTable"))


def decode(layout: Layout, descriptor: int, notes: Mapping[str, str]) -> tuple[DescriptorField, ...]:
    """The fields of a descriptor with what they mean; `notes` replaces the meaning of fields by name.

    Address fields keep their bits in place, so their value is the address.
    """
    found = []
    for field in layout:
        value = descriptor & field.mask if field.name in _ADDRESSES else field.of(descriptor)
        meaning = notes.get(field.name)
        if meaning is None:
            meaning = field.values.get(value, field.meaning)
        found.append(DescriptorField(field.name, value, meaning))
    return tuple(found)
