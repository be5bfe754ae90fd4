"""The list of calls at every instruction of programs compiled in every way: what the guest has really called."""

from __future__ import annotations

import pytest

from emu.debug.expressions import ExpressionError, compile, vocabulary
from mectui.queries.call_values import CallEnvironment
from mectui.queries.calls import How, calls
from tests.calls.conftest import Built
from tests.calls.programs import VARIANTS
from tests.calls.shadow import at_main, calls_made, steps
from tests.lines.programs import needs_ziglang

WAYS = {"tables": How.TABLES, "debug": How.TABLES, "signed": How.TABLES, "records": How.RECORD, "nothing": How.STORED}
"""By what calls are found, by the end of a variant's name."""
STEPS = 450


@needs_ziglang
@pytest.mark.parametrize("name", VARIANTS)
def test_every_call_is_listed_and_nothing_else(built: Built, name: str) -> None:
    machine = at_main(built(name))
    ways: set[How] = set()
    deepest = signed = 0
    for real in steps(machine, STEPS):
        view = calls(machine)
        assert view.calls[0].pc == machine.cpu.pc
        assert [call.pc for call in view.calls[1:]] == real, (machine.instructions, view)
        assert [call.returns_to for call in view.calls[:-1]] == real
        assert view.end.startswith("_start has made a call and did not store x30")
        assert all(call.is_sure for call in view.calls), view
        signed += bool(machine.cpu.x[30] >> 48)
        frames = [call.frame for call in view.calls[:-1]]
        assert None not in frames
        assert frames == sorted(frames, key=lambda frame: frame or 0)
        ways |= {call.how for call in view.calls}
        deepest = max(deepest, len(real))
    assert (signed > 20) is ("signed" in name)
    assert WAYS[name.rpartition("-")[2]] in ways
    assert deepest > 5


@needs_ziglang
@pytest.mark.parametrize("name", VARIANTS)
def test_registers_of_a_call_are_those_it_was_made_with(built: Built, name: str) -> None:
    machine = at_main(built(name))
    told = 0
    kept = {f"x{number}" for number in range(19, 30)} | {"sp"}
    for made in calls_made(machine, STEPS):
        for call, (_, before) in zip(calls(machine).calls[1:], made, strict=True):
            if before is None:
                continue
            assert call.registers == {name: before[name] for name in call.registers}, (machine.instructions, call)
            assert call.registers.keys() >= kept, (machine.instructions, call)
            told += len(call.registers)
    assert told > STEPS * len(kept)


@needs_ziglang
def test_a_long_list_is_cut_where_it_is_asked_to(built: Built) -> None:
    machine = at_main(built("O2-tables"))
    for real in steps(machine, STEPS):
        if len(real) > 5:
            break
    view = calls(machine, 3)
    assert [call.pc for call in view.calls] == [machine.cpu.pc, *real[:2]]
    assert view.is_cut


@needs_ziglang
def test_a_frame_below_the_one_before_ends_the_list(built: Built) -> None:
    machine = at_main(built("O0-tables"))
    for real in steps(machine, STEPS):
        if len(real) > 4 and machine.symbols.describe(machine.cpu.pc).startswith("even+0x2"):
            break
    view = calls(machine)
    record = view.calls[0].frame
    assert record is not None
    assert machine.read(record - 8, 8) == real[0].to_bytes(8, "little")
    machine.write(record - 16, (machine.cpu.sp - 0x100).to_bytes(8, "little"))  # the caller's x29
    view = calls(machine)
    assert [call.pc for call in view.calls[1:]] == real[:1]
    assert "not above the one before" in view.end


@needs_ziglang
def test_functions_are_named_by_the_call_and_lines_too(built: Built) -> None:
    machine = at_main(built("O0-tables"))
    machine.lines.finish()
    for real in steps(machine, STEPS):
        if len(real) > 4:
            break
    view = calls(machine)
    source = "calls.c"
    assert all(call.line.startswith(source) for call in view.calls[:-1])
    assert view.calls[-1].label.startswith("_start+")
    assert {call.label.partition("+")[0] for call in view.calls[1:-2]} <= {"even", "odd", "fibonacci", "leaf", "main"}


@needs_ziglang
def test_expressions_are_worth_what_the_call_had(built: Built) -> None:
    machine = at_main(built("O2-tables"))
    names = vocabulary(machine)
    for made in calls_made(machine, STEPS):
        if len(made) > 5:
            break
    for call, (address, before) in zip(calls(machine).calls[1:-1], made, strict=False):
        assert before is not None
        environment = CallEnvironment(machine, call)
        for text, wanted in {
            "pc": address,
            "sp": before["sp"],
            "x19": before["x19"],
            "w21": before["x21"] & (1 << 32) - 1,
            "fp + 1": before["x29"] + 1,
            "el": 3,
            "VBAR_EL3": machine.cpu.sysreg["VBAR_EL3"],
        }.items():
            assert compile(text, names).evaluate(environment) == wanted, (call, text)
        at = machine.read(before["sp"] + 8, 8)
        assert compile("[sp + 8].x", names).evaluate(environment) == int.from_bytes(at, "little")
        for text in ("v0", "nzcv", "x30"):
            with pytest.raises(ExpressionError, match=rf"of call {call.number} is not known"):
                compile(text, names).evaluate(environment)
