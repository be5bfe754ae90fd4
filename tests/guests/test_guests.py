"""Every bundled guest end to end, on both engines and both memory models: exit code, and what it claims to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import emu
from emu import PAS, Access, StopReason

GUESTS = Path(__file__).parent.parent.parent / "guests"
ENGINES = ("reference", "interpreter")
MODELS = ("cipher", "substitute")


@dataclass(frozen=True)
class Outcome:
    machine: emu.Machine
    stop: emu.Stop


def _run(name: str, engine: str, model: str = "cipher", mec: bool = True) -> Outcome:
    machine = emu.Machine(engine=engine, mec=mec, mec_model=model)
    machine.load(GUESTS / name / f"{name}.elf")
    return Outcome(machine, machine.run(max_instructions=2_000_000))


# Exit codes as the guests' own headers document them.
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "model", "mec", "code"),
    [
        *[(name, "cipher", True, 0) for name in ("hello", "mecid", "amec", "stage2", "gpt", "two-realms")],
        *[(name, "substitute", True, 0) for name in ("hello", "amec", "stage2", "gpt", "two-realms")],
        ("mecid", "substitute", True, 4),  # one store takes the whole page: its neighbours leak
        ("hello", "cipher", False, 0),
        ("mecid", "cipher", False, 80),
        ("amec", "cipher", False, 80),
        ("stage2", "cipher", False, 80),
        ("gpt", "cipher", False, 0),
        ("two-realms", "cipher", False, 2),  # without FEAT_MEC Realm B finds A's secret
        *[(name, model, True, 0) for name in ("worlds", "stage1", "stale", "rekey") for model in MODELS],
        ("worlds", "cipher", False, 0),
        ("stage1", "cipher", False, 0),
        ("stale", "cipher", False, 80),
        ("rekey", "cipher", False, 80),
    ],
)
def test_a_guest_exits_with_the_code_its_header_promises(
    name: str, model: str, mec: bool, code: int, engine: str
) -> None:
    outcome = _run(name, engine, model, mec)
    assert (outcome.stop.reason, outcome.stop.code) == (StopReason.EXIT, code), outcome.machine.console


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("stale", {"tlb": "forgiving"}, 1),  # the forgotten TLBI has no consequences
        ("stale", {"sync": "immediate"}, 3),  # nor has the forgotten ISB
        ("worlds", {"pas_keys": False}, 1),  # one key for all address spaces
    ],
)
def test_a_guest_notices_a_machine_without_what_it_shows(
    name: str, options: dict[str, Any], code: int, engine: str
) -> None:
    machine = emu.Machine(engine=engine, **options)
    machine.load(GUESTS / name / f"{name}.elf")
    stop = machine.run(max_instructions=2_000_000)
    assert (stop.reason, stop.code) == (StopReason.EXIT, code), machine.console


@pytest.mark.parametrize("engine", ENGINES)
def test_hello_greets_through_the_uart_and_through_semihosting(engine: str) -> None:
    console = _run("hello", engine).machine.console
    assert "Hello from EL3, through the UART" in console
    assert "through semihosting" in console


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("model", MODELS)
def test_realm_b_reads_a_granule_of_realm_a_and_never_sees_its_bytes(engine: str, model: str) -> None:
    machine = _run("two-realms", engine, model).machine
    granule = machine.symbols.lookup("shared_granule")
    assert granule is not None
    reads = [hit for hit in machine.mec.hits if hit.access is Access.READ and hit.pa & ~0xFFF == granule]
    assert reads
    assert {(hit.owner, hit.mecid, hit.owned_by.pas, hit.source) for hit in reads} == {
        (5, 6, PAS.REALM, emu.MecidSource.VP)
    }
    assert all(hit.writer is not None and hit.writer.instruction < hit.instruction for hit in reads)
    assert b"Secret of A" not in machine.mec.view_as(granule, 4096, PAS.REALM, 6)
    assert "blocks that hold A's secret: 0x0 of 0x100" in machine.console


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["mecid", "amec", "stage2", "gpt", "two-realms", "worlds", "stage1", "stale", "rekey"])
def test_both_engines_see_the_same_hits_exceptions_and_output(name: str, model: str) -> None:
    first, second = (_run(name, engine, model).machine for engine in ENGINES)
    assert first.mec.hits == second.mec.hits
    assert first.exceptions == second.exceptions
    assert first.console == second.console
    assert first.instructions == second.instructions
    assert first.mec.pages() == second.mec.pages()


@pytest.mark.parametrize("engine", ENGINES)
def test_gpt_ends_in_a_gpc_exception_at_el3_with_the_flipped_granule_in_mfar(engine: str) -> None:
    machine = _run("gpt", engine).machine
    granule = machine.symbols.lookup("realm_granule")
    assert granule is not None
    (taken,) = [event for event in machine.exceptions if event.ec == 0x1E]
    assert taken.to_el == 3
    assert taken.far == granule
    assert taken.mfar == 3 << 62 | granule  # {NS, NSE} = {1, 1}: the Realm address space
    # IL, GPCSC "fail at level 1", WnR, xFSC "granule protection fault, not on a walk"
    assert taken.esr == 0x1E << 26 | 1 << 25 | 0b001101 << 14 | 1 << 6 | 0b101000


@pytest.mark.parametrize("engine", ENGINES)
def test_amec_takes_the_translation_fault_of_a_disabled_alternate_mecid(engine: str) -> None:
    machine = _run("amec", engine).machine
    (taken,) = [event for event in machine.exceptions if event.ec == 0x25]
    assert (taken.esr, taken.far) == (0x25 << 26 | 1 << 25 | 0b000111, 0xFFFF_FF80_4020_7000)


@pytest.mark.parametrize("engine", ENGINES)
def test_mecid_reads_its_page_back_only_under_the_mecid_it_was_stored_under(engine: str) -> None:
    machine = _run("mecid", engine).machine
    assert {(hit.owner, hit.mecid, hit.source) for hit in machine.mec.hits} >= {(5, 6, emu.MecidSource.P0)}


def test_a_snapshot_taken_half_way_replays_to_the_same_end() -> None:
    machine = emu.Machine()
    machine.load(GUESTS / "two-realms" / "two-realms.elf")
    machine.run(max_instructions=9_000)
    kept = machine.snapshot()
    ends = []
    for _ in range(2):
        stop = machine.run(max_instructions=2_000_000)
        ends.append((stop, machine.console, list(machine.mec.hits), machine.instructions, machine.mec.pages()))
        machine.restore(kept)
    assert ends[0] == ends[1]


def test_a_reset_machine_runs_exactly_as_a_new_one() -> None:
    machine = emu.Machine()
    machine.load(GUESTS / "two-realms" / "two-realms.elf")
    ends = []
    for _ in range(2):
        stop = machine.run(max_instructions=2_000_000)
        ends.append((stop, machine.console, list(machine.mec.hits), machine.instructions, machine.mec.pages()))
        machine.reset()
    assert ends[0] == ends[1]
