"""mectui timeline: the whole run as strips and marks, as text and as JSON."""

from __future__ import annotations

import json

from tests.cli.conftest import Run


def test_marks_are_those_that_the_report_of_a_run_has(mectui: Run) -> None:
    shown = json.loads(mectui("timeline", "two-realms", "--json", "--columns", "40").stdout)
    report = json.loads(mectui("run", "two-realms", "--json").stdout)
    assert (shown["schema"], shown["first"], shown["last"]) == (1, 0, report["instructions"])
    assert len(shown["columns"]) == 40
    assert sum(column["size"] for column in shown["columns"]) == report["instructions"] + 1
    assert sum(column["hits"] for column in shown["columns"]) == len(report["mec"]["hits"])
    by_kind = {
        kind: [mark["instruction"] for mark in shown["marks"] if mark["kind"] == kind]
        for kind in ("exception", "finding")
    }
    assert by_kind["exception"] == [item["instruction"] for item in report["exceptions"]]
    assert by_kind["finding"] == [item["instruction"] for item in report["mec"]["findings"]]
    assert sum(mark["times"] for mark in shown["marks"] if mark["kind"] == "hit") == len(report["mec"]["hits"])
    assert (shown["columns"][0]["security"], shown["columns"][0]["mixed"]) == ("realm", True)  # Root at first


def test_text_has_a_row_for_everything_and_fits(mectui: Run) -> None:
    done = mectui("timeline", "two-realms", "--until", "realm_b_entry")
    assert (done.returncode, done.stderr) == (0, "")
    for row in ("EL  ", "state ", "exceptions ", "hits ", "findings ", "stops "):
        assert any(line.startswith(row) for line in done.stdout.splitlines()), row
    assert all(len(line) <= 120 for line in done.stdout.splitlines())
    assert "exception to EL2: HVC" in done.stdout


def test_nonsense_gets_a_sentence(mectui: Run) -> None:
    for arguments in (("--columns", "0"), ("--last", "-1")):
        done = mectui("timeline", "two-realms", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert "mectui: --" in done.stderr
