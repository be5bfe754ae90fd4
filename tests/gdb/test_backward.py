"""Back in time over the GDB remote protocol: the packets `bs` and `bc`, and gdb's own commands that send them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import emu
from emu.debug.history import History
from tests.gdb.client import Client, connected
from tests.tui.programs import CALLING, ENDLESS, START, STORING, factory

PLACE = 0x4010_0000
"""Where STORING stores."""
PC = 32
BEGIN = b"replaylog:begin;"


@contextmanager
def remembering(machine: emu.Machine) -> Iterator[Client]:
    """A client of a machine that remembers its run."""
    machine.history = History(machine)
    with connected(machine) as (client, _):
        yield client


def test_going_back_is_offered_only_where_the_run_is_remembered() -> None:
    with remembering(factory(*STORING)()) as client:
        assert {b"ReverseStep+", b"ReverseContinue+"} <= set(client.ask("qSupported").split(b";"))
    with connected(factory(*STORING)()) as (client, _):
        assert b"Reverse" not in client.ask("qSupported")
        assert client.ask("bs") == b""


def test_a_step_back_undoes_registers_and_memory_and_the_beginning_says_so() -> None:
    machine = factory(*STORING)()
    with remembering(machine) as client:
        assert BEGIN in client.ask("bs")  # nothing has happened yet
        before = machine.read(PLACE, 8)
        for _ in range(3):
            client.ask("s")
        assert machine.read(PLACE, 8) == (5).to_bytes(8, "little")
        assert client.ask("bs").startswith(b"T05thread:1;1d:")
        assert (machine.cpu.pc, machine.read(PLACE, 8)) == (START + 8, before)
        client.ask("bs")
        assert BEGIN not in client.ask("bs")  # a step that went somewhere
        assert (machine.cpu.pc, machine.cpu.x[1]) == (START, 0)
        assert BEGIN in client.ask("bs")
        assert BEGIN in client.ask("?")
        assert BEGIN not in client.ask("s")
        assert client.ask("bx") == b"E16"


def test_a_run_back_ends_at_the_last_breakpoint_and_then_at_the_beginning() -> None:
    machine = factory(*ENDLESS)()
    with remembering(machine) as client:
        for _ in range(9):
            client.ask("s")
        client.ask(f"Z0,{START + 4:x},4")
        assert machine.cpu.pc == START + 4
        assert b"swbreak:;" in client.ask("bc")  # not the one it stands at
        assert (machine.cpu.pc, machine.instructions) == (START + 4, 7)
        client.ask(f"z0,{START + 4:x},4")
        client.ask(f"Z1,{START:x},4")
        assert b"hwbreak:;" in client.ask("bc")
        assert machine.instructions == 6
        for _ in range(3):
            assert b"hwbreak:;" in client.ask("bc")
        assert machine.instructions == 0  # the very first instruction has the breakpoint, too
        assert BEGIN in client.ask("bc")
        client.ask(f"z1,{START:x},4")
        client.ask("s")
        assert BEGIN in client.ask("bc")
        assert machine.instructions == 0


def test_a_watchpoint_is_told_of_behind_the_access_and_once() -> None:
    machine = factory(*STORING)()
    with remembering(machine) as client:
        client.ask(f"Z2,{PLACE:x},8")
        assert b"watch:40100000;" in client.ask("c")
        assert machine.instructions == 3
        client.ask("s")  # gdb's own step past the access, which is over
        assert b"watch:40100000;" in client.ask("bc")  # the access would be undone now
        assert machine.instructions == 3
        assert b"watch" not in client.ask("bs")  # gdb's own step over it
        assert machine.cpu.pc == START + 8
        assert BEGIN in client.ask("bc")
        client.ask("c")
        client.ask("bc")
        assert BEGIN in client.ask("bc")  # a client that makes no step of its own comes by all the same


def test_stops_of_monitor_count_on_the_way_back_too() -> None:
    machine = factory(*CALLING)()
    with remembering(machine) as client:
        for _ in range(6):
            client.ask("s")
        client.monitor(f"break {START + 0xC:#x}")
        assert client.ask("bc").startswith(b"T05thread:1;1d:")
        assert machine.cpu.pc == START + 0xC
        assert "breakpoint 1" in client.console


def test_an_exited_guest_comes_back_and_exits_again() -> None:
    from tests.gdb.test_stub import _guest

    machine = _guest("hello")
    with remembering(machine) as client:
        assert client.ask("c") == b"W00"
        executed, console = machine.instructions, machine.console
        assert client.ask("bs").startswith(b"T05")
        assert machine.instructions == executed - 1
        assert client.ask("c") == b"W00"
        assert (machine.instructions, machine.console) == (executed, console)


def test_a_change_in_the_past_makes_another_run_of_it() -> None:
    machine = factory(*ENDLESS)()
    with remembering(machine) as client:
        for _ in range(6):
            client.ask("s")
        assert machine.cpu.x[0] == 3
        client.ask("bs")
        client.ask("bs")
        client.ask("P0=6400000000000000")
        client.ask("s")
        assert machine.cpu.x[0] == 101
        client.ask("s")
        client.ask("bs")
        client.ask("bs")
        assert machine.cpu.x[0] == 100
        client.ask("bs")
        assert machine.cpu.x[0] == 2  # before the change
        client.ask(f"M{START + 4:x},4:000c0091")  # add x0, x0, #3
        client.ask("s")
        assert machine.cpu.x[0] == 5
        client.ask("bs")
        assert client.memory(START + 4, 4) == bytes.fromhex("000c0091")


def test_a_way_back_can_be_interrupted_and_then_nothing_has_moved() -> None:
    machine = factory(*ENDLESS, engine="interpreter")()
    with remembering(machine) as client:
        client.send("c")
        time.sleep(0.6)
        client.socket.sendall(b"\x03")
        client.reply()
        here = machine.instructions
        client.ask(f"Z2,{PLACE:x},8")  # never written: the whole run is looked through
        client.send("bc")
        client.socket.sendall(b"\x03")
        reply = client.reply()
        assert reply.startswith(b"T02") or BEGIN in reply  # it may have been quicker
        assert machine.instructions == (here if reply.startswith(b"T02") else 0)
