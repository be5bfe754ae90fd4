"""What follows from the registers that steer translation, worked out once for each combination of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from emu import state
from emu.architecture import Regime, Security
from emu.translation.controls import TCR_NAME, stage1_control
from emu.translation.mmu import CONTEXT_REGISTERS
from emu.translation.regimes import HCR_TGE, ReservedSecurityStateError, regime_of, sctlr_name, security_of

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
    has_user_below: bool
    """At EL2: LDTR and STTR count as those of a host's EL0."""


class Contexts:
    """The contexts of one CPU, by the values of the registers as they act."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        names = [name for name in sorted(_STEERING) if cpu.features.has_mec or "MECID" not in name]
        cpu.regs.watch(names, self.changed)
        self._slots = cpu.slots
        self._slots_of = {name: cpu.regs.slot(name) for name in names}
        self._order = tuple(self._slots_of.values())
        self._has_lse2 = "FEAT_LSE2" in cpu.features.isa
        self._numbers: dict[tuple[int, ...], int] = {}
        """The combinations of values seen so far, from 1."""
        self._steps: dict[tuple[int, int, int], int] = {}
        """Where a write leads: (number of a combination, slot, new value) to the number of the next."""
        self._places: dict[int, int] = {}
        """By acting combination and level: where in `known` the context is."""
        self.known: list[Context] = []
        self.on_forgotten: Callable[[], None] | None = None
        """Told when numbers and places get another meaning."""
        self._identities: dict[tuple[int | str, ...], int] = {}
        self._next_identity = 0
        self.age = 0
        """Grows when numbers and places get another meaning."""

    def has(self, name: str) -> bool:
        """Whether a register is among those whose values are numbered."""
        return name in self._slots_of

    def steers_alone(self, name: str) -> bool:
        """Whether a register decides about translation and about nothing else."""
        return name in self._slots_of and self._cpu.regs.watchers(name) == (self.changed,)

    def changed(self) -> None:
        """Registers that steer translation got other values, which act at once."""
        self._slots[state.PROGRAMMED] = self._slots[state.ACTING] = 0

    def written(self, before: int, acting: int, name: str) -> None:
        """One register got another value that does not act yet; `before` and `acting` are the numbers until then."""
        slots, slot = self._slots, self._slots_of.get(name)
        if slot is None:
            slots[state.ACTING] = acting
            return
        key = (before, slot, slots[slot])
        number = self._steps.get(key)
        if number is None:
            slots[state.ACTING] = acting
            if len(self._steps) >= 4 * _MOST:
                self._steps.clear()
            age = self.age
            number = self._number(tuple([slots[slot] for slot in self._order]))
            if age == self.age:
                self._steps[key] = number
            slots[state.PROGRAMMED] = number
        else:
            slots[state.PROGRAMMED], slots[state.ACTING] = number, acting

    def programmed(self) -> int:
        """The number of the combination of values that the registers hold."""
        slots = self._slots
        number = slots[state.PROGRAMMED]
        if not number:
            number = self._number(tuple([slots[slot] for slot in self._order]))
            slots[state.PROGRAMMED] = number
        return number

    def now(self) -> Context:
        """The context of the present exception level, which becomes the one that the state names."""
        slots = self._slots
        number = slots[state.ACTING]
        if not number:
            acting = self._cpu.acting
            if acting.held:
                number = self._number(tuple([acting[name] for name in self._slots_of]))
            else:
                number = self.programmed()
            slots[state.ACTING] = number
        el = slots[state.EL]
        place = self._places.get(number << 2 | el)
        if place is None:
            context = self._derive(el)
            place = self._places[number << 2 | el] = len(self.known)
            self.known.append(context)
        slots[state.HERE] = place
        return self.known[place]

    @property
    def here(self) -> Context:
        """The context of the present exception level as it was entered."""
        return self.known[self._slots[state.HERE]]

    def _number(self, values: tuple[int, ...]) -> int:
        number = self._numbers.get(values)
        if number is None:
            if len(self._numbers) >= _MOST:
                self._forget()
            number = self._numbers[values] = len(self._numbers) + 1
        return number

    def _forget(self) -> None:
        self.age += 1
        slots = self._slots
        earlier = slots[state.EARLIER_PLACE]
        kept = [self.known[slots[state.HERE]], self.known[earlier >> state.EARLIER_SHIFT]]
        slots[state.HERE] = 0
        slots[state.EARLIER_PLACE] = 1 << state.EARLIER_SHIFT | earlier & (1 << state.EARLIER_SHIFT) - 1
        self.known[:] = kept
        for known in (self._numbers, self._steps, self._places, self._identities):
            known.clear()
        self.changed()
        if self.on_forgotten is not None:
            self.on_forgotten()

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
            regime is Regime.EL20 and bool(regs["HCR_EL2"] & HCR_TGE),
        )

    def _branch_tags(self, regime: Regime) -> tuple[int, int, int]:
        """What branches do to a tagged target in a regime (see `emu.state`)."""
        cpu = self._cpu
        tcr = cpu.acting[TCR_NAME[regime]]
        low = 0xFF << 56 if stage1_control(regime, False, tcr, cpu.features).tbi_of_code else 0
        if not regime.has_two_ranges:
            return low, low, 0
        return low, 0, 0xFF << 56 if stage1_control(regime, True, tcr, cpu.features).tbi_of_code else 0
