"""An AArch64 machine with full MMU, TLB, RME and memory encryption contexts (FEAT_MEC), in Python.

import emu
m = emu.Machine(memory="256M")
m.load("guest.elf")
stop = m.run(max_instructions=1000)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.architecture import IPA, PA, PAS, VA, Access, MecidSource, Regime, Security
from emu.debug.events import Hit, Owner, Stop, StopReason
from emu.errors import EmuError

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """The machine and all that it needs, on first use: whoever only names addresses or events does not wait for it."""
    if name == "Machine":
        from emu.machine import Machine

        found: Any = Machine
    elif name == "Snapshot":
        from emu.snapshot import Snapshot

        found = Snapshot
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found
    return found
