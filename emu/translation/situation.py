"""Which stages translate a request: the registers behind it, read once."""

from __future__ import annotations

from typing import NamedTuple

from emu.architecture import Regime
from emu.translation.records import Request
from emu.translation.regimes import RegisterView, hcr_of, is_stage1_enabled, is_stage2_enabled, sctlr_name


class Situation(NamedTuple):
    """What every step of one translation asks about."""

    hcr: int
    """HCR_EL2 as it acts on the request's Security state."""
    sctlr: int
    """The regime's SCTLR_ELx."""
    is_stage1_on: bool
    is_stage2_on: bool


def situation_of(request: Request, regs: RegisterView) -> Situation:
    """Read the registers that decide about a request's stages (mec-reference.md 4.1)."""
    regime = request.regime
    hcr = 0 if regime is Regime.EL3 else hcr_of(request.security, regs)
    sctlr = regs[sctlr_name(regime)]
    return Situation(hcr, sctlr, is_stage1_enabled(regime, sctlr, hcr), is_stage2_enabled(regime, hcr))
