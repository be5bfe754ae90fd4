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


class When(Enum):
    """The state of the machine that a trap asks for beside its control field."""

    ALWAYS = "always"
    HOST = "EL2 is enabled and HCR_EL2.{E2H,TGE} is {1,1}: EL0 belongs to the host"
    GUEST = "not HOST"


UNDEFINED_EC = 0x00
"""The exception class of a trap that makes the access UNDEFINED instead of sending it to another level."""

NO_ENCODING: Encoding = (0, 0, 0, 0, 0)
"""For a register that no MRS or MSR names: SP_EL3."""


class Reset(Enum):
    """A reset value that the architecture does not define; the machine's seed chooses it."""

    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Field:
    """Bits [high:low] of a register, by the manual's name, with one line of meaning and named values.

    `when` is a control and a value: the field is there only while the control has it (the layouts that
    HCR_EL2.E2H and PAR_EL1.F select). Fields of several layouts share storage. `feature` names the architecture
    extension without which the bits are RES0. `read_only` bits keep their reset value whatever software writes.
    """

    name: str
    high: int
    low: int
    meaning: str
    values: Mapping[int, str] = field(default_factory=dict)
    when: tuple[str, int] | None = None
    feature: str = ""
    read_only: bool = False

    @property
    def width(self) -> int:
        return self.high - self.low + 1

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.low

    def of(self, value: int) -> int:
        """This field's bits of a register value."""
        return (value >> self.low) & ((1 << self.width) - 1)


def bit(
    name: str,
    position: int,
    meaning: str,
    values: Mapping[int, str] | None = None,
    *,
    when: tuple[str, int] | None = None,
    feature: str = "",
    read_only: bool = False,
) -> Field:
    """A field of one bit."""
    return Field(name, position, position, meaning, values or {}, when, feature, read_only)


def packed(fields: tuple[Field, ...], **contents: int) -> int:
    """The register value in which the named fields hold `contents` and everything else is 0."""
    by_name = {item.name: item for item in fields}
    value = 0
    for name, content in contents.items():
        if content >> by_name[name].width:
            raise ValueError(f"{content:#x} does not fit in {name}")
        value |= content << by_name[name].low
    return value


@dataclass(frozen=True, slots=True)
class Trap:
    """One reason why an access does not reach the register.

    An access from EL `source` is trapped to EL `target` with exception class `ec` when the field `control`
    ("HCR_EL2.TVM") equals `value`, the machine is in state `when`, and each (control, value) of `also` holds too.
    With `within` the control has to lie between two bounds, both included, and `value` says nothing. `on` is "r", "w"
    or "rw". A control that the current layout does not have never traps. Three rules need no
    data: a trap to EL2 from below asks that EL2 is enabled in the current Security state; a trap from EL0 to EL1
    goes to EL2 when HCR_EL2.TGE is 1; `ec` UNDEFINED_EC makes the access UNDEFINED.
    """

    source: int
    target: int
    control: str
    on: str = "rw"
    value: int = 1
    ec: int = 0x18
    when: When = When.ALWAYS
    also: tuple[tuple[str, int], ...] = ()
    within: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """One system register.

    `fields` are the bits that exist: everything else reads as zero and ignores writes (RES0), apart from `res1`.
    `el` is the lowest exception level with access, `write_el` the lowest that may write where that is another one,
    `not_at` the levels above `el` that have no access all the same. `vhe` names the register reached instead at
    EL2 when HCR_EL2.E2H is 1, and at EL0 of such a host; `vhe_secure` the one in Secure state where it differs.
    `alias_of` names the register whose storage this one is (the _EL12 names: usable only from EL2 and EL3 when
    E2H is 1). `virtual` names the register that EL1 reads instead while EL2 is enabled. `realm_only` and
    `secure_only` make it UNDEFINED below EL3 outside that Security state. `enabled_by` names a field: while it is
    0 the register's fields act as 0, though a direct read still shows them. `hook` names a function of the
    machine that computes reads or acts on writes (table.HOOKS); without it the register is plain storage. `unknown`
    names the fields that reset leaves UNKNOWN where `reset` gives the others their values.
    `fgt_read` and `fgt_write` name the fine-grained trap bits ("HFGRTR_EL2.SCTLR_EL1") of its MRS and MSR below EL2;
    table.py fills them in, and adds what they do to `traps`.
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
    write_el: int | None = None
    not_at: tuple[int, ...] = ()
    secure_only: bool = False
    vhe_secure: str = ""
    virtual: str = ""
    enabled_by: str = ""
    unknown: tuple[str, ...] = ()
    fgt_read: str = ""
    fgt_write: str = ""

    @property
    def writable(self) -> int:
        """Mask of the bits a write can change, with every feature there."""
        mask = 0
        for item in self.fields:
            if not item.read_only:
                mask |= item.mask
        return mask & ~self.res1


@dataclass(frozen=True, slots=True)
class Operation:
    """One SYS instruction by name (AT, DC, IC, TLBI): encoding, who may use it, what traps it.

    `fgt` names its fine-grained trap bit in HFGITR_EL2, if it has one; table.py fills it in.
    """

    name: str
    encoding: Encoding
    meaning: str
    el: int = 1
    takes_register: bool = True
    feature: str = ""
    traps: tuple[Trap, ...] = ()
    realm_only: bool = False
    fgt: str = ""
