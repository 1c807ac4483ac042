"""What a streamed answer said, whatever the wire format it came in. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from llm_bench.inert import storable

STOPPED = "stream_error"
"""The failure kind of a finish reason that no provider documents as a success."""

_OPEN, _CLOSE = "<think>", "</think>"
_LARGEST_COUNT = 2**31
_LARGEST_AMOUNT = 2**63


@dataclass(slots=True)
class Usage:
    """The tokens that a provider stated; None for each that it didn't.

    :param prompt: of the prompt, those read from and written to a cache included.
    :param response: generated, reasoning included.
    :param reasoning: of ``response``.
    :param cached: of ``prompt``, those read from the provider's cache.
    :param cache_write: of ``prompt``, those written to it.
    :param cost: USD.
    """

    prompt: int | None = None
    response: int | None = None
    reasoning: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    cost: float | None = None

    def take(self, **stated: float | None) -> None:
        """Keeps what is stated; None says nothing."""
        for name, value in stated.items():
            if value is not None:
                setattr(self, name, value)


@dataclass(slots=True)
class Spent:
    """Where the provider says that its own time went, in seconds; None for what it doesn't say.

    :param queue: before it began with the prompt, loading of the model included.
    :param prompt: reading the prompt.
    :param completion: writing the answer.
    """

    queue: float | None = None
    prompt: float | None = None
    completion: float | None = None

    def take(self, **stated: float | None) -> None:
        """Keeps what is stated; None says nothing."""
        for name, value in stated.items():
            if value is not None:
                setattr(self, name, value)


@dataclass(slots=True)
class Answer:
    """What a stream said. Times are those of the pieces that its events came in.

    :param format: name of the wire format; None where no reader knows it.
    :param text: answer text, reasoning apart; there once the answer is settled.
    :param reasoning: reasoning text, from its own fields or from ``<think>`` at the start of the content; likewise.
    :param token_times: arrival of each event that carries generated text, reasoning included, in order.
    :param first_answer: arrival of the first event that carries answer text that isn't blank.
    :param ended: arrival of the end that the format documents.
    :param final: whether nothing can come after it that changes the answer.
    :param finish_reason: in the provider's words.
    :param finish_kind: the failure kind that the finish reason means; None for a success.
    :param error: the provider's error event, or None.
    :param request_id: the provider's own id of the request, or else that of the completion.
    :param upstream: who answered behind a gateway.
    :param fingerprint: the provider's name of the configuration that answered.
    :param service_tier: the one that was used.
    :param note: how a success differs from what the format documents, or None.
    :param garbage: events that aren't JSON objects.
    :param events: events of any kind.
    """

    format: str | None = None
    text: str = ""
    reasoning: str = ""
    token_times: list[float] = field(default_factory=list)
    first_answer: float | None = None
    ended: float | None = None
    final: bool = False
    finish_reason: str | None = None
    finish_kind: str | None = None
    usage: Usage = field(default_factory=Usage)
    error: dict[str, Any] | None = None
    model: str | None = None
    request_id: str | None = None
    upstream: str | None = None
    fingerprint: str | None = None
    service_tier: str | None = None
    spent: Spent = field(default_factory=Spent)
    note: str | None = None
    garbage: int = 0
    events: int = 0
    _content: list[tuple[float, str]] = field(default_factory=list, repr=False)
    _thoughts: list[str] = field(default_factory=list, repr=False)

    def say(self, at: float, text: str, reasoning: str = "") -> None:
        """Takes what one event says of the answer and of the reasoning; nothing said is no token."""
        if not text and not reasoning:
            return
        self.token_times.append(at)
        if text:
            self._content.append((at, text))
        if reasoning:
            self._thoughts.append(reasoning)

    def finish(self, reason: str, kinds: Mapping[str, str | None]) -> None:
        """Takes the finish reason.

        :param kinds: the failure kind of each that is documented, None for a success; any other is a failure.
        """
        if reason:
            self.finish_reason, self.finish_kind = reason, kinds.get(reason, STOPPED)

    def end(self, at: float, *, final: bool) -> None:
        """Notes the documented end; what comes after a final one moves it no more."""
        if not self.final:
            self.ended, self.final = at, final

    def settle(self) -> None:
        """Tells the answer from the reasoning that stands before it in the content, over all borders of events.

        Only at the start: a ``<think>`` further on is one that the answer speaks about.
        """
        whole, thoughts = "".join(piece for _, piece in self._content), "".join(self._thoughts)
        thought, start = _thought(whole, unopened=not thoughts)
        thoughts += thought
        self.text, self.reasoning = storable(whole[start:]), storable(thoughts)
        end = 0
        for at, piece in self._content:
            end += len(piece)
            if piece[max(0, start - (end - len(piece))) :].strip():
                self.first_answer = at
                return


def _thought(whole: str, *, unopened: bool) -> tuple[str, int]:
    """The reasoning at the start of a content, and where the answer begins.

    :param unopened: whether it may lack its opening tag: where the chat template ends in ``<think>``, the model's own
        words begin after it, and only the closing tag comes.
    """
    closed = whole.find(_CLOSE)
    blank = len(whole) - len(whole.lstrip())
    if whole.startswith(_OPEN, blank):
        end = closed if closed >= 0 else len(whole)
        return whole[:blank] + whole[blank + len(_OPEN) : end], min(end + len(_CLOSE), len(whole))
    if unopened and closed >= 0 and whole.find(_OPEN, 0, closed) < 0:
        return whole[:closed], closed + len(_CLOSE)
    return "", 0


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def json_value(text: str | bytes) -> Any:
    """What a JSON text says, strictly; None for what isn't one."""
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def as_dict(value: Any) -> dict[str, Any]:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """A string, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def as_count(value: Any) -> int | None:
    """A number of tokens, which some servers send as ``100.0``; None for what can be none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LARGEST_COUNT:
        return None
    return int(value) if value == int(value) else None


def as_amount(value: Any) -> float | None:
    """An amount, of money or seconds say; None for what can be none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LARGEST_AMOUNT:
        return None
    return float(value)


def as_seconds(value: Any, per_second: float) -> float | None:
    """A duration in seconds, of one in another unit.

    :param per_second: how many of that unit a second has.
    """
    amount = as_amount(value)
    return None if amount is None else amount / per_second


def first(*values: int | None) -> int | None:
    """The first that is stated."""
    return next((value for value in values if value is not None), None)


def total(*counts: int | None) -> int | None:
    """The sum of what is stated; None where the first isn't."""
    return None if counts[0] is None else sum(count or 0 for count in counts)
