"""A stand-in for Google's token endpoint, which the library of Vertex asks before its first request."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

_CREDENTIALS = {
    "type": "authorized_user",
    "client_id": "some-client",
    "client_secret": "canary-secret",
    "refresh_token": "canary-refresh",
}


class _Token(NamedTuple):
    data: bytes
    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012  (as google-auth reads it)


@contextmanager
def signed_in(token: str) -> Iterator[None]:
    """For its span, Google's library has credentials, and gets this access token for them."""

    def answer(_self: Any, url: str, **_more: Any) -> _Token:
        assert url == "https://oauth2.googleapis.com/token", url
        return _Token(json.dumps({"access_token": token, "expires_in": 3600}).encode())

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "credentials.json"
        file.write_text(json.dumps(_CREDENTIALS))
        os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)
        with mock.patch("google.auth.transport.requests.Request.__call__", answer):
            yield
