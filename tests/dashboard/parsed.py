"""A page, read as a browser reads it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

SCRIPT = "<script>alert(1)</script>"


class Parsed(HTMLParser):
    """A page as a browser reads it: its elements, its visible text, and every address it would load or lead to."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(content.decode())
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href", "srcset", "action", "data"}]

    def handle_data(self, data):
        if self.tags[-1:] == ["style"]:
            self.addresses += re.findall(r"url\(|@import", data)
        else:
            self.words.append(data)
