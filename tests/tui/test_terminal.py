"""A real pseudo-terminal: what is left of it when mectui is ended from outside."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.tui.programs import ENDLESS

ALTERNATE_OFF, CURSOR_ON = b"\x1b[?1049l", b"\x1b[?25h"


def _read_until(terminal: int, wanted: bytes, seconds: float) -> bytes:
    """What comes out of the terminal until something is in it, or until its other end is closed."""
    seen, deadline = b"", time.monotonic() + seconds
    while wanted not in seen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                seen += os.read(terminal, 65536)
            except OSError:
                break
    return seen


@pytest.mark.parametrize(
    ("redirected", "variables", "says"),
    [
        ("2>/dev/null", {}, ""),
        ("2>&-", {}, ""),
        ("</dev/null", {}, "mectui: the screen needs a terminal"),
        ("", {"PYTHONIOENCODING": "latin-1"}, "mectui: the screen needs UTF-8, and this locale has iso8859-1"),
    ],
)
@pytest.mark.parametrize("command", ["hello", "lesson worlds"])
def test_where_the_screen_could_not_be_seen_it_is_not_drawn(
    command: str, redirected: str, variables: dict[str, str], says: str
) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm-256color", **variables)
        os.execv("/bin/sh", ["sh", "-c", f"{sys.executable} -m mectui {command} {redirected}; echo RC $?"])
    told = _read_until(terminal, b"RC ", 20) + _read_until(terminal, b"\n", 1)
    os.close(terminal)
    os.waitpid(process, 0)
    assert b"RC 2" in told
    assert says.encode() in told
    assert ALTERNATE_OFF not in told


@pytest.mark.parametrize("keys", [b"", b"c", b":print 1"], ids=["resting", "running", "typing"])
def test_sigterm_leaves_the_terminal_as_it_was(keys: bytes) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24")
        os.execv(sys.executable, [sys.executable, "-m", "mectui", "two-realms", "--engine", "reference", "--no-saved"])
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        assert b"entry point" in _read_until(terminal, b"entry point", 20)
        os.write(terminal, keys)
        _read_until(terminal, b"nothing of the kind", 0.5)
        os.kill(process, signal.SIGTERM)
        rest = _read_until(terminal, b"nothing of the kind", 5)
        assert ALTERNATE_OFF in rest
        assert CURSOR_ON in rest
        _, status = os.waitpid(process, 0)
        assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGTERM
        process = 0
    finally:
        if process:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        os.close(terminal)


@pytest.mark.parametrize("key", [b"", b"c"], ids=["resting", "running"])
def test_a_terminal_that_hangs_up_ends_the_process(key: bytes, tmp_path: Path) -> None:
    """With nobody to send SIGHUP: the terminal does not control the process."""
    endless = tmp_path / "endless.bin"
    endless.write_bytes(b"".join(word.to_bytes(4, "little") for word in ENDLESS))
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "mectui", str(endless), "--load-at", "0x40000000"]
    with subprocess.Popen(
        command, stdin=other, stdout=other, stderr=other, start_new_session=True, env={**os.environ, "TERM": "xterm"}
    ) as process:
        try:
            os.close(other)
            assert b"entry point" in _read_until(terminal, b"entry point", 20)
            os.write(terminal, key)
            _read_until(terminal, b"nothing of the kind", 0.5)
            os.close(terminal)
            assert process.wait(20) == 128 + signal.SIGHUP
        finally:
            process.kill()
