"""Differences that are the other side's: what is left to compare, the manual's rule, and who errs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.conformance.differential import layout as at
from tests.conformance.differential.cases import Case
from tests.conformance.differential.layout import State

Version = tuple[int, int]
_LATEST = (99, 0)


@dataclass(frozen=True, slots=True)
class Explained:
    """A mistake of other implementations. `tidy` removes from a state what the mistake may have changed."""

    rule: str
    classes: tuple[str, ...]
    peers: dict[str, tuple[Version, Version]]
    """unicorn or qemu, and the first and the last version that errs."""
    tidy: Callable[[Case, State], None]
    when: Callable[[Case], bool] = lambda case: True
    touches_memory: bool = False
    """Whether what is stored may differ too."""

    def applies(self, case: Case, peer: str, version: Version) -> bool:
        if peer not in self.peers or case.encoding.name not in self.classes:
            return False
        first, last = self.peers[peer]
        return first <= version <= last and self.when(case)


_UNICORN = {"unicorn": ((2, 0), _LATEST)}
_EXCLUSIVE = ("load_exclusive", "load_exclusive_pair", "store_exclusive", "store_exclusive_pair")
_ATOMIC = ("atomic_operation", "swap", "compare_and_swap", "compare_and_swap_pair")
_ALIGNMENT_FAULT, _WNR = 0x21, 1 << 6
_CUMULATIVE = 0x9F


def _without_write(_: Case, state: State) -> None:
    if state.esr >> 26 in (0x24, 0x25) and state.esr & 0x3F == _ALIGNMENT_FAULT:
        state.esr &= ~_WNR


def _without_flags_of_short_vector(case: Case, state: State) -> None:
    if not case.words[-1] >> 30 & 1:
        state.fpsr &= ~_CUMULATIVE


def _without_sign_extension(case: Case, state: State) -> None:
    state.v[case.words[-1] & 31] &= ~0xFFFF_0000


def _without_trapped_operands(case: Case, state: State) -> None:
    if state.esr >> 26 == 0x18:
        state.esr &= ~0x3F_FFFF | 1 << 21


def _is_narrow_extreme(case: Case) -> bool:
    fields = case.encoding.extract(case.words[-1])
    return fields["size"] < 3 and fields["opc"] in (4, 5)


def _signs_bad_pointer(case: Case) -> bool:
    """The first word signs, or authenticates, a pointer whose upper bits do not repeat bit 55."""
    return any(_has_bad_extension(case.state.x[number]) for number in _pointers(case) if number < 31)


def _pointers(case: Case) -> tuple[int, ...]:
    return (30, 17) if case.encoding.name == "hint" else (case.words[-1] & 31,)


def _has_bad_extension(pointer: int) -> bool:
    is_tagged = not pointer >> 55 & 1  # TCR_EL1.TBI0 is 1, TBI1 is 0
    upper = (pointer & (1 << 55) - 1) >> 39 if is_tagged else pointer >> 39
    return upper not in (0, (1 << 25) - 1)


def _has_ambiguous_half(case: Case) -> bool:
    """A pointer to be signed, untagged because TBI1 is 0, whose bits 55 and 63 differ."""
    values = [case.state.x[number] for number in _pointers(case) if number < 31]
    return any(value >> 55 & 1 and not value >> 63 for value in values)


def _is_flushed_operand(case: Case) -> bool:
    operand = case.state.v[case.words[-1] >> 5 & 31] & (1 << 64) - 1
    return bool(case.state.fpcr >> 24 & 1) and not operand >> 52 & 0x7FF and operand << 12 & (1 << 64) - 1 != 0


def _without_z(_: Case, state: State) -> None:
    state.pstate &= ~at.Z


def _without_pointers(case: Case, state: State) -> None:
    for number in _pointers(case):
        if number < 31:
            state.x[number] = 0


def _nothing(_: Case, __: State) -> None:
    """All registers count."""


TABLE: tuple[Explained, ...] = (
    Explained(
        "ESR_ELx.WnR is 0 where a read would have met the fault: always, for alignment",
        _EXCLUSIVE + _ATOMIC, {"qemu": ((5, 0), _LATEST)}, _without_write,
    ),
    Explained(
        "LDSMAX, LDSMIN and their like compare operands cut to the access's size",
        ("atomic_operation",), {"unicorn": ((2, 0), _LATEST), "qemu": ((5, 0), (6, 1))}, _nothing,
        when=_is_narrow_extreme, touches_memory=True,
    ),
    Explained(
        "AddPAC of a pointer with a bad extension inverts PAC<top_bit-1>, bit 62, or 54 under a tag, not the bit above",
        ("authentication_code", "authentication_code_zero", "hint"),
        _UNICORN | {"qemu": ((5, 0), (8, 1))}, _without_pointers, when=_signs_bad_pointer,
    ),
    Explained(
        "AddPAC takes the half from bit 55 where TBI0 or TBI1 is 1, not only where the half's own is",
        ("authentication_code", "authentication_code_zero", "hint"),
        _UNICORN | {"qemu": ((5, 0), _LATEST)}, _without_pointers, when=_has_ambiguous_half,
    ),
    Explained(
        "FJCVTZS clears Z where a denormal operand was flushed: FPToFixedJS looks at its fraction",
        ("fp_to_javascript_integer",), _UNICORN | {"qemu": ((5, 0), (9, 1))}, _without_z, when=_is_flushed_operand,
    ),
    Explained(
        "FCMLA (by element) of a 64-bit vector computes no lanes above it: their exceptions do not count",
        ("simd_complex_multiply_add_by_element",), _UNICORN | {"qemu": ((5, 0), (7, 2))},
        _without_flags_of_short_vector,
    ),
    Explained(
        "FCVTZS (scalar, fixed-point) of a half-precision number writes 16 bits and clears the rest",
        ("simd_fp_to_fixed_point_16_scalar",), _UNICORN | {"qemu": ((5, 0), (9, 2))}, _without_sign_extension,
    ),
    Explained(
        "The syndrome of a trapped MSR DAIFSet or DAIFClr has its Op1, Op2 and CRm in the places of an MRS",
        ("move_to_pstate_odd",), {"qemu": ((5, 0), _LATEST)}, _without_trapped_operands,
    ),
)  # fmt: skip

UNUSABLE: dict[tuple[str, str], str] = {
    ("unicorn", "load_authenticated"): "takes an exception whatever the pointer",
}
"""(peer, class): why it is not compared there."""

_RNDR = 0xD53B_2400
"""MRS of RNDR; RNDRRS is the word with bit 5 set."""
_KEEPS_BTYPE = (0x0D, 0x0E, 0x20, 0x21, 0x22, 0x3C)


def comparable(case: Case, state: State, peer: str) -> None:
    """Remove what a peer cannot tell, and what the manual leaves to the implementation."""
    word = case.words[-1]
    if word & ~0x3F == _RNDR and word & 31 != 31:
        state.x[word & 31] = 0
    if state.esr and state.esr >> 26 not in _KEEPS_BTYPE:
        state.pstate &= ~at.BTYPE  # AArch64.TakeException may zero it there
    if peer != "unicorn":
        return
    state.pstate &= at.NZCV
    state.far = 0
    if state.esr:
        state.esr, state.pc = 1, 0


__all__ = ["TABLE", "UNUSABLE", "Explained", "comparable"]
