"""Every rule against programs that break it and programs that do the same correctly."""

from __future__ import annotations

import pytest

from emu.mec.rules import BY_ID, CATALOGUE, Severity
from tests.rules import cases_controls, cases_memory
from tests.rules.bench import BAD, GOOD, Bench, Case

assert cases_controls
assert cases_memory

ON_BOTH = ("missing-isb", "stale-entry-after-emec", "reuse-without-cipae", "wrong-context", "stage2-table-foreign")
"""Rules whose programs run on the reference engine too."""


def programs(cases: dict[str, list[Case]]) -> list[object]:
    return [
        pytest.param(rule, case, engine, id=f"{rule}-{case.name}-{engine}")
        for rule, items in cases.items()
        for case in items
        for engine in (("interpreter", "reference") if rule in ON_BOTH else ("interpreter",))
    ]


@pytest.mark.parametrize(("rule", "case", "engine"), programs(BAD))
def test_a_program_that_breaks_the_rule_is_found_and_no_other_rule_is(rule: str, case: Case, engine: str) -> None:
    bench = Bench(engine, case.model, width=case.width)
    case.program(bench)
    assert bench.found() == {rule} | case.also
    for finding in bench.machine.mec.findings:
        assert finding.severity is BY_ID[finding.rule].severity
        assert f"{finding.pc:#x}" in finding.message
        assert finding.other is None or f"{finding.other.pc:#x}" in finding.message
        assert finding.fix


@pytest.mark.parametrize(("rule", "case", "engine"), programs(GOOD))
def test_a_correct_program_breaks_no_rule_at_all(rule: str, case: Case, engine: str) -> None:
    bench = Bench(engine, case.model, width=case.width)
    case.program(bench)
    assert [finding for finding in bench.machine.mec.findings if finding.rule == rule] == []
    assert bench.found() == set()


def test_every_rule_has_words_a_number_and_programs_of_both_kinds() -> None:
    assert len(BY_ID) == len(CATALOGUE)
    for rule in CATALOGUE:
        assert rule.id == rule.id.lower()
        assert " " not in rule.id
        assert rule.numbers or rule.flaws, rule.id
        assert rule.title[0].isupper() or rule.title.startswith("substitute"), rule.id
        assert rule.why.endswith("."), rule.id
        assert not rule.fix.endswith("."), rule.id
        assert isinstance(rule.severity, Severity)
        assert rule.kinds, rule.id
        assert rule.id in BAD, rule.id
        assert rule.id in GOOD, rule.id


def test_every_mistake_of_the_list_has_a_rule() -> None:
    """mec-reference.md 5.4 lists 32."""
    assert {number for rule in CATALOGUE for number in rule.numbers} == set(range(1, 33))
