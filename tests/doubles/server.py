"""A local HTTP server of any handler, served by a thread of its own."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class Server:
    """A server on a free port; use as a context manager.

    :param handler: answers the requests; it logs nothing.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        silent = type("Silent", (handler,), {"log_message": lambda *_arguments: None})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), silent)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
