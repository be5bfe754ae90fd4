"""From tokens to a tree: operator precedence as in C (Pratt's method), memory in brackets, bits behind an operand."""

from __future__ import annotations

from emu.debug.expressions.errors import ExpressionError, shortened
from emu.debug.expressions.lexer import Token, TokenKind, tokens
from emu.debug.expressions.tree import Binary, Call, Conditional, Memory, Name, Node, Number, Slice, Unary, Within

DEEPEST = 40
"""Brackets and prefixes within each other."""

BINDING = {
    "?": 1, "||": 2, "&&": 3, "|": 4, "^": 5, "&": 6, "==": 7, "!=": 7, "<": 8, "<=": 8, ">": 8, ">=": 8, "in": 8,
    "<<": 9, ">>": 9, "+": 10, "-": 10, "*": 11, "/": 11, "%": 11,
}  # fmt: skip
"""How tightly an operator binds: C's order; `in` as the comparisons."""
_PREFIX = 12
PREFIXES = ("-", "+", "~", "!")
SIZES = {".b": 1, ".h": 2, ".w": 4, ".x": 8}
SPACES = ("va", "pa", "raw", "realm", "root", "secure", "ns", "nonsecure")
"""What an address in brackets can be an address of."""


def parse(text: str) -> Node:
    """The tree of an expression. Raises ExpressionError."""
    return Parser(text).whole()


class Parser:
    """One text on its way to a tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        if self._is_at_end():
            raise ExpressionError("An address or a value is missing.", self.text)
        found = self._expression(0)
        if not self._is_at_end():
            raise self._unexpected()
        return found

    # Tokens.

    @property
    def _here(self) -> Token:
        return self._tokens[self._at]

    def _is_at_end(self) -> bool:
        return self._here.kind is TokenKind.END

    def _next(self) -> Token:
        token = self._tokens[self._at]
        if token.kind is not TokenKind.END:
            self._at += 1
        return token

    def _is(self, text: str, ahead: int = 0) -> bool:
        """Whether an operator (or a word that is one) stands here."""
        at = min(self._at + ahead, len(self._tokens) - 1)
        token = self._tokens[at]
        return token.text == text and token.kind in (TokenKind.OPERATOR, TokenKind.NAME)

    def _expect(self, text: str, what: str, opened: Token) -> Token:
        if not self._is(text):
            if self._here.kind is TokenKind.END:
                sentence = f"The {what} at column {opened.start + 1} is not closed: “{text}” is missing."
                raise ExpressionError(sentence, self.text, opened.start, opened.end)
            raise self._unexpected(f"“{text}” is expected")
        return self._next()

    def _unexpected(self, instead: str = "an operator is missing before it") -> ExpressionError:
        token = self._here
        if token.kind is TokenKind.END:
            return self._missing()
        sentence = f"“{shortened(token.text)}” cannot stand at column {token.start + 1}; {instead}."
        return ExpressionError(sentence, self.text, token.start, token.end)

    def _missing(self) -> ExpressionError:
        before = self._tokens[self._at - 1] if self._at else self._here
        token = self._here
        if token.kind is TokenKind.END:
            sentence = f"A value is missing after “{shortened(before.text)}” at column {before.start + 1}."
            return ExpressionError(sentence, self.text, token.start, token.end)
        if self._at == 0:
            sentence = f"An expression cannot begin with “{shortened(token.text)}”."
        else:
            sentence = (f"A value is missing between “{shortened(before.text)}” and “{shortened(token.text)}” "
                        f"at column {token.start + 1}.")  # fmt: skip
        return ExpressionError(sentence, self.text, token.start, token.end)

    # Expressions.

    def _expression(self, least: int) -> Node:
        """An expression of operators that bind more tightly than `least`."""
        self._depth += 1
        if self._depth > DEEPEST:
            sentence = (
                f"This expression is nested too deeply at column {self._here.start + 1}: {DEEPEST} levels are allowed."
            )
            raise ExpressionError(sentence, self.text, self._here.start)
        left = self._operand()
        while True:
            operator = self._here
            binding = BINDING.get(operator.text, 0) if operator.kind in (TokenKind.OPERATOR, TokenKind.NAME) else 0
            if binding <= least:
                break
            self._next()
            if operator.text == "?":
                left = self._conditional(left, operator)
            elif operator.text == "in":
                left = self._within(left, binding)
            else:
                right = self._expression(binding)
                left = Binary(operator.text, left, right, start=left.start, end=right.end)
        self._depth -= 1
        return left

    def _conditional(self, test: Node, opened: Token) -> Node:
        yes = self._expression(0)
        if not self._is(":"):
            sentence = f"The ? at column {opened.start + 1} needs both answers: test ? this : that."
            raise ExpressionError(sentence, self.text, opened.start, opened.end)
        self._next()
        no = self._expression(0)
        return Conditional(test, yes, no, start=test.start, end=no.end)

    def _within(self, operand: Node, binding: int) -> Node:
        low = self._expression(binding)
        if not self._is(".."):
            sentence = f"“in” needs a range before column {self._here.start + 1}: pc in 0x100..0x200."
            raise ExpressionError(sentence, self.text, low.start, low.end)
        self._next()
        high = self._expression(binding)
        return Within(operand, low, high, start=operand.start, end=high.end)

    def _operand(self) -> Node:
        token = self._here
        if token.kind is TokenKind.OPERATOR and token.text in PREFIXES:
            self._next()
            operand = self._expression(_PREFIX)
            return Unary(token.text, operand, start=token.start, end=operand.end)
        return self._with_bits(self._primary())

    def _primary(self) -> Node:
        token = self._here
        match token.kind:
            case TokenKind.NUMBER:
                self._next()
                return Number(token.value, start=token.start, end=token.end)
            case TokenKind.QUOTED:
                self._next()
                return Name(token.text, True, start=token.start, end=token.end)
            case TokenKind.NAME if token.text != "in":
                self._next()
                return self._call(token) if self._is("(") else Name(token.text, start=token.start, end=token.end)
        if self._is("("):
            self._next()
            inner = self._expression(0)
            self._expect(")", "bracket", token)
            return inner
        if self._is("["):
            return self._memory()
        raise self._missing()

    def _call(self, name: Token) -> Node:
        opened = self._next()
        arguments: list[Node] = []
        while not self._is(")"):
            arguments.append(self._expression(0))
            if not self._is(","):
                break
            self._next()
        closed = self._expect(")", "bracket", opened)
        return Call(name.text, tuple(arguments), start=name.start, end=closed.end)

    def _memory(self) -> Node:
        opened = self._next()
        mecid = None
        follows = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        if self._is("mecid") and follows.kind in (TokenKind.NUMBER, TokenKind.NAME) and follows.text != "in":
            self._next()
            mecid = self._expression(0)
            self._expect(",", "bracket", opened)
        space = "va" if mecid is None else "realm"
        if self._is(":", 1) and self._here.kind is TokenKind.NAME:
            named = self._next()
            space = named.text.lower()
            if space not in SPACES:
                sentence = (f"There is no memory “{shortened(named.text)}” (column {named.start + 1}); "
                            "write [realm:A], [root:A], [secure:A], [ns:A], [pa:A], [raw:A] or [A].")  # fmt: skip
                raise ExpressionError(sentence, self.text, named.start, named.end)
            space = "ns" if space == "nonsecure" else space
            if mecid is not None and space != "realm":
                sentence = f"Only realm memory has MECIDs, not “{space}” (column {named.start + 1})."
                raise ExpressionError(sentence, self.text, named.start, named.end)
            self._next()
        address = self._expression(0)
        closed = self._expect("]", "bracket", opened)
        size, end = 8, closed.end
        if self._here.kind is TokenKind.NAME and self._here.text.startswith(".") and self._here.start == closed.end:
            suffix = self._next()
            if suffix.text not in SIZES:
                sentence = (
                    f"“{shortened(suffix.text)}” at column {suffix.start + 1} is no size; write .b, .h, .w or .x."
                )
                raise ExpressionError(sentence, self.text, suffix.start, suffix.end)
            size, end = SIZES[suffix.text], suffix.end
        return Memory(space, address, size, mecid, start=opened.start, end=end)

    def _with_bits(self, operand: Node) -> Node:
        """Any [high:low] or [bit] that follow."""
        while self._is("["):
            opened = self._next()
            high = self._bit(opened)
            low = high
            if self._is(":"):
                self._next()
                low = self._bit(opened)
            closed = self._expect("]", "bracket", opened)
            if low > high:
                sentence = f"Bits are written from the highest down: [{low}:{high}], not [{high}:{low}]."
                raise ExpressionError(sentence, self.text, opened.start, closed.end)
            operand = Slice(operand, high, low, start=operand.start, end=closed.end)
        return operand

    def _bit(self, opened: Token) -> int:
        token = self._next()
        if token.kind is not TokenKind.NUMBER or token.value > 127:
            sentence = f"The bits at column {opened.start + 1} are to be numbers: x0[7:4], x0[63]."
            raise ExpressionError(sentence, self.text, opened.start, max(token.end, opened.end))
        return token.value
