"""Where the machine is: what the header line says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import Security
from mectui.queries.labels import label, line_name

if TYPE_CHECKING:
    import emu

SHOWN = (
    ("P0", "MECID_P0_EL2"),
    ("VP", "VMECID_P_EL2"),
    ("A0", "MECID_A0_EL2"),
    ("VA", "VMECID_A_EL2"),
    ("P1", "MECID_P1_EL2"),
    ("A1", "MECID_A1_EL2"),
    ("RL", "MECID_RL_A_EL3"),
)
"""Short name and register of every MECID the header can show, those that guests use most first."""


SCTLR2EN = 44
"""Bit of SCR_EL3: while it is 0, SCTLR2_EL2 acts as 0 whatever it holds."""
EMEC = 1
"""Bit of SCTLR2_ELx."""


@dataclass(frozen=True, slots=True)
class StatusView:
    """The machine in one line. `mec_at` are the exception levels whose EMEC is in effect."""

    el: int
    security: Security
    mec_at: tuple[int, ...]
    mecids: tuple[tuple[str, int], ...]
    """(short register name, number) of every MECID register that has been written."""
    pc: int
    pc_label: str
    instructions: int
    findings: int = 0
    """Broken rules so far."""
    hits: int = 0
    """Substituted accesses so far."""
    mec_unknown: tuple[int, ...] = ()
    """Exception levels whose EMEC nobody has written since reset: it is UNKNOWN whether MEC is on there."""
    source: str = ""
    """The line that the program counter is in, "mec.c:40", where it is known."""
    furthest: int = 0
    """The furthest instruction count the run has come to: more than `instructions` where the machine went back."""


def status(machine: emu.Machine) -> StatusView:
    """The machine's place and MEC state now."""
    cpu = machine.cpu
    effective = machine.mec.effective()
    unwritten = machine.registers.never_written
    unknown = tuple(el for el in (2, 3) if is_unknown(machine, el))
    mec_at = tuple(el for el in (2, 3) if el not in unknown and effective.get(f"emec_el{el}", (False, ""))[0])
    present = machine.mec.registers()
    mecids = tuple(
        (short, present[name] & 0xFFFF) for short, name in SHOWN if name in present and name not in unwritten
    )
    return StatusView(
        el=cpu.el,
        security=cpu.security,
        mec_at=mec_at,
        mecids=mecids,
        pc=cpu.pc,
        pc_label=label(machine, cpu.pc),
        instructions=machine.instructions,
        findings=machine.mec.finding_count,
        hits=machine.mec.hit_count,
        mec_unknown=unknown,
        source=line_name(machine, cpu.pc),
        furthest=machine.instructions if machine.history is None else machine.history.furthest,
    )


def is_unknown(machine: emu.Machine, el: int) -> bool:
    """Whether the UNKNOWN values of reset decide if EMEC is in effect at this level."""
    unwritten, cpu = machine.registers.never_written, machine.cpu
    if not cpu.features.has_mec:
        return False
    name = f"SCTLR2_EL{el}"
    if el == 3:
        return name in unwritten
    is_programmed = name not in unwritten
    if is_programmed and not cpu.acting[name] >> EMEC & 1:
        return False
    if "SCR_EL3" in unwritten:
        return True
    return not is_programmed and bool(cpu.acting["SCR_EL3"] >> SCTLR2EN & 1)
