"""One request on the terminal: a timeline of what passed over the wire, and what is known of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.bar import Bar
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from llm_bench.analysis import format as text
from llm_bench.cli.console import console
from llm_bench.measure.advice import ADVICE
from llm_bench.records import Record, is_cut

_HEIGHTS = " ▁▂▃▄▅▆▇█"
_COUNTED = {"estimated": "tokens are estimated, as the provider counts none"}
_TIMED = {"client": "LiteLLM translates this format: tokens have the times of the pieces that it read"}


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a request, in seconds after it was handed to the wire; what comes before that is negative.

    :param events: the moments of its tokens.
    """

    name: str
    start: float
    end: float
    events: Sequence[float] = ()


def phases(record: Record) -> list[Phase]:
    """The phases of a request in their order, as far as it came. Pure.

    :return: connect and TLS only where the connection was opened for it; reasoning only where it came before an answer.
    """
    connect, tls = record["connect_sec"], record["tls_sec"] or 0.0
    listed = [Phase("connect", -connect, -tls)] if connect is not None else []
    listed += [Phase("TLS", -tls, 0.0)] if tls else []
    moments = (("headers", "headers_sec"), ("first byte", "first_byte_sec"), ("first token", "ttft_sec"))
    before = 0.0
    for name, field in moments:
        moment: float | None = record[field]  # type: ignore[literal-required]
        if moment is not None:
            listed.append(Phase(name, before, moment))
            before = moment
    listed += _of_tokens(record)
    if record["latency_sec"] is not None:
        last = listed[-1].end if listed else 0.0
        listed.append(Phase("end", last, max(last, record["latency_sec"])))  # events are kept to the microsecond
    return listed


def _of_tokens(record: Record) -> Iterator[Phase]:
    times, answer = record["event_times_sec"] or [], record["first_answer_sec"]
    if not times:
        return
    reasoning = [time for time in times if answer is None or time < answer - 1e-6]
    answered = times[len(reasoning) :]
    if reasoning:
        yield Phase("reasoning", reasoning[0], answered[0] if answered else reasoning[-1], reasoning)
    if answered:
        yield Phase("tokens", answered[0], answered[-1], answered)


@dataclass(frozen=True, slots=True)
class Density:
    """How many tokens came when, as a row of heights.

    :param times: of the tokens, seconds from the row's left end.
    :param length: of the row, in seconds.
    """

    times: Sequence[float]
    length: float

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the row as wide as there is room."""
        yield Segment(heights(self.times, self.length, options.max_width), Style(color="green"))


def heights(times: Sequence[float], length: float, width: int) -> str:
    """A text whose characters are as high as many times fall into each. Pure.

    :param times: from 0 to ``length``.
    :param width: in characters.
    """
    counts = [0] * width
    for time in times:
        counts[min(width - 1, int(time / length * width))] += 1
    highest = max(counts, default=0) or 1
    return "".join(_HEIGHTS[-(-count * (len(_HEIGHTS) - 1) // highest)] for count in counts)


def show(record: Record) -> None:
    """Print a request: its timeline, its answer with what is known of it, or why it failed and what to do."""
    status = f"HTTP {record['http_status']}" if record["http_status"] is not None else "no response"
    console().print(Text(f"{record['llm']}  {status}  {record['measured_at']}", "bold"))
    drawn = phases(record)
    if drawn:
        console().print(_timeline(drawn), soft_wrap=False)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, width=11)
    grid.add_column(overflow="fold")
    for name, words in _facts(record):
        grid.add_row(name, Text(words))
    console().print(grid, soft_wrap=False)
    if record["failure_kind"]:
        console().print(Text(f"✗ {record['failure_kind']}: {record['error'] or ''}", "red"))
        console().print(Text(f"→ {ADVICE[record['failure_kind']]}", "yellow"))
    console().print()


def _timeline(drawn: Sequence[Phase]) -> Table:
    """A row for each phase: how long it took, when it was over, and a bar."""
    start, end = drawn[0].start, max(phase.end for phase in drawn)
    length = max(end - start, 1e-6)
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(style="dim", no_wrap=True, width=11)
    table.add_column(justify="right", no_wrap=True, min_width=8)
    table.add_column(justify="right", no_wrap=True, min_width=8)
    table.add_column(ratio=1)
    table.add_row("", Text("took", "dim"), Text("at", "dim"), "")
    for phase in drawn:
        bar: Bar | Density
        if phase.events:
            bar = Density([moment - start for moment in phase.events], length)
        else:
            shown = max(phase.end, phase.start + length / 400)  # what took no time is a line all the same
            bar = Bar(length, phase.start - start, shown - start, color="cyan")
        table.add_row(phase.name, _ms(phase.end - phase.start), _ms(phase.end), bar)
    return table


def _ms(seconds: float) -> str:
    return text.value(round(seconds * 1000, 2), "ms")


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    """Name and words of what is known of an answer."""
    if record["answer"]:
        yield "answer", record["answer"]
    if record["token_source"]:
        yield "tokens", _tokens(record)
    if record["throughput_tps"] is not None:
        yield "speed", _speed(record)
    if record["token_source"]:
        known = record["cost_usd"] is not None
        yield "cost", text.value(record["cost_usd"], "USD") if known else "no price is known"
    if record["finish_reason"]:
        yield "finish", record["finish_reason"]
    served = [
        *filter(None, (record["response_model"], record["upstream_provider"])),
        *([f"request {record['provider_request_id']}"] if record["provider_request_id"] else []),
    ]
    if served:
        yield "served by", " · ".join(served)
    if record["network_rtt_sec"] is not None:
        yield "network", f"{_ms(record['network_rtt_sec'])} to the server and back"
    flags = _flags(record)
    if flags:
        yield "flags", "; ".join(flags)


def _tokens(record: Record) -> str:
    cached, reasoning = record["cached_tokens"], record["reasoning_tokens"]
    prompt = f"prompt {text.count(record['prompt_tokens'])}" + (f" ({cached:,} cached)" if cached is not None else "")
    response = f"response {text.count(record['response_tokens'])}"
    return f"{prompt} · {response}" + (f" ({reasoning:,} reasoning)" if reasoning is not None else "")


def _speed(record: Record) -> str:
    gaps = (("mean gap", "itl_mean_sec"), ("p99", "itl_p99_sec"), ("longest", "itl_max_sec"))
    parts = [f"{text.value(record['throughput_tps'], 'tokens/s')} in all"]
    if record["decode_tps"] is not None:
        parts.append(f"{text.value(record['decode_tps'], 'tokens/s')} after the first")
    for name, field in gaps:
        value: float | None = record[field]  # type: ignore[literal-required]
        if value is not None:
            parts.append(f"{name} {_ms(value)}")
    return " · ".join(parts)


def _flags(record: Record) -> list[str]:
    """What limits the trust in the numbers."""
    flags = (
        f"suspect: {record['suspect']}" if record["suspect"] else None,
        _COUNTED.get(record["token_source"] or ""),
        _TIMED.get(record["timing_source"] or ""),
        "cut at max_tokens" if record["success"] and is_cut(record) else None,
    )
    return [words for words in flags if words]
