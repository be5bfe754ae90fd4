"""Decoding ahead in native code: words that were met before find their handlers in a table."""

from __future__ import annotations

import ctypes

import llvmlite.ir as ir

from emu.architecture import BLOCK
from emu.mec.memory import CODE_TAG

_I64, _I32 = ir.IntType(64), ir.IntType(32)
_PTR = ir.PointerType()
_SETS_BITS = 16
_WAYS = 2
_MULTIPLIER = 0x9E37_79B1
_VALID = 1 << 32
_WORDS_A_BLOCK = BLOCK // 4

SWEEP_TYPE = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_uint64] * 8)
"""The native function: (the page's words, its slots, its blocks' tags, the table, the first index, the end, the owner
id, the stub that stands for words not decoded) -> the index of the first word that was not decoded, or the end."""
_SIGNATURE = ir.FunctionType(_I64, [_PTR, _PTR, _PTR, _PTR, _I64, _I64, _I64, _I64])


class WordTable:
    """Handlers by instruction word, in a table of two ways that native code reads; what does not fit is forgotten."""

    def __init__(self) -> None:
        self._buffer = (ctypes.c_uint64 * (2 * _WAYS << _SETS_BITS))()
        self._slots = memoryview(self._buffer).cast("B").cast("Q")
        self.address = ctypes.addressof(self._buffer)

    def add(self, word: int, handler: int) -> None:
        """The latest word of a set comes first, the one before it second."""
        slots = self._slots
        first = 2 * _WAYS * ((word * _MULTIPLIER & 0xFFFF_FFFF) >> 32 - _SETS_BITS)
        slots[first + 2], slots[first + 3] = slots[first], slots[first + 1]
        slots[first], slots[first + 1] = word | _VALID, handler


def build_sweep(module: ir.Module, name: str) -> None:
    """`WordTable` as native code uses it: the counterpart of `Interpreter._sweep`."""
    function = ir.Function(module, _SIGNATURE, name)
    words, slots, tags, table, first, end, owner, stub = function.args
    entry, head, body, look, second, found, fine, put, on, out = (
        function.append_basic_block(label)
        for label in ("entry", "head", "body", "look", "second", "found", "fine", "put", "on", "out")
    )
    b = ir.IRBuilder(entry)
    b.branch(head)
    b.position_at_end(head)
    index = b.phi(_I64)
    index.add_incoming(first, entry)
    b.cbranch(b.icmp_unsigned("<", index, end), body, out)

    b.position_at_end(body)
    slot = b.gep(slots, [b.shl(index, _I64(1))], source_etype=_I64)
    b.cbranch(b.icmp_unsigned("==", b.load(slot, typ=_I64), stub), look, on)

    b.position_at_end(look)
    word = b.load(b.gep(words, [index], source_etype=_I32), typ=_I32)
    hashed = b.lshr(b.mul(word, _I32(_MULTIPLIER)), _I32(32 - _SETS_BITS))
    place = b.gep(table, [b.mul(b.zext(hashed, _I64), _I64(2 * _WAYS))], source_etype=_I64)
    expected = b.or_(b.zext(word, _I64), _I64(_VALID))
    b.cbranch(b.icmp_unsigned("==", b.load(place, typ=_I64), expected), found, second)

    b.position_at_end(second)
    other = b.gep(place, [_I64(2)], source_etype=_I64)
    b.cbranch(b.icmp_unsigned("==", b.load(other, typ=_I64), expected), found, out)

    b.position_at_end(found)
    entry_found = b.phi(_PTR)
    entry_found.add_incoming(place, look)
    entry_found.add_incoming(other, second)
    tag_place = b.gep(tags, [b.udiv(index, _I64(_WORDS_A_BLOCK))], source_etype=_I32)
    tag = b.load(tag_place, typ=_I32)
    whose = b.and_(tag, _I32(CODE_TAG - 1))
    is_ours = b.or_(b.icmp_unsigned("==", whose, b.trunc(owner, _I32)), b.icmp_unsigned("==", whose, _I32(0)))
    b.cbranch(is_ours, fine, out)

    b.position_at_end(fine)
    b.store(b.or_(tag, _I32(CODE_TAG)), tag_place)
    b.branch(put)
    b.position_at_end(put)
    handler = b.load(b.gep(entry_found, [_I64(1)], source_etype=_I64), typ=_I64)
    b.store(b.zext(word, _I64), b.gep(slot, [_I64(1)], source_etype=_I64))
    b.store(handler, slot)
    b.branch(on)

    b.position_at_end(on)
    index.add_incoming(b.add(index, _I64(1)), on)
    b.branch(head)

    b.position_at_end(out)
    b.ret(index)
