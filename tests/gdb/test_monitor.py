"""Monitor commands, and memory through several eyes: the same facts as the machine's own."""

from __future__ import annotations

from pathlib import Path

import pytest

import emu
from mectui.gdb.monitor import COMMANDS
from mectui.queries.walk import walk
from mectui.render import walk as render_walk
from mectui.render.text import plain
from tests.gdb.client import connected

TWO_REALMS = Path(__file__).parents[2] / "guests" / "two-realms" / "two-realms.elf"
SECRET = b"Secret of A: 42!"
"""What Realm A stores, as the guest's source has it."""


@pytest.fixture(scope="module")
def looking_at_foreign_data() -> emu.Machine:
    """Realm B (MECID 6) is about to look at what Realm A (MECID 5) stored in the granule that both had."""
    machine = emu.Machine()
    machine.load(TWO_REALMS)
    with connected(machine) as (client, _):
        assert client.monitor("catch hit").startswith("Catchpoint 1 set")
        assert client.ask("c").startswith(b"T05thread:1;1d:")
        assert "catchpoint 1: substituted hit" in client.console
        assert client.monitor("delete all") == "1 stop removed.\n"
    return machine


def test_eyes_decide_what_a_read_sees(looking_at_foreign_data: emu.Machine) -> None:
    machine = looking_at_foreign_data
    place = machine.symbols.lookup("shared_granule")
    assert place is not None
    with connected(machine) as (client, _):
        noise = client.memory(place, 16)
        assert noise == machine.read_virtual(place, 16) != SECRET
        assert "MECID 6" in client.monitor("eyes mecid 6")
        assert client.memory(place, 16) == noise
        client.monitor("eyes mecid 5")
        assert client.memory(place, 16) == SECRET
        client.monitor("eyes owner")
        assert client.memory(place, 16) == machine.read(place, 16) == SECRET
        client.monitor("eyes raw")
        assert client.memory(place, 16) == machine.mec.raw(place, 16)
        client.monitor("eyes context")
        assert client.memory(place, 16) == noise


def test_writes_keep_the_owner_and_are_refused_where_they_would_not_be_seen(
    looking_at_foreign_data: emu.Machine,
) -> None:
    machine = looking_at_foreign_data
    place = (machine.symbols.lookup("shared_granule") or 0) + 64
    kept = machine.snapshot()
    with connected(machine) as (client, _):
        before, owner = machine.read(place, 16), machine.mec.owner_of(place)
        assert owner is not None
        assert owner.mecid == 5
        assert client.ask(f"M{place:x},1:00") == b"E14"
        assert machine.read(place, 16) == before
        assert "belongs to MECID 5" in client.monitor("why")
        client.monitor("eyes raw")
        assert client.ask(f"M{place:x},1:00") == b"E14"
        for eyes in ("owner", "mecid 5"):
            client.monitor(f"eyes {eyes}")
            assert client.ask(f"M{place:x},2:0102") == b"OK"
            assert machine.read(place, 16) == b"\x01\x02" + before[2:]
            assert machine.mec.owner_of(place) == owner
            machine.restore(kept)
        client.monitor("eyes mecid 6")
        assert client.ask(f"M{place:x},1:00") == b"E14"
        assert machine.read(place, 16) == before


def test_physical_addresses_reach_what_no_virtual_one_does(looking_at_foreign_data: emu.Machine) -> None:
    machine = looking_at_foreign_data
    stack = machine.symbols.lookup("rmm_stack")
    assert stack is not None
    with connected(machine) as (client, _):
        assert client.ask(f"m{stack:x},8") == b"E14"  # stage 2 has no place for it
        assert "fault" in client.monitor("why")
        assert client.monitor("addresses physical") == "Addresses of memory are physical.\n"
        client.monitor("eyes owner")
        assert client.memory(stack, 8) == machine.read(stack, 8)
        assert client.ask("m9000000,4") == b"E14"
        assert "UART" in client.monitor("why").upper()


def test_a_walk_is_the_walk_of_the_panes(looking_at_foreign_data: emu.Machine) -> None:
    machine = looking_at_foreign_data
    place = machine.symbols.lookup("shared_granule")
    assert place is not None
    with connected(machine) as (client, _):
        said = client.monitor("walk shared_granule")
        assert said == plain(render_walk.walk(walk(machine, place), 80, render_walk.ALL))
        record = machine.translate(place)
        assert f"MECID   {record.mecid} from {record.source.value}" in said
        assert "owner   MECID 5" in said
        assert client.monitor(f"walk {place:#x}") == said
        assert "fetch from EL1" in client.monitor("walk $pc fetch")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("mec", "VMECID_P_EL2        6"),
        ("hits", "stored under MECID 5"),
        ("findings", "wrong-context"),
        ("tlb", "VMID"),
        ("gpt", "Granule protection is off"),
        ("next", "realm_b_search_secret"),
        ("register SCTLR2_EL2", "EMEC"),
        ("register $tcr_el2", "T0SZ"),
        ("print [realm:shared_granule].x", "0x6f20_7465_7263_6553"),  # “Secret o”, low byte first
        ("print VMECID_P_EL2", "6"),
        ("eyes", "as the current context sees it"),
        ("addresses", "virtual"),
        ("why", "No read or write has failed"),
        ("stops", "no stops but the client's own"),
        ("", "monitor walk ADDRESS"),
        ("he", "monitor walk ADDRESS"),
        ("help gpt", "monitor gpt [PA]"),
    ],
)
def test_each_command_tells_its_part(looking_at_foreign_data: emu.Machine, command: str, says: str) -> None:
    with connected(looking_at_foreign_data) as (client, _):
        assert says in client.monitor(command)


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("frob", "`monitor help` lists them"),
        ("wlk", "did you mean walk?"),
        ("walk", "monitor walk ADDRESS"),
        ("walk nowhere", "nowhere"),
        ("walk 1+", "missing"),
        ("hits 5", "nothing after it"),
        ("eyes blue", "owner, mecid N"),
        ("eyes mecid", "monitor eyes mecid 5"),
        ("eyes owner 5", "monitor eyes mecid 5"),
        ("eyes mecid 0x10000", "16 bits"),
        ("addresses both", "virtual or physical"),
        ("delete 77", "77"),
        ("register MECID_P_EL2", "MECID_P0_EL2"),
        ("catch fish", "hit"),
        ("break nowhere", "nowhere"),
        ("gpt 0x", "0x"),
    ],
)
def test_what_makes_no_sense_gets_one_sentence(looking_at_foreign_data: emu.Machine, command: str, says: str) -> None:
    with connected(looking_at_foreign_data) as (client, _):
        said = client.monitor(command)
        assert says in said
        assert said.count("\n") == 1


def test_stops_of_the_monitor_work_beside_the_clients_own() -> None:
    machine = emu.Machine(engine="interpreter")
    machine.load(TWO_REALMS)
    with connected(machine) as (client, _):
        assert client.monitor("break realm_b_entry if VMECID_P_EL2 == 6").startswith("Breakpoint 1 set")
        assert client.monitor("watch pa:shared_granule").startswith("Watchpoint 2 set")
        assert client.ask("c").startswith(b"T05thread:1;1d:")
        assert "watchpoint 2: write of" in client.console
        assert client.monitor("delete 2").startswith("Watchpoint 2 removed")
        assert client.ask("c").startswith(b"T05thread:1;1d:")
        assert machine.cpu.pc == machine.symbols.lookup("realm_b_entry")
        assert "if VMECID_P_EL2 == 6" in client.monitor("stops")


def test_reset_starts_the_guest_over() -> None:
    machine = emu.Machine(engine="interpreter")
    machine.load(TWO_REALMS)
    with connected(machine) as (client, _):
        assert client.ask("c") == b"W00"
        executed, console = machine.instructions, machine.console
        assert "_start" in client.monitor("reset")
        assert (machine.instructions, machine.console, machine.cpu.pc) == (0, "", machine.entry)
        assert client.ask("c") == b"W00"
        assert (machine.instructions, machine.console) == (executed, console)


def test_every_command_has_a_line_in_the_help() -> None:
    machine = emu.Machine(memory="1M", engine="reference")
    with connected(machine) as (client, _):
        said = client.monitor("help")
        lines = said.splitlines()
        assert all(any(line.startswith(f"  monitor {name}") for line in lines) for name in COMMANDS)
        assert max(map(len, lines)) <= 100
