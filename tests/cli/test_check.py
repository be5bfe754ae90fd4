"""mectui check: the report as text and JSON, exit codes, the catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emu.mec.rules import BY_ID, DEFAULT
from tests.cli.conftest import Run


def test_a_guest_without_findings_ends_with_0(mectui: Run) -> None:
    done = mectui("check", "hello")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("No findings in 597 instructions")
    assert "exited with code 0" in done.stdout


def test_findings_are_told_in_80_columns_with_what_to_do(mectui: Run) -> None:
    done = mectui("check", "two-realms")
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "error    wrong-context"
    assert lines[1] == "         #12,787  2 times  EL1 realm  realm_b_search_secret"
    assert max(len(line) for line in lines) <= 80
    text = " ".join(done.stdout.split())
    assert "decrypted with MECID 6 (VMECID_P_EL2), but was encrypted with MECID 5 at realm_a_fill_blocks" in text
    assert "fix: wipe the page under MECID 6 before it goes to another Realm" in text
    assert "or, within one Realm, set VMECID_P_EL2 to 5 (and ISB) before the access" in text
    assert "2 errors in 22,072 instructions" in text


def test_the_guests_console_comes_on_request(mectui: Run) -> None:
    assert "Hello from EL3" in mectui("check", "hello", "--console").stderr


def test_json_has_the_fields_of_schema_1(mectui: Run) -> None:
    done = mectui("check", "two-realms", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["schema"] == 1
    assert set(report["rules"]) == {rule for rule in DEFAULT if "cipher" in BY_ID[rule].models}
    assert report["stop"]["reason"] == "exit"
    first = report["findings"][0]
    assert {"rule", "severity", "instruction", "pc", "message", "fix"} <= first.keys()
    assert (first["rule"], first["severity"], first["instruction"], first["count"]) == (
        "wrong-context", "error", 12787, 2,
    )  # fmt: skip
    assert first["pc"] in first["message"]
    assert first["other"]["pc"] in first["message"]


def test_run_reports_the_same_findings(mectui: Run) -> None:
    ran = json.loads(mectui("run", "two-realms", "--json").stdout)["mec"]["findings"]
    assert ran == json.loads(mectui("check", "two-realms", "--json").stdout)["findings"]


def test_rules_can_be_chosen(mectui: Run) -> None:
    done = mectui("check", "two-realms", "--rules", "missing-isb,stale-entry-after-emec")
    assert done.returncode == 0
    assert "(2 rules checked, model cipher)" in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_finding_can_end_the_run(mectui: Run, command: str) -> None:
    done = mectui(command, "two-realms", "--json", "--stop-on", "findings")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["stop"]["reason"] == "finding"
    assert report["stop"]["message"].startswith("wrong-context: ")
    assert report["instructions"] == 12788


def test_the_catalogue_names_every_rule(mectui: Run) -> None:
    done = mectui("check", "--list")
    assert done.returncode == 0
    assert all(f" {rule}" in done.stdout for rule in BY_ID)
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    listed = json.loads(mectui("check", "--list", "--json").stdout)
    assert [item["rule"] for item in listed] == list(BY_ID)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check"], "name a GUEST"),
        (["check", "no-such-guest"], "two-realms"),
        (["check", "hello", "--rules", "mising-isb"], "did you mean missing-isb"),
        (["check", "hello", "--stop-on", "mising-isb"], "did you mean missing-isb"),
        (["check", "hello", "--stop-on", "needless-tlbi"], "not among the chosen"),
        (["check", "--list", "--rules", "x"], "there is no rule 'x'"),
        (["check", "hello", "--max-insns", "many"], "number of instructions"),
        (["run", "hello", "--rules", "none,everything"], "there is no rule 'everything'"),
    ],
)
def test_wrong_input_is_one_sentence_and_2(mectui: Run, arguments: list[str], says: str) -> None:
    done = mectui(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_guest_that_runs_wild_is_told(mectui: Run, tmp_path: Path) -> None:
    path = tmp_path / "wild.bin"
    path.write_bytes(bytes(64))
    done = mectui("check", str(path), "--load-at", "0x4000_0000")
    assert done.returncode == 0
    assert "ran wild" in " ".join(done.stdout.split())
