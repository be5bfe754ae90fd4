"""Where the machine is: what the header line says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.architecture import Security
from mectui.queries.labels import label

if TYPE_CHECKING:
    import emu

SHOWN = (
    ("P0", "MECID_P0_EL2"),
    ("A0", "MECID_A0_EL2"),
    ("P1", "MECID_P1_EL2"),
    ("A1", "MECID_A1_EL2"),
    ("VP", "VMECID_P_EL2"),
    ("VA", "VMECID_A_EL2"),
    ("RL", "MECID_RL_A_EL3"),
)
"""Short name and register of every MECID the header can show."""


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


def status(machine: emu.Machine) -> StatusView:
    """The machine's place and MEC state now."""
    cpu = machine.cpu
    effective = machine.mec.effective()
    unwritten = machine.registers.never_written
    mec_at = tuple(el for el in (2, 3) if effective.get(f"emec_el{el}", (False, ""))[0])
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
    )
