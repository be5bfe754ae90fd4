"""mectui tlb: the TLB and its log without a screen, and what --tlb changes."""

from __future__ import annotations

import json

from tests.cli.conftest import Run


def test_tlb_json_tells_of_entries_and_invalidations(mectui: Run) -> None:
    done = mectui("tlb", "two-realms", "--until", "realm_b_entry", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    assert (shown["schema"], shown["mode"], shown["capacity"]) == (1, "strict", 128)
    assert {entry["regime"] for entry in shown["entries"]} >= {"EL2", "EL1&0"}
    for entry in shown["entries"]:
        assert entry["security"] == "realm"
        assert entry["age"] >= 0
        assert entry["removed_by"][0].startswith("TLBI ")
        if entry["stage"] == "2":
            assert entry["source"] in ("VMECID_P_EL2", "VMECID_A_EL2")
            assert entry["removed_by"][0] == f"TLBI IPAS2E1, {int(entry['va'], 16) >> 12:#x}"
    operations = [item["operation"] for item in shown["invalidations"]]
    assert operations[:2] == ["ALLE2", "ALLE1"]
    assert shown["invalidations"][0]["meaning"] == "everything, realm EL2"


def test_tlb_as_text_ends_with_the_invalidations(mectui: Run) -> None:
    done = mectui("tlb", "two-realms", "--tlb-entries", "3")
    assert done.stdout.startswith("3 entries of 3")
    assert "TLBI IPAS2E1IS removed" in done.stdout


def test_uses_since_a_place(mectui: Run) -> None:
    """Behind the Realm's call the RMM runs at EL2 alone: the Realm's entries stay as they are."""
    found = []
    for engine in ("reference", "interpreter"):
        done = mectui(
            "tlb", "two-realms", "--used-since", "rmm_unmap_granule", "--until", "realm_b_entry", "--json",
            "--engine", engine,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        found.append(json.loads(done.stdout)["entries"])
    for entries in found:
        assert {entry["regime"] for entry in entries} == {"EL2", "EL1&0"}
        assert all(entry["used"] is (entry["regime"] == "EL2") for entry in entries)
    assert all(entry["hits"] is None for entry in found[1])
    assert all(type(entry["hits"]) is int for entry in found[0])


def test_the_legend_says_since_when(mectui: Run) -> None:
    done = mectui("tlb", "two-realms", "--used-since", "rmm_unmap_granule", "--until", "realm_b_entry")
    assert "used: made, or asked, since rmm_unmap_granule" in done.stdout


def test_uses_are_not_known_where_nobody_has_asked(mectui: Run) -> None:
    done = mectui("tlb", "two-realms", "--until", "realm_b_entry", "--json", "--engine", "interpreter")
    assert {(entry["used"], entry["hits"]) for entry in json.loads(done.stdout)["entries"]} == {(None, None)}


def test_a_forgiving_tlb_runs_the_guests_all_the_same(mectui: Run) -> None:
    strict, forgiving = (mectui("run", "two-realms", "--tlb", mode) for mode in ("strict", "forgiving"))
    assert strict.returncode == forgiving.returncode
    assert strict.stdout == forgiving.stdout


def test_errors_are_sentences(mectui: Run) -> None:
    for arguments, word in (
        (["tlb"], "GUEST"),
        (["tlb", "hello", "--until", "nowhere"], "symbol"),
        (["tlb", "hello", "--tlb", "lazy"], "strict"),
        (["tlb", "hello", "--used-since", "nowhere"], "symbol"),
    ):
        done = mectui(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert word in done.stderr
