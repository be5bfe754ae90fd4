"""Expressions on the screen: commands whose values only the machine knows, and changes to the machine."""

from __future__ import annotations

from mectui.widgets.command_line import CommandLine
from tests.tui.programs import CALLING, ENDLESS, START, STORING, factory
from tests.tui.test_app import Person, debugging


async def told(person: Person, text: str) -> str:
    """The message that a command leads to."""
    before = person.message
    person.screen.execute(text)
    await person.until(lambda: person.message != before)
    return person.message.removeprefix("✗ ")


async def test_values_come_from_registers_and_from_memory() -> None:
    async with debugging(factory(*STORING)) as person:
        assert await told(person, "print pc + 4") == "pc + 4 is 0x4000_0004 = 1073741828"
        assert await told(person, "print/x [pc].w") == "[pc].w is 0xd2a8_0201"
        assert await told(person, "print security") == "security is root (2)"
        assert await told(person, "print [0x7000_0000].w") == (
            "0x70000000 cannot be read: There is no memory at 0x70000000; there is RAM 0x40000000-0x40ffffff, "
            "secure RAM 0xe000000-0xeffffff, flash 0x0-0x7ffffff."
        )
        assert "did you mean" in await told(person, "print [spp]")


async def test_registers_fields_and_memory_are_changed_with_a_sentence() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        assert await told(person, "set x3=pc+8") == "x3 is 0x4000_0008 now; it was 0."
        assert await told(person, "set SCTLR_EL1.SA=1") == "SCTLR_EL1.SA is 1 now; it was 0."
        assert await told(person, "set [pa:0x4010_0000].w=[pc].w") == (
            "[pa:0x4010_0000].w is 0x9100_0400 now; it was 0."
        )
        assert await told(person, "set MECID_P0_EL2=0x1_0005") == (
            "MECID_P0_EL2 is 5 now (not 0x0001_0005: the other bits do not exist or are read-only)."
        )
        assert await told(person, "set x3=pc+8") == "x3 is 0x4000_0008 now, as it was before."
        assert await told(person, "set [raw:0]=1") == (
            "What memory holds encrypted cannot be set; write [pa:A] for the plaintext."
        )
        assert person.progress.values["SCTLR_EL1"] >> 3 & 1
        assert person.progress.values["x3"] == START + 8


async def test_a_changed_place_is_seen_in_the_panes() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        person.screen.execute("set [pc].w=0xd503201f")
        await person.until(lambda: "nop" in person.text("disassembly"))
        person.screen.execute("mem [pc+4].w & 0 | 0x4010_0000")
        await person.until(lambda: "4010_0000" in person.text("memory"))


async def test_a_running_guest_is_not_changed() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        await person.press("c")
        assert await told(person, "set x3=1") == "The guest is running; pause it before changing anything."
        assert (await told(person, "print [0x4000_0000].w")).startswith("[0x4000_0000].w is 0x9100_0400")


async def test_commands_of_a_file_wait_for_the_values_of_those_before() -> None:
    commands = ("set x5=[pc+4].w", "until [pc+4].w & 0 | 0x4000_0010", "set x6=pc", "print [pc].w", "print x6 + x5")
    async with debugging(factory(*CALLING), commands=commands) as person:
        await person.until(lambda: person.message.startswith("x6 + x5 is"))
        await person.pilot.pause(0.2)
        assert person.progress.values["x6"] == START + 0x10
        assert person.message == f"x6 + x5 is 0x0001_1280_0031 = {0x4000_0010 + 0xD280_0021}"


async def test_the_cursor_goes_to_what_is_wrong() -> None:
    async with debugging(factory(*ENDLESS)) as person:
        await person.press("colon")
        line = person.screen.query_one(CommandLine)
        line.input.value = "goto pc + foo"
        await person.press("enter")
        assert line.is_typing
        assert line.input.cursor_position == len("goto pc + ")
        assert "There is no symbol or register “foo” (column 11)" in person.message
