"""How findings speak of places, contexts and registers."""

from __future__ import annotations

from collections.abc import Iterable

from emu.architecture import PAS
from emu.debug.events import Moment, Owner
from emu.mec.rules.model import Watched

EL2_REGISTERS = (
    "MECID_P0_EL2",
    "MECID_A0_EL2",
    "MECID_P1_EL2",
    "MECID_A1_EL2",
    "VMECID_P_EL2",
    "VMECID_A_EL2",
)
"""The six MECID registers of Realm EL2."""
EL3_REGISTER = "MECID_RL_A_EL3"
MECID_REGISTERS = (*EL2_REGISTERS, EL3_REGISTER)


def at(machine: Watched, moment: Moment | None) -> str:
    """ "rmm_start+0x10 (pc 0x40001234)": a program counter, and its symbol where there is one."""
    if moment is None:
        return "an unknown place"
    name, number = machine.symbol(moment.pc), f"{moment.pc:#x}"
    return f"pc {number}" if name == number else f"{name} (pc {number})"


def code(machine: Watched, va: int) -> str:
    """The same for an address of code."""
    name, number = machine.symbol(va), f"{va:#x}"
    return f"pc {number}" if name == number else f"{name} (pc {number})"


def context(owner: Owner) -> str:
    """ "MECID 5" or "the root address space"."""
    return f"MECID {owner.mecid}" if owner.pas is PAS.REALM else f"the {owner.pas.label} address space"


def listed(names: Iterable[str], *, most: int = 6) -> str:
    """ "A, B and C"."""
    items = list(names)
    if len(items) > most:
        items = [*items[:most], f"{len(items) - most} more"]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def several(count: int, noun: str) -> str:
    """ "1 granule", "3 granules"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
