"""Catchpoints: each kind stops every engine after the same instruction, and says what happened there."""

from __future__ import annotations

import pytest

import emu
from emu import Security, StopReason
from emu.debug.events import ExceptionReturned, ExceptionTaken, FirmwareCalled, Hit, MecidWritten, TlbInvalidated
from emu.debug.stops import CATCHES, CatchKind, CatchStop
from mectui.resources import guest_path
from tests.conformance import words as w
from tests.stops.programs import ENGINES, build, stops_of


def catch(kind: str, argument: str = "", **rest: object) -> CatchStop:
    return CatchStop(kind=CatchKind(kind), argument=argument, **rest)  # type: ignore[arg-type]


def two_realms(engine: str) -> emu.Machine:
    machine = emu.Machine(engine=engine)
    machine.load(guest_path("two-realms") or "")
    return machine


class Recorded:
    """Every event of a run without any stop."""

    def __init__(self) -> None:
        machine = two_realms("interpreter")
        self.events: list[object] = []
        machine.events.subscribe(self.events.append)
        machine.run()
        self.findings = machine.mec.findings
        self.instructions = machine.instructions

    def after(self, kind: type, test: object = None) -> list[int]:
        """The counts of instructions right after the ones in which events of a kind happened."""
        chosen = [event for event in self.events if isinstance(event, kind) and (test is None or test(event))]  # type: ignore[operator]
        return sorted({event.moment.instruction + 1 for event in chosen})  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    return Recorded()


def _is_change(event: ExceptionTaken | ExceptionReturned) -> bool:
    return event.to_el != event.moment.el


CASES = {
    ("exception", ""): (ExceptionTaken, None),
    ("exception", "hvc"): (ExceptionTaken, lambda event: event.ec == 0x16),
    ("exception", "0x16"): (ExceptionTaken, lambda event: event.ec == 0x16),
    ("exception", "data-abort"): (ExceptionTaken, lambda event: event.ec in (0x24, 0x25)),
    ("smc", ""): (FirmwareCalled, lambda event: event.instruction == "SMC"),
    ("hvc", ""): (FirmwareCalled, lambda event: event.instruction == "HVC"),
    ("tlbi", ""): (TlbInvalidated, None),
    ("mecid", ""): (MecidWritten, None),
    ("mecid", "VMECID_P_EL2"): (MecidWritten, lambda event: event.register == "VMECID_P_EL2"),
    ("mecid", "6"): (MecidWritten, lambda event: event.new == 6),
    ("hit", ""): (Hit, None),
    ("hit", "6"): (Hit, lambda event: event.mecid == 6),
    ("security", ""): (ExceptionReturned, lambda event: event.to_security is not event.moment.security),
    ("security", "realm"): (ExceptionReturned, lambda event: (event.to_security, event.moment.security)
                            == (Security.REALM, Security.ROOT)),
    ("el", "1"): (ExceptionTaken | ExceptionReturned, lambda event: _is_change(event) and event.to_el == 1),
    ("el", ""): (ExceptionTaken | ExceptionReturned, _is_change),
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case))
def test_each_event_stops_the_run_after_its_instruction(recorded: Recorded, engine: str, case: tuple[str, str]) -> None:
    kind, test = CASES[case]
    expected = recorded.after(kind, test)  # type: ignore[arg-type]
    end = 5_000 if engine == "reference" else recorded.instructions  # it is slow, and the others go on from there
    found = stops_of(two_realms(engine), end, catch(*case))
    assert [count for count, _ in found if count < recorded.instructions] == [at for at in expected if at <= end]


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_findings_stop_the_run_as_they_are_made(recorded: Recorded, engine: str) -> None:
    assert recorded.findings
    found = [said for _, said in stops_of(two_realms(engine), recorded.instructions + 10, catch("finding"))]
    for finding in recorded.findings:
        assert any(f"finding {finding.rule}: {finding.message}" in said for said in found) or finding.instruction == 0
    rule = recorded.findings[0].rule
    assert stops_of(two_realms(engine), recorded.instructions + 10, catch("finding", rule))
    assert len(stops_of(two_realms(engine), recorded.instructions + 10, catch("finding", "info"))) <= 1


REGISTERS = [
    (w.msr("TPIDR_EL0", 2), "msr", "TPIDR_EL0", "MSR of TPIDR_EL0: "),
    (w.mrs(4, "TPIDR_EL0"), "mrs", "tpidr_el0", "MRS of TPIDR_EL0: read "),
    (w.msr("TTBR0_EL1", 3), "msr", "TTBR0_EL1", "MSR of TTBR0_EL1: "),
    (w.msr_immediate("DAIFSet", 2), "msr", "DAIF", "MSR of DAIF: 0x3c0 → 0x3c0"),
    (w.msr("SCR_EL3", 2), "msr", "SCR_EL3", "MSR of SCR_EL3, which did not go ahead: an exception to EL1 was taken"),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("word", "kind", "register", "said"), REGISTERS)
@pytest.mark.parametrize("is_any", [False, True])
def test_accesses_to_a_register_stop_even_where_native_code_does_them(
    engine: str, word: int, kind: str, register: str, said: str, is_any: bool
) -> None:
    code = [word] * 3
    machine = build(engine, *code)
    machine.cpu.x[3] = machine.cpu.sysreg["TTBR0_EL1"]
    machine.run(max_instructions=2)  # granted to native code by now
    machine.cpu.pc = 0x4000_0000
    found = stops_of(machine, 3, catch(kind, "" if is_any else register))
    count = 1 if "did not" in said else 3
    assert [at for at, _ in found] == [3, 4, 5][:count]
    assert all(said in text for _, text in found)
    other = build(engine, *code)
    assert not stops_of(other, 3, catch("mrs" if kind == "msr" else "msr"))
    assert not stops_of(build(engine, *code), 3, catch(kind, "FAR_EL2"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_key_refresh_is_caught_with_its_mecid(engine: str) -> None:
    machine = emu.Machine(engine=engine)
    machine.load(guest_path("two-realms") or "")
    machine.stops.add(catch("key"))
    machine.mec.refresh(5)  # by hand: nothing executes, nobody stops
    assert machine.stops.items()[0].hits == 0
    base = machine.memory.devices[-1].base
    machine.write(0x4000_0000, w.assemble(w.mov(1, base), w.mov(2, 5), w.str_(2, 1), 0x1400_0000))
    machine.cpu.pc = 0x4000_0000
    events: list[object] = []
    machine.events.subscribe(events.append)
    stop = machine.run(max_instructions=20)
    assert (stop.reason is StopReason.CATCHPOINT) == any(type(event).__name__ == "KeyRefreshed" for event in events)


@pytest.mark.parametrize("engine", ENGINES[1:])
def test_conditions_know_what_happened(recorded: Recorded, engine: str) -> None:
    machine = two_realms(engine)
    found = stops_of(machine, recorded.instructions + 10, catch("hit", condition="mecid == 6 && owner == 5"))
    wanted = recorded.after(Hit, lambda event: (event.mecid, event.owner) == (6, 5))
    assert [count for count, _ in found if count < recorded.instructions] == wanted
    assert wanted
    machine = two_realms(engine)
    functions = {event.function for event in recorded.events if isinstance(event, FirmwareCalled)}
    number = min(functions)
    for kind in ("smc", "hvc"):
        machine.stops.add(catch(kind, hex(number), log="{function} from {at}", condition=f"function == {number}"))
    machine.run()
    calls = [e for e in recorded.events if isinstance(e, FirmwareCalled) and e.function == number]
    shown = str(number) if number < 10 else hex(number)
    assert [entry.text for entry in machine.stops.logged] == [f"{shown} from {event.moment.pc:#x}" for event in calls]


def test_arguments_that_make_no_sense_are_refused_in_a_sentence() -> None:
    machine = build("reference")
    for kind, argument, said in (
        ("exception", "dataabort", "did you mean data-abort"), ("exception", "64", "exception class"),
        ("smc", "0xg", "is not a function id"), ("smc", "RMI_DATA_CRATE", "did you mean rmi_data_create"),
        ("msr", "TTBR0", "no system register"),
        ("tlbi", "VAE9", "TLBI operation"),
        ("mecid", "0x10000", "MECID"), ("finding", "nonsense", "no rule or severity"), ("security", "queer", "realm"),
        ("el", "4", "exception level"), ("hit", "-1", "MECID"),
    ):  # fmt: skip
        with pytest.raises(emu.EmuError, match=said):
            machine.stops.add(catch(kind, argument))
    assert not machine.stops.items()


def test_every_kind_says_what_it_takes_and_its_choices_are_accepted() -> None:
    machine = build("reference")
    for kind, description in CATCHES.items():
        assert description.takes
        for choice in list(description.choices())[:40]:
            machine.stops.add(catch(kind.value, choice))
    machine.stops.clear()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_end_of_the_guest_is_told_even_if_something_was_caught_in_the_same_instruction(engine: str) -> None:
    machine = build(engine, w.msr("DAIF", 3), 0xD503207F)  # WFI: nothing could wake the guest
    machine.stops.add(catch("msr", "DAIF"))
    assert machine.run(max_instructions=9).reason is StopReason.CATCHPOINT
    assert machine.run(max_instructions=9).reason is StopReason.HALTED
