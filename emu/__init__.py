"""An AArch64 machine with full MMU, TLB, RME and memory encryption contexts (FEAT_MEC), in Python.

import emu
m = emu.Machine(memory="256M")
m.load("guest.elf")
stop = m.run(max_instructions=1000)
"""

from emu.architecture import IPA, PA, PAS, VA, Access, MecidSource, Regime, Security
from emu.debug.events import Hit, Owner, Stop, StopReason
from emu.errors import EmuError
from emu.machine import Machine
from emu.snapshot import Snapshot

__all__ = [
    "IPA",
    "PA",
    "PAS",
    "VA",
    "Access",
    "EmuError",
    "Hit",
    "Machine",
    "MecidSource",
    "Owner",
    "Regime",
    "Security",
    "Snapshot",
    "Stop",
    "StopReason",
]
