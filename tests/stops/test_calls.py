"""Calls of firmware and monitors by name: ids from the specifications, in sentences, and as what to catch."""

from __future__ import annotations

import pytest

import emu
from emu.debug.calls import NAMES, call_name, named
from emu.debug.stops import CatchKind, CatchStop
from emu.devices.monitor import Call
from mectui.commandline import Known, completions
from mectui.queries.events import describe
from tests.conformance import words as w

START = 0x4008_0000
KNOWN = Known({"x0": 0}, {}.get, list)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (0xC400_0150, "RMI_VERSION"), (0xC400_0153, "RMI_DATA_CREATE"), (0xC400_0157, "RMI_REALM_ACTIVATE"),
        (0xC400_015C, "RMI_REC_ENTER"), (0xC400_0161, "RMI_RTT_READ_ENTRY"), (0xC400_0169, "RMI_RTT_SET_RIPAS"),
        (0xC400_0190, "RSI_VERSION"), (0xC400_0199, "RSI_HOST_CALL"), (0x8400_0000, "PSCI_VERSION"),
        (0xC400_0003, "PSCI_CPU_ON"), (0x8400_0008, "PSCI_SYSTEM_OFF"), (0x8400_000A, "PSCI_FEATURES"),
        (0xC400_01F1, "RMI_GRANULE_RANGE_DELEGATE"), (0xC400_01D3, "RMI_VDEV_START"), (0xC400_020A, "RMI_OP_CANCEL"),
        (0xC400_01AE, "RSI_PLANE_SYSREG_READ"), (0xC400_01A3, "RSI_PLANE_ENTER"),
        (0x8000_0000, "SMCCC_VERSION"), (0xC400_0407, "FIRME_MECID_REFRESH"), (0xC400_0156, ""), (5, ""),
    ],
)  # fmt: skip
def test_a_call_has_the_name_of_its_specification(function: int, name: str) -> None:
    assert call_name(function) == name


def test_every_call_that_the_machine_answers_has_its_name() -> None:
    assert {call: NAMES[call] for call in Call} == {call: call.name for call in Call}
    assert named(0xC400_0400) == "0xc4000400 (FIRME_VERSION)"
    assert named(0x100) == "0x00000100", "a number of one's own has none"


def calling(engine: str, *functions: int) -> emu.Machine:
    machine = emu.Machine(el=2, engine=engine)
    code = [part for function in functions for part in (w.mov(0, function), w.smc(0))]
    machine.load_raw(w.assemble(*code, 0x1400_0000), START)
    machine.cpu.pc = START
    return machine


@pytest.mark.parametrize("engine", ["reference", "interpreter"])
def test_a_call_is_caught_by_its_name_and_told_with_it(engine: str) -> None:
    machine = calling(engine, Call.SMCCC_VERSION, Call.FIRME_VERSION, Call.FIRME_FEATURES)
    heard: list[object] = []
    machine.events.subscribe(heard.append)
    machine.stops.add(CatchStop(kind=CatchKind.SMC, argument="firme_features"))
    stop = machine.run(max_instructions=100)
    assert stop.message is not None
    assert "SMC with function id 0xc4000401 (FIRME_FEATURES)" in stop.message
    assert describe(heard[-1])[0] == "SMC FIRME_FEATURES function 0xc4000401"  # type: ignore[arg-type]


def test_names_of_calls_are_completed() -> None:
    assert completions("catch smc rmi_rec_e", KNOWN) == ["catch smc RMI_REC_ENTER"]
