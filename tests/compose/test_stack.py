"""The stack starts whole or not at all, and says why."""

import dataclasses
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from compose.addresses import AddressBook, native
from compose.native import stack as native_stack
from compose.native.parts import Part
from compose.native.stack import AlreadyRunning, Stack, StackError

SERVER = """
import http.server, sys
address = ("127.0.0.1", int(sys.argv[1]))
http.server.HTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def page(name: str, listens: str, program: str = SERVER) -> Part:
    """A part that is a small web server, or whatever `program` does."""

    def command(book: AddressBook) -> list[str]:
        return [sys.executable, "-c", program, book[listens].rpartition(":")[2]]

    return Part(name, "a page", (listens,), command, "/")


@pytest.fixture
def book(tmp_path: Path) -> AddressBook:
    """Addresses on ports that were free a moment ago."""
    ports = []
    for _ in range(2):
        with closing(socket.create_server(("127.0.0.1", 0))) as holder:
            ports.append(holder.getsockname()[1])
    values = dict(native(tmp_path).values)
    values |= {"users": f"127.0.0.1:{ports[0]}", "orders": f"127.0.0.1:{ports[1]}"}
    return AddressBook(values, tmp_path / "config")


@pytest.fixture
def stacks() -> Iterator[list[Stack]]:
    """Stacks that are stopped when the test ends."""
    made: list[Stack] = []
    yield made
    for one in made:
        one.stop()


def test_parts_start_together_and_stop_together(tmp_path: Path, book: AddressBook, stacks: list[Stack]) -> None:
    """Ready means that each answers; after stop nothing runs and every port is free."""
    stack = Stack(tmp_path, book, [page("users", "users"), page("orders", "orders")])
    stacks.append(stack)
    stack.start()
    *_, ready = stack.wait()
    assert ready == {"users", "orders"}
    statuses = stack.status(seconds=0.1)
    assert [(one.part.name, one.state, one.url) for one in statuses] == [
        ("users", "ready", f"http://{book['users']}"),
        ("orders", "ready", f"http://{book['orders']}"),
    ]
    assert all(one.pid and one.memory > 1e6 and one.cores >= 0 for one in statuses)
    assert stack.stop() == []
    assert [one.state for one in stack.status(seconds=0.0)] == ["stopped", "stopped"]
    stack.check_ports()


def test_a_second_start_leaves_the_first_alone(tmp_path: Path, book: AddressBook, stacks: list[Stack]) -> None:
    """Whoever types `up` twice is told so; another program sees the parts of the first."""
    stack = Stack(tmp_path, book, [page("users", "users")])
    stacks.append(stack)
    stack.start()
    with pytest.raises(AlreadyRunning, match=r"The stack runs already \(1 parts\)\. `make down` stops it\."):
        Stack(tmp_path, book, [page("users", "users")]).start()
    assert len(stack.running()) == 1


def test_a_taken_port_is_named_with_its_holder(tmp_path: Path, book: AddressBook) -> None:
    """Nothing starts; the message says which port, for which part, who holds it, and what to do."""
    host, _, port = book["users"].rpartition(":")
    with closing(socket.create_server((host, int(port)))), pytest.raises(StackError) as caught:
        Stack(tmp_path, book, [page("users", "users"), page("orders", "orders")]).start()
    message = str(caught.value)
    assert f"  {book['users']} (users) held by " in message
    assert book["orders"] not in message
    assert "BONGSU_PORT_BASE=19000" in message


def test_a_part_that_ends_is_shown_with_the_end_of_its_log(
    tmp_path: Path, book: AddressBook, stacks: list[Stack]
) -> None:
    """A crash at the start is not a time-out."""
    stack = Stack(tmp_path, book, [page("users", "users", "raise SystemExit('no such topic')")])
    stacks.append(stack)
    stack.start()
    with pytest.raises(StackError) as caught:
        list(stack.wait())
    assert str(caught.value) == f"users has ended. The end of {tmp_path}/log/users.log:\nno such topic"
    assert [part.name for part in stack.ended()] == ["users"]


def test_a_part_that_never_gets_ready_is_named(tmp_path: Path, book: AddressBook, stacks: list[Stack]) -> None:
    """Waiting ends."""
    stack = Stack(tmp_path, book, [page("users", "users", "import time; print('dozing', flush=True); time.sleep(60)")])
    stacks.append(stack)
    stack.start()
    with pytest.raises(StackError, match="users is not ready after 1 s"):
        list(stack.wait(seconds=1))


def test_the_ports_of_the_last_start_are_remembered(tmp_path: Path, book: AddressBook, stacks: list[Stack]) -> None:
    """`status`, `drill` and `down` find the stack where `up` put it; looking at other ports changes nothing."""
    stack = Stack(tmp_path, AddressBook({**book.values, "console_port": "21000"}, book.config), [])
    stack.start()
    assert native_stack.at(tmp_path, None, 18000).book["users"] == "127.0.0.1:21101"
    assert native_stack.at(tmp_path, 22000, 18000).book["users"] == "127.0.0.1:22101"
    assert native_stack.at(tmp_path, None, 18000).book["users"] == "127.0.0.1:21101"
    assert native_stack.at(tmp_path / "elsewhere", None, 18000).book["users"] == "127.0.0.1:18101"


def test_somebody_elses_folder_is_left_alone(tmp_path: Path, book: AddressBook) -> None:
    """A start removes old state and logs; in a folder that is not the stack's it removes nothing and says why."""
    precious = tmp_path / "log/precious.txt"
    precious.parent.mkdir()
    precious.write_text("mine", encoding="utf-8")
    with pytest.raises(StackError, match=r"is not empty and was not made by Bongsu \(it has no stack\.json\)"):
        Stack(tmp_path, book, []).start()
    assert precious.read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cant_be_written_to_is_named(tmp_path: Path, book: AddressBook) -> None:
    """Another user's, or below a file: a sentence, before anything starts."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StackError, match=r"file/home can't be written to: Not a directory\. Name another"):
        Stack(tmp_path / "file/home", book, []).start()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"port_base": "x", "real_slack": false}'])
def test_a_damaged_record_is_none(tmp_path: Path, book: AddressBook, stacks: list[Stack], text: str) -> None:
    """Whatever it holds, the stack is looked for on the usual ports, and what runs can be ended."""
    stack = Stack(tmp_path, book, [page("users", "users")])
    stacks.append(stack)
    stack.start()
    (tmp_path / "stack.json").write_text(text, encoding="utf-8")
    found = native_stack.at(tmp_path, None, 18000)
    assert found.book["users"] == "127.0.0.1:18101"
    assert found.running().keys() == {"users"}
    found.stop()
    assert not stack.running()


def test_only_the_router_sees_the_slack_token(
    tmp_path: Path, book: AddressBook, stacks: list[Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret of the environment reaches the part that needs it and no other."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-real")
    show = "import os, time; print(os.environ.get('SLACK_BOT_TOKEN'), flush=True); time.sleep(60)"
    other = page("users", "users", show)
    router = dataclasses.replace(page("orders", "orders", show), secrets=("SLACK_BOT_TOKEN",))
    stack = Stack(tmp_path, book, [other, router])
    stacks.append(stack)
    stack.start()
    assert [_first_line(stack.log(part)) for part in (other, router)] == ["None", "xoxb-real"]


def test_a_stack_that_runs_keeps_its_slack(
    tmp_path: Path, book: AddressBook, stacks: list[Stack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which one it posts to was settled by the environment of its start; later commands look there."""
    stack = Stack(tmp_path, book, [page("users", "users")])
    stacks.append(stack)
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-real")
    assert native_stack.at(tmp_path, None, 18000).book.real_slack
    stack.start()
    assert not native_stack.at(tmp_path, None, 18000).book.real_slack
    stack.stop()
    assert native_stack.at(tmp_path, None, 18000).book.real_slack


def test_with_a_real_slack_there_is_no_workspace(tmp_path: Path) -> None:
    """The stand-in is not a part then."""
    parts = [page("users", "users"), page("slack", "orders")]
    assert [part.name for part in Stack(tmp_path, native(tmp_path), parts).parts] == ["users", "slack"]
    assert [part.name for part in Stack(tmp_path, native(tmp_path, real_slack=True), parts).parts] == ["users"]


def _first_line(log: Path) -> str:
    deadline = time.monotonic() + 10
    while not (text := log.read_text(encoding="utf-8") if log.exists() else ""):
        assert time.monotonic() < deadline, f"{log} stays empty"
        time.sleep(0.02)
    return text.splitlines()[0]


def test_the_otlp_receiver_comes_from_opentelemetrys_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """host:port for the gateway; OTLP/HTTP's port when none is given."""
    assert native_stack.otlp_receiver() is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4999")
    assert native_stack.otlp_receiver() == "collector:4999"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector")
    assert native_stack.otlp_receiver() == "collector:4318"


@pytest.mark.parametrize("endpoint", ["localhost:4317", "collector", "http://", "::::", "grpc://collector:4317"])
def test_an_otlp_receiver_that_is_no_url_is_refused(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Else the gateway would get a configuration that it refuses with words of its own."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    with pytest.raises(
        StackError, match=f"OTEL_EXPORTER_OTLP_ENDPOINT: '{endpoint}' is not an http:// or https:// URL"
    ):
        native_stack.otlp_receiver()


def test_a_start_begins_from_nothing_and_a_part_goes_on(tmp_path: Path, book: AddressBook, stacks: list[Stack]) -> None:
    """What an earlier run left is removed by `start`; a part that is started again alone finds its state."""
    stack = Stack(tmp_path, book, [page("users", "users")])
    stacks.append(stack)
    stack.start()
    stack.stop()
    left = tmp_path / "state/router.db"
    left.write_text("an alert of yesterday", encoding="utf-8")
    stack.start()
    assert not left.exists()
    left.write_text("an alert of today", encoding="utf-8")
    stack.stop()
    stack.start_part(stack.parts[0])
    assert left.read_text(encoding="utf-8") == "an alert of today"
    *_, ready = stack.wait()
    assert ready == {"users"}
