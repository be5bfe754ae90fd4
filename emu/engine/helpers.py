"""Functions that regions call for a load or a store: the software TLB and all that goes with it, out of line."""

from __future__ import annotations

import llvmlite.ir as ir

from emu import state
from emu.engine.lower import I64, PTR, Lower, strictness
from emu.isa.ops import Mode

HELPER = ir.FunctionType(PTR, [PTR, I64, I64, I64, I64])
"""(state, address, what `access` says, pc, budget left) -> where the bytes are in the host's memory, all but the data
done; or null, and nothing done, where the interpreter has to see to it. A load has no use for the last two."""
_INFO_BITS, _STRICT_BIT, _ATOMIC_BIT = 24, 32, 33


def access(size: int, mode: Mode, flags: int, align: int) -> int:
    """An access in one number: LAST_ACCESS_INFO, the alignment less 1, whether that is a must, which table."""
    info = size | mode.value << 8 | flags | state.LAST_ACCESS_VALID
    is_strict, is_atomic = strictness(mode) != 0, mode is Mode.ATOMIC
    return info | align - 1 << _INFO_BITS | is_strict << _STRICT_BIT | is_atomic << _ATOMIC_BIT


def build_helper(module: ir.Module, name: str, is_store: bool) -> None:
    """The helper of loads or that of stores."""
    function = ir.Function(module, HELPER, name)
    function.args[0].add_attribute("noalias")
    state_pointer, address, what, pc, budget = function.args
    b = ir.IRBuilder(function.append_basic_block())
    lower = Lower(b, state_pointer, I64(0), pc, budget)
    slow = b.append_basic_block("slow")
    size = b.and_(what, I64(0xFF))
    mask = b.and_(b.lshr(what, I64(_INFO_BITS)), I64(0xFF))
    strict = b.neg(b.and_(b.lshr(what, I64(_STRICT_BIT)), I64(1)))
    if is_store:
        offset = lower.locate_store(address, size, strict, mask, slow)
    else:
        is_atomic = b.and_(b.lshr(what, I64(_ATOMIC_BIT)), I64(1))
        table = b.select(lower.truth(is_atomic), I64(state.STORE_TLB), I64(state.LOAD_TLB))
        offset = lower.locate_load(table, address, size, strict, mask, slow)
    lower.set(state.LAST_ACCESS_VA, address)
    lower.set(state.LAST_ACCESS_INFO, b.and_(what, I64((1 << _INFO_BITS) - 1)))
    b.ret(lower.host(offset))
    b.position_at_end(slow)
    b.ret(ir.Constant(PTR, None))
