"""Pointer authentication: codes in the unused bits of pointers (Arm ARM D8.10; AddPAC, Auth and Strip)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu import state
from emu.architecture import Regime
from emu.isa.ops import Query
from emu.qarma import qarma5
from emu.syndrome import EC
from emu.translation.controls import TCR_NAME, stage1_control
from emu.translation.regimes import sctlr_name

if TYPE_CHECKING:
    from emu.cpu import Cpu

_MASK = state.MASK64
_BIT55 = 1 << 55


@dataclass(frozen=True, slots=True)
class _Key:
    """One of the four pointer keys: its registers, the enable in SCTLR_ELx, how failures name it."""

    name: str
    enable: int
    """Bit of SCTLR_ELx."""
    is_data: bool
    number: int
    """0 for an A key, 1 for a B key."""


_KEYS = (_Key("APIA", 31, False, 0), _Key("APIB", 30, False, 1), _Key("APDA", 27, True, 0), _Key("APDB", 13, True, 1))


_WATCHED = (
    *(f"{name}Key{half}_EL1" for name in ("APIA", "APIB", "APDA", "APDB", "APGA") for half in ("Lo", "Hi")),
    *(f"{name}_EL{el}" for name in ("TCR", "SCTLR") for el in (1, 2, 3)), "HCR_EL2", "SCR_EL3",
)  # fmt: skip
_MOST = 4096
"""Answers that are kept."""


class Authentication:
    """The pointer authentication of one CPU."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu
        self._known: dict[tuple[object, ...], int] = {}
        """Answers under the keys and controls as they are."""
        cpu.regs.watch(_WATCHED, self.forget)

    def forget(self) -> None:
        """A key or a control has changed."""
        self._known.clear()

    def answer(self, query: Query, a: int, b: int) -> int:
        """The value of a pointer authentication instruction. Raises Abandoned where it takes an exception.

        Instructions in the hint space come here without FEAT_PAuth too, and change nothing then.
        """
        cpu = self._cpu
        question = (query.value, a, b, cpu.slots[state.EL], cpu.security, cpu.regime)
        known = self._known.get(question)
        if known is None:
            known = self._find(query, a, b)
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[question] = known
        return known

    def _find(self, query: Query, a: int, b: int) -> int:
        if "FEAT_PAuth" not in self._cpu.features.isa:
            return a
        if query is Query.SIGN_GENERIC:
            self._check_trap()
            return qarma5(a, b, *self._key("APGA")) >> 32 << 32
        if query in (Query.STRIP_CODE, Query.STRIP_DATA):
            return self._canonical(a, query is Query.STRIP_DATA)[0]
        key = _KEYS[query.value & 3]
        if not self._cpu.regs[sctlr_name(self._cpu.regime)] >> key.enable & 1:
            return a
        self._check_trap()
        if query.value >= Query.AUTHENTICATE_IA.value:
            return self._authenticate(a, b, key)
        return self._sign(a, b, key)

    def _check_trap(self) -> None:
        """HCR_EL2.API and SCR_EL3.API: whether the instructions are trapped here."""
        cpu = self._cpu
        regs, el = cpu.regs, cpu.el
        is_host = regs.field("HCR_EL2.E2H") and regs.field("HCR_EL2.TGE")
        if el < 2 and cpu.exceptions.is_el2_enabled() and not regs.field("HCR_EL2.API") and not (el == 0 and is_host):
            cpu.exceptions.take_and_abandon(2, EC.PAC)
        if el < 3 and not regs.field("SCR_EL3.API"):
            cpu.exceptions.take_and_abandon(3, EC.PAC)

    def _key(self, name: str) -> tuple[int, int]:
        regs = self._cpu.regs
        return regs[f"{name}KeyHi_EL1"], regs[f"{name}KeyLo_EL1"]

    def plain_address(self, pointer: int, regime: Regime) -> int:
        """The address that a pointer to code of some regime leads to: without its code (as XPACI), without its tag.

        For those who look: asks no trap and changes nothing.
        """
        upper = bool(pointer & _BIT55)
        is_upper = upper and regime.has_two_ranges
        tbi, bottom = self._shape(upper, False, regime)
        bits = self._code_bits(tbi, bottom) if "FEAT_PAuth" in self._cpu.features.isa else 0
        bits |= 0xFF << 56 if tbi else 0
        return (pointer | bits if is_upper else pointer & ~bits) & _MASK

    def _shape(self, upper: bool, is_data: bool, regime: Regime | None = None) -> tuple[bool, int]:
        """(whether the top byte is a tag, lowest bit of the code) for one half of the address space."""
        cpu = self._cpu
        regime = cpu.regime if regime is None else regime
        control = stage1_control(regime, upper and regime.has_two_ranges, cpu.regs[TCR_NAME[regime]], cpu.features)
        return control.tbi if is_data else control.tbi_of_code, control.geometry.input_bits

    def _sign_extension(self, pointer: int, is_data: bool) -> int:
        """The bit of a pointer that says which half it belongs to, as AddPAC takes it."""
        regime: Regime = self._cpu.regime
        if regime.has_two_ranges:
            tagged = self._shape(False, is_data)[0] or self._shape(True, is_data)[0]
        else:
            tagged = self._shape(False, is_data)[0]
        return pointer >> (55 if tagged else 63) & 1

    @staticmethod
    def _code_bits(tbi: bool, bottom: int) -> int:
        """The bits that the code occupies: down to `bottom`, without bit 55 and without a tag."""
        top = 55 if tbi else 64
        return ((1 << top) - (1 << bottom)) & ~_BIT55

    def _canonical(self, pointer: int, is_data: bool) -> tuple[int, int]:
        """(the pointer with the code replaced by copies of bit 55, the bits of the code)."""
        upper = bool(pointer & _BIT55)
        tbi, bottom = self._shape(upper, is_data)
        bits = self._code_bits(tbi, bottom)
        return (pointer | bits if upper else pointer & ~bits), bits

    def _sign(self, pointer: int, modifier: int, key: _Key) -> int:
        """AddPAC."""
        isa = self._cpu.features.isa
        extension = self._sign_extension(pointer, key.is_data)
        tbi = self._shape(bool(pointer & _BIT55), key.is_data)[0]
        bottom = self._shape(bool(extension), key.is_data)[1]
        bits = self._code_bits(tbi, bottom)
        unused = bits | _BIT55
        good = pointer | unused if extension else pointer & ~unused
        code = qarma5(good, modifier, *self._key(key.name))
        # The half that the pointer belongs to stays in bit 55.
        kept = pointer & ~unused | (_BIT55 if extension else 0)
        if "FEAT_PAuth2" in isa:
            return kept | (pointer ^ code) & bits
        extended = unused if tbi else unused | 0xFF << 56
        if pointer & extended not in (0, extended):
            code ^= 1 << (54 if tbi else 62)
        return kept | code & bits

    def _authenticate(self, pointer: int, modifier: int, key: _Key) -> int:
        """Auth: the pointer made whole, or made wrong; FEAT_FPAC takes an exception instead."""
        cpu = self._cpu
        isa = cpu.features.isa
        original, bits = self._canonical(pointer, key.is_data)
        code = qarma5(original, modifier, *self._key(key.name))
        if "FEAT_PAuth2" in isa:
            result = pointer ^ code & bits
            if result != original and "FEAT_FPAC" in isa:
                cpu.exceptions.take_and_abandon(
                    cpu.exceptions.general_target(), EC.PAC_FAIL, int(key.is_data) << 1 | key.number
                )
            return result
        if not (pointer ^ code) & bits:
            return original
        error = 0b10 if key.number else 0b01
        low = 61 if bits >> 56 else 53
        return original & ~(3 << low) | error << low
