"""What is offered while an expression is typed."""

from __future__ import annotations

import pytest

from emu.debug.expressions import ACCESS_WORDS, Given, Vocabulary, completions
from emu.debug.expressions.names import GENERAL, VECTORS

SYMBOLS = {"main": 1, "main_loop": 2, "x1": 3, "odd-name": 4, "realm_entry": 5}
NAMES = Vocabulary(
    (*GENERAL, *VECTORS, "SCTLR_EL1", "TTBR0_EL2", "TTBR1_EL1"),
    SYMBOLS.get,
    lambda: sorted(SYMBOLS),
    (Given("access", words=ACCESS_WORDS), Given("value")),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mai", ["main", "main_loop"]),
        ("x0 + mai", ["x0 + main", "x0 + main_loop"]),
        ("ttb", ["TTBR0_EL2", "TTBR1_EL1"]),
        ("$ttbr0", ["$TTBR0_EL2"]),
        ("sctlr_el1.EP", ["sctlr_el1.EPAN"]),
        ("x0 == TTBR0_EL2.as", ["x0 == TTBR0_EL2.ASID"]),
        ("insn", ["insns"]),
        ("acc", ["access"]),
        ("access == ", ["access == read", "access == write", "access == fetch", "access == walk"]),
        ("access != w", ["access != write", "access != walk"]),
        ("security == re", ["security == realm"]),
        ("owner_pas(x0) == ro", ["owner_pas(x0) == root"]),
        ("[", ["[pa:", "[raw:", "[realm:", "[root:", "[secure:", "[ns:", "[mecid "]),
        ("[re", ["[realm:", "[realm_entry"]),
        ("[mecid 5, re", ["[mecid 5, realm:", "[mecid 5, realm_entry"]),
        ("[sp].", ["[sp].b", "[sp].h", "[sp].w", "[sp].x"]),
        ("owner", ["owner(", "owner_pas("]),
        ("eff", ["effective("]),
        ("'ma", ["'main'", "'main_loop'"]),
        ("odd", ["'odd-name'"]),
        ("x1", ["'x1'", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19"]),
        ("0x4", []),
        ("x0 ma", []),
        ("x0 ", []),
        ("pc in mai", ["pc in main", "pc in main_loop"]),
        ("", []),
    ],
)
def test_names_that_fit_are_offered(text: str, found: list[str]) -> None:
    assert [text[:at] + word for at, word in completions(text, len(text), NAMES)] == found


def test_what_stands_behind_the_cursor_is_left_alone() -> None:
    assert completions("mai + x0", 3, NAMES) == [(0, "main"), (0, "main_loop")]
