"""The server: who is let in, what becomes of the guest between clients, and the command that starts it all."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import emu
from mectui.gdb.server import HOST, Server, listen
from tests.cli.conftest import Run, mectui
from tests.gdb.client import PATIENCE, Client
from tests.tui.programs import ENDLESS, STORING, factory

__all__ = ["mectui"]
HELLO = Path(__file__).parents[2] / "guests" / "hello" / "hello.elf"


class Serving:
    """A server on a thread."""

    def __init__(self, machine: emu.Machine, once: bool) -> None:
        listener = listen(0)
        self.port = listener.getsockname()[1]
        self.said: list[str] = []
        self._server = Server(machine, listener, say=self.said.append)
        self.thread = threading.Thread(target=lambda: self._server.serve(once=once), daemon=True)
        self.thread.start()

    def client(self) -> Client:
        return Client(socket.create_connection((HOST, self.port), PATIENCE))

    def wait_for(self, said: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not any(said in sentence for sentence in self.said):
            assert time.monotonic() < deadline, f"never said {said!r}: {self.said}"
            time.sleep(0.005)


@contextmanager
def serving(machine: emu.Machine, once: bool = False) -> Iterator[Serving]:
    yield Serving(machine, once)


def test_one_client_at_a_time_and_the_next_when_it_has_left() -> None:
    machine = factory(*STORING)()
    with serving(machine) as server:
        first = server.client()
        assert first.ask("s").startswith(b"T05")
        with pytest.raises((EOFError, ConnectionError)):
            server.client().ask("?")
        server.wait_for("turned away")
        assert first.ask("qC") == b"QC1"
        first.socket.close()
        server.wait_for("gone")
        assert server.client().ask("s").startswith(b"T05")
        assert machine.instructions == 2


def test_a_guest_that_was_let_go_runs_until_the_next_client_comes() -> None:
    machine = factory(*ENDLESS)()
    with serving(machine) as server:
        client = server.client()
        assert client.ask("D") == b"OK"
        server.wait_for("runs on")
        deadline = time.monotonic() + PATIENCE
        while machine.instructions < 100:
            assert time.monotonic() < deadline
        client = server.client()
        client.ask("?")
        executed = machine.instructions
        assert client.register(0) == machine.cpu.x[0] > 10
        assert machine.instructions == executed


def test_a_guest_that_has_exited_starts_over_for_the_next_client() -> None:
    machine = emu.Machine(engine="interpreter")
    machine.load(HELLO)
    with serving(machine) as server:
        client = server.client()
        assert client.ask("c") == b"W00"
        client.socket.close()
        server.wait_for("starts over")
        assert server.client().ask("?").startswith(b"T05")
        assert machine.instructions == 0


def test_once_means_one_client() -> None:
    with serving(factory(*STORING)(), once=True) as server:
        client = server.client()
        assert client.ask("D") == b"OK"
        server.thread.join(PATIENCE)
        assert not server.thread.is_alive()
        with pytest.raises(OSError, match="refused"):
            server.client()


def test_a_request_that_shows_a_bug_is_an_error_and_the_server_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = factory(*STORING)()
    with serving(machine) as server:
        client = server.client()
        monkeypatch.setattr(type(machine.cpu), "x", property(lambda _: 1 // 0))
        assert client.ask("g") == b"E01"
        monkeypatch.undo()
        server.wait_for("bug in mectui")
        assert not client.ask("g").startswith(b"E")


def test_a_port_in_use_is_one_sentence(mectui: Run) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        done = mectui("gdbserver", "hello", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"mectui: port {port} cannot be used (Address already in use): choose another with --port\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "70000"], "1 to 65535"),
        (["--port", "-1"], "1 to 65535"),
        (["--port", "x"], "--port"),
        (["--frobnicate"], "frobnicate"),
        (["--rules", "nonsense"], "nonsense"),
    ],
)
def test_wrong_options_are_one_sentence(mectui: Run, arguments: list[str], says: str) -> None:
    done = mectui("gdbserver", "hello", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def _started(*arguments: str) -> tuple[subprocess.Popen[str], int, str]:
    """The process, its port, and what it said first."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mectui", "gdbserver", *arguments, "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.search(r"127\.0\.0\.1:(\d+)", said)
    assert found is not None, said
    return process, int(found[1]), said


def test_the_command_tells_its_port_and_passes_the_console_on() -> None:
    process, port, said = _started("hello", "--once")
    try:
        assert said.endswith(f"in gdb: target remote :{port}\n")
        client = Client(socket.create_connection((HOST, port), PATIENCE))
        assert client.ask("c") == b"W00"
        client.socket.close()
        out, _ = process.communicate(timeout=PATIENCE)
        machine = emu.Machine(engine="interpreter")
        machine.load(HELLO)
        machine.run()
        assert out == machine.console != ""
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("is_running", [False, True])
def test_ctrl_c_ends_the_server(is_running: bool, tmp_path: Path) -> None:
    image = tmp_path / "endless.bin"
    image.write_bytes(b"".join(word.to_bytes(4, "little") for word in ENDLESS))
    process, port, _ = _started(str(image), "--load-at", "0x40000000")
    try:
        client = Client(socket.create_connection((HOST, port), PATIENCE))
        assert b"exec-file" not in client.ask("qSupported")
        if is_running:
            client.send("c")
            time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert err.splitlines()[-1] == "mectui: interrupted"
        assert "Traceback" not in err
    finally:
        process.kill()
        process.communicate()
