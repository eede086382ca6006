"""The built site on this machine, compressed as a public host would send it."""

import functools
import os
from email.utils import formatdate
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any


class CompressedHandler(SimpleHTTPRequestHandler):
    """Sends ``page.html.gz``, where it lies beside ``page.html``, to browsers that can read it."""

    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".json": "application/json",
        ".woff2": "font/woff2",
    }

    def send_head(self) -> IO[bytes] | None:  # type: ignore[override]
        """As the standard library's, with the compressed copy in place of the file."""
        path = Path(self.translate_path(self.path))
        if self.path.split("?")[0].endswith("/"):
            path /= "index.html"
        packed = path.with_name(path.name + ".gz")
        if "gzip" not in self.headers.get("Accept-Encoding", "") or not packed.is_file():
            return super().send_head()
        file = packed.open("rb")
        status = os.fstat(file.fileno())
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("Content-Length", str(status.st_size))
        self.send_header("Last-Modified", formatdate(status.st_mtime, usegmt=True))
        self.end_headers()
        return file

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the browser's own tools list the requests."""


def serve(site: Path, port: int) -> None:
    """Serve the folder at http://127.0.0.1:PORT until interrupted.

    Raises
    ------
    ValueError
        There is no built site, or something else has the port.
    """
    if not (site / "index.html").is_file():
        raise ValueError(f"there is no site in {site}: run `make book` first")
    handler = functools.partial(CompressedHandler, directory=str(site))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise ValueError(f"port {port} cannot be had ({error.strerror}): make serve PORT={port + 1}") from error
    with server:
        server.serve_forever()
