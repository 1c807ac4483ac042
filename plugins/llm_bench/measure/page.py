"""The text of a response that is no stream. Pure, and bounded: a small body may unpack to a huge one."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import httpx

LONGEST_PAGE = 64 * 1024
"""Bytes of a body that is no stream, packed or not: enough for its message."""

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def page(headers: Mapping[str, str], body: bytes | bytearray) -> str:
    """The text of a response that isn't a stream: its beginning, where it is very long.

    :param headers: say the character set and the compression; names in lower case.
    :param body: the beginning of the body, as it came.
    :return: empty where it can't be unpacked.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    content = bytes(body) if encoding in {"", "identity"} else _unpacked(encoding, bytes(body))
    whole = len(content) < LONGEST_PAGE
    kept = {"content-type": headers["content-type"]} if "content-type" in headers else {}
    text = httpx.Response(200, headers=kept, content=content[:LONGEST_PAGE]).text
    # Cut between words: half a key wouldn't be known for one.
    return text if whole else "".join(text.rsplit(maxsplit=1)[:1])


def _unpacked(encoding: str, body: bytes | bytearray) -> bytes:
    if encoding not in _WINDOWS:
        return b""
    try:
        return zlib.decompressobj(_WINDOWS[encoding]).decompress(body, LONGEST_PAGE + 1)
    except zlib.error:
        return b""
