"""Watchpoints, catchpoints and messages of `mectui run`: the report names what stopped the guest."""

from __future__ import annotations

import json

import pytest

from mectui.cli import main


def test_a_catchpoint_ends_the_run_and_the_report_says_what_was_caught(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "two-realms", "--json", "--catch", "hit if mecid == 6 && owner == 5"]) == 0
    stop = json.loads(capsys.readouterr().out)["stop"]
    assert stop["reason"] == "catchpoint"
    assert "under MECID 6 meets data of owner 5" in stop["message"]


def test_a_watchpoint_says_who_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "two-realms", "--watch", "pa:shared_granule,0x1000 if owner != none"]) == 0
    assert "by watchpoint 1: write of" in capsys.readouterr().err


def test_messages_go_to_stderr_and_the_guest_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "two-realms", "--log", 'catch hvc "call {function}"']) == 0
    shown = capsys.readouterr()
    assert "call 0" in shown.err
    assert "call 0" not in shown.out


@pytest.mark.parametrize("option", ["--catch=zork", "--watch=nowhere", "--log=main", "--watch=pa:0,0"])
def test_nonsense_is_one_sentence(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "two-realms", option]) == 2
    assert "Traceback" not in capsys.readouterr().err
