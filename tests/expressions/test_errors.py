"""Texts that mean nothing: one sentence, the place that is meant, and soon."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emu.debug.expressions import ExpressionError, RegisterValues, Vocabulary, compile, compile_target, completions
from emu.debug.expressions.functions import FUNCTIONS
from emu.debug.expressions.guide import GUIDE
from emu.debug.expressions.names import GENERAL, VECTORS
from tests.pace import at_most

SYMBOLS = {"main": 0x4000_0000, "rmi_rtt_create": 0x4000_1000}
NAMES = Vocabulary((*GENERAL, *VECTORS, "SCTLR_EL1", "TTBR0_EL2", "HCR_EL2"), SYMBOLS.get, lambda: list(SYMBOLS))
REGISTERS = RegisterValues(dict.fromkeys(NAMES.registers, 3))


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        ("", "", "An address or a value is missing."),
        ("mian", "mian", "There is no symbol or register “mian”; did you mean “main”?"),
        ("x0 + mian", "mian", "There is no symbol or register “mian” (column 6); did you mean “main”?"),
        ("rmi_rt_create", "rmi_rt_create",
         "There is no symbol or register “rmi_rt_create”; did you mean “rmi_rtt_create”?"),
        ("TTBR0_EL3", "TTBR0_EL3", "There is no symbol or register “TTBR0_EL3”; did you mean “TTBR0_EL2”?"),
        ("qqq", "qqq", "There is no symbol or register “qqq”; numbers look like 0x4000_0000 or 42."),
        ("'x0'", "'x0'", "There is no symbol “x0”; without quotes x0 is a register."),
        ("owner", "owner", "There is no symbol or register “owner”; did you mean “owner(PA)”?"),
        ("SCTLR_EL1.MM", "SCTLR_EL1.MM", "SCTLR_EL1 has no field “MM”; did you mean SCTLR_EL1.M?"),
        ("x0.M", "x0.M", "x0 has no fields; for bits, write x0[7:4]."),
        ("0xzz", "0xzz", "“0xzz” is no number; write 0x4000_0000, 42 or 0b101."),
        ("007", "007", "“007” is no number; write 0x4000_0000, 42 or 0b101."),
        ("0x1_0000_0000_0000_0000", "0x1_0000_0000_0000_0000", "“0x1_0000_0000_0000_0000” does not fit into 64 bits."),
        ("1 +", "", "A value is missing after “+” at column 3."),
        ("1 + * 2", "*", "A value is missing between “+” and “*” at column 5."),
        ("* 2", "*", "An expression cannot begin with “*”."),
        ("x0 x1", "x1", "“x1” cannot stand at column 4; an operator is missing before it."),
        ("(1 + 2", "(", "The bracket at column 1 is not closed: “)” is missing."),
        ("1 + [sp", "[", "The bracket at column 5 is not closed: “]” is missing."),
        ("(1]", "]", "“]” cannot stand at column 3; “)” is expected."),
        ("x0 = 5", "=", "The = at column 4 changes nothing here; to compare, write ==."),
        ("x0 ? 1", "?", "The ? at column 4 needs both answers: test ? this : that."),
        ("pc in main", "main", "“in” needs a range before column 11: pc in 0x100..0x200."),
        ("x0[3:7]", "[3:7]", "Bits are written from the highest down: [7:3], not [3:7]."),
        ("x0[x1]", "[x1", "The bits at column 3 are to be numbers: x0[7:4], x0[63]."),
        ("x0[64]", "x0[64]", "“x0” has no bit 64: its highest is 63."),
        ("[sp].q", ".q", "“.q” at column 5 is no size; write .b, .h, .w or .x."),
        ("[reelm:5]", "reelm",
         "There is no memory “reelm” (column 2); write [realm:A], [root:A], [secure:A], [ns:A], [pa:A], [raw:A] "
         "or [A]."),
        ("[mecid 5, ns:5]", "ns", "Only realm memory has MECIDs, not “ns” (column 11)."),
        ("ownr(5)", "ownr(5)", "There is no function “ownr”; did you mean “owner(PA)”?"),
        ("owner()", "owner()", "“owner” needs one value in its brackets: owner(PA)."),
        ("effective(x0)", "x0", "“effective” asks about a system register: effective(REGISTER.FIELD)."),
        ("5 # 3", "#", "“#” at column 3 means nothing in an expression."),
        ("'main", "'", "The quote at column 1 is not closed; a symbol in quotes looks like 'odd-name'."),
        ("5 % (x0 - 3)", "(x0 - 3)"[1:-1], "“x0 - 3” is 0, and nothing can be divided by 0."),
    ],
)  # fmt: skip
def test_an_error_is_a_sentence_and_a_place(text: str, place: str, sentence: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile(text, NAMES).evaluate(REGISTERS)
    error = caught.value
    assert str(error) == sentence
    assert text[error.start : error.end] in (place, place[:1])
    assert error.caret.splitlines()[0] == text


def test_a_caret_stands_under_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        compile("x0 + mian", NAMES)
    assert caught.value.caret == "x0 + mian\n     ^^^^"
    assert caught.value.column == 6


def outcome(text: str) -> int | str:
    """A value or a sentence; anything else fails the test."""
    try:
        return compile(text, NAMES).evaluate(REGISTERS)
    except ExpressionError as caught:
        error = caught
    assert 0 <= error.start <= error.end <= len(text)
    return str(error)


PIECES = (
    "x0", "main", "SCTLR_EL1.M", "TTBR0_EL2.", "security", "realm", "[", "]", "(", ")", ":", ",", "mecid", "in", "..",
    "?", "1", "0x10", "64K", ".w", "'", "$", "s(", "owner(", "effective(", "min(", "=", "==", "<<", ">>", "&&", "-",
    "~", "!", "/", "%", "*", " ", "pa:", "raw:", "[7:4]", "\x00", "é", "٣",
)  # fmt: skip


@given(st.text(max_size=80))
@example("--" * 300)
@example("(" * 1000)
@example("[" * 300 + "0" + "]" * 300)
@example("1" * 1999)
@example("1?" * 190)
@example("1+" * 124 + "1")
@example("1==" * 124 + "1")
@example("-" * 38 + "1==" * 100 + "1")
@example("x0[1]" * 90)
@example("9" * 20_000)
@example("1 << " * 100 + "1")
def test_any_text_has_a_value_or_a_sentence(text: str) -> None:
    found = outcome(text)
    assert 0 <= found < 1 << 128 if isinstance(found, int) else found.endswith((".", "?"))


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_pieces_of_expressions_have_a_value_or_a_sentence(text: str) -> None:
    found = outcome(text)
    assert 0 <= found < 1 << 128 if isinstance(found, int) else found.endswith((".", "?"))
    for at in (len(text), len(text) // 2):
        assert all(0 <= start <= at for start, _ in completions(text, at, NAMES))
    with suppress(ExpressionError):
        compile_target(text, NAMES)


def test_the_longest_chain_fits_into_a_screens_stack() -> None:
    """Textual and its event loop take some 150 frames of the thousand that Python has."""

    def deeper(frames: int) -> int | str:
        return deeper(frames - 1) if frames else outcome("1==" * 124 + "1")

    assert deeper(300) == 1


@pytest.mark.parametrize("text", ["(" * 50, "-" * 60, "1 ? " * 45, "min(" * 50])
def test_deep_nesting_is_refused(text: str) -> None:
    assert "nested too deeply" in str(outcome(text))


@pytest.mark.parametrize("text", ["1" + "+1" * 300, "1" * 3000])
def test_long_texts_are_refused(text: str) -> None:
    assert "too long" in str(outcome(text))


def test_an_answer_comes_soon_with_many_symbols() -> None:
    symbols = {f"function_{number}_of_{number % 7}": number for number in range(100_000)}
    names = Vocabulary(GENERAL, symbols.get, lambda: list(symbols))
    with at_most(150), pytest.raises(ExpressionError):
        compile("functoin_777_of_0", names)


def test_the_guide_names_every_function_and_every_form_of_it_is_understood() -> None:
    forms = dict(GUIDE)
    assert {function.usage for function in FUNCTIONS.values()} <= forms.keys()
    names = Vocabulary((*NAMES.registers, "A"), {**SYMBOLS, "odd-name": 1}.get, lambda: [*SYMBOLS, "odd-name"])
    for form in forms:
        if form[0] == "[" or form.startswith(("0x", "x0[", "TTBR0", "pc in", "main")):
            pieces = [form] if " in " in form or form.startswith("[mecid") else form.split()
            for piece in pieces:
                compile(piece, names)
