"""From a tree to something that can be evaluated often: names are looked up once, here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emu.debug.expressions.code import Code, Run, constant
from emu.debug.expressions.environment import Environment, error_of
from emu.debug.expressions.errors import ExpressionError, shortened
from emu.debug.expressions.fields import field_now, find_fields, layout_now, no_such_field
from emu.debug.expressions.functions import FUNCTIONS, QUESTIONS
from emu.debug.expressions.names import (
    ACCESS_WORDS,
    GRANULE_WORDS,
    NO_WORDS,
    SECURITY_WORDS,
    RegisterName,
    Vocabulary,
)
from emu.debug.expressions.operators import COMPARISONS, WIDE, operation, signed
from emu.debug.expressions.parser import parse
from emu.debug.expressions.tree import Binary, Call, Conditional, Memory, Name, Node, Number, Slice, Unary, Within
from emu.debug.lines.location import parsed
from emu.errors import EmuError

MASK64 = (1 << 64) - 1
_WORDS: Mapping[str, int] = {**ACCESS_WORDS, **GRANULE_WORDS, **SECURITY_WORDS}
"""Words by themselves, where no register and no symbol has their name."""
_NOTHING: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that has been understood. `evaluate` it as often as needed."""

    text: str
    tree: Node
    is_signed: bool
    """Whether the value stands for a signed number of 64 bits: it has s() in it."""
    bits: int
    words: Mapping[str, int]
    """Names of the values it can have, for a Security state, an address space or a kind of access."""
    needs_machine: bool
    """Whether registers alone do not suffice: memory, translation, ownership."""
    _code: Code = field(repr=False, compare=False)
    _names: frozenset[str] = field(repr=False, compare=False)

    def evaluate(self, environment: Environment, given: Mapping[str, int] = _NOTHING) -> int:
        """The value: 0 to 2**64-1, or to 2**128-1 for a V register. Changes nothing. Raises ExpressionError.

        `given` has the numbers of the caller's own names.
        """
        return self._code.run(environment, given)

    def names(self) -> frozenset[str]:
        """The names it uses, by their proper spelling: registers, fields, symbols, the caller's."""
        return self._names

    def word_of(self, value: int) -> str:
        """The name of a value, such as "realm"; "" where it has none."""
        return next((word for word, number in self.words.items() if number == value), "")


def compile(text: str, names: Vocabulary) -> Expression:
    """Understand an expression. Raises ExpressionError."""
    compiler = Compiler(text, names)
    tree = lone_symbol(text, names) or lone_line(text) or parse(text)
    code = compiler.code(tree)
    return Expression(
        text, tree, code.is_signed, code.bits, code.words, compiler.needs_machine, code, frozenset(compiler.used)
    )


def lone_symbol(text: str, names: Vocabulary) -> Name | None:
    """A symbol by itself needs no quotes, whatever it is made of."""
    name = text.strip()
    if names.symbol(name) is None or names.find_given(name) is not None or names.find_register(name) is not None:
        return None
    start = text.index(name)
    return Name(name, True, start=start, end=start + len(name))


def lone_line(text: str) -> Name | None:
    """A place in the source by itself, mec.c:40, needs no quotes either."""
    name = text.strip()
    start = text.find(name)
    return None if parsed(name) is None else Name(name, True, start=start, end=start + len(name))


class Compiler:
    """Looks up the names of one expression and makes its nodes run."""

    def __init__(self, text: str, names: Vocabulary) -> None:
        self.text = text
        self.names = names
        self.used: set[str] = set()
        self.needs_machine = False

    def error(self, sentence: str, node: Node) -> ExpressionError:
        return ExpressionError(sentence, self.text, node.start, node.end)

    def code(self, node: Node) -> Code:
        match node:
            case Number(value=value):
                return Code(lambda environment, given: value)
            case Name():
                return self._name(node)
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)
            case Conditional():
                return self._conditional(node)
            case Slice():
                return self._slice(node)
            case Within():
                return self._within(node)
            case Memory():
                return self._memory(node)
            case Call():
                return self._call(node)

    # Names.

    def _name(self, node: Name, words: Mapping[str, int] = NO_WORDS) -> Code:
        """`words` are those that this place asks for: they come before symbols."""
        text = node.text
        if not node.is_quoted:
            item = self.names.find_given(text)
            if item is not None:
                self.used.add(text)
                return Code(self._of_caller(text, node), item.bits, words=item.words)
            if text.lower() in words:
                return constant(words[text.lower()])
            register = self.names.find_register(text)
            if register is not None:
                self.used.add(register.name)
                return self._register(register)
        address = self.names.symbol(text)
        if address is not None:
            self.used.add(text)
            return constant(address & MASK64)
        if node.is_quoted and parsed(text, is_quoted=True) is not None:
            return self._line(text, node)
        if not node.is_quoted:
            head, dot, tail = text.partition(".")
            register = self.names.find_register(head) if dot else None
            if register is not None:
                return self._field(register, tail, node)
            if text.lower() in _WORDS:
                return constant(_WORDS[text.lower()])
        raise self._unknown(node, words)

    def _line(self, text: str, node: Name) -> Code:
        """Where a line of the source begins: only who has read the line tables knows."""
        self.needs_machine = True
        self.used.add(text)
        found: list[int] = []

        def run(environment: Environment, given: Mapping[str, int]) -> int:
            if not found:
                try:
                    found.append(environment.source(text))
                except EmuError as error:
                    raise self._placed(error, node) from None
            return found[0]

        return Code(run)

    def _of_caller(self, name: str, node: Name) -> Run:
        def run(environment: Environment, given: Mapping[str, int]) -> int:
            try:
                return given[name]
            except KeyError:
                raise self.error(f"There is no “{name}” here: what happened has none.", node) from None

        return run

    def _unknown(self, node: Name, words: Mapping[str, int]) -> ExpressionError:
        name = shortened(node.text)
        if node.is_quoted:
            register = self.names.find_register(node.text)
            hint = "." if register is None else f"; without quotes {name} is a register."
            return self.error(f"There is no symbol “{name}”{self.column(node)}{hint}", node)
        function = FUNCTIONS.get(node.text.lower())
        near = self.names.near(node.text, words) if function is None else function.usage
        hint = f"did you mean “{near}”?" if near else "numbers look like 0x4000_0000 or 42."
        return self.error(f"There is no symbol or register “{name}”{self.column(node)}; {hint}", node)

    def column(self, node: Node) -> str:
        """Where to look, unless the whole text is meant."""
        return f" (column {node.start + 1})" if self.text[: node.start].strip() else ""

    def _register(self, register: RegisterName) -> Code:
        name, low, mask = register.source, register.low, (1 << register.bits) - 1
        if name in ("security", "insns"):
            self.needs_machine = True
        if low == 0 and register.name == name:
            return Code(lambda environment, given: environment.register(name), register.bits, words=register.words)
        return Code(lambda environment, given: environment.register(name) >> low & mask, register.bits)

    def _field(self, register: RegisterName, name: str, node: Name) -> Code:
        fields = find_fields(register.source, name)
        if not fields:
            raise self.error(no_such_field(register, name), node)
        source = "NZCV" if register.source == "nzcv" else register.source
        self.used.add(f"{source}.{fields[0].name}")
        if len(fields) == 1 and fields[0].when is None:
            low, mask = fields[0].low, (1 << fields[0].width) - 1
            return Code(lambda environment, given: environment.register(source) >> low & mask, fields[0].width)

        def run(environment: Environment, given: Mapping[str, int]) -> int:
            present = field_now(fields, environment)
            if present is None:
                sentence = f"{source}.{fields[0].name} is not there while {layout_now(fields, environment)}."
                raise self.error(sentence, node)
            return present.of(environment.register(source))

        return Code(run, max(item.width for item in fields))

    # Operators.

    def _unary(self, node: Unary) -> Code:
        operand = self.code(node.operand)
        run = operand.run
        match node.operator:
            case "-":
                return Code(lambda environment, given: -run(environment, given) & MASK64, is_signed=operand.is_signed)
            case "~":
                return Code(lambda environment, given: ~run(environment, given) & MASK64, is_signed=operand.is_signed)
            case "!":
                return Code(lambda environment, given: int(not run(environment, given)))
        return Code(lambda environment, given: run(environment, given) & MASK64, is_signed=operand.is_signed)

    def _binary(self, node: Binary) -> Code:
        left, right = self._sides(node)
        a, b = left.run, right.run
        if node.operator == "&&":
            return Code(lambda environment, given: int(bool(a(environment, given) and b(environment, given))))
        if node.operator == "||":
            return Code(lambda environment, given: int(bool(a(environment, given) or b(environment, given))))
        is_signed = left.is_signed or right.is_signed
        perform = operation(node.operator, is_signed)
        bits = max(left.bits, right.bits, 64) if node.operator in WIDE else 64
        is_result_signed = is_signed and node.operator not in COMPARISONS
        if node.operator not in ("/", "%"):
            return Code(lambda environment, given: perform(a(environment, given), b(environment, given)), bits,
                        is_result_signed)  # fmt: skip

        def divide(environment: Environment, given: Mapping[str, int]) -> int:
            by = b(environment, given)
            if not by & MASK64:
                what = self.text[node.right.start : node.right.end]
                raise self.error(f"“{shortened(what)}” is 0, and nothing can be divided by 0.", node.right)
            return perform(a(environment, given), by)

        return Code(divide, bits, is_result_signed)

    def _sides(self, node: Binary) -> tuple[Code, Code]:
        """Both operands; in a comparison, words that one side asks for are understood on the other."""
        if node.operator not in ("==", "!="):
            return self.code(node.left), self.code(node.right)
        asked = self._words_of(node.left) or self._words_of(node.right)
        return self._compared(node.left, asked), self._compared(node.right, asked)

    def _compared(self, node: Node, words: Mapping[str, int]) -> Code:
        return self._name(node, words) if isinstance(node, Name) else self.code(node)

    def _words_of(self, node: Node) -> Mapping[str, int]:
        """What a value can be compared with by name."""
        if isinstance(node, Call) and node.function.lower() in FUNCTIONS:
            return FUNCTIONS[node.function.lower()].words
        if not isinstance(node, Name) or node.is_quoted:
            return NO_WORDS
        item = self.names.find_given(node.text)
        if item is not None:
            return item.words
        register = self.names.find_register(node.text)
        return NO_WORDS if register is None else register.words

    def _conditional(self, node: Conditional) -> Code:
        test, yes, no = self.code(node.test).run, self.code(node.yes), self.code(node.no)
        a, b = yes.run, no.run
        return Code(
            lambda environment, given: a(environment, given) if test(environment, given) else b(environment, given),
            max(yes.bits, no.bits),
            yes.is_signed or no.is_signed,
            yes.words if yes.words == no.words else NO_WORDS,
        )

    def _slice(self, node: Slice) -> Code:
        operand = self.code(node.operand)
        run, low, mask = operand.run, node.low, (1 << node.high - node.low + 1) - 1
        if node.high >= max(operand.bits, 64):
            what = shortened(self.text[node.operand.start : node.operand.end])
            sentence = f"“{what}” has no bit {node.high}: its highest is {max(operand.bits, 64) - 1}."
            raise self.error(sentence, node)
        return Code(lambda environment, given: run(environment, given) >> low & mask, node.high - node.low + 1)

    def _within(self, node: Within) -> Code:
        operand, low, high = self.code(node.operand), self.code(node.low), self.code(node.high)
        run, a, b = operand.run, low.run, high.run
        if operand.is_signed or low.is_signed or high.is_signed:
            return Code(
                lambda environment, given: int(
                    signed(a(environment, given)) <= signed(run(environment, given)) < signed(b(environment, given))
                )
            )
        return Code(
            lambda environment, given: int(a(environment, given) <= run(environment, given) < b(environment, given))
        )

    # The machine.

    def _memory(self, node: Memory) -> Code:
        self.needs_machine = True
        address = self.code(node.address).run
        mecid = None if node.mecid is None else self.code(node.mecid).run
        space, size = node.space, node.size

        def run(environment: Environment, given: Mapping[str, int]) -> int:
            at = address(environment, given) & MASK64
            identity = None if mecid is None else mecid(environment, given)
            if identity is not None and identity > 0xFFFF:
                raise self.error(f"A MECID has 16 bits: {identity:#x} is too large.", node)
            try:
                return environment.memory(space, at, size, identity)
            except EmuError as error:
                raise self._placed(error, node) from None

        return Code(run, 8 * size)

    def _placed(self, error: EmuError, node: Node) -> ExpressionError:
        """An error of the environment, with the place in the text that asked."""
        if isinstance(error, ExpressionError):
            error.text, error.start, error.end = self.text, node.start, node.end
            return error
        return self.error(error_of(error), node)

    def _call(self, node: Call) -> Code:
        function = FUNCTIONS.get(node.function.lower())
        if function is None:
            near = self.names.near(node.function, FUNCTIONS) or ""
            hint = (
                f"did you mean “{FUNCTIONS[near].usage}”?"
                if near in FUNCTIONS
                else f"there are {', '.join(FUNCTIONS)}."
            )
            sentence = f"There is no function “{shortened(node.function)}”{self.column(node)}; {hint}"
            raise self.error(sentence, node)
        name = function.name
        if name in ("min", "max"):
            return self._extreme(node, name)
        if len(node.arguments) != 1:
            raise self.error(f"“{name}” needs one value in its brackets: {function.usage}.", node)
        argument = node.arguments[0]
        if name in ("effective", "acting"):
            self.needs_machine = True
            return self._register_question(name, argument, node)
        operand = self.code(argument)
        run = operand.run
        if name == "s":
            sign = 1 << min(operand.bits, 64) - 1
            return Code(lambda environment, given: ((run(environment, given) & 2 * sign - 1 ^ sign) - sign) & MASK64,
                        is_signed=True)  # fmt: skip
        if name == "abs":
            sign = 1 << min(operand.bits, 64) - 1
            return Code(lambda environment, given: abs((run(environment, given) & 2 * sign - 1 ^ sign) - sign))
        assert function in QUESTIONS
        self.needs_machine = True

        def ask(environment: Environment, given: Mapping[str, int]) -> int:
            try:
                return environment.ask(name, run(environment, given) & MASK64)
            except EmuError as error:
                raise self._placed(error, node) from None

        return Code(ask, words=function.words)

    def _extreme(self, node: Call, name: str) -> Code:
        if not node.arguments:
            raise self.error(f"“{name}” needs values in its brackets: {FUNCTIONS[name].usage}.", node)
        codes = [self.code(argument) for argument in node.arguments]
        runs = [code.run for code in codes]
        is_signed = any(code.is_signed for code in codes)
        choose = min if name == "min" else max
        key = signed if is_signed else int
        return Code(
            lambda environment, given: choose((run(environment, given) for run in runs), key=key), is_signed=is_signed
        )

    def _register_question(self, name: str, argument: Node, node: Node) -> Code:
        """effective(REGISTER.FIELD), acting(REGISTER) and acting(REGISTER.FIELD)."""
        text = argument.text if isinstance(argument, Name) else ""
        head, _, tail = text.partition(".")
        register = self.names.find_register(head)
        fields = find_fields(register.source, tail) if register is not None and tail else ()
        if register is None or not _is_system(register) or not (fields or (name == "acting" and not tail)):
            if register is not None and _is_system(register) and tail:
                raise self.error(no_such_field(register, tail), argument)
            raise self.error(f"“{name}” asks about a system register: {FUNCTIONS[name].usage}.", argument)
        source = register.source
        self.used.add(text if not fields else f"{source}.{fields[0].name}")
        if name == "effective":
            wanted = fields[0].name
            return Code(lambda environment, given: environment.effective(source, wanted), fields[0].width)
        if not fields:
            return Code(lambda environment, given: environment.acting(source))
        low, mask = fields[0].low, (1 << fields[0].width) - 1
        return Code(lambda environment, given: environment.acting(source) >> low & mask, fields[0].width)


def _is_system(register: RegisterName) -> bool:
    return bool(register.source[0].isupper())
