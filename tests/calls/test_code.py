"""Calls of assembler, which has no tables: what is found, and what is said where nothing can be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import emu
from emu.debug.frames import FrameTables, Place, PlaceKind, Rules
from emu.isa.a64 import A64
from emu.loader import read_elf
from guests.build import link
from mectui.queries.call_code import SLOT, SOFT, State, after, branch, flow, is_call
from mectui.queries.calls import How, calls
from mectui.resources import guest_path
from tests.lines.programs import needs_ziglang
from tests.tui.programs import in_realm_b

GRANULE = 0x4038_0000


def states(*words: int) -> list[State]:
    made = flow(b"".join(word.to_bytes(4, "little") for word in (*words, 0xD503201F)))
    return [made.states[4 * at] for at in range(len(words) + 1)]


def test_a_frame_record_is_followed_from_its_store_to_its_load() -> None:
    before, stored, pointed, called, loaded = states(
        0xA9BE7BFD,  # stp x29, x30, [sp, #-32]!
        0x910003FD,  # mov x29, sp
        0x94000100,  # bl  .+0x400
        0xA8C27BFD,  # ldp x29, x30, [sp], #32
    )
    assert (before.sp, before.of(30)) == (0, {30})
    assert (stored.sp, stored.record, stored.of(30)) == (-32, -32, {30, SLOT - 24})
    assert (pointed.fp, pointed.of(29)) == (-32, {SLOT - 32})
    assert (called.called, called.of(30), called.of(3), called.of(19)) == (True, {SLOT - 24}, {3 + SOFT}, {19})
    assert (loaded.sp, loaded.of(29), loaded.of(30), loaded.record) == (0, {29}, {30}, None)


def test_paths_that_do_not_agree_leave_nothing() -> None:
    made = states(
        0xB4000060,  # 00 cbz  x0, 0x0c
        0xA9BF7BFD,  # 04 stp  x29, x30, [sp, #-16]!
        0xAA1F03FE,  # 08 mov  x30, xzr
        0xD503201F,  # 0c nop
    )
    assert (made[2].sp, made[3].sp) == (-16, None)
    assert made[3].of(30) == frozenset()


@pytest.mark.parametrize(
    ("word", "lost"),
    [
        (0xAA1F03FE, True),  # mov x30, xzr
        (0xF940001E, True),  # ldr x30, [x0]
        (0xD53B421E, True),  # mrs x30, NZCV
        (0x9E66001E, True),  # fmov x30, d0
        (0x9100041E, True),  # add x30, x0, #1
        (0x1E60401E, False),  # fmov d30, d0
        (0xF900001E, False),  # str x30, [x0]
        (0x3DC0001E, False),  # ldr q30, [x0]
        (0xA90007FE, False),  # stp x30, x1, [sp]
        (0xD65F03C0, False),  # ret
        (0xF100041F, False),  # cmp x0, #1
        (0xDAC143FE, False),  # xpaci x30
        (0xD503233F, False),  # paciasp
    ],
)
def test_what_changes_x30(word: int, lost: bool) -> None:
    assert (30 not in after(word, State()).of(30)) is lost


def test_every_call_and_branch_is_known_as_such() -> None:
    """By the encodings of this machine's own decoder."""
    for text, word in {"BL": 0x94000001, "BLR": 0xD63F0020, "BLRAAZ": 0xD63F083F, "BLRAB": 0xD73F0C22}.items():
        assert A64.decode(word) is not None, text
        assert is_call(word), text
        assert branch(word) == (None, True)
    for word in (0xD61F0020, 0xD65F03C0, 0xD65F0BFF, 0xD69F03E0, 0xD71F0822, 0xD69F0BFF):  # BR, RET, RETAA, ERET, …
        assert A64.decode(word) is not None
        assert not is_call(word)
        assert branch(word) == (None, False)
    assert branch(0x17FFFFFF) == (-4, False)
    assert branch(0x54000041) == (8, True)
    assert branch(0x37000041) == (8, True)
    assert branch(0xD4000002) == (None, True)  # HVC


def run_to(name: str, place: str) -> emu.Machine:
    path = guest_path(name)
    assert path is not None
    machine = emu.Machine(engine="interpreter")
    machine.load(path)
    address = machine.symbols.lookup(place)
    assert address is not None
    machine.breakpoints.add(address)
    machine.run()
    assert machine.cpu.pc == address
    return machine


def names(machine: emu.Machine) -> list[str]:
    return [call.label.partition("+")[0] for call in calls(machine).calls]


def test_calls_of_the_rmm_of_two_realms() -> None:
    """By its source: rmm_start creates a Realm, that maps a granule by a branch to rmm_write_level3_entry."""
    machine = run_to("two-realms", "rmm_write_level3_entry")
    assert names(machine) == ["rmm_write_level3_entry", "rmm_create_realm", "rmm_start"]
    view = calls(machine)
    assert [call.how for call in view.calls] == [How.PC, How.LINK, How.RECORD]
    assert view.end.startswith("rmm_start has made a call and did not store x30")


def test_x30_may_be_kept_in_another_register_over_calls() -> None:
    """build_gpt of the guest gpt keeps x30 in another register, and uses no stack at all."""
    machine = run_to("gpt", "fill_entries")
    view = calls(machine)
    assert [call.label.partition("+")[0] for call in view.calls] == ["fill_entries", "build_gpt", "_start"]
    assert view.calls[2].found.startswith("x30, kept in ")


def test_a_call_that_is_its_own_caller_is_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By tables that have every return address in x19, which nobody changes."""
    rules = Rules(".eh_frame", 31, 0, {30: Place(PlaceKind.REGISTER, 19)}, 30, False)
    monkeypatch.setattr(FrameTables, "at", lambda self, address: rules)
    own = emu.Machine(memory="16M", engine="reference")
    words = (0xAA1E03F3, 0x94000000, 0xD65F0260)  # mov x19, x30; bl .; ret x19
    own.load_raw(b"".join(word.to_bytes(4, "little") for word in words), 0x4000_0000)
    own.cpu.pc = own.cpu.x[19] = 0x4000_0008
    view = calls(own)
    assert len(view.calls) == 2
    assert view.end == "its return address 0x40000008 leads to a call that is listed already"


def test_an_exception_is_a_boundary_and_what_it_interrupted_is_listed() -> None:
    machine = run_to("two-realms", "rmm_from_realm")
    machine.run(max_instructions=2)
    view = calls(machine)
    assert [call.label.partition("+")[0] for call in view.calls] == ["rmm_from_realm", "realm_a_check_secret"]
    elr, spsr = machine.cpu.regs["ELR_EL2"], machine.cpu.regs["SPSR_EL2"]
    interrupted = view.calls[1]
    assert interrupted.exception == f"exception from EL1 to EL2: ELR_EL2={elr:#x}, SPSR_EL2={spsr:#x}"
    assert (interrupted.pc, interrupted.el, interrupted.how) == (elr, 1, How.EXCEPTION)
    assert view.calls[0].exception == ""


def test_a_stack_of_another_mecid_ends_the_list_and_is_named() -> None:
    """Realm B at a record that Realm A stored: B's loads would get noise, and the list says so."""
    machine = in_realm_b()
    cpu = machine.cpu
    owner = machine.mec.owner_of(GRANULE)
    assert owner is not None
    assert owner.mecid == 5
    cpu.pc = (cpu.pc & ~0xFFF) + 0x7F0  # behind the last function
    hits = machine.mec.hit_count
    cpu.sp, cpu.x[29] = GRANULE, GRANULE + 0x40
    view = calls(machine)
    assert view.is_foreign
    assert view.end == (
        f"the stack at {GRANULE + 0x40:#x} belongs to realm MECID 5, and EL1 reads it as MECID 6: that gives noise"
    )
    assert len(view.calls) == 1
    assert machine.mec.hit_count == hits, "looking is no access"


def test_an_unmapped_stack_ends_the_list_with_the_reason() -> None:
    machine = in_realm_b()
    cpu = machine.cpu
    cpu.pc = (cpu.pc & ~0xFFF) + 0x7F0
    cpu.sp, cpu.x[29] = 0x6000_0000, 0x6000_0000
    view = calls(machine)
    assert view.end.startswith("the stack at 0x60000000 cannot be read: ")
    assert "fault" in view.end
    assert not view.is_foreign


def test_a_wild_branch_shows_who_made_it() -> None:
    machine = emu.Machine(memory="16M", engine="reference")
    machine.load_raw(
        b"".join(word.to_bytes(4, "little") for word in (0xD2FFFFE0, 0xD63F0000, 0x14000000)), 0x4000_0000
    )  # mov x0, #0xffff << 48; blr x0
    machine.run(max_instructions=2)
    view = calls(machine)
    assert view.calls[0].label == ""
    assert [call.pc for call in view.calls[1:]] == [0x4000_0008]
    assert not view.calls[1].is_sure
    machine.run(max_instructions=1)  # the abort: nobody has set the vectors
    view = calls(machine)
    assert view.calls[1].exception.startswith("exception from EL3 to EL3: ELR_EL3=")
    assert view.calls[2].pc == 0x4000_0008


HANDLER = """\
        .globl _start
_start: ldr x0, =vectors
        msr VBAR_EL3, x0
        ldr x0, =0x40200000
        mov sp, x0
        mov x29, xzr
        bl  worker
        b   .
worker: stp x29, x30, [sp, #-32]!
        mov x29, sp
        bl  asks
        ldp x29, x30, [sp], #32
        ret
asks:   svc #5
        ret
handle: stp x29, x30, [sp, #-16]!
        mov x29, sp
        svc #6
        ldp x29, x30, [sp], #16
        ret
entered: stp x29, x30, [sp, #-256]!
        mov x29, sp
        bl  handle
        ldp x29, x30, [sp], #256
        eret
        .balign 2048
vectors: .space 0x200
        b entered
"""


@needs_ziglang
def test_a_list_goes_on_behind_an_exception_where_the_handler_kept_what_it_interrupted(tmp_path: Path) -> None:
    source, script, elf = tmp_path / "handler.S", tmp_path / "link.ld", tmp_path / "handler.elf"
    source.write_text(HANDLER)
    script.write_text("ENTRY(_start)\nSECTIONS { . = 0x40080000; .text : { *(.text*) } }\n")
    link("handler", ["-g0", source], script, elf, tmp_path / "cache")
    assert read_elf(elf).frames == b""
    machine = emu.Machine(memory="16M", engine="reference")
    machine.load(elf)
    handle = machine.symbols.lookup("handle")
    assert handle is not None
    for number in range(3):  # before it stores x30, when x30 is stored, when x29 is the frame record
        machine.breakpoints.add(handle + 4 * number)
        assert machine.run(max_instructions=100).reason.value == "breakpoint"
        view = calls(machine)
        assert [call.label.partition("+")[0] for call in view.calls] == [
            "handle", "entered", "asks", "worker", "_start",
        ], view  # fmt: skip
        assert [bool(call.exception) for call in view.calls] == [False, False, True, False, False]
        assert view.calls[2].exception.startswith("exception from EL3 to EL3")
        assert [call.frame for call in view.calls[:4]] == [0x401FFEE0, 0x401FFFE0, 0x401FFFE0, 0x4020_0000]

    machine.breakpoints.add(handle)
    machine.run(max_instructions=100)  # the handler has taken an exception itself, and called the same function
    view = calls(machine)
    assert [call.label.partition("+")[0] for call in view.calls] == ["handle", "entered", "handle", "entered"]
    assert view.end == "exception from EL3 to EL3: ELR_EL3 and SPSR_EL3 tell of the last one alone"


def test_the_command_prints_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mectui", "calls", "two-realms", "--until", "rmm_map_granule", "--most", "2"],
        capture_output=True, text=True, env={"COLUMNS": "100"}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["0", "rmm_map_granule", "two-realms.S:223", "0x4008_134c", "the", "pc"]
    assert rows[2] == "No more: there are more calls than these."
