"""Downloads, against a server on this machine: good, absent, corrupted, interrupted, malicious."""

import hashlib
import io
import pickle
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from kexue import data
from kexue.data import _download, _mnist

IMAGES = np.random.RandomState(0).randint(0, 256, (50, 28, 28), dtype=np.uint8)
LABELS = np.arange(50, dtype=np.uint8) % 10


def archive(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


GOOD = archive(x_train=IMAGES[:40], y_train=LABELS[:40], x_test=IMAGES[40:], y_test=LABELS[40:])


class Server(ThreadingHTTPServer):
    """Sends ``body`` and says that it is ``promised`` bytes long."""

    body, promised, status, requests = GOOD, len(GOOD), 200, 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.requests += 1
        self.send_response(server.status)
        self.send_header("Content-Length", str(server.promised))
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(_mnist, "URL", f"http://127.0.0.1:{server.server_port}/mnist.npz")
        monkeypatch.setattr(_mnist, "SHA256", hashlib.sha256(GOOD).hexdigest())
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "new" / "cache"
    monkeypatch.setenv("KEXUE_DATA", str(folder))
    return folder


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def close(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the address at a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr(_mnist, "URL", f"http://127.0.0.1:{free.getsockname()[1]}/mnist.npz")


def test_downloaded_once_then_read_from_the_cache(server, cache, capsys):
    train, test = data.mnist(), data.mnist("test")
    assert server.requests == 1 and left_in(cache) == ["mnist.npz"]
    assert "100 % of" in capsys.readouterr().err
    assert (len(train), len(test)) == (40, 10) and len(train.names) == 784 and len(train.classes) == 10
    np.testing.assert_array_equal(np.asarray(train.inputs).reshape(-1, 28, 28), IMAGES[:40])
    np.testing.assert_array_equal(test.targets, LABELS[40:])
    assert abs(float(data.mnist(standardize=True).inputs.mean())) < 1e-6


def test_no_network(server, cache, monkeypatch):
    close(server, monkeypatch)
    with pytest.raises(ConnectionError) as caught:
        data.mnist()
    message = str(caught.value)
    assert message.startswith("mnist.npz could not be downloaded (ConnectionError): connect to the Internet")
    assert message.endswith(f"save {_mnist.URL} as {cache / 'mnist.npz'}.")
    assert caught.value.__suppress_context__ and left_in(cache) == []


def test_no_network_but_the_file_was_saved_by_hand(server, cache, monkeypatch):
    close(server, monkeypatch)
    cache.mkdir(parents=True)
    (cache / "mnist.npz").write_bytes(GOOD)
    assert len(data.mnist()) == 40


def test_not_found(server, cache):
    server.status = 404
    with pytest.raises(ConnectionError, match=r"could not be downloaded \(HTTPError\)"):
        data.mnist()
    assert left_in(cache) == []


def test_corrupted_on_the_way(server, cache):
    server.body = GOOD[:1000] + b"?" + GOOD[1001:]
    with pytest.raises(ValueError) as caught:
        data.mnist()
    message = str(caught.value)
    assert message.startswith("mnist.npz arrived with a wrong SHA-256 checksum and was removed: call again")
    assert message.endswith(f"its checksum must be {_mnist.SHA256}.")
    assert caught.value.__suppress_context__ and left_in(cache) == []
    server.body = GOOD
    assert len(data.mnist()) == 40


def test_corrupted_on_the_disk(server, cache, monkeypatch):
    cache.mkdir(parents=True)
    (cache / "mnist.npz").write_bytes(GOOD[:-1])
    assert len(data.mnist()) == 40 and server.requests == 1

    (cache / "mnist.npz").write_bytes(GOOD[:-1])
    close(server, monkeypatch)
    with pytest.raises(ConnectionError):
        data.mnist()
    assert left_in(cache) == []


def test_interrupted_by_the_server(server, cache):
    server.body = GOOD[: len(GOOD) // 2]
    with pytest.raises(ConnectionError, match=r"mnist\.npz could not be downloaded"):
        data.mnist()
    assert server.requests == 1 and left_in(cache) == []


def test_interrupted_by_the_reader(server, cache, monkeypatch):
    def interrupt(self, size: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_download._Progress, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        data.mnist()
    assert server.requests == 1 and left_in(cache) == []


class Payload:
    """Its pickle creates a file when somebody loads it."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_nothing_is_unpickled(server, cache, monkeypatch, tmp_path):
    trace = tmp_path / "trace"
    server.body = archive(x_train=np.array([Payload(trace)], dtype=object), y_train=LABELS[:1])
    server.promised = len(server.body)
    monkeypatch.setattr(_mnist, "SHA256", hashlib.sha256(server.body).hexdigest())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        data.mnist()
    assert not trace.exists()
    pickle.loads(pickle.dumps(Payload(trace)))
    assert trace.exists()


def test_an_unknown_part(cache):
    with pytest.raises(ValueError, match="part='valid' is not allowed: choose 'train' or 'test'"):
        _mnist.mnist.__wrapped__("valid")


def test_the_address_is_pinned():
    assert _mnist.URL.startswith("https://") and len(_mnist.SHA256) == 64


def test_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("KEXUE_DATA", "~/somewhere")
    assert data.folder() == Path.home() / "somewhere"
    monkeypatch.delenv("KEXUE_DATA")
    assert data.folder().name == "kexue" and data.folder().is_absolute()


def test_without_pooch(monkeypatch, cache):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ModuleNotFoundError, match="pip install pooch"):
        data.mnist()
