"""The table of encodings: no overlap, no gap in a pattern, every class in the file of its group."""

from __future__ import annotations

from itertools import combinations

import pytest

from emu.isa.a64 import A64, GROUPS
from emu.isa.pattern import parse


def test_no_two_classes_claim_the_same_word() -> None:
    clashes = [(a.name, b.name) for a, b in combinations(A64.classes, 2) if (a.value ^ b.value) & a.mask & b.mask == 0]
    assert clashes == []


def test_names_are_unique() -> None:
    names = [encoding.name for encoding in A64.classes]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("encoding", A64.classes, ids=lambda encoding: encoding.name)
def test_a_class_says_what_it_is_and_uses_its_fields(encoding) -> None:  # type: ignore[no-untyped-def]
    assert encoding.semantics.__doc__
    assert encoding.semantics.__module__.rpartition(".")[2] in GROUPS
    assert set(encoding.static) <= set(encoding.fields)
    for low, width in encoding.fields.values():
        assert encoding.mask & (((1 << width) - 1) << low) == 0


@pytest.mark.parametrize("pattern", ["a:1", "0" * 31, "0" * 33, "a:40"])
def test_a_pattern_of_another_length_than_32_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="bits"):
        parse(pattern)
