"""mectui mec and mectui regs: parts of a machine without a screen, at the place asked for."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run

THERE = ("two-realms", "--until", "realm_b_entry")


def test_mec_json_has_what_the_report_of_a_run_has_and_the_reasons(mectui: Run) -> None:
    shown = json.loads(mectui("mec", *THERE, "--json").stdout)
    run = json.loads(mectui("run", "two-realms", "--break", "realm_b_entry", "--json").stdout)["mec"]
    for name in ("emec", "registers", "pending", "pages"):
        assert shown[name] == run[name]
    assert shown["registers"]["VMECID_P_EL2"] == 6
    assert shown["enables"]["emec_el2"] == {"effective": True, "why": "SCTLR2_EL2.EMEC=1"}
    assert {(page["pas"], page["mecid"]) for page in shown["pages"]} >= {("realm", 1), ("realm", 5), ("realm", 6)}


def test_mec_as_text_names_every_owner(mectui: Run) -> None:
    done = mectui("mec", *THERE)
    assert (done.returncode, done.stderr) == (0, "")
    for text in ("VMECID_P_EL2", "SCTLR2_EL2.EMEC", "5 = MECID 5", "6 = MECID 6"):
        assert text in done.stdout


def test_regs_json_has_every_register(mectui: Run) -> None:
    shown = json.loads(mectui("regs", *THERE, "--json").stdout)
    stop = json.loads(mectui("run", "two-realms", "--break", "realm_b_entry", "--json").stdout)["stop"]
    assert (shown["el"], shown["security"], shown["general"]["pc"]) == (stop["el"], stop["security"], stop["pc"])
    assert shown["system"]["VMECID_P_EL2"] == "0x6"
    assert "TTBR0_EL1" in shown["unknown"]
    assert (len(shown["general"]), len(shown["simd"])) == (34, 32)


@pytest.mark.parametrize(
    ("group", "text"),
    [("general", "x30"), ("system", "VTTBR_EL2"), ("mec", "MECID_A1_EL2"), ("simd", "v31")],
)
def test_regs_as_text_shows_the_group_asked_for(mectui: Run, group: str, text: str) -> None:
    done = mectui("regs", *THERE, "--group", group)
    assert (done.returncode, done.stderr) == (0, "")
    assert text in done.stdout


@pytest.mark.parametrize("command", ["mec", "regs"])
def test_errors_are_sentences(mectui: Run, command: str) -> None:
    for arguments, word in (((), "GUEST"), (("hello", "--until", "nowhere"), "symbol"), (("nothing",), "bundled")):
        done = mectui(command, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert word in done.stderr
