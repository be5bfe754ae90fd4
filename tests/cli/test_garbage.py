"""Arguments, files and state that make no sense, for every command: one sentence, never a traceback, never a hang."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emu.errors import EmuError
from mectui.cli import COMMANDS, main
from mectui.commands import serve

OPTIONS = (
    "--engine", "--jit-threshold", "--memory", "--cpu", "--cpus", "--el", "--mec", "--mec-model", "--mecid-width",
    "--pas-keys", "--tlb", "--mec-cache", "--tlb-entries", "--sync", "--seed", "--load-at", "--entry", "--rules",
    "--command-line", "--stop-on", "--max-insns", "--break", "--watch", "--catch", "--until", "--regime", "--access",
    "--port", "--step", "--json", "--columns", "--theme", "--keymap", "-x", "--at", "--set", "--depth", "--format",
    "--watch=", "--log", "--from", "--to", "--kind", "--limit", "--all", "--once", "--plain", "--no-saved", "--zzz",
)  # fmt: skip
VALUES = (
    "", " ", "-1", "0", "1", "3", "99999999999999999999", "9" * 5000, "0x", "0x4000_0000", "x0", "x0+", "((((",
    "(" * 500, "nowhere", "_start", "_start+4", "on", "off", "all", "default", "-id", ",,,", "a,b", "1G", "-1G",
    "1e9", "NaN", "[x0]", "[pa:0xffffffffffffffff]", "_start,8", "0x40000000,0", "exception", "catch", "msr",
    "SCTLR_EL1=1", "x0=", "=", "\n", "two\nlines", "\x00", "\x1b[31m", "\udcff", "ü漢字", "-", "--", ".", "/",
    "/dev/null", "/proc/self/mem", "hello", "EL1&0", "EL2", "read", "1/0", "9" * 30 + "G", "x" * 5000, "if",
    "_start if 1/0", "_start if", "\"{x0\"", "٣",
)  # fmt: skip
NO_GUESTS = ("no-such-guest", "", ".", "a\x00b", "x" * 5000, "two\nlines", "\udcff", "/dev/null", "/proc/self/mem", "-")
ENDING = {"run": ["--max-insns", "100"], "check": ["--max-insns", "100"]}
"""What keeps a command short that is given a guest it can run."""
NEVER_WITH_A_GUEST = ("gdbserver", "serve", "bench", "timeline", "events", "mec")
"""These serve until somebody leaves, or run the guest to its end."""


def _try(arguments: list[str]) -> tuple[int, str, str]:
    """The exit code, and what was written. Anything raised is a bug."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code  # --help and --version
    assert code in (None, 0) or isinstance(code, int), arguments
    code = int(code or 0)
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8"))  # type: ignore[attr-defined]
    return code, texts[0], texts[1]


def _check(arguments: list[str]) -> None:
    code, _, err = _try(arguments)
    assert "Traceback" not in err
    assert "bug in" not in err
    if code == 2 and err.startswith("mectui: "):
        assert err.count("\n") == 1, (arguments, err)
        assert "\x1b" not in err, (arguments, err)
        assert len(err) < 700, (arguments, err)


@st.composite
def _command_lines(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from([*COMMANDS, ""]))
    guests = NO_GUESTS if command in NEVER_WITH_A_GUEST else (*NO_GUESTS, "hello", "hello", "hello")
    guest = draw(st.sampled_from(guests))
    value = st.sampled_from(VALUES) | st.text(max_size=12)
    extra: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            extra.append(draw(st.sampled_from(OPTIONS)))
        if draw(st.booleans()):
            extra.append(draw(value))
    if command == "lesson":
        extra = [item for item in extra if item != "--check"]
    return [*([command] if command else []), guest, *extra, *ENDING.get(command, [])]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(serve, "_check_port", _refuse)
    monkeypatch.setattr("mectui.gdb.server.listen", _refuse)


def _refuse(port: int) -> None:
    """Nothing is to be served here, whatever the command line says."""
    raise EmuError(f"port {port} is not for tests")


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(arguments=_command_lines())
def test_garbage_gets_a_sentence(arguments: list[str]) -> None:
    _check(arguments)


@pytest.mark.long
@settings(max_examples=1_500, deadline=None, suppress_health_check=list(HealthCheck))
@given(arguments=_command_lines())
def test_much_garbage_gets_a_sentence(arguments: list[str]) -> None:
    _check(arguments)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("guest", NO_GUESTS[:4])
def test_every_command_refuses_what_is_no_guest(command: str, guest: str) -> None:
    if command == "bench":
        guest = "--" + (guest.strip("\x00") or "zzz")
    code, out, err = _try([command, guest, *(["0x40000000"] if command == "walk" else [])])
    if (command == "serve" and not guest) or (command == "lesson" and not guest):
        return  # no guest at all: the start screen, the list
    assert code == 2, (out, err)
    assert out == ""
    assert err.startswith("mectui: ")
    assert err.count("\n") == 1
