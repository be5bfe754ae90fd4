"""Each `Fp` operation as a function of bit patterns and FPCR."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emu.fp import arithmetic, bfloat, comparison, conversion, estimates
from emu.fp.controls import parts
from emu.fp.environment import Environment
from emu.fp.formats import BY_WIDTH, Format
from emu.isa.ops import Fp

_Operation = Callable[[Environment, Format, int, int, int], int]


def _unary(function: Callable[[Environment, Format, int], int]) -> _Operation:
    return lambda env, form, a, b, c: function(env, form, a)


def _binary(function: Callable[[Environment, Format, int, int], int]) -> _Operation:
    return lambda env, form, a, b, c: function(env, form, a, b)


def _convert(env: Environment, form: Format, a: int, b: int, c: int) -> int:
    control = parts(b)
    return conversion.convert(env, form, BY_WIDTH[control.size], a, env.mode(control.rounding))


def _to_fixed(env: Environment, form: Format, a: int, b: int, c: int) -> int:
    size, is_unsigned, rounding, fraction_bits = parts(b)
    return conversion.to_fixed(env, form, a, size, is_unsigned, fraction_bits, env.mode(rounding))


def _from_fixed(env: Environment, form: Format, a: int, b: int, c: int) -> int:
    size, is_unsigned, rounding, fraction_bits = parts(b)
    return conversion.from_fixed(env, form, a, size, is_unsigned, fraction_bits, env.mode(rounding))


def _to_integral(is_exact: bool) -> _Operation:
    def operation(env: Environment, form: Format, a: int, b: int, c: int) -> int:
        return conversion.to_integral(env, form, a, env.mode(parts(b).rounding), is_exact=is_exact)

    return operation


def _to_integral_within(env: Environment, form: Format, a: int, b: int, c: int) -> int:
    control = parts(b)
    return conversion.to_integral_within(env, form, a, env.mode(control.rounding), control.size)


_OPERATIONS: Mapping[Fp, _Operation] = {
    Fp.ADD: _binary(arithmetic.add),
    Fp.SUB: _binary(arithmetic.subtract),
    Fp.MUL: _binary(arithmetic.multiply),
    Fp.DIV: _binary(arithmetic.divide),
    Fp.SQRT: _unary(arithmetic.square_root),
    Fp.MULADD: arithmetic.multiply_add,
    Fp.MULX: _binary(arithmetic.multiply_extended),
    Fp.ABSOLUTE_DIFFERENCE: _binary(arithmetic.absolute_difference),
    Fp.MAX: _binary(comparison.maximum),
    Fp.MIN: _binary(comparison.minimum),
    Fp.MAXNM: _binary(comparison.maximum_number),
    Fp.MINNM: _binary(comparison.minimum_number),
    Fp.COMPARE: _binary(comparison.compare),
    Fp.COMPARE_SIGNALING: _binary(comparison.compare_signaling),
    Fp.EQUAL: _binary(comparison.is_equal),
    Fp.GREATER_OR_EQUAL: _binary(comparison.is_greater_or_equal),
    Fp.GREATER: _binary(comparison.is_greater),
    Fp.RECIPROCAL_STEP: _binary(arithmetic.reciprocal_step),
    Fp.RECIPROCAL_ROOT_STEP: _binary(arithmetic.reciprocal_root_step),
    Fp.RECIPROCAL_ESTIMATE: _unary(estimates.reciprocal_estimate),
    Fp.RECIPROCAL_ROOT_ESTIMATE: _unary(estimates.reciprocal_root_estimate),
    Fp.RECIPROCAL_EXPONENT: _unary(estimates.reciprocal_exponent),
    Fp.UNSIGNED_RECIPROCAL_ESTIMATE: lambda env, form, a, b, c: estimates.unsigned_reciprocal_estimate(a),
    Fp.UNSIGNED_RECIPROCAL_ROOT_ESTIMATE: lambda env, form, a, b, c: estimates.unsigned_reciprocal_root_estimate(a),
    Fp.CONVERT: _convert,
    Fp.TO_BFLOAT16: lambda env, form, a, b, c: conversion.to_bfloat16(env, a),
    Fp.TO_FIXED: _to_fixed,
    Fp.FROM_FIXED: _from_fixed,
    Fp.TO_JAVASCRIPT: lambda env, form, a, b, c: conversion.to_javascript_int32(env, a),
    Fp.TO_INTEGRAL: _to_integral(False),
    Fp.TO_INTEGRAL_EXACT: _to_integral(True),
    Fp.TO_INTEGRAL_WITHIN: _to_integral_within,
    Fp.MULADD_WIDENING: lambda env, form, a, b, c: arithmetic.multiply_add_widening(env, a, b, c),
    Fp.BFLOAT_DOT: bfloat.dot_add,
}


def evaluate(operation: Fp, width: int, a: int, b: int, c: int, fpcr: int) -> tuple[int, int]:
    """(result, FPSR flags to accumulate) of an operation on `width`-bit formats.

    Bits of an operand above its format's width do not count.
    """
    env = Environment(fpcr)
    form = BY_WIDTH[width]
    result = _OPERATIONS[operation](env, form, a, b, c)
    return result, env.flags
