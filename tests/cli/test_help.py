"""--help of every command: what it alone takes comes first, and its examples work as they stand."""

from __future__ import annotations

import json
import shlex

import pytest

from mectui import cli
from mectui.commands.examples import EXAMPLES

NAMES = ("", *cli.COMMANDS)
SERVED = ("", "serve", "gdbserver", "bench")
"""Commands that wait for somebody, or take a minute."""
RUN = [
    line
    for name in NAMES
    for line, _ in EXAMPLES[name]
    if name not in SERVED and line not in ("mectui lesson worlds", "mectui check --list")
]


def help_of(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main([*([name] if name else []), "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("name", NAMES)
def test_help_has_a_short_usage_and_examples_before_the_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(name, capsys)
    usage = text.partition("\n\n")[0]
    assert usage.startswith(f"usage: mectui {name}".rstrip())
    assert usage.count("\n") < 4, "the machine's options are not repeated"
    assert "--seed" not in usage
    assert text.index("examples:\n") < text.index("options:\n")
    for line, what in EXAMPLES[name]:
        assert f"  {line}\n      {what}\n" in text
        assert line.split()[:2] == f"mectui {name or line.split()[1]}".split()
    assert max(len(line) for line in text.partition("examples:")[0].splitlines()) <= 84


def test_the_usage_of_a_command_names_its_own_arguments_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert help_of("walk", capsys).splitlines()[:3] == [
        "usage: mectui walk GUEST ADDRESS [--until WHERE] [--regime NAME]",
        "                   [--access {read,write,fetch}] [--json] [-x FILE]",
        "                   [machine options]",
    ]


def test_mectui_help_names_every_command_and_every_bundled_guest(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of("", capsys)
    for name in (*cli.COMMANDS, "two-realms", "worlds"):
        assert name in text.split()


@pytest.mark.parametrize("line", RUN)
def test_an_example_works_as_it_stands(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = shlex.split(line)[1:]
    code = cli.main(arguments)
    told = capsys.readouterr()
    assert code == (1 if arguments[0] == "check" else 0), told.err
    assert told.out.strip()
    assert "see `mectui" not in told.err
    if "--json" in arguments:
        json.loads(told.out)


def test_a_breakpoint_of_run_may_have_a_condition(capsys: pytest.CaptureFixture[str]) -> None:
    def run(condition: str) -> dict[str, object]:
        cli.main(["run", "two-realms", "--json", "--break", f"realm_b_search_secret if x20 {condition} 0x40380000"])
        stop: dict[str, object] = json.loads(capsys.readouterr().out)["stop"]
        return stop

    assert run("==")["reason"] == "breakpoint"
    assert run("!=")["reason"] == "exit"


def test_a_wrong_condition_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["run", "two-realms", "--break", "_start if nothing"])
    assert code == 2
    assert "--break _start if nothing: There is no symbol" in capsys.readouterr().err


def test_a_guest_that_begins_at_a_place_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["walk", "two-realms", "_start", "--until", "_start", "--json"]) == 0
    assert cli.main(["events", "two-realms", "--until", "_start"]) == 0
    assert "#" not in capsys.readouterr().out.rpartition("}")[2], "nothing has happened yet"


def test_a_wrong_place_of_a_breakpoint_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "two-realms", "--break", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("mectui: --break nowhere: There is no symbol")
