"""Programs as firmware writes them, through the command line: right ones break no rule, each mistake is named.

Their sources are in firmware/, and check themselves against mec-reference.md; here is what the reports must say.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guests.build import link

SOURCES = Path(__file__).with_name("firmware")
Build = Callable[..., str]
Report = dict[str, Any]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ziglang") is None, reason="ziglang, which assembles the programs, is not installed"
)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A program by the name of its source and what is to be defined in it; built once."""
    folder = tmp_path_factory.mktemp("firmware")

    def built(name: str, *defined: str) -> str:
        program = folder / f"{'-'.join((name, *defined))}.elf"
        if not program.exists():
            options = [f"-D{symbol}" for symbol in defined]
            link(name, [*options, SOURCES / f"{name}.S"], SOURCES / "link.ld", program, folder / "zig")
        return str(program)

    return built


def run(command: str, program: str, *options: str) -> tuple[int, Report]:
    """The exit code and the JSON report of `mectui run` or `mectui check`."""
    done = subprocess.run(
        [sys.executable, "-m", "mectui", command, program, "--json", "--max-insns", "1_000_000", *options],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def rules(report: Report) -> Counter[str]:
    return Counter(finding["rule"] for finding in report["findings"])


# A Realm Management Monitor as TF-RMM is (5.2).


@pytest.mark.parametrize(
    "options",
    [
        "--engine reference", "--engine interpreter", "--mec-cache on", "--sync immediate",
        *(pytest.param(options, marks=pytest.mark.long) for options in (
            "--tlb forgiving", "--tlb-entries 4", "--mecid-width 2", "--seed 5",
        )),
    ],
)  # fmt: skip
def test_an_rmm_without_a_mistake_breaks_no_rule_at_all(build: Build, options: str) -> None:
    code, report = run("check", build("rmm"), "--el", "2", "--rules", "all,-mecid-shared", *options.split())
    assert report["findings"] == []
    assert (code, report["stop"]["reason"], report["stop"]["code"]) == (0, "exit", 0)


def test_realms_that_share_a_mecid_are_a_note_for_whoever_asks(build: Build) -> None:
    _, report = run("check", build("rmm"), "--el", "2", "--rules", "all")
    assert rules(report) == {"mecid-shared": 1}


@pytest.mark.parametrize(
    ("mistake", "code", "expected"),
    [
        ("FORGET_ISB", 8, {"missing-isb": 3, "stage2-table-foreign": 1}),
        ("FORGET_VMECID", 8, {"stage2-table-foreign": 1}),
        ("FORGET_REFRESH", 0, {"mecid-reused": 1}),
        ("FORGET_CIPAE", 0, {"reuse-without-cipae": 2}),
    ],
)
def test_each_mistake_of_an_rmm_is_named(build: Build, mistake: str, code: int, expected: dict[str, int]) -> None:
    """The exit code is what the RMM itself sees: nothing at all, or a Realm that comes back without its HVC (8)."""
    done, report = run("check", build("rmm", mistake), "--el", "2")
    assert rules(report) == expected
    assert (done, report["stop"]["code"]) == (1, code)


def test_tables_stored_through_a_slot_without_amec_are_noise_to_stage_2(build: Build) -> None:
    done, report = run("check", build("rmm", "FORGET_AMEC"), "--el", "2")
    assert done == 1
    [foreign] = [finding for finding in report["findings"] if finding["rule"] == "stage2-table-foreign"]
    assert "under VMECID_P_EL2=1" in foreign["message"]
    assert "under MECID 0" in foreign["message"]
    assert "AMEC=1" in foreign["fix"]


def test_a_forgotten_vmecid_is_what_the_advice_is_about(build: Build) -> None:
    _, report = run("check", build("rmm", "FORGET_VMECID"), "--el", "2")
    [finding] = report["findings"]
    assert finding["fix"].startswith("write 1,")
    assert "VMECID_P_EL2 before every ERET" in finding["fix"]


# EL3, as the architecture's compliance tests use it (6.3).


@pytest.mark.parametrize("width", ["16", "1"])
@pytest.mark.parametrize("cache", ["on", "off"])
def test_el3_finds_what_compliance_tests_expect(build: Build, width: str, cache: str) -> None:
    code, report = run("run", build("root"), "--mecid-width", width, "--mec-cache", cache)
    assert code == 0
    assert report["exceptions"] == []
    largest = (1 << int(width)) - 1
    within_realm = [hit for hit in report["mec"]["hits"] if hit["source"] == "MECID_RL_A_EL3"]
    assert {hit["mecid"] for hit in within_realm} == {largest - 1, largest}
    assert report["mec"]["emec"]["el3"] is False
    rekeyed = within_realm[-1]
    assert (rekeyed["mecid"], rekeyed["owner"], rekeyed["owner_pas"]) == (largest, largest, "realm")


def test_a_mecid_of_el3_that_had_its_use_is_no_finding(build: Build) -> None:
    _, report = run("check", build("root"))
    assert set(rules(report)) == {"wrong-context", "el3-reads-realm"}


# A Realm across two contexts (1.5 b, 1.10).


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
@pytest.mark.parametrize("sync", ["architectural", "immediate"])
def test_every_kind_of_access_across_two_owners(build: Build, engine: str, sync: str) -> None:
    code, report = run("run", build("realms", "OWNERS"), "--engine", engine, "--sync", sync)
    assert code == 0
    hits = report["mec"]["hits"]
    assert {(hit["el"], hit["mecid"], hit["owner"], hit["source"]) for hit in hits} == {
        (1, 8, 7, "VMECID_A_EL2"), (1, 7, 8, "VMECID_P_EL2"),
    }  # fmt: skip
    pages = report["mec"]["pages"]
    assert [page["mixed"] for page in pages if (page["pas"], page["mecid"]) == ("realm", 7)] == [True]
    assert [page["mecid"] for page in pages if page["pas"] == "non-secure"] == [0]


def test_a_stage_2_table_under_the_wrong_mecid_is_a_stage_2_fault(build: Build) -> None:
    """Noise is an invalid descriptor, too large an address or a way to nowhere: each is legal, and none goes to EL1."""
    _, report = run("run", build("realms", "WRONG_TABLE"))
    assert report["stop"]["code"] == 0
    first, walk = report["exceptions"][0], report["mec"]["hits"][0]
    assert (first["from_el"], first["to_el"], first["ec"]) == (1, 2, "0x20")
    assert int(first["esr"], 16) & 0x3C in (0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x24)
    assert (walk["access"], walk["mecid"], walk["owner"], walk["source"]) == ("walk", 7, 1, "VMECID_P_EL2")


@pytest.mark.parametrize(
    ("mistake", "mecid", "source"), [("WRONG_CODE", 7, "VMECID_P_EL2"), ("EL2_CODE", 2, "MECID_P0_EL2")]
)
def test_code_under_the_wrong_mecid_is_fetched_as_noise(build: Build, mistake: str, mecid: int, source: str) -> None:
    _, report = run("run", build("realms", mistake))
    fetch = report["mec"]["hits"][0]
    assert (fetch["access"], fetch["mecid"], fetch["owner"], fetch["source"]) == ("fetch", mecid, 1, source)
    assert report["stop"]["code"] != 40


# Enables and routes (1.2, 1.3, 3.7).

MRS_MECID_P0 = 0x6200_0000 | 3 << 20 | 0 << 17 | 4 << 14 | 10 << 10 | 1 << 5 | 8 << 1 | 1
MSR_SCTLR2 = 0x6200_0000 | 3 << 20 | 3 << 17 | 4 << 14 | 1 << 10 | 1 << 5 | 0 << 1
MSR_TCR2 = 0x6200_0000 | 3 << 20 | 3 << 17 | 4 << 14 | 2 << 10 | 1 << 5 | 0 << 1
UNDEFINED = 0x0200_0000
GPC_EXCEPTION = 0x1E << 26 | 1 << 25 | 0b001101 << 14 | 1 << 6 | 0b101000
"""GPCSC: a Fail at level 1; WnR; on the output."""


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_enables_gate_and_granule_faults_go_where_gpf_says(build: Build, engine: str) -> None:
    code, report = run("run", build("enables"), "--engine", engine)
    assert code == 0
    calls = (0x16, 0x17)
    taken = [item for item in report["exceptions"] if int(item["ec"], 16) not in calls]
    assert [(item["from_el"], item["to_el"], int(item["esr"], 16)) for item in taken] == [
        (2, 3, MRS_MECID_P0),
        (2, 3, MSR_SCTLR2),
        (2, 3, MSR_TCR2),
        (2, 2, 0x25 << 26 | 1 << 25 | 0b000111),
        *[(1, 1, UNDEFINED)] * 3,
        (2, 3, GPC_EXCEPTION),
        (2, 2, 0x25 << 26 | 1 << 25 | 1 << 6 | 0b101000),
        *[(2, 2, UNDEFINED)] * 2,
    ]
    [fault] = [item for item in taken if "mfar" in item]
    assert (int(fault["mfar"], 16), int(fault["far"], 16)) == (3 << 62 | 0x4040_0000, 0x4020_2000)


def test_stores_while_an_enable_is_0_have_mecid_0(build: Build) -> None:
    import emu

    machine = emu.Machine()
    machine.load(build("enables"))
    assert machine.run(max_instructions=100_000).code == 0
    plain, amec = (machine.symbols.lookup(name) for name in ("plain_page", "amec_page"))
    assert plain is not None
    assert amec is not None
    owners = [machine.mec.owner_of(plain + 16 * block) for block in range(4)]
    assert [owner and (owner.pas, owner.mecid) for owner in owners] == [
        (emu.PAS.REALM, mecid) for mecid in (5, 0, 0, 5)
    ]
    owners = [machine.mec.owner_of(amec + 32 * block) for block in range(2)]
    assert [owner and owner.mecid for owner in owners] == [6, 0]
