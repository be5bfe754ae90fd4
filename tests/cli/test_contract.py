"""The names that scripts, notebooks and CI jobs rely on: the Python API and the JSON reports."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest

import emu
from tests.cli.conftest import Run

TWO_REALMS = Path(__file__).parents[2] / "guests" / "two-realms" / "two-realms.elf"
RAM = 0x4000_0000
NOP, ADD = 0xD503_201F, 0x8B01_0000  # ADD X0, X0, X1


def words(*code: int) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in code)


def machine(**options: Any) -> emu.Machine:
    return emu.Machine(memory="16M", **options)


def test_the_arguments_of_a_machine_keep_their_names_order_and_defaults() -> None:
    parameters = list(inspect.signature(emu.Machine).parameters.values())[:7]
    assert [(item.name, item.default) for item in parameters] == [
        ("memory", "256M"), ("cpus", 1), ("el", 3), ("engine", "auto"), ("mec", True), ("mec_model", "cipher"),
        ("mecid_width", 16),
    ]  # fmt: skip
    emu.Machine(memory="256M", cpus=1, el=3, engine="auto", mec=True, mec_model="cipher", mecid_width=16)


@pytest.mark.parametrize("engine", ["auto", "interpreter", "reference"])
def test_code_runs_straight_from_a_script(engine: str) -> None:
    m = machine(engine=engine)
    m.load_raw(words(NOP, ADD, NOP), RAM)
    cpu = m.cpu
    assert cpu is m.cpus[0]
    assert (cpu.pc, cpu.el, cpu.security) == (RAM, 3, emu.Security.ROOT)
    cpu.x[0], cpu.x[1], cpu.sp, cpu.v[3], cpu.nzcv = 5, 6, RAM + 0x1000, 1 << 100, 0b1010
    cpu.sysreg["TTBR0_EL1"] = 0x4010_0000
    stop = m.run(max_instructions=2)
    assert (stop.reason, stop.reason.value, stop.pc, stop.code) == (emu.StopReason.LIMIT, "limit", RAM + 8, 0)
    assert m.instructions == 2
    assert (cpu.x[0], cpu.sp, cpu.v[3], cpu.nzcv) == (11, RAM + 0x1000, 1 << 100, 0b1010)
    assert cpu.sysreg["TTBR0_EL1"] == 0x4010_0000
    assert m.step() is None
    assert (m.instructions, cpu.pc) == (3, RAM + 12)
    cpu.pc = RAM
    assert m.run(max_instructions=1).pc == RAM + 4


def test_memory_is_read_and_written_as_the_owner_sees_it() -> None:
    m = machine()
    m.write(RAM + 0x1000, b"hello", pas=emu.PAS.REALM)
    assert m.read(RAM + 0x1000, 16) == b"hello" + bytes(11)
    assert m.read(RAM + 0x1000, 5, pas=emu.PAS.ROOT) == b"hello"


def test_a_run_leaves_everything_to_look_at_and_a_snapshot_takes_it_back() -> None:
    m = emu.Machine()
    m.load(TWO_REALMS)
    start = m.snapshot()
    m.run(max_instructions=12_000)
    before = m.translate(0x4038_0000, access="read")
    assert before.stage2  # Realm EL1, its own MMU off
    assert before.summary
    assert m.tlb.entries()
    entries = len(m.tlb.entries())
    m.translate(0x4000_0000, access="fetch")
    assert len(m.tlb.entries()) == entries
    middle = m.snapshot()
    stop = m.run()
    assert (stop.reason, stop.code) == (emu.StopReason.EXIT, 0)

    def seen() -> tuple[Any, ...]:
        pages = [(page.pa, page.pas, page.mecid, page.generation, page.mixed) for page in m.mec.pages()]
        return m.instructions, m.console, list(m.mec.hits), list(m.mec.findings), pages

    first = seen()
    assert all(first)
    m.restore(middle)
    assert m.instructions == 12_000
    m.run()
    assert seen() == first
    m.restore(start)
    assert seen() == (0, "", [], [], [])


@pytest.mark.parametrize(("el", "security"), [(3, "ROOT"), (2, "REALM"), (1, "REALM")])
def test_a_machine_starts_at_the_level_asked_for(el: int, security: str) -> None:
    cpu = machine(el=el).cpu
    assert (cpu.el, cpu.security) == (el, emu.Security[security])


@pytest.mark.parametrize(("width", "kept"), [(16, 0xFFFF), (8, 0xFF), (1, 1)])
def test_the_width_of_a_mecid_is_a_choice(width: int, kept: int) -> None:
    m = machine(mecid_width=width)
    m.load_raw(words(0xD51C_A800, 0xD53C_A801), RAM)  # MSR MECID_P0_EL2, X0; MRS X1, MECID_P0_EL2
    m.cpu.x[0] = (1 << 64) - 1
    m.run(max_instructions=2)
    assert m.cpu.x[1] == kept
    assert m.cpu.sysreg["MECIDR_EL2"] == width - 1


def test_without_mec_there_are_no_mecids() -> None:
    m = machine(mec=False)
    assert m.cpu.sysreg["ID_AA64MMFR3_EL1"] >> 28 & 15 == 0
    with pytest.raises(emu.EmuError, match="MECID_P0_EL2"):
        m.cpu.sysreg["MECID_P0_EL2"]


STOP = {"reason": str, "code": int, "pc": str, "el": int, "security": str, "message": (str, type(None))}
PAGE = {"pa": str, "pas": str, "mecid": int, "generation": int, "mixed": bool}
HIT = {
    "instruction": int, "pc": str, "el": int, "security": str, "va": str, "pa": str, "access": str, "size": int,
    "mecid": int, "owner": int, "source": str,
}  # fmt: skip
FINDING = {"rule": str, "severity": str, "instruction": int, "pc": str, "message": str, "fix": str}
TAKEN = {
    "instruction": int, "from_el": int, "to_el": int, "ec": str, "esr": str, "far": str, "elr": str, "kind": str,
}  # fmt: skip
REPORT = {
    "schema": int, "guest": str, "engine": str, "mec_model": str, "stop": dict, "instructions": int, "seconds": float,
    "mips": float, "console": str, "mec": dict, "exceptions": list,
}  # fmt: skip
MECID_REGISTERS = {
    "MECID_P0_EL2", "MECID_A0_EL2", "MECID_P1_EL2", "MECID_A1_EL2", "MECIDR_EL2", "VMECID_P_EL2", "VMECID_A_EL2",
    "MECID_RL_A_EL3",
}  # fmt: skip


def has(item: dict[str, Any], shape: dict[str, Any]) -> None:
    for name, kind in shape.items():
        assert isinstance(item[name], kind), (name, item[name])
        if kind is str and name in ("pc", "pa", "va", "ec", "esr", "far", "elr"):
            assert item[name] == f"{int(item[name], 16):#0{4 if name == 'ec' else 3}x}"


@pytest.mark.parametrize("model", ["cipher", "substitute"])
def test_the_report_of_a_run_has_every_field_with_its_type(mectui: Run, model: str) -> None:
    done = mectui("run", "two-realms", "--json", "--mec-model", model)
    report = json.loads(done.stdout)
    has(report, REPORT)
    assert (report["schema"], report["mec_model"]) == (1, model)
    has(report["stop"], STOP)
    mec = report["mec"]
    assert mec["emec"] == {"el2": True, "el3": False}
    assert set(mec["registers"]) == MECID_REGISTERS
    for items, shape in ((mec["pages"], PAGE), (mec["hits"], HIT), (mec["findings"], FINDING)):
        assert items
        for item in items:
            has(item, shape)
    assert report["exceptions"]
    for item in report["exceptions"]:
        has(item, TAKEN)
    assert {item["access"] for item in mec["hits"]} <= {"read", "write", "fetch", "walk"}
    assert {item["severity"] for item in mec["findings"]} <= {"error", "warning", "info"}


def test_a_report_without_mec_says_so(mectui: Run) -> None:
    report = json.loads(mectui("run", "gpt", "--json", "--mec", "off").stdout)
    has(report, REPORT)
    assert report["mec"]["emec"] == {"el2": False, "el3": False}
    assert report["mec"]["registers"] == {}
    assert {page["mecid"] for page in report["mec"]["pages"]} <= {0}


@pytest.mark.parametrize(("guest", "code"), [("gpt", 0), ("two-realms", 1), ("no-such-guest", 2)])
def test_check_ends_with_whether_a_rule_was_broken(mectui: Run, guest: str, code: int) -> None:
    done = mectui("check", guest, "--json")
    assert done.returncode == code
    if code == 2:
        assert done.stderr.startswith("mectui: ")
        assert "Traceback" not in done.stderr
        return
    findings = json.loads(done.stdout)["findings"]
    assert bool(findings) is bool(code)
    for finding in findings:
        has(finding, FINDING)


def test_what_a_script_does_wrong_is_told_and_changes_nothing() -> None:
    m = machine()
    other = machine().snapshot()
    for wrong, said in (
        (lambda: m.read(RAM, -1), "cannot read -1 bytes"),
        (lambda: m.run(max_instructions=-1), "-1 instructions cannot be run"),
        (lambda: m.restore(other), "another machine"),
        (lambda: machine(mec="off"), "mec='off' is neither on nor off"),
        (lambda: machine(mec_cache=1), "mec_cache=1 is neither on nor off"),
    ):
        with pytest.raises(emu.EmuError, match=re.escape(said)):
            wrong()
    assert (m.instructions, m.cpu.pc) == (0, machine().cpu.pc)


def test_every_name_of_the_contract_says_what_it_is() -> None:
    for name in ("x", "sp", "pc", "v", "nzcv", "el", "security", "sysreg"):
        assert inspect.getdoc(getattr(type(machine().cpu), name)), name
    for name in ("load", "load_raw", "write", "read", "run", "step", "translate", "snapshot", "restore", "console"):
        assert inspect.getdoc(getattr(emu.Machine, name)), name


def test_a_function_stands_for_its_address_rather_than_a_bare_label() -> None:
    """two-realms has the labels `realm_b_code` and `realm_b_entry` at one address; the second one is STT_FUNC."""
    m = emu.Machine()
    m.load(TWO_REALMS)
    at = m.symbols.lookup("realm_b_entry")
    assert at is not None
    assert m.symbols.lookup("realm_b_code") == at
    assert m.symbols.describe(at) == "realm_b_entry"
