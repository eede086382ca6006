"""The built site on this machine: what can stop it is said in one sentence."""

import socket

import pytest

from kexue.book.running.serve import serve


def test_without_a_site(tmp_path):
    with pytest.raises(ValueError, match=r"there is no site in .*: run `make book` first"):
        serve(tmp_path, 0)


def test_a_port_that_is_taken(tmp_path):
    (tmp_path / "index.html").write_text("")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ValueError, match=rf"port {port} cannot be had \(.*\): make serve PORT={port + 1}"):
            serve(tmp_path, port)
