"""The access that somebody asks a walk for, in words: what the present context would make of it, or another one."""

from __future__ import annotations

from emu.architecture import VA, Access, Regime, Security
from emu.cpu import Cpu
from emu.errors import EmuError
from emu.translation.records import Request
from emu.translation.regimes import regime_of, security_of


def requested(cpu: Cpu, va: int, access: str, el: int | None, regime: Regime | str | None) -> Request:
    """An access by the CPU's registers as they act; `el` and `regime` are the present ones where they are None.

    Raises EmuError for an access or a regime that does not exist.
    """
    try:
        kind = Access(access)
    except ValueError:
        raise EmuError(f"there is no access {access!r}: use read, write or fetch") from None
    level = cpu.el if el is None else el
    chosen = regime_of(level, cpu.acting)
    if regime is not None:
        try:
            chosen = Regime(regime)
        except ValueError:
            names = ", ".join(item.value for item in Regime)
            raise EmuError(f"there is no translation regime {regime!r}: use one of {names}") from None
        if el is None:
            level = chosen.el
    security = Security.ROOT if chosen is Regime.EL3 else _security_below(cpu, level)
    return Request(VA(va & (1 << 64) - 1), kind, level, chosen, security, honours_pan=bool(cpu.pan))


def _security_below(cpu: Cpu, level: int) -> Security:
    try:
        return security_of(min(level, 2), cpu.acting)
    except ValueError:
        return Security.NON_SECURE
