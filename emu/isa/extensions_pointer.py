"""Pointer authentication: sign, authenticate, strip, and the branches and loads that authenticate first."""

from __future__ import annotations

from emu import state
from emu.isa.branch import LINK, branch_address, branch_indirect
from emu.isa.memory import base_address
from emu.isa.ops import Escape, Ops, Query
from emu.isa.pattern import A64, Fields, Value


@A64.instruction("11 0 11010110 00001 000 opcode:3 rn:5 rd:5", static="opcode", feature="FEAT_PAuth")
def authentication_code(ops: Ops, opcode: int, rn: Value, rd: Value) -> None:
    """PACIA, PACIB, PACDA, PACDB, AUTIA, AUTIB, AUTDA, AUTDB (opcode 0-7)."""
    ops.write_x(rd, ops.ask(Query(opcode), ops.read_x(rd), ops.read_xsp(rn)))


@A64.instruction("11 0 11010110 00001 001 opcode:3 11111 rd:5", static="opcode", feature="FEAT_PAuth")
def authentication_code_zero(ops: Ops, opcode: int, rd: Value) -> None:
    """PACIZA, PACIZB, PACDZA, PACDZB, AUTIZA, AUTIZB, AUTDZA, AUTDZB: the same with modifier zero."""
    ops.write_x(rd, ops.ask(Query(opcode), ops.read_x(rd), 0))


@A64.instruction("11 0 11010110 00001 01000 D:1 11111 rd:5", static="D", feature="FEAT_PAuth")
def strip_authentication_code(ops: Ops, D: int, rd: Value) -> None:
    """XPACI, XPACD."""
    ops.write_x(rd, ops.ask(Query.STRIP_DATA if D else Query.STRIP_CODE, ops.read_x(rd)))


@A64.instruction("10 0 11010110 rm:5 001100 rn:5 rd:5", feature="FEAT_PAuth")
def generic_authentication_code(ops: Ops, rm: Value, rn: Value, rd: Value) -> None:
    """PACGA."""
    ops.write_x(rd, ops.ask(Query.SIGN_GENERIC, ops.read_x(rn), ops.read_xsp(rm)))


def _modifier(ops: Ops, fields_z: int, rm: Value) -> Value:
    return ops.read_xsp(rm) if fields_z else 0


def _has_no_modifier(fields: Fields) -> bool:
    return fields["Z"] == 1 or fields["rm"] == 31


@A64.instruction(
    "1101011 Z:1 00 L:1 11111 00001 M:1 rn:5 rm:5",
    static="Z L M",
    allocated=_has_no_modifier,
    ends_block=True,
    feature="FEAT_PAuth",
)
def branch_authenticated(ops: Ops, Z: int, L: int, M: int, rn: Value, rm: Value) -> None:
    """BRAA, BRAB, BLRAA, BLRAB, and with modifier zero BRAAZ, BRABZ, BLRAAZ, BLRABZ."""
    pointer = ops.ask(Query.AUTHENTICATE_IB if M else Query.AUTHENTICATE_IA, ops.read_x(rn), _modifier(ops, Z, rm))
    target = branch_address(ops, pointer)
    if L:
        ops.write_x(LINK, ops.add(ops.pc(), 4))
    branch_indirect(ops, target, rn, L)


@A64.instruction("1101011 0010 11111 00001 M:1 11111 11111", static="M", ends_block=True, feature="FEAT_PAuth")
def return_authenticated(ops: Ops, M: int) -> None:
    """RETAA, RETAB."""
    query = Query.AUTHENTICATE_IB if M else Query.AUTHENTICATE_IA
    ops.branch(branch_address(ops, ops.ask(query, ops.read_x(LINK), ops.get(state.SP))))


@A64.instruction("1101011 0100 11111 00001 M:1 11111 11111", static="M", ends_block=True, feature="FEAT_PAuth")
def exception_return_authenticated(ops: Ops, M: int) -> None:
    """ERETAA, ERETAB."""
    ops.escape(Escape.ERET)


@A64.instruction("11 111 0 00 M:1 S:1 1 imm9:9 W:1 1 rn:5 rt:5", static="M W", feature="FEAT_PAuth")
def load_authenticated(ops: Ops, M: int, S: Value, imm9: Value, W: int, rn: Value, rt: Value) -> None:
    """LDRAA, LDRAB."""
    pointer = ops.ask(Query.AUTHENTICATE_DB if M else Query.AUTHENTICATE_DA, base_address(ops, rn))
    offset = ops.shl(ops.sext(ops.or_(ops.shl(S, 9), imm9), 10), 3)
    address = ops.add(pointer, offset)
    value = ops.load(address, 8)
    if W:
        ops.write_xsp(rn, address)
    ops.write_x(rt, value)
