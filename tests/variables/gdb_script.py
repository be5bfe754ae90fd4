"""For gdb's own Python: the command `dumpvars` prints the variables of every call as a line of JSON."""

import json

import gdb

WHOLE = (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_PTR)


def value_of(value):
    kind = value.type.strip_typedefs()
    try:
        if value.is_optimized_out:
            return None
        if kind.code in WHOLE:
            return int(value)
        if kind.code == gdb.TYPE_CODE_FLT:
            return float(value)
        if kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            return [value_of(value[field]) for field in kind.fields()]
        if kind.code == gdb.TYPE_CODE_ARRAY:
            low, high = kind.range()
            return [value_of(value[at]) for at in range(low, high + 1)]
    except gdb.error as error:
        return f"!{error}"
    return "!"


def variables_of(frame):
    found = []
    try:
        block = frame.block()
    except RuntimeError:
        return found
    while block is not None:
        for symbol in block:
            if symbol.is_argument or symbol.is_variable:
                value = symbol.value(frame) if symbol.needs_frame else symbol.value()
                found.append([symbol.name, value_of(value), bool(symbol.is_argument)])
        if block.function:
            break
        block = block.superblock
    return found


class DumpVariables(gdb.Command):
    def __init__(self):
        super().__init__("dumpvars", gdb.COMMAND_USER)

    def invoke(self, argument, from_tty):
        calls, inner, frame = [], [], gdb.newest_frame()
        while frame is not None:
            inner += variables_of(frame)
            if frame.type() != gdb.INLINE_FRAME:
                calls.append([frame.pc(), inner])
                inner = []
            frame = frame.older()
        print("<variables>" + json.dumps(calls))


DumpVariables()
