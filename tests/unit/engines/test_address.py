"""A wrong address of a cluster is told at once, where Ray itself would try for ever; it needs no Ray."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from fairdash.engines.on_ray import _HELLO, _answers


@pytest.fixture
def port() -> Iterator[int]:
    """One that nobody listens at."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        yield nobody.getsockname()[1]


def test_nobody_listens(port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        _answers(f"127.0.0.1:{port}")


def test_another_server_listens() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.handle_request, daemon=True).start()
        with pytest.raises(ConnectionError, match="no Ray cluster"):
            _answers(f"127.0.0.1:{other.server_port}")


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "http://127.0.0.1:8265"])
def test_it_is_no_host_and_port(address: str) -> None:
    with pytest.raises(ConnectionError, match="HOST:PORT"):
        _answers(address)


def test_a_cluster_says_its_settings_first() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            there, _ = server.accept()
            with there:
                assert there.recv(len(_HELLO), socket.MSG_WAITALL) == _HELLO
                there.sendall(bytes(3) + b"\x04" + bytes(5))

        threading.Thread(target=answer, daemon=True).start()
        _answers(f"127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.parametrize("address", [None, "auto", "nonsense", "host:port", "host:99999"])
def test_what_ray_itself_judges(address: str | None) -> None:
    _answers(address)
