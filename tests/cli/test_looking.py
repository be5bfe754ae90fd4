"""mectui mec and mectui regs: parts of a machine without a screen, at the place asked for."""

from __future__ import annotations

import itertools
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


def test_regs_prints_expressions_of_the_machine_there(mectui: Run) -> None:
    texts = ("VMECID_P_EL2", "security", "owner(pa(pc))", "pc == realm_b_entry", "[pc].w")
    options = [option for text in texts for option in ("--print", text)]
    done = mectui("regs", *THERE, *options)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["VMECID_P_EL2 is 6", "security is realm (3)"]
    assert lines[3] == "pc == realm_b_entry is 1"
    shown = json.loads(mectui("regs", *THERE, *options, "--json").stdout)
    assert list(shown) == list(texts)
    assert (shown["VMECID_P_EL2"], shown["security"], shown["pc == realm_b_entry"]) == (6, 3, 1)


@pytest.mark.parametrize(("text", "words"), [("pc +", "column 4"), ("realm_b_entr", "realm_b_entry"), ("1/0", "by 0")])
def test_an_expression_that_has_no_value_is_one_sentence(mectui: Run, text: str, words: str) -> None:
    done = mectui("regs", *THERE, "--print", "pc", "--print", text)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_place_is_an_expression(mectui: Run) -> None:
    done = mectui("regs", "two-realms", "--until", "realm_b_entry + 2 * 4 - 8", "--print", "pc - realm_b_entry")
    assert done.stdout == "pc - realm_b_entry is 0\n"


def test_mec_lists_every_mecid_with_who_has_it(mectui: Run) -> None:
    """realm_b_entry runs as VMID 2 under MECID 6; Realm A ran before it as VMID 1 under 5."""
    rows = {row["mecid"]: row for row in json.loads(mectui("mec", *THERE, "--json").stdout)["mecids"]}
    assert [item["vmid"] for item in rows[6]["vmids"]] == [2]
    assert [item["vmid"] for item in rows[5]["vmids"]] == [1]
    assert {item["name"] for item in rows[6]["registers"]} >= {"VMECID_P_EL2"}
    assert "waiting" in mectui("mec", *THERE).stdout


def test_events_lists_the_kinds_asked_for(mectui: Run) -> None:
    shown = json.loads(mectui("events", *THERE, "--kinds", "mecids", "--json").stdout)
    assert {event["kind"] for event in shown["events"]} == {"mecids"}
    assert any(event["text"] == "VMECID_P_EL2 5 → 6" for event in shown["events"])
    instructions = [event["instruction"] for event in shown["events"]]
    assert [event["since"] for event in shown["events"][1:]] == [
        after - before for before, after in itertools.pairwise(instructions)
    ]
    assert len(mectui("events", *THERE, "--last", "3").stdout.splitlines()) == 3


@pytest.mark.parametrize("options", [("--kinds", "nonsense"), ("--kinds", ","), ("--last", "0")])
def test_events_refuses_what_lists_nothing_in_a_sentence(mectui: Run, options: tuple[str, str]) -> None:
    done = mectui("events", "two-realms", *options)
    assert done.returncode == 2
    assert done.stderr.startswith("mectui: ")
    assert "Traceback" not in done.stderr


def test_regs_says_who_wrote_a_register_and_cuts_nothing(mectui: Run) -> None:
    """The writers are those that `mec` names; JSON has them too, with the fields."""
    known = mectui("mec", *THERE).stdout
    written = next(item for item in known.splitlines() if item.startswith("VMECID_P_EL2")).partition(" by ")[2]
    place, number = written.split()[:2]
    assert f" by {place} {number}" in mectui("regs", *THERE, "--group", "mec").stdout
    system = mectui("regs", *THERE, "--group", "system").stdout
    assert f"Last written by {place} at EL2 realm, {number}." in system
    assert "…" not in system
    shown = json.loads(mectui("regs", *THERE, "--json").stdout)
    moment = shown["written"]["VMECID_P_EL2"]
    assert (moment["by"], f"#{moment['instruction']:,}", moment["el"]) == (place, number, 2)
    assert shown["fields"]["SCR_EL3"]["MECEn"] == int(shown["system"]["SCR_EL3"], 16) >> 49 & 1 == 1


def test_regs_json_says_what_acts_in_a_register_s_place(mectui: Run) -> None:
    """SCR_EL3.MECEn is 0 at the entry point: whatever a MECID register holds, it acts as 0."""
    shown = json.loads(mectui("regs", "two-realms", "--until", "_start", "--json").stdout)
    assert shown["acting"]["VMECID_P_EL2"] == {
        "value": "0x0", "why": "SCR_EL3.MECEn=0 makes VMECID_P_EL2 count as 0",
    }  # fmt: skip


@pytest.mark.parametrize("option", [("--length", "0x20"), ("--length", "3_2")])
def test_numbers_of_options_are_written_as_everywhere(mectui: Run, option: tuple[str, str]) -> None:
    done = mectui("memory", *THERE, "shared_granule", *option)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n0x4038_00") == 2
    wrong = mectui("memory", *THERE, "shared_granule", option[0], "some")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "'some' is not a whole number" in wrong.stderr


def test_a_walk_to_where_nothing_is_does_not_say_ok(mectui: Run) -> None:
    done = mectui("walk", "two-realms", "0x5000_0000_0000")
    assert "result  ok" not in done.stdout
    assert "ABORT   neither memory nor a device" in done.stdout
    assert json.loads(mectui("walk", "two-realms", "0x5000_0000_0000", "--json").stdout)["answers"] == "nothing"
    uart = mectui("walk", "two-realms", "0x0900_0000").stdout
    assert "PL011 UART" in uart
    assert "result  ok" in uart


def test_lists_without_a_screen_are_whole_and_speak_of_no_keys(mectui: Run) -> None:
    lessons = mectui("lesson").stdout
    assert "…" not in lessons
    assert max(map(len, lessons.splitlines())) <= 100
    run = mectui("timeline", "two-realms").stdout
    assert "…" not in run
    assert "Enter" not in run


def test_without_feat_mec_the_memory_of_every_realm_access_is_in_use(mectui: Run) -> None:
    """Every access has MECID 0 then: nothing that was stored is out of reach."""
    text = mectui("mec", "two-realms", "--mec", "off").stdout
    assert "FEAT_MEC is not there" in text
    assert "orphaned" not in text
    assert text.count("0 MECID 0") == text.count("in use  ") == 1


@pytest.mark.parametrize(
    "command", [("walk", "hello", "0x4008_0000"), ("tlb", "hello"), ("code", "hello"), ("events", "hello")]
)
def test_a_part_of_a_machine_with_two_images_can_be_looked_at(mectui: Run, command: tuple[str, ...]) -> None:
    """As for `run`: a second image that does not fit beside the first is refused, so it was loaded."""
    done = mectui(*command, "--with", "mecid")
    assert (done.returncode, done.stdout) == (2, "")
    assert "overlap" in done.stderr
    gone = mectui(*command, "--with", "no-such-guest")
    assert gone.returncode == 2
    assert "there is no file 'no-such-guest'" in gone.stderr


def test_regs_shows_a_call_further_out(mectui: Run) -> None:
    there = ("two-realms", "--until", "rmm_map_granule")
    inner = json.loads(mectui("regs", *there, "--json").stdout)["general"]
    listed = json.loads(mectui("calls", *there, "--json").stdout)["calls"]
    assert listed[0]["registers"] == {name: inner[name] for name in listed[0]["registers"]}
    assert len(listed[0]["registers"]) == 32
    shown = json.loads(mectui("regs", *there, "--call", "1", "--json").stdout)
    assert shown == {"schema": 1, **listed[1]}
    assert "x30" not in shown["registers"]
    text = mectui("regs", *there, "--call", "1").stdout
    assert text.startswith("call 1  EL2")
    assert "x30           not known" in text
    values = mectui("regs", *there, "--call", "1", "--print", "pc - rmm_create_realm", "--print", "sp").stdout
    assert values.splitlines() == [
        "pc - rmm_create_realm is 0x68 = 104",
        "sp is 0x4008_5ff0 = 1074290672 (rmm_stack+0xff0)",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--call", "9"), "--call 9 is not there: call 2 is the last one"),
        (("--call", "-1"), "--call -1 is none"),
        (("--call", "1", "--group", "mec"), "--group mec is not known of a call"),
        (("--call", "1", "--print", "x30"), "x30 of call 1 is not known"),
    ],
)
def test_a_call_that_cannot_be_shown_is_one_sentence(mectui: Run, options: tuple[str, ...], said: str) -> None:
    done = mectui("regs", "two-realms", "--until", "rmm_map_granule", *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
