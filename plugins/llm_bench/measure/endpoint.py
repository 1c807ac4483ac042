"""The baselines as a real HTTP endpoint that speaks OpenAI's streamed chat completions."""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from llm_bench.measure.baselines import BASELINES
from llm_bench.rag.documents import sentences
from llm_bench.rag.prompt import parse_messages
from llm_bench.templates import BUILT_IN, load_templates

_PIECE = re.compile(r"\s*\S+")


def tokens(text: str) -> list[str]:
    """Text in the pieces that are streamed and counted as tokens: words, each with the white space before it."""
    return _PIECE.findall(text)


def application(*, first_token_sec: float = 0.0, token_sec: float = 0.0, include: Path | None = None) -> Starlette:
    """The endpoint.

    :param include: folder whose ``prompts/`` holds the templates that it may be asked with, beside the built-in one.
    :param first_token_sec: delay before the first token, for benchmarks; the baselines themselves need none.
    :param token_sec: delay before each further token, likewise.
    """

    async def models(_request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": name, "object": "model"} for name in BASELINES]})

    async def complete(request: Request) -> Response:
        asked = await request.json()
        baseline = BASELINES.get(asked.get("model", ""))
        if baseline is None:
            return _error(404, "model_not_found", f"there is no baseline {asked.get('model')!r}")
        templates = load_templates(include) if include is not None else [BUILT_IN]
        try:
            question, passages = parse_messages(asked["messages"], templates)
        except (KeyError, ValueError) as fault:
            return _error(400, "invalid_request_error", str(fault))
        context = [sentence for passage in passages for sentence in sentences(passage)]
        pieces = tokens(" ".join(baseline(question, context)))
        limit = int(asked.get("max_tokens") or len(pieces))
        cut = pieces[:limit]
        usage = {
            "prompt_tokens": sum(len(tokens(message["content"])) for message in asked["messages"]),
            "completion_tokens": len(cut),
        }
        return StreamingResponse(
            _stream(asked["model"], cut, "length" if len(cut) < len(pieces) else "stop", usage),
            media_type="text/event-stream",
        )

    async def _stream(model: str, pieces: list[str], reason: str, usage: dict[str, int]) -> AsyncIterator[str]:
        head = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }

        def event(delta: dict[str, Any], finish: str | None = None) -> str:
            choice = {"index": 0, "delta": delta, "finish_reason": finish}
            return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"

        yield event({"role": "assistant", "content": ""})
        for number, piece in enumerate(pieces):
            delay = token_sec if number else first_token_sec
            if delay:
                await asyncio.sleep(delay)
            yield event({"content": piece})
        yield event({}, reason)
        total = {**usage, "total_tokens": sum(usage.values())}
        yield f"data: {json.dumps({**head, 'choices': [], 'usage': total})}\n\n"
        yield "data: [DONE]\n\n"

    return Starlette(routes=[Route("/v1/models", models), Route("/v1/chat/completions", complete, methods=["POST"])])


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": code, "code": code}}, status_code=status)
