"""The record: one row per question asked. Schema, storage, gate, exports and the page of a record derive from it.

In flight a record is a plain dict of JSON values (timestamps as ISO 8601 UTC text), so that it crosses tasks as it is.
"""

# No `from __future__ import annotations`: the annotations are read at import, and texts would be compiled for that.
import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, cast, get_args

from llm_bench.fields import (
    About,
    Dollars,
    Field,
    HttpStatus,
    Load,
    Offsets,
    Ordinal,
    Ordinals,
    Passages,
    Seconds,
    Share,
    Timestamp,
    Tokens,
    TokensPerSecond,
    fields_of,
)
from llm_bench.method import Method

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 2
"""2 added the fields that say ``since=2``. No other changed, so that records of 1 are read as they are."""

FailureKind = Literal[
    "rate_limited",
    "timeout_connect",
    "timeout_first_token",
    "timeout_total",
    "connection",
    "server_error",
    "bad_response",
    "stream_error",
    "truncated_stream",
    "empty_answer",
    "content_filtered",
    "model_unavailable",
    "context_too_long",
    "refused",
    "held",
]
RunType = Literal["scheduled", "backfill", "manual"]
TokenSource = Literal["provider", "estimated"]
TimingSource = Literal["wire", "client"]
CacheProbe = Literal["cold", "warm"]
FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)
RUN_TYPES: tuple[RunType, ...] = get_args(RunType)
WARM: CacheProbe = "warm"
UNNAMED = "unnamed"
"""What stands for the client, or the upstream, of a record that names none."""
CUT_REASONS = ("length", "max_tokens")
"""Finish reasons of an answer that reached its limit of tokens, in small letters: some providers use large ones."""
CUT = Method(
    "Cut answers",
    "An answer is cut where its finish reason says that it reached its limit of tokens. "
    "The share of cut answers is of those that have a finish reason.",
)
CACHED = Method(
    "Cached tokens",
    "The share of cached tokens is of the prompts' tokens that the provider says it read from its cache, over all "
    "records that say so.",
)


class SeedRecord(TypedDict):
    """The eleven fields that the study began with: they keep their names, order and meaning, and come first."""

    timestamp: Annotated[Timestamp, About("identity", "When the question was asked (the same moment as measured_at).")]
    industry: Annotated[str, About("identity", "Question set the question is from.")]
    question: Annotated[str, About("exchange", "The question, as asked.")]
    llm_provider: Annotated[
        str,
        About("identity", "Provider, the first part of the LiteLLM model string; baseline for a built-in baseline."),
    ]
    llm_model: Annotated[str, About("identity", "Model, the rest of the LiteLLM model string.")]
    latency_sec: Annotated[
        Seconds | None,
        About("clock", "Request handed to the wire → last byte of the answer's stream; null when it failed."),
    ]
    throughput_tps: Annotated[
        TokensPerSecond | None, About("clock", "response_tokens / latency_sec; null when it failed.")
    ]
    success: Annotated[
        bool, About("outcome", "The stream ended as its wire format documents, with an answer that isn't blank.")
    ]
    coverage_score: Annotated[
        Share | None,
        About(
            "quality",
            "How much of the question's reference points that its context holds the answer states (of the context's "
            "sentences, where the question has no points); null without any, and without an answer.",
        ),
    ]
    prompt_tokens: Annotated[
        Tokens | None, About("tokens", "Tokens of the prompt; null when neither stated nor countable.")
    ]
    response_tokens: Annotated[
        Tokens | None,
        About("tokens", "Tokens generated, reasoning included; null when there are none to count."),
    ]


class Record(SeedRecord):
    """One question, asked once of one LLM. Every field is present, null (``None``) where it has no meaning.

    A further field is one more line here; new ones come last in their group.
    """

    record_id: Annotated[
        str, About("identity", "Deterministic: study, slot, LLM, question; whether asked warm; client.")
    ]
    study: Annotated[str, About("identity", "Name of the study.")]
    slot: Annotated[Timestamp, About("identity", "When the batch was due.")]
    run_id: Annotated[str, About("identity", "Airflow's run id.")]
    run_type: Annotated[RunType, About("identity", "What started the run.")]
    measured_at: Annotated[Timestamp, About("identity", "When the question was really asked.")]
    late_sec: Annotated[Seconds, About("identity", "measured_at − slot.")]
    attempt: Annotated[Ordinal, About("identity", "Airflow's attempt at the task.")]
    question_id: Annotated[str, About("identity", "Id of the question in its set.")]
    llm: Annotated[
        str | None,
        About("identity", "Name of the study's LLM: the model string where it has no other.", since=2),
    ]
    position: Annotated[
        Ordinal | None,
        About("identity", "Place of the question in its cell's order, from 1; null outside a batch.", since=2),
    ]
    cache_probe: Annotated[
        CacheProbe | None,
        About(
            "identity",
            "cold: asked behind a line that no earlier prompt had; warm: the same prompt once more, right after; null: "
            "asked as it is, so that a provider's cache may know it.",
            since=2,
        ),
    ]
    client: Annotated[
        str | None,
        About("identity", "Name of the place that it was asked from (LLM_BENCH_CLIENT); null without one.", since=2),
    ]

    connect_sec: Annotated[
        Seconds | None,
        About("clock", "Opening the connection, TLS included; null when an open one was used again."),
    ]
    tls_sec: Annotated[Seconds | None, About("clock", "Of connect_sec, the TLS handshake; null without one.")]
    headers_sec: Annotated[Seconds | None, About("clock", "Request handed to the wire → the response's headers.")]
    first_byte_sec: Annotated[
        Seconds | None, About("clock", "Request handed to the wire → first byte of the response's body.")
    ]
    ttft_sec: Annotated[
        Seconds | None,
        About("clock", "Request handed to the wire → first event with a generated token, reasoning included."),
    ]
    first_answer_sec: Annotated[
        Seconds | None, About("clock", "Request handed to the wire → first event with answer text.")
    ]
    itl_mean_sec: Annotated[Seconds | None, About("clock", "Mean gap between token-bearing events; null under two.")]
    itl_p99_sec: Annotated[Seconds | None, About("clock", "99th percentile of the gaps (nearest rank).")]
    itl_max_sec: Annotated[Seconds | None, About("clock", "Largest gap.")]
    event_times_sec: Annotated[
        Offsets | None,
        About(
            "exchange",
            "Request handed to the wire → each event with a generated token, reasoning included: all other times of "
            "tokens can be computed from it.",
        ),
    ]
    decode_tps: Annotated[
        TokensPerSecond | None,
        About("clock", "(response_tokens − 1) / (last token − first token); null under two tokens."),
    ]
    wait_sec: Annotated[Seconds, About("clock", "Waited before asking, to respect the rate limit; outside the clock.")]
    network_rtt_sec: Annotated[
        Seconds | None,
        About(
            "clock",
            "Round trip to the server: the shortest that the kernel saw on this connection in the five minutes before "
            "the request; null where it doesn't tell.",
            since=2,
        ),
    ]
    provider_queue_sec: Annotated[
        Seconds | None,
        About("clock", "The provider's own: waited before the prompt was read; null when it doesn't say.", since=2),
    ]
    provider_prompt_sec: Annotated[
        Seconds | None,
        About("clock", "The provider's own: reading the prompt; null when it doesn't say.", since=2),
    ]
    provider_completion_sec: Annotated[
        Seconds | None,
        About("clock", "The provider's own: writing the answer; null when it doesn't say.", since=2),
    ]
    timing_source: Annotated[
        TimingSource | None,
        About(
            "clock",
            "What the times of tokens rest on: the wire's own bytes, or, where no reader knows their format, LiteLLM's "
            "translation; null when nothing was sent.",
            since=2,
        ),
    ]
    dns_sec: Annotated[
        Seconds | None,
        About(
            "clock", "Of connect_sec, finding the address of the server's name; null when none was looked up.", since=2
        ),
    ]

    reasoning_tokens: Annotated[
        Tokens | None,
        About("tokens", "Of response_tokens, those spent on reasoning; null when the provider doesn't say."),
    ]
    cached_tokens: Annotated[
        Tokens | None,
        About("tokens", "Of prompt_tokens, those read from the provider's cache; null when it doesn't say."),
    ]
    token_source: Annotated[TokenSource | None, About("tokens", "Who counted: the provider, or estimated here.")]
    cache_write_tokens: Annotated[
        Tokens | None,
        About("tokens", "Of prompt_tokens, those written to the provider's cache; null when it doesn't say.", since=2),
    ]

    failure_kind: Annotated[FailureKind | None, About("outcome", "Why it failed; null for a success.")]
    http_status: Annotated[HttpStatus | None, About("outcome", "HTTP status; null when no response came.")]
    finish_reason: Annotated[str | None, About("outcome", "Why the LLM stopped, in its provider's words.")]
    error: Annotated[
        str | None, About("exchange", "The fault in the provider's or the network's words, secrets removed.")
    ]
    unique_line: Annotated[
        str | None,
        About("exchange", "The line before the prompt that no earlier prompt had; null without one.", since=2),
    ]
    answer: Annotated[
        str | None,
        About("exchange", "Answer text, reasoning left out; what came before the fault when it failed."),
    ]
    response_model: Annotated[str | None, About("outcome", "Model that the provider says answered.")]
    provider_request_id: Annotated[str | None, About("outcome", "The provider's id of the request.")]
    cost_usd: Annotated[Dollars | None, About("outcome", "Cost; null when no price is known.")]
    price_source: Annotated[
        str | None,
        About(
            "outcome",
            "Where cost_usd is from: provider, the study's price, or the price list of LiteLLM and its version; null "
            "without a cost.",
            since=2,
        ),
    ]
    upstream_provider: Annotated[
        str | None,
        About("outcome", "Who answered behind a gateway (OpenRouter), as it says; null when it doesn't.", since=2),
    ]
    system_fingerprint: Annotated[
        str | None,
        About("outcome", "The provider's name of the configuration that answered; null when it doesn't say.", since=2),
    ]
    service_tier: Annotated[
        str | None, About("outcome", "Tier of service that the provider says was used; null when it doesn't.", since=2)
    ]
    note: Annotated[
        str | None,
        About(
            "outcome",
            "How a success differs from what its wire format documents; null when it doesn't, and for a failure.",
            since=2,
        ),
    ]

    groundedness: Annotated[
        Share | None,
        About("quality", "How much of what the answer claims the context supports, by words; null without a claim."),
    ]
    answerable: Annotated[bool, About("quality", "Whether the documents hold the answer, as the question set says.")]
    declined: Annotated[
        bool | None,
        About(
            "quality",
            "A sentence of the answer says that the context lacks what was asked, or a part; null without an answer.",
        ),
    ]
    score_note: Annotated[
        str | None,
        About(
            "quality",
            "Why an answer has no scores; null where it has, and where there is no answer.",
            since=2,
        ),
    ]
    context_hash: Annotated[str, About("quality", "SHA-256 of the context, as given to the LLM.")]
    prompt_hash: Annotated[str, About("quality", "SHA-256 of the whole prompt but for unique_line.")]
    context_passages: Annotated[
        Passages | None,
        About("quality", "Passages of the context, as given to the LLM; null for a prompt of one's own.", since=2),
    ]
    context_utilization: Annotated[
        Share | None,
        About("quality", "How much of its context the answer uses, by words; null without an answer.", since=2),
    ]
    citations: Annotated[
        Ordinals | None,
        About(
            "quality",
            "Numbers of the passages that the answer cites, some of which may not be there; null without an answer.",
            since=2,
        ),
    ]
    citation_support: Annotated[
        Share | None,
        About(
            "quality",
            "How much of what the answer claims with a citation the passages cited there support, by words; null "
            "without one.",
            since=2,
        ),
    ]

    client_load: Annotated[
        Load | None, About("client", "Load of this machine when asked: 1-minute load average / cores.")
    ]
    client_delay_sec: Annotated[
        Seconds | None,
        About("client", "Longest wait for a core in one read: how late a time can be; null where not known."),
    ]
    suspect: Annotated[
        str | None,
        About("client", "Why the client was too slow or loaded for the times to be trusted; null when they can be."),
    ]
    warnings: Annotated[
        str | None,
        About(
            "client",
            "What the quality gate found implausible in this record, though nothing forbids it; null for nothing.",
        ),
    ]

    llm_bench_version: Annotated[str, About("provenance", "Version of this package.")]
    litellm_version: Annotated[str, About("provenance", "Version of LiteLLM.")]
    embedding_model: Annotated[
        str,
        About("provenance", "Embedding model that scored; it retrieved, too, unless the study has a scoring.model."),
    ]
    scoring_model: Annotated[
        str | None,
        About("provenance", "Cross-encoder that judged support; null where the embedding model did.", since=2),
    ]
    schema_version: Annotated[Ordinal, About("provenance", "Version of this schema.")]
    settings_hash: Annotated[
        str | None,
        About(
            "provenance",
            "SHA-256 of what the LLM was asked with: model, parameters, deadlines, address; no key is in it.",
            since=2,
        ),
    ]
    scoring_version: Annotated[
        Ordinal | None,
        About("provenance", "Version of the scoring; null for an answer that wasn't scored.", since=2),
    ]


RawRecord = Mapping[str, Any]
"""A record that nothing has judged yet: it may lack fields, have others, and hold anything."""


FIELDS = fields_of(Record)
FIELD_NAMES = tuple(field.name for field in FIELDS)
SEED_FIELDS = FIELDS[: len(SeedRecord.__annotations__)]
SEED_NAMES = tuple(field.name for field in SEED_FIELDS)


def complete(values: Mapping[str, Any]) -> Record:
    """The record that has these values, and null in every other field."""
    return cast(Record, dict.fromkeys(FIELD_NAMES) | dict(values))


def of_today(record: RawRecord) -> RawRecord:
    """A record of an earlier schema with the fields of today; whatever else it lacks stays missing.

    Those that were added since are null, but for ``llm``, which follows from the model.
    """
    schema = record.get("schema_version")
    if not isinstance(schema, int) or schema >= SCHEMA_VERSION:
        return record
    added = {field.name: None for field in FIELDS if field.since > schema}
    return {**added, **record, "llm": llm_of(record)}


LLM_SQL = "coalesce(llm, llm_provider || '/' || llm_model)"
"""The same as ``llm_of``, of a table's columns."""


def llm_of(record: RawRecord) -> str:
    """The name of the LLM that was asked: in a record of schema 1, which has none, its model string."""
    return str(record.get("llm") or f"{record.get('llm_provider')}/{record.get('llm_model')}")


CUT_SQL = f"lower(finish_reason) IN {CUT_REASONS}"
"""The same as ``is_cut``, of a table's columns; null where there is no finish reason."""


UPSTREAM_SQL = f"coalesce(upstream_provider, '{UNNAMED}')"
CLIENT_SQL = f"coalesce(client, '{UNNAMED}')"
"""Who answered behind a gateway, and where was asked from, of a table's columns."""

WARM_SQL = f"coalesce(cache_probe = '{WARM}', false)"
"""The same as ``is_warm``, of a table's columns."""


def is_warm(record: RawRecord) -> bool:
    """Whether its question was asked once more, right after it was asked cold."""
    return bool(record.get("cache_probe") == WARM)


def is_cut(record: RawRecord) -> bool:
    """Whether the answer reached its limit of tokens, be there any text of it or not."""
    return str(record.get("finish_reason") or "").lower() in CUT_REASONS


def record_id(
    study: str, slot: str, llm: str, question_id: str, *, cache_probe: str | None = None, client: str | None = None
) -> str:
    """A record's identity: the same question to the same LLM in the same slot of the same study.

    Asked cold it has the identity that it has as it is, so that there is one of the two in a slot.

    :param slot: ISO 8601 UTC text, as ``utc_text`` gives it.
    :param llm: its name in the study.
    :param client: where it was asked from.
    :return: 32 hexadecimal digits.
    """
    names = [study, slot, llm, question_id]
    if cache_probe == WARM:
        names.append(WARM)
    if client is not None:
        names.append(f"client {client}")
    return hashlib.sha256("\n".join(map(str, names)).encode()).hexdigest()[:32]


def utc_text(moment: datetime) -> str:
    """An aware datetime as the record has it: ISO 8601 in UTC, microseconds always, ``Z`` last."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def arrow_schema(fields: Iterable[Field] = FIELDS) -> "pa.Schema":
    """The schema as stored: names, types, units and descriptions."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "float": pa.float64(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "offsets": pa.list_(pa.float64()),
        "ordinals": pa.list_(pa.int64()),
    }
    return pa.schema(
        [
            pa.field(
                f.name, types[f.type], nullable=f.nullable, metadata={"unit": f.unit, "description": f.description}
            )
            for f in fields
        ],
        metadata={"schema_version": str(SCHEMA_VERSION)},
    )


def parse_times(record: RawRecord) -> dict[str, Any]:
    """The record with its timestamps as datetimes, as pyarrow wants them."""
    times = {field.name for field in FIELDS if field.type == "timestamp"}
    return {
        name: datetime.fromisoformat(value) if name in times and isinstance(value, str) else value
        for name, value in record.items()
    }


def records_of(table: "pa.Table") -> list[Record]:
    """The records of a table, its timestamps as text again. A field that an older table lacks is missing."""
    return [
        cast(Record, {name: utc_text(value) if isinstance(value, datetime) else value for name, value in row.items()})
        for row in table.to_pylist()
    ]
