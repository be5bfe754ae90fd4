"""LLVM IR as text, written at once: a builder for regions, whose time to compile the guest has to wait for.

It answers to the names of llvmlite's `IRBuilder`, as far as `emu.engine.lower` and its like use them, and costs a
tenth. Three things differ. A plain int counts as a constant of 64 bits. Operations without effect are written where
their value is first used, and not at all where it never is. And a value that one basic block wrote is written again
in another, except within a chain of blocks that follow one another: those share a scope.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Union

import llvmlite.ir as ir

from emu.state import MASK64

I64, I1 = ir.IntType(64), ir.IntType(1)
PTR = ir.PointerType()
Operand = Union["Number", int, ir.Constant]

_names: dict[int, tuple[Any, str]] = {}


def type_name(kind: Any) -> str:
    """A type as IR text."""
    found = _names.get(id(kind))
    if found is None:
        text = "ptr" if isinstance(kind, ir.PointerType) else str(kind)
        found = _names[id(kind)] = (kind, text)  # holding the type keeps its id its own
    return found[1]


def type_of(operand: Any) -> Any:
    return I64 if operand.__class__ is int else operand.type


class Number:
    """A value: `form` with the operands in it, or, where that is None, what an instruction already written gave."""

    __slots__ = ("form", "name", "operands", "scope", "type", "width")

    def __init__(self, kind: Any, form: str | None, operands: tuple[Any, ...] = (), width: int = 64) -> None:
        """`width`: how many of the low bits may be set at all."""
        self.type, self.form, self.operands, self.width = kind, form, operands, width
        self.name = ""
        self.scope: object = None


class Block:
    """A basic block. The scope is what it shares with the blocks of its chain; it may use its parent's values too.

    `other` is a scope for the chain that goes round this block.
    """

    __slots__ = ("is_terminated", "label", "lines", "other", "parent", "scope")

    def __init__(self, label: str) -> None:
        self.label = label
        self.lines: list[Any] = []
        self.scope: object = self
        self.parent: object = self
        self.other = object()
        self.is_terminated = False


class Phi(Number):
    """A phi, whose incoming values are added later."""

    __slots__ = ("_builder", "_incoming")

    def __init__(self, builder: TextBuilder, kind: Any) -> None:
        super().__init__(kind, None)
        self._builder = builder
        self._incoming: list[str] = []

    def add_incoming(self, value: Operand, block: Block) -> None:
        self.add_reference(self._builder.reference_at_end(value, block), block)

    def add_reference(self, value: str, block: Block) -> None:
        """The same, with the operand as text."""
        self._incoming.append(f"[{value}, %{block.label}]")

    def __str__(self) -> str:
        return f"{self.name} = phi {type_name(self.type)} {', '.join(self._incoming)}"


class Switch:
    """A switch over a 64-bit number, whose cases are added later."""

    def __init__(self, value: str, default: Block) -> None:
        self._value, self._default = value, default
        self._cases: list[str] = []

    def add_case(self, value: int, block: Block) -> None:
        self._cases.append(f"i64 {value}, label %{block.label}")

    def __str__(self) -> str:
        return f"switch i64 {self._value}, label %{self._default.label} [ {' '.join(self._cases)} ]"


class Later:
    """A place among the lines for some that are settled on later."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def __str__(self) -> str:
        return "\n".join(map(str, self.lines))


class Branch:
    """A conditional branch just written."""

    def __init__(self, module: TextModule, lines: list[Any]) -> None:
        self._module, self._lines = module, lines

    def set_weights(self, weights: list[int]) -> None:
        self._lines[-1] += f", !prof {self._module.weights(tuple(weights))}"


class Global:
    """A constant in memory, or a function declared."""

    def __init__(self, name: str, kind: Any) -> None:
        self.name, self.type = f"@{name}", PTR
        self.value_type = kind
        self.initializer: Any = None
        self.linkage, self.global_constant = "", False


class TextModule:
    """A module with one function."""

    def __init__(self, triple: str) -> None:
        self._triple = triple
        self.globals: dict[str, Global] = {}
        self._declared: dict[str, tuple[Global, str]] = {}
        self._weights: dict[tuple[int, ...], str] = {}
        self.function: TextFunction | None = None

    def add_global(self, kind: Any, name: str) -> Global:
        found = self.globals[name] = Global(name, kind)
        return found

    def declare_intrinsic(self, name: str, kinds: list[Any], signature: ir.FunctionType) -> Global:
        suffix = {"float": "f32", "double": "f64"}
        return self.declare(".".join([name, *(suffix.get(str(kind), str(kind)) for kind in kinds)]), signature)

    def declare(self, name: str, signature: ir.FunctionType) -> Global:
        """A function that is elsewhere."""
        if name not in self._declared:
            arguments = ", ".join(type_name(kind) for kind in signature.args)
            declared = f"declare {type_name(signature.return_type)} @{name}({arguments})"
            self._declared[name] = Global(name, signature), declared
        return self._declared[name][0]

    def weights(self, weights: tuple[int, ...]) -> str:
        return self._weights.setdefault(weights, f"!{len(self._weights)}")

    def __str__(self) -> str:
        parts = [f'target triple = "{self._triple}"']
        parts += [
            f"{table.name} = internal constant {type_name(table.value_type)} {table.initializer.get_reference()}"
            for table in self.globals.values()
        ]
        parts += [text for _, text in self._declared.values()]
        parts.append(str(self.function))
        for weights, name in self._weights.items():
            numbers = ", ".join(f"i32 {weight}" for weight in weights)
            parts.append(f'{name} = !{{ !"branch_weights", {numbers} }}')
        return "\n".join(parts) + "\n"


class TextFunction:
    """A function of 64-bit numbers after a pointer that nothing else leads to."""

    def __init__(self, module: TextModule, signature: ir.FunctionType, name: str) -> None:
        self.module, self._name = module, name
        module.function = self
        self.numbers = itertools.count()
        self._blocks: list[Block] = []
        self.args = []
        for number, kind in enumerate(signature.args):
            argument = Number(kind, None)
            argument.name = f"%a{number}"
            self.args.append(argument)
        self._result = type_name(signature.return_type)

    def append_basic_block(self, label: str = "block") -> Block:
        block = Block(f"{label}.{next(self.numbers)}")
        self._blocks.append(block)
        return block

    def __str__(self) -> str:
        arguments = ", ".join(
            f"{type_name(argument.type)}{'' if number else ' noalias'} {argument.name}"
            for number, argument in enumerate(self.args)
        )
        lines = [f"define {self._result} @{self._name}({arguments}) {{"]
        for block in self._blocks:
            lines.append(f"{block.label}:")
            lines.extend(map(str, block.lines))
        lines.append("}")
        return "\n".join(lines)


def _binary(operation: str) -> Callable[[TextBuilder, Operand, Operand], Number]:
    def build(self: TextBuilder, x: Operand, y: Operand) -> Number:
        kind = type_of(x)
        return Number(kind, f"{operation} {type_name(kind)} {{}}, {{}}", (x, y))

    return build


def _folding(operation: str, fold: Callable[[int, int], int]) -> Callable[[TextBuilder, Operand, Operand], Any]:
    """The same, where two constants of 64 bits make a third."""
    general = _binary(operation)

    def build(self: TextBuilder, x: Operand, y: Operand) -> Any:
        if isinstance(x, int):
            other = y.constant if isinstance(y, ir.Constant) else y
            if isinstance(other, int):
                return fold(x, other)
        return general(self, x, y)

    return build


def _cast(operation: str) -> Callable[[TextBuilder, Operand, Any], Number]:
    def build(self: TextBuilder, value: Operand, kind: Any) -> Number:
        source = type_of(value)
        width = source.width if operation == "zext" else 64
        return Number(kind, f"{operation} {type_name(source)} {{}} to {type_name(kind)}", (value,), width)

    return build


_SIGNS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_EQUALITY = {"==": "eq", "!=": "ne"}


def _compare(word: str, prefix: str, equality: str) -> Callable[[TextBuilder, str, Operand, Operand], Number]:
    def build(self: TextBuilder, sign: str, x: Operand, y: Operand) -> Number:
        if sign in _EQUALITY:
            condition = equality + _EQUALITY[sign]
        else:
            condition = prefix + _SIGNS[sign] if sign in _SIGNS else sign  # "ord": neither is a NaN
        return Number(I1, f"{word} {condition} {type_name(type_of(x))} {{}}, {{}}", (x, y), 1)

    return build


def _intrinsic(name: str, has_flag: bool) -> Callable[..., Number]:
    def build(self: TextBuilder, value: Operand, flag: Any = None) -> Number:
        kind = type_of(value)
        arguments = [kind, I1] if has_flag else [kind]
        called = self.module.declare_intrinsic(f"llvm.{name}", [kind], ir.FunctionType(kind, arguments))
        tail = ", i1 0" if has_flag else ""
        return Number(kind, f"call {type_name(kind)} {called.name}({type_name(kind)} {{}}{tail})", (value,))

    return build


class TextBuilder:
    """Writes into one block after another."""

    def __init__(self, function: TextFunction, block: Block) -> None:
        self._function, self.module = function, function.module
        self.position_at_end(block)

    def position_at_end(self, block: Block) -> None:
        self.block, self._lines = block, block.lines
        self._scope, self._parent = block.scope, block.parent

    def append_basic_block(self, label: str = "block") -> Block:
        return self._function.append_basic_block(label)

    def goto_chain(self, block: Block, scope: object) -> None:
        """Go on in a block that everything written in a scope so far comes before."""
        block.scope = scope
        self.position_at_end(block)

    # Values.

    def reference(self, value: Any) -> str:
        """The value as an operand, written first where need be."""
        if value.__class__ is int:
            return str(value & MASK64)
        if value.__class__ is not Number:
            return value.name if isinstance(value, (Phi, Global)) else str(value.get_reference())
        scope = value.scope
        if value.form is None or scope is self._scope or scope is self._parent:
            return value.name
        text = value.form.format(*[self.reference(operand) for operand in value.operands])
        value.name = name = f"%v{next(self._function.numbers)}"
        value.scope = self._scope
        self._lines.append(f"{name} = {text}")
        return name

    def reference_at_end(self, value: Any, block: Block) -> str:
        """The value as an operand in a block that may have its last instruction already."""
        if value.__class__ is not Number or value.form is None:
            return self.reference(value)
        before = self.block
        last = block.lines.pop() if block.is_terminated else None
        self.position_at_end(block)
        text = self.reference(value)
        if last is not None:
            block.lines.append(last)
        self.position_at_end(before)
        return text

    def written(self, kind: Any, text: str, width: int = 64) -> Number:
        """The result of an instruction that is written here and now."""
        number = Number(kind, None, (), width)
        number.name = f"%v{next(self._function.numbers)}"
        self._lines.append(f"{number.name} = {text}")
        return number

    add, sub, mul, udiv, sdiv = _binary("add"), _binary("sub"), _binary("mul"), _binary("udiv"), _binary("sdiv")
    and_, lshr = _folding("and", operator.and_), _folding("lshr", operator.rshift)
    or_, xor, shl, ashr = _binary("or"), _binary("xor"), _binary("shl"), _binary("ashr")
    fadd, fsub, fmul, fdiv = _binary("fadd"), _binary("fsub"), _binary("fmul"), _binary("fdiv")
    trunc, zext, sext, bitcast = _cast("trunc"), _cast("zext"), _cast("sext"), _cast("bitcast")
    inttoptr, fpext, fptrunc = _cast("inttoptr"), _cast("fpext"), _cast("fptrunc")
    sitofp, uitofp, fptosi = _cast("sitofp"), _cast("uitofp"), _cast("fptosi")
    icmp_unsigned, icmp_signed = _compare("icmp", "u", ""), _compare("icmp", "s", "")
    fcmp_ordered = _compare("fcmp", "o", "o")
    ctlz, cttz = _intrinsic("ctlz", True), _intrinsic("cttz", True)
    bswap, bitreverse = _intrinsic("bswap", False), _intrinsic("bitreverse", False)

    def neg(self, value: Operand) -> Number:
        return self.sub(0 if type_of(value) is I64 else ir.Constant(type_of(value), 0), value)

    def fneg(self, value: Operand) -> Number:
        return Number(type_of(value), f"fneg {type_name(type_of(value))} {{}}", (value,))

    def not_(self, value: Operand) -> Number:
        kind = type_of(value)
        return Number(kind, f"xor {type_name(kind)} {{}}, -1", (value,), kind.width)

    def select(self, condition: Operand, x: Operand, y: Operand) -> Number:
        kind = type_name(type_of(x))
        return Number(type_of(x), f"select i1 {{}}, {kind} {{}}, {kind} {{}}", (condition, x, y))

    def gep(self, pointer: Any, places: list[Operand], source_etype: Any) -> Number:
        indices = "".join(f", {type_name(type_of(place))} {{}}" for place in places)
        element = type_name(source_etype).replace("{", "{{").replace("}", "}}")
        return Number(PTR, f"getelementptr {element}, ptr {{}}{indices}", (pointer, *places))

    # Memory and calls.

    def alloca(self, kind: Any, name: str = "") -> Number:
        return self.written(PTR, f"alloca {type_name(kind)}")

    def load(self, pointer: Any, typ: Any, align: int | None = None, is_volatile: bool = False) -> Number:
        tail = "" if align is None else f", align {align}"
        word = "load volatile" if is_volatile else "load"
        return self.written(typ, f"{word} {type_name(typ)}, ptr {self.reference(pointer)}{tail}")

    def store(self, value: Operand, pointer: Any, align: int | None = None, is_volatile: bool = False) -> None:
        tail = "" if align is None else f", align {align}"
        word = "store volatile" if is_volatile else "store"
        text = f"{word} {type_name(type_of(value))} {self.reference(value)}, ptr {self.reference(pointer)}{tail}"
        self._lines.append(text)

    def later(self) -> Later:
        """A place here for lines that are written elsewhere."""
        later = Later()
        self._lines.append(later)
        return later

    @contextmanager
    def elsewhere(self) -> Iterator[list[Any]]:
        """Write into a list, which may be put in here; nothing else uses what is written there."""
        before = self._lines, self._scope, self._parent
        lines: list[Any] = []
        self._lines, self._scope, self._parent = lines, object(), self._scope
        yield lines
        self._lines, self._scope, self._parent = before

    def call(self, called: Any, arguments: Any, tail: bool = False) -> Number:
        """With `tail` it is a jump that leaves nothing behind; its result is to be returned at once."""
        signature = called.value_type if isinstance(called, Global) else called.type.pointee
        passed = ", ".join(f"{type_name(type_of(value))} {self.reference(value)}" for value in arguments)
        result = signature.return_type
        word = "musttail call" if tail else "call"
        return self.written(result, f"{word} {type_name(result)} {self.reference(called)}({passed})")

    def phi(self, kind: Any) -> Phi:
        phi = Phi(self, kind)
        phi.name = f"%v{next(self._function.numbers)}"
        self._lines.append(phi)
        return phi

    # Control.

    def _end(self, text: Any) -> None:
        self._lines.append(text)
        self.block.is_terminated = True

    def branch(self, block: Block) -> None:
        self._end(f"br label %{block.label}")

    def cbranch(self, condition: Operand, true: Block, false: Block) -> Branch:
        self._end(f"br i1 {self.reference(condition)}, label %{true.label}, label %{false.label}")
        return Branch(self.module, self._lines)

    def switch(self, value: Operand, default: Block) -> Switch:
        switch = Switch(self.reference(value), default)
        self._end(switch)
        return switch

    def ret(self, value: Operand) -> None:
        self._end(f"ret {type_name(type_of(value))} {self.reference(value)}")

    def unreachable(self) -> None:
        self._end("unreachable")

    @contextmanager
    def if_then(self, condition: Operand, likely: bool | None = None) -> Iterator[None]:
        then, after = self.append_basic_block("then"), self.append_basic_block("after")
        scope = self._scope
        self.cbranch(condition, then, after)
        self.position_at_end(then)
        yield
        if not self.block.is_terminated:
            self.branch(after)
        self.goto_chain(after, scope)
