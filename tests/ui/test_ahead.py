"""What the server does before its first visitor."""

from __future__ import annotations

import socket
import sys

import pytest

from digitnet.ui.ahead import send_at_once


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell a process its sockets")
def test_packets_to_visitors_do_not_wait_for_one_another():
    with socket.socket() as server:  # of no protocol, as Streamlit makes it
        server.bind(("127.0.0.1", 0))
        server.listen()
        send_at_once()
        with socket.create_connection(server.getsockname()), server.accept()[0] as visitor:
            assert visitor.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
