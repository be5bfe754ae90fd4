"""Conversations: a client at one end of a pair of sockets, a machine at the other, and both have to agree."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

import emu
from mectui.gdb.packets import framed
from mectui.gdb.target import describe
from tests.gdb.client import connected, wait_for_more_than
from tests.tui.programs import CALLING, ENDLESS, START, STORING, factory

GUESTS = Path(__file__).parents[2] / "guests"
PLACE = 0x4010_0000
"""Where STORING stores."""
SP, PC, CPSR = 31, 32, 33


def _guest(name: str, **options: object) -> emu.Machine:
    machine = emu.Machine(engine="interpreter", **options)  # type: ignore[arg-type]
    machine.load(GUESTS / name / f"{name}.elf")
    return machine


def test_features_are_offered_and_acknowledgments_can_be_left_out() -> None:
    with connected(factory(*STORING)(), "/some/guest.elf") as (client, _):
        features = client.ask("qSupported:multiprocess+;swbreak+").split(b";")
        assert {b"PacketSize=4000", b"QStartNoAckMode+", b"swbreak+", b"qXfer:features:read+"} <= set(features)
        assert client.ask("QStartNoAckMode") == b"OK"
        client.acknowledges = False
        client.signs.clear()
        assert client.ask("qC") == b"QC1"
        assert not client.signs
        assert client.ask("qXfer:exec-file:read:1:0,100") == b"l/some/guest.elf"
        assert client.ask("qNoSuchThing") == b""
        assert client.ask("vMustReplyEmpty") == b""
        assert client.ask("j") == b""


def test_the_description_comes_in_pieces_that_fit_together() -> None:
    with connected(factory(*STORING)()) as (client, _):
        text, piece = b"", b"m"
        while piece[:1] == b"m":
            piece = client.ask(f"qXfer:features:read:target.xml:{len(text):x},{997:x}")
            text += re.sub(rb"}(.)", lambda m: bytes((m[1][0] ^ 0x20,)), piece[1:], flags=re.DOTALL)
        assert text.startswith(b"<?xml")
        assert text.endswith(b"</target>\n")
        assert client.ask("qXfer:features:read:other.xml:0,10") == b"E16"
        assert client.ask("qXfer:features:write:target.xml:0:") == b""
        assert client.ask("qXfer:memory-map:read::0,1000") == b""


def test_a_breakpoint_stops_a_run_and_registers_are_the_machines() -> None:
    machine = factory(*CALLING)()
    with connected(machine) as (client, _):
        assert client.ask("?").startswith(b"T05thread:1;")
        assert client.ask(f"Z0,{START + 0x10:x},4") == b"OK"
        reply = client.ask("c")
        assert reply.startswith(b"T05thread:1;swbreak:;")
        pc = (START + 0x10).to_bytes(8, "little").hex().encode()
        assert b"20:%s;" % pc in reply
        assert machine.cpu.pc == START + 0x10
        assert client.register(0) == machine.cpu.x[0] == 1
        assert client.register(30) == START + 4
        assert client.ask("P2=1122334455667788") == b"OK"
        assert machine.cpu.x[2] == 0x8877_6655_4433_2211
        everything = bytes.fromhex(client.ask("g").decode())
        assert everything[16:24].hex() == "1122334455667788"
        changed = bytearray(everything)
        changed[0] = 0x55
        assert client.ask(b"G" + bytes(changed).hex().encode()) == b"OK"
        assert machine.cpu.x[0] == 0x55
        assert client.ask(f"z0,{START + 0x10:x},4") == b"OK"
        assert not machine.stops.items()


def test_hardware_breakpoints_say_so_and_a_client_that_is_gone_leaves_none() -> None:
    machine = factory(*CALLING)()
    with connected(machine) as (client, _):
        client.ask(f"Z1,{START + 0xC:x},4")
        assert b"hwbreak:;" in client.ask("vCont;c")
    assert machine.run(max_instructions=50).reason is emu.StopReason.LIMIT


def test_steps_and_ranges_of_steps_end_where_they_should() -> None:
    machine = factory(*CALLING)()
    with connected(machine) as (client, _):
        assert client.ask("vCont?") == b"vCont;c;C;s;S;r"
        assert client.ask("s").startswith(b"T05thread:1;1d:")
        assert (machine.cpu.pc, machine.instructions) == (START + 0xC, 1)
        assert client.ask("vCont;s:1;c").startswith(b"T05")
        assert machine.instructions == 2
        client.ask(f"vCont;r{START + 0xC:x},{START + 0x18:x}:1")
        assert (machine.cpu.pc, machine.instructions) == (START + 4, 4)
        client.ask(f"s{START + 0xC:x}")
        assert machine.cpu.pc == START + 0x10


@pytest.mark.parametrize(
    ("request_", "reason", "after"),
    [
        ("Z2,{:x},8", b"watch:40100000;", 0xC),
        ("Z3,{:x},4", b"rwatch:40100000;", 0x10),
        ("Z4,{:x},1", b"awatch:40100000;", 0xC),
    ],
)
def test_a_watchpoint_names_its_address_and_stops_after_the_access(request_: str, reason: bytes, after: int) -> None:
    machine = factory(*STORING)()
    with connected(machine) as (client, _):
        assert client.ask(request_.format(PLACE)) == b"OK"
        assert b"T05thread:1;" + reason in client.ask("c")
        assert machine.cpu.pc == START + after
        assert "through the Root address space" in client.console
        client.ask(request_.format(PLACE).replace("Z", "z"))
        assert client.ask("s").startswith(b"T05thread:1;1d:")  # gdb's own step past the access, which is over
        assert machine.cpu.pc == START + after
        client.ask("s")
        assert machine.cpu.pc == START + min(after + 4, 0x10)


def test_memory_is_read_and_written_and_what_is_not_there_is_an_error() -> None:
    machine = factory(*STORING)()
    with connected(machine) as (client, _):
        assert client.memory(START, 8) == machine.read(START, 8)
        assert client.ask(f"M{PLACE:x},3:aabbcc") == b"OK"
        assert client.ask(b"X%x,4:}\x03}]\x00*" % (PLACE + 3)) == b"OK"
        assert machine.read(PLACE, 7) == bytes.fromhex("aabbcc") + b"#}\x00*"
        assert client.ask("m800000000,8") == b"E14"
        assert client.ask("m9000000,4") == b"E14"  # the UART: looking could change it
        assert client.ask("Mffffffffffffffff,1:00") == b"E14"
        assert client.ask(f"M{PLACE:x},4:aabbcc") == b"E16"
        end = START + (16 << 20)
        assert client.memory(end - 8, 64) == machine.read(end - 8, 8)
        assert client.ask(f"X{PLACE:x},0:") == b"OK"
        assert client.ask(f"m{PLACE:x},0") == b""
        big = client.memory(START, 1 << 40)
        assert machine.read(START, len(big)) == big
        assert len(big) > 4096


def test_a_written_instruction_is_the_one_that_is_executed() -> None:
    machine = factory(*ENDLESS)()
    with connected(machine) as (client, _):
        client.ask("vCont;s")
        client.ask("vCont;s")
        assert client.ask(f"M{START:x},4:000c0091") == b"OK"  # add x0, x0, #3
        client.ask("s")
        assert machine.cpu.x[0] == 4


@pytest.mark.parametrize("engine", ["reference", "auto"])
def test_the_interrupt_stops_an_endless_guest_at_once(engine: str) -> None:
    machine = factory(*ENDLESS, engine=engine)()
    with connected(machine) as (client, _):
        for _ in range(3):
            client.send("c")
            wait_for_more_than(machine.instructions + 100, machine)
            client.socket.sendall(b"\x03")  # answered within 10 ms on an idle host
            assert client.reply().startswith(b"T02")
        client.socket.sendall(b"\x03")  # too late: the guest stands
        assert client.ask("qC") == b"QC1"


def test_the_guests_exit_is_the_last_word_until_it_starts_over() -> None:
    machine = _guest("hello")
    with connected(machine) as (client, _):
        assert client.ask("c") == b"W00"
        assert client.ask("?") == b"W00"
        executed, console = machine.instructions, machine.console
        assert client.ask("c") == b"W00"
        assert machine.instructions == executed
        assert client.ask("!") == b"OK"
        assert client.ask("vRun;").startswith(b"T05")
        assert machine.instructions == 0
        assert client.ask("vCont;c") == b"W00"
        assert (machine.instructions, machine.console) == (executed, console)


def test_a_guest_that_runs_wild_is_a_fault_that_can_be_looked_at() -> None:
    machine = factory(0xD61F0000)()  # br x0, and x0 is 0: nothing is there
    with connected(machine) as (client, _):
        assert client.ask("c").startswith(b"T0b")
        assert "faults in its own exception vector" in client.console
        assert client.register(PC) == machine.cpu.pc


def test_threads_are_one() -> None:
    with connected(factory(*STORING)()) as (client, _):
        assert client.ask("qfThreadInfo") == b"m1"
        assert client.ask("qsThreadInfo") == b"l"
        assert [client.ask(text) for text in ("Hg0", "Hc-1", "Hg1", "Hgp1.1", "Hg2", "T1", "T5")] == [
            b"OK", b"OK", b"OK", b"OK", b"E01", b"OK", b"E01",
        ]  # fmt: skip
        assert bytes.fromhex(client.ask("qThreadExtraInfo,1").decode()) == b"EL3 root"
        assert client.ask("qAttached") == b"1"
        assert client.ask("QPassSignals:e;10") == b"OK"


def test_what_cannot_be_changed_is_refused_with_the_reason_where_the_client_wants_it() -> None:
    machine = factory(*STORING)()
    with connected(machine) as (client, _):
        number = [slot.name for slot in describe(machine).slots].index("MECIDR_EL2")
        assert client.ask(f"P{number:x}=0000000000000000") == b"E01"
        client.ask("qSupported:error-message+")
        assert client.ask(f"P{number:x}=0000000000000000") == b"E.MECIDR_EL2 is read-only"
        assert client.register(number) == 15
        assert client.ask("P0=00") == b"E16"
        assert client.ask("pffff") == b"E16"


def test_a_damaged_packet_is_asked_for_again_and_a_lost_reply_is_repeated() -> None:
    with connected(factory(*STORING)()) as (client, _):
        client.acknowledges = False
        client.socket.sendall(b"$qC#00")
        client.socket.sendall(framed(b"qAttached"))
        assert client.reply() == b"1"
        assert [sign.name for sign in client.signs] == ["NACK", "ACK"]
        client.socket.sendall(b"-")
        assert client.reply() == b"1"


def test_detaching_and_killing_end_the_conversation() -> None:
    machine = factory(*STORING)()
    with connected(machine) as (client, stubs):
        client.ask("s")
        assert client.ask("D") == b"OK"
    assert stubs[0].is_detached
    assert machine.instructions == 1
    with connected(machine) as (client, stubs):
        client.send("k")
        with pytest.raises(EOFError):
            client.reply()
    assert not stubs[0].is_detached
    assert machine.instructions == 0
    with connected(machine) as (client, stubs):
        client.ask("s")
        client.ask("!")
        client.send("R00")
        assert client.ask("?").startswith(b"T05")
        assert machine.instructions == 0
        assert client.ask("vKill;1") == b"OK"
        assert client.ask("qC") == b"QC1"


def test_a_client_that_vanishes_while_the_guest_runs_stops_it() -> None:
    machine = factory(*ENDLESS, engine="interpreter")()
    with connected(machine) as (client, _):
        client.send("c")
        wait_for_more_than(0, machine)
    executed = machine.instructions
    time.sleep(0.05)
    assert machine.instructions == executed > 0
