"""mectui run: console, exit codes, the JSON report of schema 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

_LOOP = (0x1400_0000).to_bytes(4, "little")  # B .
_WFI = (0xD503_207F).to_bytes(4, "little")


def test_run_prints_the_console_and_ends_with_the_guests_code(mectui: Run) -> None:
    done = mectui("run", "hello")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Hello from EL3")


def test_the_data_cache_can_be_modelled(mectui: Run) -> None:
    plain, cached = (
        json.loads(mectui("run", "hello", "--json", "--mec-cache", choice).stdout) for choice in ("off", "on")
    )
    assert (cached["stop"], cached["console"]) == (plain["stop"], plain["console"])
    assert cached["instructions"] == plain["instructions"]


def test_run_passes_a_failing_exit_code_on(mectui: Run) -> None:
    assert mectui("run", "two-realms", "--mec", "off").returncode == 2


def test_json_is_data_on_stdout_and_the_console_goes_to_stderr(mectui: Run) -> None:
    done = mectui("run", "hello", "--json")
    report = json.loads(done.stdout)
    assert "Hello from EL3" in done.stderr
    assert report["console"] in done.stderr


@pytest.mark.parametrize("engine", ["interpreter", "reference"])
def test_the_report_of_two_realms_has_the_fields_of_schema_1(mectui: Run, engine: str) -> None:
    report = json.loads(mectui("run", "two-realms", "--json", "--engine", engine).stdout)
    assert report["schema"] == 1
    assert report["guest"] == "two-realms"
    assert report["engine"] == engine
    assert report["mec_model"] == "cipher"
    assert {key: report["stop"][key] for key in ("reason", "code", "el", "message")} == {
        "reason": "exit", "code": 0, "el": 2, "message": None,
    }  # fmt: skip
    assert report["stop"]["security"] == "realm"
    assert int(report["stop"]["pc"], 16) > 0x4000_0000
    assert report["instructions"] > 1000
    assert report["seconds"] > 0
    assert report["mips"] > 0
    mec = report["mec"]
    assert mec["emec"] == {"el2": True, "el3": False}
    assert mec["registers"]["VMECID_P_EL2"] in (0, 5, 6)
    assert [finding["rule"] for finding in mec["findings"]] == ["wrong-context"] * 2
    assert {"pa", "pas", "mecid", "generation", "mixed"} <= mec["pages"][0].keys()
    hit = next(hit for hit in mec["hits"] if hit["access"] == "read")
    assert (hit["owner"], hit["mecid"], hit["source"]) == (5, 6, "VMECID_P_EL2")
    assert {"instruction", "pc", "el", "security", "va", "pa", "access", "size"} <= hit.keys()


def test_the_report_of_gpt_lists_the_gpc_exception(mectui: Run) -> None:
    report = json.loads(mectui("run", "gpt", "--json").stdout)
    (taken,) = [item for item in report["exceptions"] if item["ec"] == "0x1e"]
    assert (taken["from_el"], taken["to_el"]) == (2, 3)
    assert int(taken["mfar"], 16) >> 62 == 3
    assert {"instruction", "esr", "far", "elr", "kind"} <= taken.keys()


def test_a_limit_stops_at_exactly_that_many_instructions(mectui: Run) -> None:
    report = json.loads(mectui("run", "two-realms", "--json", "--max-insns", "1000").stdout)
    assert report["stop"]["reason"] == "limit"
    assert report["instructions"] == 1000


def test_a_breakpoint_stops_before_its_instruction(mectui: Run) -> None:
    done = mectui("run", "two-realms", "--break", "realm_b_entry", "--json")
    report = json.loads(done.stdout)
    assert report["stop"]["reason"] == "breakpoint"
    assert report["stop"]["el"] == 1


def test_a_raw_image_runs_where_it_was_put(mectui: Run, tmp_path: Path) -> None:
    path = tmp_path / "loop.bin"
    path.write_bytes(_LOOP)
    done = mectui("run", str(path), "--load-at", "0x4000_1000", "--max-insns", "10_000_000", "--json")
    assert done.returncode == 124
    assert json.loads(done.stdout)["stop"]["pc"] == "0x40001000"


def test_a_guest_that_waits_for_nothing_is_halted_not_hung(mectui: Run, tmp_path: Path) -> None:
    path = tmp_path / "wait.bin"
    path.write_bytes(_WFI)
    done = mectui("run", str(path), "--load-at", "0x4000_0000")
    assert done.returncode == 125
    assert "WFI" in done.stderr


@pytest.mark.parametrize("engine", ["interpreter", "reference"])
def test_a_guest_that_faults_in_its_own_vector_is_stopped_with_a_report(
    mectui: Run, tmp_path: Path, engine: str
) -> None:
    path = tmp_path / "wild.bin"
    path.write_bytes(bytes(64))  # UDF #0, and a vector that nobody set
    done = mectui("run", str(path), "--load-at", "0x4000_0000", "--engine", engine)
    assert done.returncode == 125
    assert "vector" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_headless_command_never_loads_the_screen() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from mectui.cli import main; main(['run', 'hello', '--engine', 'reference']);"
        "sys.exit(any(name.split('.')[0] in ('textual', 'capstone', 'numpy') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, "mectui run imported the user interface, capstone or numpy"


def test_walk_prints_every_step_with_its_mecid_and_where_that_comes_from(mectui: Run) -> None:
    done = mectui("walk", "two-realms", "shared_granule", "--until", "realm_b_entry", "--json")
    walk = json.loads(done.stdout)
    assert walk["regime"] == "EL1&0"
    assert walk["security"] == "realm"
    assert (walk["mecid"], walk["source"]) == (6, "VMECID_P_EL2")
    assert walk["stage2_steps"]
    for step in walk["stage2_steps"]:
        assert (step["mecid"], step["source"]) == (6, "VMECID_P_EL2")
    assert walk["owner"]["mecid"] == 5
    assert walk["mismatch"] is True
    text = mectui("walk", "two-realms", "shared_granule", "--until", "realm_b_entry").stdout
    assert "VMECID_P_EL2" in text
    assert "SUBSTITUTED" in text


@pytest.mark.parametrize(("code", "process"), [(0, 0), (7, 7), (255, 255), (256, 255), (1 << 40, 255)])
def test_an_exit_code_that_does_not_fit_never_looks_like_success(
    mectui: Run, tmp_path: Path, code: int, process: int
) -> None:
    program = [
        0x1000_0081,  # ADR X1, the block 16 bytes on
        0x5280_0300,  # MOV W0, #0x18
        0xD45E_0000,  # HLT #0xF000
        0x1400_0000,
    ]
    path = tmp_path / "exit.bin"
    block = (0x20026).to_bytes(8, "little") + code.to_bytes(8, "little")
    path.write_bytes(b"".join(word.to_bytes(4, "little") for word in program) + block)
    done = mectui("run", str(path), "--load-at", "0x4000_0000", "--json", "--engine", "reference")
    assert done.returncode == process
    assert json.loads(done.stdout)["stop"]["code"] == code


@pytest.mark.parametrize(("sync", "pending"), [("architectural", ["TTBR0_EL3"]), ("immediate", [])])
def test_the_report_names_registers_that_wait_for_an_isb(
    mectui: Run, tmp_path: Path, sync: str, pending: list[str]
) -> None:
    # MOVZ X0, #0x4000; MSR TTBR0_EL3, X0; WFI
    code = b"".join(word.to_bytes(4, "little") for word in (0xD288_0000, 0xD51E_2000, 0xD503_207F))
    (tmp_path / "guest.bin").write_bytes(code)
    done = mectui("run", str(tmp_path / "guest.bin"), "--load-at", "0x40000000", "--sync", sync, "--json")
    found = json.loads(done.stdout)["mec"]["pending"]
    assert list(found) == pending
    for item in found.values():
        assert (item["programmed"], item["instruction"]) == (0x4000, 1)
        assert item["acting"] != 0x4000
