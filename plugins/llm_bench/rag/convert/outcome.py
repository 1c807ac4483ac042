"""What a converter gives, and what it raises."""

from __future__ import annotations

ENCRYPTED = "is encrypted; allowed: a file that opens without a password"

Converted = tuple[str, list[str]]
"""Markdown, and what was lost on the way, a phrase each."""


class UnusableError(Exception):
    """A document can't be converted; why, and what is allowed."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """E.g. "1 picture", "3 pictures"."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def place(fault: Exception) -> str:
    """Where a text's bytes can't be read."""
    return f"byte {fault.start}" if isinstance(fault, UnicodeDecodeError) else "its bytes don't fit"
