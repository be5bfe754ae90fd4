"""The panes for code, memory and hits without a screen: what they print is what the machine says."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run
from tests.tui.programs import in_realm_b


def test_memory_is_shown_through_each_pair_of_eyes(mectui: Run) -> None:
    machine = in_realm_b()
    granule = machine.symbols.lookup("shared_granule")
    assert granule is not None
    seen = machine.read_virtual(granule, 32)
    expected = {"seen": seen, "owner": machine.read(granule, 32), "raw": machine.mec.raw(granule, 32)}
    assert len(set(expected.values())) == 3
    for eyes, data in expected.items():
        done = mectui(
            "memory", "two-realms", "shared_granule", "--length", "32", "--as", eyes, "--json",
            "--until", "realm_b_search_secret",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        blocks = json.loads(done.stdout)["blocks"]
        assert "".join(block["data"] for block in blocks) == data.hex()
        assert [block["owner"] for block in blocks] == [{"pas": "realm", "mecid": 5}] * 2
        assert all(block["foreign"] for block in blocks)


def test_memory_as_text_names_owner_and_context(mectui: Run) -> None:
    done = mectui("memory", "two-realms", "shared_granule", "--until", "realm_b_search_secret")
    assert done.returncode == 0, done.stderr
    assert "id5≠" in done.stdout
    assert "MECID 6 (VP)" in done.stdout


def test_code_prints_the_words_of_the_file(mectui: Run) -> None:
    machine = in_realm_b()
    pc = machine.cpu.pc
    done = mectui("code", "two-realms", "--count", "4", "--json", "--until", "realm_b_search_secret")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["pc"] == f"{pc:#x}"
    words = [int.from_bytes(machine.read(pc + at, 4), "little") for at in range(0, 16, 4)]
    assert [row["word"] for row in shown["instructions"]] == [f"{word:#010x}" for word in words]
    assert shown["instructions"][0]["symbol"] == "realm_b_search_secret"


def test_hits_tell_both_sides(mectui: Run) -> None:
    done = mectui("hits", "two-realms", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["hit_count"] == sum(item["count"] for item in shown["hits"])
    first = shown["hits"][0]
    assert (first["mecid"], first["owner"], first["where"]) == (6, 5, "realm_b_search_secret")
    assert first["writer"]["where"].startswith("realm_a_fill_blocks")
    assert "0 hits" not in mectui("hits", "two-realms").stdout.splitlines()[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("memory", "hello", "x0", "--length", "0"),
        ("memory", "hello", "nowhere"),
        ("memory", "hello", "0", "--as", "mecid", "--mecid", "70000"),
        ("code", "hello", "--count", "-1"),
    ],
)
def test_what_cannot_be_shown_gets_one_sentence(mectui: Run, arguments: tuple[str, ...]) -> None:
    done = mectui(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
