"""A chat's webhook, which keeps what it is sent."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from doubles.server import Server


class Webhook(Server):
    """A server that takes what is posted; use as a context manager.

    :param status: what it answers.
    :param delay_sec: how long it takes to answer.
    """

    def __init__(self, status: int = 200, delay_sec: float = 0.0) -> None:
        self.status, self.delay_sec = status, delay_sec
        self.got: list[tuple[str, dict[str, str], Any]] = []
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["content-length"])))
                webhook.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, content))
                time.sleep(webhook.delay_sec)
                self.send_response(webhook.status)
                self.end_headers()

        super().__init__(Handler)
        self.url = f"{self.address}/services/T0/B0/secret"

    @property
    def texts(self) -> list[str]:
        return [content["text"] for _, _, content in self.got]
