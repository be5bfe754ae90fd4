"""What a stop is: frozen descriptions that can be kept, compared and written to a file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from emu.architecture import PAS
from emu.debug.lines import Lines
from emu.debug.symbols import Symbols
from emu.errors import EmuError

MASK64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Place:
    """An address by number, by a symbol and an offset in bytes, or by a line; virtual unless `is_physical`.

    Where both are given the symbol counts as long as there is one of that name: it survives a new build of the guest.
    """

    address: int | None = None
    symbol: str = ""
    offset: int = 0
    is_physical: bool = False
    source: str = ""
    """A line of the source, "mec.c:40", as somebody wrote it. It may begin in several places."""

    def resolve(self, symbols: Symbols, lines: Lines | None = None) -> tuple[int, ...]:
        """The addresses, of all but a line one at most; none where it names what nothing loaded defines."""
        if self.source:
            try:
                return (lines.addresses_of(self.source) if lines is not None else None) or ()
            except EmuError:
                return ()
        address = self._resolve(symbols)
        return () if address is None else (address,)

    def _resolve(self, symbols: Symbols) -> int | None:
        if self.symbol:
            base = symbols.lookup(self.symbol)
            if base is not None:
                return (base + self.offset) & MASK64
        return self.address

    @classmethod
    def at(cls, address: int, symbols: Symbols | None = None, *, is_physical: bool = False) -> Place:
        """The place at an address, named by the symbol it belongs to where there is one."""
        found = None if symbols is None else symbols.nearest(address)
        name, offset = found or ("", 0)
        # Of equal names the last one counts: only what leads back here may stand for the address.
        if symbols is None or not name or symbols.lookup(name) != address - offset:
            name, offset = "", 0
        return cls(address & MASK64, name, offset, is_physical)

    def __str__(self) -> str:
        prefix = "pa:" if self.is_physical else ""
        if self.source:
            return f"{prefix}{self.source}"
        if self.symbol:
            return f"{prefix}{self.symbol}{f'+{self.offset:#x}' if self.offset else ''}"
        return f"{prefix}{self.address or 0:#x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """What every kind of stop has."""

    condition: str = ""
    """An expression (`emu.debug.expressions`); the stop counts only where it is not 0."""
    log: str = ""
    """A message with expressions in braces. A stop with one writes it down and lets the guest go on."""
    ignore: int = 0
    """How many times it is passed over before it stops the guest; they count as hits."""
    is_temporary: bool = False
    """It is removed when it has stopped the guest, or logged, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeStop(Specification):
    """A breakpoint: stop before the instruction at a place."""

    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchStop(Specification):
    """A watchpoint: stop after the instruction that reads or writes any byte of a range.

    A virtual one compares bits [55:0] of the addresses of accesses, in every context; a physical one what they
    translate to, whatever the virtual address.
    """

    place: Place
    size: int = 8
    reads: bool = False
    writes: bool = True
    walks: bool = False
    """Descriptor fetches and updates by the hardware count as well; of physical ranges only."""
    pas: PAS | None = None
    """Accesses through this physical address space only."""


class CatchKind(StrEnum):
    """What a catchpoint waits for."""

    EXCEPTION = "exception"
    SMC = "smc"
    HVC = "hvc"
    MSR = "msr"
    MRS = "mrs"
    TLBI = "tlbi"
    MECID = "mecid"
    KEY = "key"
    HIT = "hit"
    FINDING = "finding"
    SECURITY = "security"
    EL = "el"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchStop(Specification):
    """A catchpoint: stop after the instruction that something happened in; `argument` narrows it ("" for any)."""

    kind: CatchKind
    argument: str = ""


AnyStop = CodeStop | WatchStop | CatchStop


def checked(stop: AnyStop) -> AnyStop:
    """The specification, if it makes sense. Raises EmuError."""
    if stop.ignore < 0:
        raise EmuError(f"a stop cannot be ignored {stop.ignore} times: give 0 or more")
    if not isinstance(stop, WatchStop):
        return stop
    if not 1 <= stop.size <= 1 << 56:
        raise EmuError(f"a range of {stop.size} bytes cannot be watched: give at least one")
    if not (stop.reads or stop.writes):
        raise EmuError("a watchpoint has to watch reads, writes or both")
    if stop.walks and not stop.place.is_physical:
        raise EmuError("table walks go by physical addresses: watch them on a physical range")
    return replace(stop, size=min(stop.size, 1 << 56))
