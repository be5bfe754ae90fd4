"""What a system register is: data that MRS/MSR, the panes and the tests all read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

Encoding = tuple[int, int, int, int, int]
"""(op0, op1, CRn, CRm, op2)."""


class Mode(Enum):
    RW = "RW"
    RO = "RO"
    WO = "WO"


class Reset(Enum):
    """A reset value that the architecture does not define; the machine's seed chooses it."""

    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Field:
    """Bits [high:low] of a register, by the manual's name, with one line of meaning and named values."""

    name: str
    high: int
    low: int
    meaning: str
    values: Mapping[int, str] = field(default_factory=dict)

    @property
    def width(self) -> int:
        return self.high - self.low + 1

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.low

    def of(self, value: int) -> int:
        """This field's bits of a register value."""
        return (value >> self.low) & ((1 << self.width) - 1)


@dataclass(frozen=True, slots=True)
class Trap:
    """One reason why an access does not reach the register.

    An access from EL `source` is trapped to EL `target` with exception class `ec` when the field `control`
    ("HCR_EL2.TVM") equals `value`. `on` is "r", "w" or "rw".
    """

    source: int
    target: int
    control: str
    on: str = "rw"
    value: int = 1
    ec: int = 0x18


@dataclass(frozen=True, slots=True)
class Register:
    """One system register.

    `fields` are the bits that exist: everything else reads as zero and ignores writes (RES0), apart from `res1`.
    `el` is the lowest exception level with access. `vhe` names the register reached instead at EL2 when
    HCR_EL2.E2H is 1; `alias_of` names the register whose storage this one is (the _EL12 names: usable only from
    EL2 and EL3 when E2H is 1). `realm_only` makes it UNDEFINED at EL2 outside Realm state. `hook` names a
    function of the machine that computes reads and acts on writes; without it the register is plain storage.
    """

    name: str
    encoding: Encoding
    meaning: str
    fields: tuple[Field, ...] = ()
    el: int = 1
    mode: Mode = Mode.RW
    reset: int | Reset = 0
    res1: int = 0
    group: str = "other"
    feature: str = ""
    traps: tuple[Trap, ...] = ()
    vhe: str = ""
    alias_of: str = ""
    realm_only: bool = False
    hook: str = ""

    @property
    def writable(self) -> int:
        """Mask of the bits a write can change."""
        mask = 0
        for item in self.fields:
            mask |= item.mask
        return mask & ~self.res1


@dataclass(frozen=True, slots=True)
class Operation:
    """One SYS instruction by name (AT, DC, IC, TLBI): encoding, who may use it, what traps it."""

    name: str
    encoding: Encoding
    meaning: str
    el: int = 1
    takes_register: bool = True
    feature: str = ""
    traps: tuple[Trap, ...] = ()
    realm_only: bool = False
