"""What stops say: one clause that tells who did what to which address."""

from __future__ import annotations

from collections.abc import Sequence

from emu.architecture import PAS, Access
from emu.debug.events import Owner
from emu.debug.stops.catches import Namer, described_owner
from emu.debug.stops.specification import CatchStop, CodeStop, Place, WatchStop
from emu.debug.stops.watch import Accessed

_DID = {Access.READ: ("read", "from"), Access.WRITE: ("write", "to")}
_SPACES = {PAS.SECURE: "Secure", PAS.NON_SECURE: "Non-secure", PAS.ROOT: "Root", PAS.REALM: "Realm"}


def accessed(event: Accessed, stop: WatchStop, name: Namer) -> str:
    """ "write of 0x5 (8 bytes) to secret+0x10 by MECID 6 (owner 5)"."""
    if event.access is Access.WALK:
        did, towards = ("table walk's read", "from") if event.old is None else ("table walk's update", "to")
    else:
        did, towards = _DID[event.access]
    where = f"physical {event.pa:#x}" if event.va is None else name(event.va)
    if stop.place.is_physical and event.va is not None:
        where += f" (physical {event.pa:#x})"
    value = f"{event.value:#x}" if event.size <= 16 else "data"
    return f"{did} of {value} ({event.size} byte{'s' * (event.size != 1)}) {towards} {where} {context(event)}"


def context(event: Accessed) -> str:
    """ "by MECID 6 (owner 5)"; the other address spaces have no MECIDs."""
    who = f"by MECID {event.mecid}" if event.pas is PAS.REALM else f"through the {_SPACES[event.pas]} address space"
    return f"{who} ({owner(event.owner)})"


def owner(found: Owner | None) -> str:
    """ "owner 5", "no owner yet"."""
    return "no owner yet" if found is None else f"owner {described_owner(found)}"


def place(where: Place, addresses: Sequence[int], name: Namer, write: Namer) -> str:
    """A place as it was given, with what it is now."""
    if not addresses:
        return f"{where} (no such {'line' if where.source else 'symbol'} yet)"
    address = addresses[0]
    if where.source:
        several = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
        return f"{where}, {name(address)}{several}"
    if where.is_physical:
        return f"physical {write(address)}" if not where.symbol else f"physical {where}".replace("pa:", "")
    return str(where) if where.symbol else name(address)


def described(stop: CodeStop | WatchStop | CatchStop, addresses: Sequence[int], name: Namer, write: Namer) -> str:
    """What a stop waits for: "secret, 16 bytes, writes", "exception data-abort", "fill_secret+0x8"."""
    if isinstance(stop, CatchStop):
        return f"{stop.kind.value} {stop.argument}".strip()
    where = place(stop.place, addresses, name, write)
    if isinstance(stop, CodeStop):
        return where
    what = "reads and writes" if stop.reads and stop.writes else "reads" if stop.reads else "writes"
    walks = ", table walks too" if stop.walks else ""
    space = "" if stop.pas is None else f", {_SPACES[stop.pas]} address space"
    return f"{where}, {stop.size} byte{'s' * (stop.size != 1)}, {what}{walks}{space}"
