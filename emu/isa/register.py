"""Data processing, register operands (Arm ARM C4.1: "Data Processing -- Register")."""

from __future__ import annotations

from emu import state
from emu.isa.arithmetic import (
    ONES,
    add_with_carry,
    condition_holds,
    extend_register,
    set_flags_logical,
    shift_register,
    write_result,
)
from emu.isa.ops import Ops
from emu.isa.pattern import A64, Fields, Value


def _shift_fits(fields: Fields) -> bool:
    return fields["sf"] == 1 or fields["imm6"] < 32


@A64.instruction("sf:1 opc:2 01010 shift:2 N:1 rm:5 imm6:6 rn:5 rd:5", static="sf opc shift N", allocated=_shift_fits)
def logical_shifted(
    ops: Ops, sf: int, opc: int, shift: int, N: int, rm: Value, imm6: Value, rn: Value, rd: Value
) -> None:
    """AND, BIC, ORR, ORN, EOR, EON, ANDS, BICS (shifted register)."""
    operand = shift_register(ops, sf, ops.read_x(rm), shift, imm6)
    if N:
        operand = ops.xor(operand, ONES)
    result = (ops.and_, ops.or_, ops.xor, ops.and_)[opc](ops.read_x(rn), operand)
    if not sf:
        result = ops.zext(result, 32)
    if opc == 3:
        set_flags_logical(ops, sf, result)
    ops.write_x(rd, result)


@A64.instruction(
    "sf:1 op:1 S:1 01011 shift:2 0 rm:5 imm6:6 rn:5 rd:5",
    static="sf op S shift",
    allocated=lambda f: f["shift"] != 3 and _shift_fits(f),
)
def add_subtract_shifted(
    ops: Ops, sf: int, op: int, S: int, shift: int, rm: Value, imm6: Value, rn: Value, rd: Value
) -> None:
    """ADD, ADDS, SUB, SUBS (shifted register)."""
    operand = shift_register(ops, sf, ops.read_x(rm), shift, imm6)
    write_result(ops, sf, rd, add_with_carry(ops, sf, ops.read_x(rn), operand, subtract=op, set_flags=S))


@A64.instruction(
    "sf:1 op:1 S:1 01011 00 1 rm:5 option:3 imm3:3 rn:5 rd:5",
    static="sf op S option",
    allocated=lambda f: f["imm3"] <= 4,
)
def add_subtract_extended(
    ops: Ops, sf: int, op: int, S: int, option: int, rm: Value, imm3: Value, rn: Value, rd: Value
) -> None:
    """ADD, ADDS, SUB, SUBS (extended register)."""
    operand = extend_register(ops, ops.read_x(rm), option, imm3)
    result = add_with_carry(ops, sf, ops.read_xsp(rn), operand, subtract=op, set_flags=S)
    if S:
        write_result(ops, sf, rd, result)
    else:
        ops.write_xsp(rd, result if sf else ops.zext(result, 32))


@A64.instruction("sf:1 op:1 S:1 11010000 rm:5 000000 rn:5 rd:5", static="sf op S")
def add_subtract_carry(ops: Ops, sf: int, op: int, S: int, rm: Value, rn: Value, rd: Value) -> None:
    """ADC, ADCS, SBC, SBCS."""
    result = add_with_carry(ops, sf, ops.read_x(rn), ops.read_x(rm), subtract=op, set_flags=S, carry=ops.get(state.C))
    write_result(ops, sf, rd, result)


def _conditional_compare(ops: Ops, sf: int, op: int, cond: int, nzcv: Value, a: Value, b: Value) -> None:
    holds = condition_holds(ops, cond)
    if not sf:
        a, b = ops.zext(a, 32), ops.zext(b, 32)
    add_with_carry(ops, sf, a, b, subtract=op, set_flags=1)
    for slot, bit in ((state.N, 3), (state.Z, 2), (state.C, 1), (state.V, 0)):
        ops.set(slot, ops.select(holds, ops.get(slot), ops.and_(ops.shr(nzcv, bit), 1)))


@A64.instruction("sf:1 op:1 1 11010010 rm:5 cond:4 00 rn:5 0 nzcv:4", static="sf op cond")
def conditional_compare_register(ops: Ops, sf: int, op: int, cond: int, rm: Value, rn: Value, nzcv: Value) -> None:
    """CCMN, CCMP (register)."""
    _conditional_compare(ops, sf, op, cond, nzcv, ops.read_x(rn), ops.read_x(rm))


@A64.instruction("sf:1 op:1 1 11010010 imm5:5 cond:4 10 rn:5 0 nzcv:4", static="sf op cond")
def conditional_compare_immediate(ops: Ops, sf: int, op: int, cond: int, imm5: Value, rn: Value, nzcv: Value) -> None:
    """CCMN, CCMP (immediate)."""
    _conditional_compare(ops, sf, op, cond, nzcv, ops.read_x(rn), imm5)


@A64.instruction("sf:1 op:1 0 11010100 rm:5 cond:4 0 o2:1 rn:5 rd:5", static="sf op cond o2")
def conditional_select(ops: Ops, sf: int, op: int, cond: int, o2: int, rm: Value, rn: Value, rd: Value) -> None:
    """CSEL, CSINC, CSINV, CSNEG."""
    otherwise = ops.read_x(rm)
    if op:
        otherwise = ops.xor(otherwise, ONES)
    if o2:
        otherwise = ops.add(otherwise, 1)
    write_result(ops, sf, rd, ops.select(condition_holds(ops, cond), ops.read_x(rn), otherwise))


@A64.instruction(
    "sf:1 1 0 11010110 00000 0000 opcode:2 rn:5 rd:5",
    static="sf opcode",
    allocated=lambda f: f["sf"] == 1 or f["opcode"] != 3,
)
def reverse(ops: Ops, sf: int, opcode: int, rn: Value, rd: Value) -> None:
    """RBIT, REV16, REV/REV32, REV (opcode 0-3)."""
    value = ops.read_x(rn) if sf else ops.zext(ops.read_x(rn), 32)
    if opcode == 0:
        result = ops.bit_reverse(value)
        result = result if sf else ops.shr(result, 32)
    elif opcode == 1:
        even = 0x00FF00FF00FF00FF
        result = ops.or_(ops.shl(ops.and_(value, even), 8), ops.and_(ops.shr(value, 8), even))
    elif opcode == 2:
        swapped = ops.byte_reverse(value)
        # REV32 swaps within words: reverse all eight bytes, then put the words back.
        result = ops.or_(ops.shr(swapped, 32), ops.shl(swapped, 32)) if sf else ops.shr(swapped, 32)
    else:
        result = ops.byte_reverse(value)
    write_result(ops, sf, rd, result)


@A64.instruction("sf:1 1 0 11010110 00000 00010 signs:1 rn:5 rd:5", static="sf signs")
def count_leading(ops: Ops, sf: int, signs: int, rn: Value, rd: Value) -> None:
    """CLZ, CLS."""
    value = ops.read_x(rn) if sf else ops.zext(ops.read_x(rn), 32)
    if not signs:
        result = ops.clz(value) if sf else ops.sub(ops.clz(value), 32)
    else:
        # Bits equal to the sign become zeros, so leading sign bits are leading zeros, less the sign itself.
        spread = value if sf else ops.sext(value, 32)
        result = ops.sub(ops.clz(ops.xor(spread, ops.sar(spread, 1))), 1 if sf else 33)
    write_result(ops, sf, rd, result)


@A64.instruction("sf:1 0 0 11010110 rm:5 0000 1 signed:1 rn:5 rd:5", static="sf signed")
def divide(ops: Ops, sf: int, signed: int, rm: Value, rn: Value, rd: Value) -> None:
    """UDIV, SDIV."""
    a, b = ops.read_x(rn), ops.read_x(rm)
    if not sf:
        a, b = (ops.sext(a, 32), ops.sext(b, 32)) if signed else (ops.zext(a, 32), ops.zext(b, 32))
    write_result(ops, sf, rd, (ops.sdiv if signed else ops.udiv)(a, b))


@A64.instruction("sf:1 0 0 11010110 rm:5 0010 kind:2 rn:5 rd:5", static="sf kind")
def shift_variable(ops: Ops, sf: int, kind: int, rm: Value, rn: Value, rd: Value) -> None:
    """LSLV, LSRV, ASRV, RORV."""
    amount = ops.and_(ops.read_x(rm), 63 if sf else 31)
    ops.write_x(rd, shift_register(ops, sf, ops.read_x(rn), kind, amount))


@A64.instruction("sf:1 00 11011 000 rm:5 o0:1 ra:5 rn:5 rd:5", static="sf o0")
def multiply_add(ops: Ops, sf: int, o0: int, rm: Value, ra: Value, rn: Value, rd: Value) -> None:
    """MADD, MSUB."""
    product = ops.mul(ops.read_x(rn), ops.read_x(rm))
    write_result(ops, sf, rd, (ops.sub if o0 else ops.add)(ops.read_x(ra), product))


@A64.instruction("1 00 11011 U:1 01 rm:5 o0:1 ra:5 rn:5 rd:5", static="U o0")
def multiply_add_long(ops: Ops, U: int, o0: int, rm: Value, ra: Value, rn: Value, rd: Value) -> None:
    """SMADDL, SMSUBL, UMADDL, UMSUBL."""
    widen = ops.zext if U else ops.sext
    product = ops.mul(widen(ops.read_x(rn), 32), widen(ops.read_x(rm), 32))
    ops.write_x(rd, (ops.sub if o0 else ops.add)(ops.read_x(ra), product))


@A64.instruction("1 00 11011 U:1 10 rm:5 0 xxxxx rn:5 rd:5", static="U")
def multiply_high(ops: Ops, U: int, rm: Value, rn: Value, rd: Value) -> None:
    """SMULH, UMULH."""
    ops.write_x(rd, (ops.umulh if U else ops.smulh)(ops.read_x(rn), ops.read_x(rm)))
