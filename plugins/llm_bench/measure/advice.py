"""What a person can do about a request that failed. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from llm_bench.records import FailureKind

ADVICE: Mapping[FailureKind, str] = {
    "rate_limited": "Wait as long as the provider says, or use a key whose limits are higher.",
    "timeout_connect": "Check the address and port of the connection, the network, and whether a firewall lets this "
    "machine through; or raise connect_sec of the study's deadlines.",
    "timeout_first_token": "Ask again: the model may be loading, or its queue long. Where it stays so, raise "
    "first_token_sec of the study's deadlines.",
    "timeout_total": "Lower max_tokens, or raise total_sec of the study's deadlines.",
    "connection": "Check the address of the connection (scheme, host and port), that the server runs, and its "
    "certificate.",
    "server_error": "Ask again later, and look at the provider's status page or the server's log.",
    "bad_response": "Check that the address is the provider's API base, as in https://host/v1, and that nothing "
    "between, as a sign-in page or a proxy, answers in its place.",
    "stream_error": "Ask again later: the provider accepted the request and then failed.",
    "truncated_stream": "Ask again: the stream broke off. Where it stays so, a proxy between may cut it, or the server "
    "leaves out the end that its format documents.",
    "empty_answer": "Raise max_tokens: a reasoning model may have spent all on reasoning.",
    "content_filtered": "Ask something else: the provider's filter refused this question or its answer.",
    "model_unavailable": "Check the model's name: llm-bench check names the nearest that the provider serves.",
    "context_too_long": "Ask a shorter question, or lower top_k or max_context_tokens of the study's retrieval.",
    "refused": "Read the provider's words: a setting, a firewall or this very question is to blame.",
    "held": "Look at what the error names: the request was ended as something held it beyond all deadlines, a library "
    "of this machine's or a connection that drips.",
}
"""By failure kind: what to try."""
