"""What follows from the registers that steer translation, worked out once for each combination of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emu import state
from emu.architecture import Regime, Security
from emu.translation.controls import TCR_NAME, stage1_control
from emu.translation.mmu import CONTEXT_REGISTERS
from emu.translation.regimes import ReservedSecurityStateError, regime_of, sctlr_name, security_of

if TYPE_CHECKING:
    from emu.cpu import Cpu

_MOST = 4096
"""Combinations that are kept before all are forgotten."""
_STEERING = frozenset(name for names in CONTEXT_REGISTERS.values() for name in names)


class Context(NamedTuple):
    """One exception level under one set of register values."""

    regime: Regime
    security: Security
    demands_alignment: bool
    """SCTLR_ELx.A."""
    lifts_ordered: bool
    """SCTLR_ELx.nAA with FEAT_LSE2."""
    sp_alignment: int
    """For the slot of that name, and so are the next."""
    unaligned_exclusives: int
    tag_clear_low: int
    tag_clear_high: int
    tag_set_high: int
    identity: int
    """The same number for contexts that translate alike."""


class Contexts:
    """The contexts of one CPU, by the values of the registers as they act."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        names = [name for name in sorted(_STEERING) if cpu.features.has_mec or "MECID" not in name]
        cpu.regs.watch(names, self.changed)
        self._slots_of = {name: cpu.regs.slot(name) for name in names}
        self._order = tuple(self._slots_of.values())
        self._has_lse2 = "FEAT_LSE2" in cpu.features.isa
        self._now: dict[int, Context] = {}
        self._known: dict[tuple[int, ...], Context] = {}
        self._identities: dict[tuple[int | str, ...], int] = {}
        self._next_identity = 0

    def changed(self) -> None:
        """A register that steers translation got another value, or begins to act."""
        self._now.clear()

    def now(self) -> Context:
        """The context of the present exception level."""
        el = self._cpu.slots[state.EL]
        known = self._now.get(el)
        if known is None:
            known = self._now[el] = self._find(el)
        return known

    def _find(self, el: int) -> Context:
        cpu, slots = self._cpu, self._cpu.slots
        if cpu.acting.held:
            acting = cpu.acting
            key = (el, *[acting[name] for name in self._slots_of])
        else:
            key = (el, *[slots[slot] for slot in self._order])
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST:
                self._known.clear()
                self._identities.clear()
            known = self._known[key] = self._derive(el)
        return known

    def _derive(self, el: int) -> Context:
        cpu, regs = self._cpu, self._cpu.acting
        regime = regime_of(el, regs)
        try:
            security = security_of(el, regs)
        except ReservedSecurityStateError:  # only a debugger can get here: returning to such a state is illegal
            security = Security.NON_SECURE
        sctlr = regs[sctlr_name(regime)]
        demands_alignment = bool(sctlr >> 1 & 1)
        checks_sp = sctlr >> (4 if el == 0 else 3) & 1
        translation = cpu.mmu.context_key(el)
        identity = self._identities.get(translation)
        if identity is None:
            identity = self._identities[translation] = self._next_identity
            self._next_identity += 1
        return Context(
            regime,
            security,
            demands_alignment,
            self._has_lse2 and bool(sctlr >> 6 & 1),
            15 if checks_sp else 0,
            int(self._has_lse2 and not demands_alignment),
            *self._branch_tags(regime),
            identity,
        )

    def _branch_tags(self, regime: Regime) -> tuple[int, int, int]:
        """What branches do to a tagged target in a regime (see `emu.state`)."""
        cpu = self._cpu
        tcr = cpu.acting[TCR_NAME[regime]]
        low = 0xFF << 56 if stage1_control(regime, False, tcr, cpu.features).tbi_of_code else 0
        if not regime.has_two_ranges:
            return low, low, 0
        return low, 0, 0xFF << 56 if stage1_control(regime, True, tcr, cpu.features).tbi_of_code else 0
