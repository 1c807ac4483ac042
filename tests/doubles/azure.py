"""Azure OpenAI's wire format, and what goes wrong with it: OpenAI's, with the verdicts of its content filter.

https://learn.microsoft.com/azure/ai-services/openai/how-to/content-filters,
https://learn.microsoft.com/azure/ai-services/openai/reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from doubles import faults
from doubles.faults import NOTHING, Fault, Mistake, answers, refuses
from doubles.openai import OpenAI
from doubles.provider import Asked, Response, Step, chunk

MODEL = "azure/some-deployment"
SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}


class Azure(OpenAI):
    """One answer as Azure sends it."""

    thinks = True
    request_id = "9f1b7a52-6f4e-4c5b-8d0f-0f2a51f7c3aa"

    def headers(self) -> dict[str, str]:
        own = {"apim-request-id": "f0e1", "x-request-id": self.request_id, "x-ms-region": "East US"}
        return {"content-type": "text/event-stream; charset=utf-8", **own}

    def chunk(self, delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> bytes:
        return chunk(delta, finish, id="chatcmpl-B1", system_fingerprint="fp_5f20662549", **{"model": "gpt-4o"} | more)

    # The first event has no choice, no model and no id, but the verdict on the prompt.
    def opening(self) -> list[Step]:
        verdict = [{"prompt_index": 0, "content_filter_results": SAFE}]
        first = chunk(None, id="", object="", created=0, model="", prompt_filter_results=verdict)
        return [first, self.chunk({"role": "assistant", "content": "", "refusal": None})]

    def usage(self, completion: int, reasoning: int = 0) -> bytes:
        counts = {"prompt_tokens": 100, "completion_tokens": completion, "total_tokens": 100 + completion}
        details = {
            "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 64},
            "completion_tokens_details": {"audio_tokens": 0, "reasoning_tokens": reasoning},
        }
        return self.chunk(None, usage=counts | details)

    def error(self, status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
        body = {"error": {"code": str(status), "message": self.echo(message)} | more}
        own = {"content-type": "application/json", "x-request-id": self.request_id}
        return Response([json.dumps(body).encode()], status, own | dict(headers or {}))

    def error_event(self, code: int, message: str) -> bytes:
        return self.chunk(None, error={"code": str(code), "message": self.echo(message)})


FORMAT = Azure


def good(asked: Asked) -> Response:
    """A whole answer."""
    return answers(Azure, lambda reply: reply.stream())(asked)


def _refused(status: int, failure_kind: str, message: str, **more: Any) -> Fault:
    expected = NOTHING | {"http_status": status, "failure_kind": failure_kind, "provider_request_id": Azure.request_id}
    return Fault(refuses(Azure, status, message, **more), expected)


FAULTS: dict[str, Fault] = {
    **faults.of_streams(Azure),
    **faults.openai_like(Azure),
    "400, content filter": _refused(
        400,
        "content_filtered",
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        code="content_filter",
        innererror={"code": "ResponsibleAIPolicyViolation", "content_filter_result": SAFE},
    ),
    "404, no such deployment": _refused(
        404, "model_unavailable", "The API deployment for this resource does not exist.", code="DeploymentNotFound"
    ),
    "429": _refused(
        429,
        "rate_limited",
        "Requests to the ChatCompletions_Create Operation have exceeded token rate limit of your current tier.",
        headers={"retry-after": "7", "retry-after-ms": "7000"},
    ),
}
MISTAKES: dict[str, Mistake] = {
    "401": Mistake(
        refuses(Azure, 401, "Access denied due to invalid subscription key or wrong API endpoint."), "CredentialsError"
    ),
    "400, operation": Mistake(
        refuses(
            Azure,
            400,
            "The chatCompletion operation does not work with the specified model.",
            code="OperationNotSupported",
        ),
        "RequestError",
    ),
}
