"""The record: one row per question asked. The one schema, from which storage, validation and documents derive.

In flight a record is a plain dict of JSON values (timestamps as ISO 8601 UTC text), so that it crosses tasks as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1

Record = dict[str, Any]
"""Field name → JSON value; every field of ``FIELDS`` is present, null where it has no meaning."""

FAILURE_KINDS = (
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
)
RUN_TYPES = ("scheduled", "backfill", "manual")
TOKEN_SOURCES = ("provider", "estimated")


FieldType = Literal["string", "float", "integer", "boolean", "timestamp", "offsets"]


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the record.

    :param type: ``timestamp`` is UTC with microseconds; ``offsets`` are seconds from one start, in rising order.
    :param nullable: whether null has a meaning here (see the description).
    :param minimum: smallest value allowed, inclusive.
    :param maximum: largest value allowed, inclusive.
    :param allowed: the only values allowed, null apart.
    """

    name: str
    type: FieldType
    description: str
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()


def _seconds(name: str, description: str, *, nullable: bool = True) -> Field:
    return Field(name, "float", description, unit="s", nullable=nullable, minimum=0)


def _rate(name: str, description: str) -> Field:
    return Field(name, "float", description, unit="tokens/s", nullable=True, minimum=0)


def _count(name: str, description: str, *, nullable: bool = True, minimum: int = 0, unit: str = "tokens") -> Field:
    return Field(name, "integer", description, unit=unit, nullable=nullable, minimum=minimum)


def _share(name: str, description: str) -> Field:
    return Field(name, "float", description, nullable=True, minimum=0, maximum=1)


def _text(name: str, description: str, *, nullable: bool = False, allowed: tuple[str, ...] = ()) -> Field:
    return Field(name, "string", description, nullable=nullable, allowed=allowed)


SEED_FIELDS = (
    Field("timestamp", "timestamp", "When the question was asked (the same moment as measured_at)."),
    _text("industry", "Question set the question is from."),
    _text("question", "The question, as asked."),
    _text("llm_provider", "Provider, the first part of the LiteLLM model string; baseline for a built-in baseline."),
    _text("llm_model", "Model, the rest of the LiteLLM model string."),
    _seconds("latency_sec", "Request handed to the wire → last byte of the answer's stream; null when it failed."),
    _rate("throughput_tps", "response_tokens / latency_sec; null when it failed."),
    Field("success", "boolean", "The stream ended as the protocol says, with an answer that isn't empty."),
    _share("coverage_score", "How much of what the context says about the question the answer uses; null without one."),
    _count("prompt_tokens", "Tokens of the prompt; null when neither stated nor countable."),
    _count("response_tokens", "Tokens generated, reasoning included; null when there are none to count."),
)

FIELDS = (
    *SEED_FIELDS,
    # identity
    _text("record_id", "Deterministic: study, slot, LLM and question."),
    _text("study", "Name of the study."),
    Field("slot", "timestamp", "When the batch was due."),
    _text("run_id", "Airflow's run id."),
    _text("run_type", "What started the run.", allowed=RUN_TYPES),
    Field("measured_at", "timestamp", "When the question was really asked."),
    _seconds("late_sec", "measured_at − slot.", nullable=False),
    _count("attempt", "Airflow's attempt at the task.", nullable=False, minimum=1, unit=""),
    _text("question_id", "Id of the question in its set."),
    # clock
    _seconds("connect_sec", "Opening the connection, TLS included; null when an open one was used again."),
    _seconds("tls_sec", "Of connect_sec, the TLS handshake; null without one."),
    _seconds("headers_sec", "Request handed to the wire → the response's headers."),
    _seconds("first_byte_sec", "Request handed to the wire → first byte of the response's body."),
    _seconds("ttft_sec", "Request handed to the wire → first event with a generated token, reasoning included."),
    _seconds("first_answer_sec", "Request handed to the wire → first event with answer text."),
    _seconds("itl_mean_sec", "Mean gap between token-bearing events; null under two."),
    _seconds("itl_p99_sec", "99th percentile of the gaps (nearest rank)."),
    _seconds("itl_max_sec", "Largest gap."),
    Field(
        "event_times_sec",
        "offsets",
        "Request handed to the wire → each event with a generated token, reasoning included: all other times of tokens "
        "can be computed from it.",
        unit="s",
        nullable=True,
    ),
    _rate("decode_tps", "(response_tokens − 1) / (last token − first token); null under two tokens."),
    _seconds("wait_sec", "Waited before asking, to respect the rate limit; outside the clock.", nullable=False),
    # tokens
    _count("reasoning_tokens", "Of response_tokens, those spent on reasoning; null when the provider doesn't say."),
    _count("cached_tokens", "Of prompt_tokens, those read from the provider's cache; null when it doesn't say."),
    _text("token_source", "Who counted: the provider, or estimated here.", nullable=True, allowed=TOKEN_SOURCES),
    # outcome
    _text("failure_kind", "Why it failed; null for a success.", nullable=True, allowed=FAILURE_KINDS),
    Field(
        "http_status", "integer", "HTTP status; null when no response came.", nullable=True, minimum=100, maximum=599
    ),
    _text("finish_reason", "Why the LLM stopped, in its provider's words.", nullable=True),
    _text("error", "The fault in the provider's or the network's words, secrets removed.", nullable=True),
    # answer
    _text("answer", "Answer text, reasoning left out; what came before the fault when it failed.", nullable=True),
    _text("response_model", "Model that the provider says answered.", nullable=True),
    _text("provider_request_id", "The provider's id of the request.", nullable=True),
    Field("cost_usd", "float", "Cost; null when no price is known.", unit="USD", nullable=True, minimum=0),
    # quality
    _share("groundedness", "How much of the answer the context supports; null without a claim."),
    Field("answerable", "boolean", "Whether the documents hold the answer, as the question set says."),
    Field(
        "declined",
        "boolean",
        "The answer says that the context lacks what was asked, or a part of it; null without an answer.",
        nullable=True,
    ),
    _text("context_hash", "SHA-256 of the context, as given to the LLM."),
    _text("prompt_hash", "SHA-256 of the whole prompt."),
    # client
    Field(
        "client_load",
        "float",
        "Load of this machine when asked: 1-minute load average / cores.",
        nullable=True,
        minimum=0,
    ),
    _seconds("client_delay_sec", "Longest wait for a core in one read: how late a time can be; null where not known."),
    _text(
        "suspect",
        "Why the client was too slow or loaded for the times to be trusted; null when they can be.",
        nullable=True,
    ),
    _text(
        "warnings",
        "What the quality gate found implausible in this record, though nothing forbids it; null for nothing.",
        nullable=True,
    ),
    # provenance
    _text("llm_bench_version", "Version of this package."),
    _text("litellm_version", "Version of LiteLLM."),
    _text("embedding_model", "Model that retrieved and scored."),
    _count("schema_version", "Version of this schema.", nullable=False, minimum=1, unit=""),
)

FIELD_NAMES = tuple(field.name for field in FIELDS)
SEED_NAMES = tuple(field.name for field in SEED_FIELDS)


def record_id(study: str, slot: str, model: str, question_id: str) -> str:
    """A record's identity: the same question to the same LLM in the same slot of the same study.

    :param slot: ISO 8601 UTC text, as ``utc_text`` gives it.
    :return: 32 hexadecimal digits.
    """
    return hashlib.sha256(f"{study}\n{slot}\n{model}\n{question_id}".encode()).hexdigest()[:32]


def utc_text(moment: datetime) -> str:
    """An aware datetime as the record has it: ISO 8601 in UTC, microseconds always, ``Z`` last."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def arrow_schema(fields: Iterable[Field] = FIELDS) -> pa.Schema:
    """The schema as stored: names, types, units and descriptions."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "float": pa.float64(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "offsets": pa.list_(pa.float64()),
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


def parse_times(record: Mapping[str, Any]) -> Record:
    """The record with its timestamps as datetimes, as pyarrow wants them."""
    times = {field.name for field in FIELDS if field.type == "timestamp"}
    return {
        name: datetime.fromisoformat(value) if name in times and isinstance(value, str) else value
        for name, value in record.items()
    }
