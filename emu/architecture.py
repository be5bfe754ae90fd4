"""The architecture's own enumerations and address types, shared by every part of the machine."""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum
from typing import NewType

VA = NewType("VA", int)
"""A virtual address, 64 bits, tag byte included."""
IPA = NewType("IPA", int)
"""An intermediate physical address: what stage 1 of EL1&0 yields when stage 2 is on."""
PA = NewType("PA", int)
"""A physical address (at most 52 bits), without its address space."""

PAGE = 4096
BLOCK = 16
"""Bytes of one encryption block: the unit of ownership."""


class PAS(IntEnum):
    """Physical address space, encoded {NSE, NS} as in descriptors, MFAR_EL3 and DC by PA (Arm ARM D8, RME)."""

    SECURE = 0
    NON_SECURE = 1
    ROOT = 2
    REALM = 3

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


class Security(IntEnum):
    """Security state, with the same codes as the address space that is its own."""

    __hash__ = int.__hash__  # Enum's own is slow

    SECURE = 0
    NON_SECURE = 1
    ROOT = 2
    REALM = 3

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")

    @property
    def pas(self) -> PAS:
        return _SPACES[self]


_SPACES = tuple(sorted(PAS))


class Regime(Enum):
    """Translation regime (Arm ARM D8.1.2). The Security state is kept beside it."""

    EL3 = "EL3"
    EL2 = "EL2"
    EL20 = "EL2&0"
    EL10 = "EL1&0"

    __hash__ = object.__hash__  # a member is its only equal; Enum's own is slow

    def __init__(self, name: object) -> None:
        self.has_two_ranges = name in ("EL2&0", "EL1&0")
        """Whether VA[55] selects between TTBR0 and TTBR1."""
        self.el = {"EL3": 3, "EL2": 2, "EL2&0": 2, "EL1&0": 1}[str(name)]
        """The exception level whose registers control stage 1."""


class Access(StrEnum):
    """What an access is for. WALK is a descriptor fetch by the hardware."""

    READ = "read"
    WRITE = "write"
    FETCH = "fetch"
    WALK = "walk"


class MecidSource(StrEnum):
    """Which register supplies the MECID of an access; the number is looked up when the access is made."""

    ZERO = "0"
    P0 = "MECID_P0_EL2"
    A0 = "MECID_A0_EL2"
    P1 = "MECID_P1_EL2"
    A1 = "MECID_A1_EL2"
    VP = "VMECID_P_EL2"
    VA = "VMECID_A_EL2"
    RL3 = "MECID_RL_A_EL3"

    @property
    def short(self) -> str:
        return {"0": "zero", "MECID_RL_A_EL3": "RL"}.get(self.value, self.name)
