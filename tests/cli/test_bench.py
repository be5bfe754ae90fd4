"""mectui bench: every guest runs here and in QEMU with the same result, and the table tells what was measured."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import emu
from emu import StopReason
from mectui import peer
from mectui.commands import bench as command
from mectui.queries.bench import Bench, Row, Sample, bench_json, measure
from mectui.render import bench as render
from mectui.render.text import plain
from mectui.resources import bench_guests, bundled_guests
from tests.cli.conftest import Run
from tests.cli.interrupting import interrupted_at_run

ROOT = Path(__file__).resolve().parents[2]
GUESTS = {guest.name: guest.path for guest in bench_guests()}
ABOUT_MEC = {"owners", "switches"}
needs_qemu = pytest.mark.skipif(
    shutil.which("qemu-system-aarch64") is None, reason="qemu-system-aarch64 is not on PATH"
)
needs_ziglang = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="ziglang is missing")


def test_the_guests_are_there_and_not_among_those_that_teach() -> None:
    assert {"empty", "integer", "sha256", "cold", *ABOUT_MEC} <= set(GUESTS)
    assert not {"bench", *GUESTS} & {guest.name for guest in bundled_guests()}
    assert all(guest.description for guest in bench_guests())


@needs_ziglang
def test_committed_elfs_are_what_their_sources_build() -> None:
    names = [f"bench/{name}" for name in GUESTS]
    build = [sys.executable, str(ROOT / "guests" / "build.py"), "--check", *names]
    done = subprocess.run(build, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(names)


@needs_qemu
@pytest.mark.parametrize("name", sorted(set(GUESTS) - ABOUT_MEC))
def test_a_guest_gives_the_same_result_in_qemu(name: str) -> None:
    found = peer.find_peer()
    assert found is not None
    theirs = peer.run(found, GUESTS[name], "1")
    ours = measure(GUESTS[name], "interpreter", 1)
    assert ours.problem == ""
    assert (theirs.code, theirs.console.strip()) == (0, ours.console)


@pytest.mark.parametrize(("name", "result"), [("switches", "0x6400000064"), ("owners", "0x0")])
def test_a_guest_about_mec_gives_what_its_source_says(name: str, result: str) -> None:
    """200 switches: each of the two Realms counted to 100. One round: it found the zeros, which have the sum 0."""
    assert measure(GUESTS[name], "interpreter", 1).console == result


def test_a_guest_about_mec_says_so_on_a_machine_without() -> None:
    for name in ABOUT_MEC:
        machine = emu.Machine(engine="interpreter", mec=False)
        machine.load(GUESTS[name])
        stop = machine.run(1_000_000)
        assert (stop.reason, stop.code) == (StopReason.EXIT, 80)
        assert stop.code in command.NO_PEER


def test_the_percentage_is_the_amount_of_work() -> None:
    counts = [measure(GUESTS["exceptions"], "interpreter", percent).instructions for percent in (1, 2)]
    assert counts[1] - counts[0] == 9000 * 8  # a round trip is 3 instructions at EL0 and 5 at EL1


def test_statistics_tell_of_fills_and_compilation() -> None:
    done = measure(GUESTS["tlb"], "interpreter", 1).statistics
    assert (done.engine, done.regions, done.region_seconds) == ("interpreter", 0, 0.0)
    assert done.tlb_fills >= 1024  # one for each page of the one sweep
    reference = emu.Machine(engine="reference")
    reference.load(GUESTS["empty"])
    reference.run(1000)
    assert reference.engine_statistics().handlers == 0


def test_json_has_every_number(mectui: Run) -> None:
    done = mectui("bench", "exceptions", "--quick", "--engines", "interpreter", "--no-peer", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    assert (shown["schema"], shown["rounds_done"], shown["peer"]) == (1, 1, None)
    assert shown["cache_on_disk"] is True
    (guest,) = shown["guests"]
    engine = guest["engines"]["interpreter"]
    assert engine["mips"] == pytest.approx(guest["instructions"] / engine["seconds"] / 1e6)
    assert engine["ratio_to_peer"] is None
    assert guest["problems"] == []


def test_regions_alone_can_be_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, object]] = []
    original = emu.Machine.__init__

    def seen(self: emu.Machine, *arguments: object, **named: object) -> None:
        made.append(named)
        original(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(emu.Machine, "__init__", seen)
    for keeps in (True, False):
        assert not measure(GUESTS["empty"], "jit", 1, keeps_regions=keeps).problem
    assert [named["keeps_regions"] for named in made] == [True, False]
    view = a_view()
    assert bench_json(view)["regions_on_disk"] is True
    view.keeps_regions = False
    assert (bench_json(view)["cache_on_disk"], bench_json(view)["regions_on_disk"]) == (True, False)
    assert "compiled all of its regions anew" in " ".join(plain(render.table(view, 80)).split())


def test_without_the_cache_native_code_is_made_anew(mectui: Run) -> None:
    options = ("--quick", "--engines", "interpreter", "--no-peer", "--no-cache", "--json")
    done = mectui("bench", "integer", *options)
    shown = json.loads(done.stdout)
    assert shown["cache_on_disk"] is False
    engine = shown["guests"][0]["engines"]["interpreter"]
    assert engine["handlers_compiled"] > 10
    assert 0 < engine["handler_compile_seconds"] < engine["seconds"]


def a_sample(seconds: float, problem: str = "", console: str = "0x1") -> Sample:
    done = emu.Machine(engine="reference").engine_statistics()
    return Sample(seconds, 200_000_000, console, done, problem)


def a_view() -> Bench:
    row = Row("integer", "d", {"interpreter": [a_sample(s) for s in (2.0, 1.0, 9.0)], "jit": [a_sample(0.5)]})
    row.peer_seconds, row.peer_console = [0.9, 1.0, 1.1], "0x1"
    lonely = Row("owners", "d", {"interpreter": [a_sample(1.0)], "jit": [a_sample(1.0, "ended by error")]})
    lonely.peer_problem = "it has no FEAT_RME"
    return Bench(("interpreter", "jit"), 100, 3, [row, lonely], "QEMU 7", 0.05, 3)


def test_medians_ratios_and_problems() -> None:
    view = a_view()
    row, lonely = view.rows
    assert (row.seconds("interpreter"), row.mips("interpreter"), row.ratio("interpreter")) == (2.0, 100.0, 0.5)
    assert (row.ratio("jit"), row.peer_mips) == (2.0, 200.0)
    assert (lonely.ratio("interpreter"), lonely.mips("jit")) == (None, None)
    assert lonely.problems() == ["owners: jit: ended by error"]
    row.peer_console = "0x2"
    assert "results differ" in row.problems()[0]
    row.peer_seconds = [0.01]
    assert (row.peer, row.is_peer_short) == (None, True)
    assert bench_json(view)["guests"][0]["peer"]["runs"] == [0.01]


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_and_its_columns_line_up(width: int) -> None:
    view = a_view()
    lines = plain(render.table(view, width)).splitlines()
    assert max(map(len, lines)) <= width
    first, second, integer, owners = lines[:4]
    assert integer.split()[:6] == ["integer", "200.0", "100", "0.50", "400", "2.00"]
    assert "failed" in owners
    assert "no peer" in owners
    assert len(first) == len(second) == len(integer)
    assert ("handlers" in second) is (width == 120)
    assert "regions" in second
    assert lines[-1].strip() == "owners: jit: ended by error"


def test_wrong_input_is_one_sentence(mectui: Run) -> None:
    for arguments, word in (
        (["nothing"], "integer"),
        (["--engines", "warp"], "interpreter"),
        (["--engines", ","], "engine"),
        (["--rounds", "0"], "rounds"),
    ):
        done = mectui("bench", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert word in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_qemu_that_is_none_is_one_sentence(mectui: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, word in (("/nowhere/qemu", "no program"), ("false", "--no-peer"), ("'", "command line")):
        monkeypatch.setenv(peer.VARIABLE, name)
        done = mectui("bench", "integer", "--quick")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert word in done.stderr


def test_an_interrupt_shows_what_is_known() -> None:
    done = interrupted_at_run(
        3, "bench", "exceptions", "--engines", "interpreter", "--no-peer", "--quick", "--rounds", "999"
    )
    assert (done.returncode, done.stderr) == (130, "")
    assert done.stdout.splitlines()[2].startswith("exceptions")
    assert "Interrupted" in done.stdout
