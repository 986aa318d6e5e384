"""What the server does before its first visitor."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from digitnet.ui import ahead
from digitnet.ui.ahead import send_at_once


def test_while_the_server_serves_no_thread_keeps_python_for_long(monkeypatch):
    monkeypatch.setattr(ahead, "send_at_once", lambda: None)
    monkeypatch.setattr(ahead, "import_ahead", lambda: None)
    usual = sys.getswitchinterval()
    assert usual > ahead.SWITCH_SECONDS

    async def serve() -> float:
        async with ahead.prepare(None):
            return sys.getswitchinterval()

    try:
        assert asyncio.run(serve()) == pytest.approx(ahead.SWITCH_SECONDS)
    finally:
        sys.setswitchinterval(usual)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell a process its sockets")
def test_packets_to_visitors_do_not_wait_for_one_another():
    with socket.socket() as server:  # of no protocol, as Streamlit makes it
        server.bind(("127.0.0.1", 0))
        server.listen()
        send_at_once()
        with socket.create_connection(server.getsockname()), server.accept()[0] as visitor:
            assert visitor.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
