"""Choosing rules: words, their errors, and what it means for what the machine listens to."""

from __future__ import annotations

import pytest

import emu
from emu.debug.events import BarrierExecuted
from emu.mec.rules import BY_ID, CATALOGUE, Severity, choose, choose_stops
from tests.conformance import words as w
from tests.conformance.board import DATA
from tests.rules.bench import CIPAE, REALM_PA, Bench


def ids(text: str) -> set[str]:
    return {rule.id for rule in choose(text)}


def test_default_means_errors_and_warnings() -> None:
    assert ids("default") == {rule.id for rule in CATALOGUE if rule.severity is not Severity.INFO}


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("all", set(BY_ID)),
        ("none", set()),
        ("", set()),
        ("missing-isb", {"missing-isb"}),
        ("missing-isb, wrong-context", {"missing-isb", "wrong-context"}),
        ("all,none,missing-isb", {"missing-isb"}),
    ],
)
def test_words_of_a_selection(text: str, chosen: set[str]) -> None:
    assert ids(text) == chosen


def test_a_minus_leaves_a_rule_out() -> None:
    assert ids("-missing-isb") == ids("default") - {"missing-isb"}
    assert ids("all,-missing-isb") == set(BY_ID) - {"missing-isb"}


@pytest.mark.parametrize("text", ["mising-isb", "default,no-such-rule", "-no-such-rule", "ALL"])
def test_an_unknown_word_is_an_error_in_one_sentence(text: str) -> None:
    with pytest.raises(emu.EmuError, match="there is no rule"):
        choose(text)


def test_a_near_miss_is_told() -> None:
    with pytest.raises(emu.EmuError, match="did you mean missing-isb"):
        choose("mising-isb")


def test_stops_are_rules_that_were_chosen() -> None:
    chosen = choose("default")
    assert choose_stops("findings", chosen) == {rule.id for rule in chosen}
    assert choose_stops("missing-isb,wrong-context", chosen) == {"missing-isb", "wrong-context"}
    assert choose_stops("", chosen) == frozenset()
    with pytest.raises(emu.EmuError, match="not among the chosen"):
        choose_stops("needless-tlbi", chosen)


def test_a_machine_says_which_rules_it_checks() -> None:
    machine = emu.Machine(memory="1M", engine="reference", rules="missing-isb")
    assert [rule.id for rule in machine.mec.rules] == ["missing-isb"]


def test_without_feat_mec_only_rules_about_contexts_are_left() -> None:
    machine = emu.Machine(memory="1M", engine="reference", mec=False, rules="all")
    assert {rule.id for rule in machine.mec.rules} == {
        rule.id for rule in CATALOGUE if not rule.needs_mec and "cipher" in rule.models
    }


def test_without_rules_nobody_listens() -> None:
    assert Bench("reference", rules="none").machine._bus.wanted == set()


def test_barriers_are_heard_only_while_maintenance_waits_for_one() -> None:
    """Native code hands over every barrier that somebody wants: guests full of DMBs must not pay for it."""
    bench = Bench("interpreter")
    bus = bench.machine._bus
    bench.el2()
    assert not bus.wants(BarrierExecuted)
    bench.does(w.mov(3, REALM_PA | DATA), CIPAE)
    assert bus.wants(BarrierExecuted)
    bench.does(w.DSB)
    assert not bus.wants(BarrierExecuted)
