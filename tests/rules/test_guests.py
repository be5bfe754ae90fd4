"""The bundled guests: those that are right break no rule, those that show a mistake break the one they show."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import emu

GUESTS = Path(__file__).parent.parent.parent / "guests"
LIMIT = 2_000_000


def check(name: str, engine: str, model: str = "cipher", rules: str = "default") -> emu.Machine:
    machine = emu.Machine(engine=engine, mec_model=model, rules=rules)
    machine.load(GUESTS / name / f"{name}.elf")
    assert machine.run(LIMIT).reason is emu.StopReason.EXIT
    return machine


def broken(machine: emu.Machine) -> Counter[str]:
    return Counter(finding.rule for finding in machine.mec.findings)


def places(machine: emu.Machine, rule: str) -> list[str]:
    """Functions in which a rule was broken."""
    found = (machine.symbols.nearest(item.pc) for item in machine.mec.findings if item.rule == rule)
    return [item[0] for item in found if item is not None]


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize("name", ["hello", "gpt"])
def test_a_guest_that_is_right_breaks_no_rule_at_all(name: str, engine: str) -> None:
    assert broken(check(name, engine, rules="all")) == {}


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_two_realms_shows_a_realm_reading_what_another_left(engine: str) -> None:
    """Both loops of Realm B over the granule that nobody scrubbed; everything else the RMM does is in order."""
    machine = check("two-realms", engine, rules="all")
    assert broken(machine) == {"wrong-context": 2}
    assert places(machine, "wrong-context") == ["realm_b_search_secret", "realm_b_count_blocks"]
    assert [finding.count for finding in machine.mec.findings] == [2, 512]


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_stage2_shows_the_rmm_looking_at_a_realms_page_under_its_own_mecid(engine: str) -> None:
    machine = check("stage2", engine, rules="all")
    assert broken(machine) == {"wrong-context": 1}
    assert places(machine, "wrong-context") == ["rmm_look"]


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_mecid_shows_loads_under_another_mecid_and_a_byte_that_spoils_its_block(engine: str) -> None:
    machine = check("mecid", engine, rules="all")
    assert broken(machine) == {"wrong-context": 2, "partial-rewrite": 1}
    assert places(machine, "partial-rewrite") == ["one_byte_under_another_mecid"]


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_amec_shows_every_page_through_every_other_context_and_a_forbidden_leaf(engine: str) -> None:
    """Two views of one page, then four pages through the three foreign ones of four contexts each."""
    machine = check("amec", engine, rules="all")
    assert broken(machine) == {"wrong-context": 2 + 4 * 3, "amec-wrong-half": 1}


@pytest.mark.parametrize("name", ["mecid", "amec", "stage2", "two-realms"])
def test_leaks_of_the_substitute_model_are_named_only_there(name: str) -> None:
    def leaks(model: str) -> set[str]:
        found = broken(check(name, "interpreter", model, rules="all"))
        return {rule for rule in found if rule.startswith("substitute-")}

    assert leaks("cipher") == set()
    assert {"substitute-plaintext-memory", "substitute-owner-oracle"} <= leaks("substitute")


def test_in_the_substitute_model_one_byte_of_mecid_6_leaks_the_page_of_mecid_5() -> None:
    """The guest itself notices (exit code 4): what is left of the page reads in plaintext under MECID 6."""
    machine = check("mecid", "interpreter", "substitute")
    assert places(machine, "substitute-retag-leak") == ["one_byte_under_another_mecid"]
