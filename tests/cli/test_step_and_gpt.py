"""mectui step and mectui gpt: one instruction explained, and the granule protection table, without a screen."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run

AT_THE_LOAD = ("two-realms", "--until", "realm_b_search_secret")
"""LDP X21, X22, [X20]: Realm B reads the granule that was Realm A's, which A stored to under MECID 5."""


STAGES = ("fetch", "decode", "reads", "read", "write", "does", "result", "takes", "goes on")


def test_step_tells_of_the_substituted_load_before_it_happens(mectui: Run) -> None:
    shown = json.loads(mectui("step", *AT_THE_LOAD, "--json").stdout)
    assert (shown["word"], shown["encoding"], shown["el"]) == ("0xa9405a95", "load_store_pair", 1)
    assert shown["operands"] == {"x20": "0x40380000"}
    first, second = shown["accesses"]
    for access, pa in ((first, "0x40380000"), (second, "0x40380008")):
        assert access["goes_to"] == {"pa": pa, "pas": "realm", "mecid": 6, "source": "VMECID_P_EL2"}
        assert access["owner_before"] == {"pas": "realm", "mecid": 5, "generation": 0}
        assert access["substituted"] is True
    assert first["tlb_entry"] is None, "the first access walks the tables and fills the TLB"
    assert second["tlb_entry"]["filled_by"] == "realm_b_search_secret"
    assert [change["name"] for change in shown["changes"]] == ["x21", "x22"]
    assert [change["after"] for change in shown["changes"]] == [first["value"], second["value"]]
    assert (shown["exception"], shown["next_pc"]) == (None, "0x40300018")


def test_step_as_text_goes_from_fetch_to_result(mectui: Run) -> None:
    done = mectui("step", *AT_THE_LOAD)
    assert (done.returncode, done.stderr) == (0, "")
    stages = [line[2:10].strip() for line in done.stdout.splitlines()[2:] if line[2:3].strip()]
    assert stages[0] == "will do:"
    assert [stage for stage in stages if stage in STAGES] == [
        "fetch",
        "decode",
        "reads",
        "read",
        "read",
        "result",
        "goes on",
    ]
    assert "owner   MECID 5 ≠ MECID 6 ⇒ SUBSTITUTED: reads noise" in done.stdout
    assert "OutputAddress" not in done.stdout
    assert "OutputAddress" in mectui("step", *AT_THE_LOAD, "--fields").stdout


def test_gpt_tells_the_table_run_by_run_and_one_address_of_it(mectui: Run) -> None:
    """What guests/gpt builds: Root from 0x40000000, Realm from 0x40200000, Non-secure behind, below 1 GiB anything."""
    shown = json.loads(mectui("gpt", "gpt", "0x40200000", "--until", "realm_start", "--json").stdout)
    assert shown["enabled"] is True
    runs = [(run["start"], run["end"], run["gpi"]) for run in shown["runs"]]
    assert runs == [
        ("0x0", "0x40000000", "any"),
        ("0x40000000", "0x40200000", "root"),
        ("0x40200000", "0x40400000", "realm"),
        ("0x40400000", "0x80000000", "non-secure"),
        ("0x80000000", "0x1000000000", "no access"),
    ]
    address = shown["address"]
    assert [entry["level"] for entry in address["entries"]] == [0, 1]
    assert address["entries"][1]["value"] == "0xbbbbbbbbbbbbbbbb"
    assert address["passes"] == {"secure": False, "non-secure": False, "root": False, "realm": True}


def test_gpt_as_text_and_with_granule_protection_off(mectui: Run) -> None:
    done = mectui("gpt", "gpt", "realm_start", "--until", "realm_start")
    assert (done.returncode, done.stderr) == (0, "")
    assert "GPI     0xb: realm" in done.stdout
    assert "Granule protection is off" in mectui("gpt", "hello").stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("step",), "GUEST"),
        (("step", "hello", "--until", "nowhere"), "symbol"),
        (("gpt", "nothing"), "bundled"),
        (("gpt", "hello", "nowhere"), "nowhere"),
    ],
)
def test_errors_are_sentences(mectui: Run, arguments: tuple[str, ...], word: str) -> None:
    done = mectui(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr


def test_the_bundled_guest_called_gpt_can_be_opened_by_its_name() -> None:
    from mectui.cli import _is_guest

    assert _is_guest(["gpt"])
    assert _is_guest(["gpt", "--theme", "light"])
    assert not _is_guest(["gpt", "gpt"])
    assert not _is_guest(["gpt", "--help"])
    assert not _is_guest(["tlb"])
