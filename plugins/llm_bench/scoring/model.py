"""The model that a study names to judge support: an embedding model, or a cross-encoder for entailment.

A cross-encoder reads a claim and the text that may support it together, and gives the probability that the text entails
the claim. It judges alone: figures, names and direction aren't compared beside it. docs/metrics.md says what it costs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from llm_bench.errors import LLMBenchError
from llm_bench.method import Method
from llm_bench.rag.embeddings import Embedder, pinned
from llm_bench.scoring import coverage as maths
from llm_bench.scoring.score import Judgement, by_words, rounded
from llm_bench.study import DEFAULT_EMBEDDING_MODEL

WINDOWS = 5
"""Windows that a claim is read with: as many passes of the model, however long the context."""
_LONGEST = 512
"""Tokens of a window and its claim together: three sentences seldom have more, and time rises with the square."""

ENTAILMENT = Method(
    "Support by entailment",
    "The support of a claim is the greatest probability with which the cross-encoder says that a part of the other "
    "side entails it. A part is a sentence with the one before and the one after it; those "
    f"{WINDOWS} are read whose middle sentences have the greatest cosine to the claim.",
)


class ScoringModelError(LLMBenchError):
    """The model that judges support can't be used."""


class Window(NamedTuple):
    """A sentence with its neighbours, and the number of its passage, from 1."""

    middle: str
    text: str
    passage: int


class CrossEncoder:
    """A loaded cross-encoder for entailment, on the CPU.

    :param model: ``repository@revision``.
    :raises LLMBenchError: when it is not pinned, can't be loaded, or says nothing of entailment.
    """

    def __init__(self, model: str, threads: int = 1) -> None:
        import sentence_transformers
        import torch

        torch.set_num_threads(threads)
        self.identity = model
        repository, revision = pinned(model, "scoring.model")
        try:
            self._model = sentence_transformers.CrossEncoder(repository, revision=revision, device="cpu")
        except Exception as fault:  # the hub, the network, the files and torch all have their own
            raise _unloadable(model, fault) from fault
        self._model.max_seq_length = min(self._model.max_seq_length or _LONGEST, _LONGEST)
        columns = {label.lower().removeprefix("label_"): at for at, label in self._model.config.id2label.items()}
        self._alone = len(columns) == 1
        supported = "1" if columns.keys() == {"0", "1"} else "entailment"  # of two without a name: no, yes
        if not self._alone and supported not in columns:
            raise ScoringModelError(
                f"The model {model} can't judge support: none of its labels ({', '.join(columns)}) is entailment.",
                "Set scoring.model to a cross-encoder for natural language inference; docs/metrics.md names some.",
            )
        self._column = columns.get(supported, 0)
        self._entailed = lru_cache(maxsize=10_000)(self.entailment)  # all answers to a question share its points

    def entailment(self, claim: str, texts: tuple[str, ...]) -> list[float]:
        """The probability that each text entails the claim, in [0, 1]: of its label, or by itself where it has one."""
        from torch.nn import Identity, Sigmoid

        values = self._model.predict(
            [(text, claim) for text in texts],
            activation_fn=Sigmoid() if self._alone else Identity(),
            apply_softmax=not self._alone,
            show_progress_bar=False,
        )
        return [float(value) for value in values.reshape(len(texts), -1)[:, self._column]]

    def judged(
        self, judgement: Judgement, passages: Iterable[Sequence[str]], vectors: Mapping[str, np.ndarray]
    ) -> Judgement:
        """The judgement with support, groundedness and coverage by entailment.

        Coverage without reference points stays as it is: each sentence of the context would be a claim.

        :param passages: the sentences of each.
        :param vectors: the embedding of each sentence, of point, answer and passages.
        """
        context = _windows(passages)
        answer = _windows([[part.text for part in judgement.sentences]])
        parts = []
        for part in judgement.sentences:
            support, best = self._best(part.text, context, vectors) if part.is_claim else (None, ())
            texts, places = tuple(window.text for window in best), tuple(window.passage for window in best)
            parts.append(replace(part, support=support, evidence=texts, passages=places))
        points = []
        for point in judgement.points:
            support, best = self._best(point.text, answer, vectors)
            held = self._best(point.text, context, vectors)[0] >= maths.HELD
            points.append(replace(point, held=held, support=support, evidence=tuple(window.text for window in best)))
        scores = judgement.scores.copy()
        scores["groundedness"] = by_words((part.support, part.text) for part in parts)
        if points:
            stated = [point.support for point in points]
            scores["coverage_score"] = rounded(maths.coverage([float(point.held) for point in points], stated))
        return Judgement(scores, tuple(parts), tuple(points))

    def _best(
        self, claim: str, windows: Sequence[Window], vectors: Mapping[str, np.ndarray]
    ) -> tuple[float, tuple[Window, ...]]:
        """The support of a claim, and the window that gives it, if there is any."""
        if not windows:
            return 0.0, ()
        cosines = np.array([vectors[window.middle] for window in windows]) @ vectors[claim]
        close = [windows[i] for i in np.argsort(-cosines, kind="stable")[:WINDOWS]]
        values = self._entailed(claim, tuple(window.text for window in close))
        return max(values), (close[int(np.argmax(values))],)


def _windows(passages: Iterable[Sequence[str]]) -> list[Window]:
    return [
        Window(middle, " ".join(passage[max(at - 1, 0) : at + 2]), number)
        for number, passage in enumerate(passages, 1)
        for at, middle in enumerate(passage)
    ]


def load(scoring: str | None, retrieval: str, threads: int = 1) -> tuple[Embedder, CrossEncoder | None]:
    """What scores: the embedding model and, where one is named, the cross-encoder.

    Which of the two a name stands for is read from the model's own config.json.

    :param scoring: a study's ``scoring.model``.
    :param retrieval: its ``retrieval.embedding_model``, which chooses what a cross-encoder reads.
    :raises LLMBenchError: when one can't be used.
    """
    if scoring and scoring != DEFAULT_EMBEDDING_MODEL and _classifies(scoring):
        return Embedder(retrieval, threads), CrossEncoder(scoring, threads)
    return Embedder(scoring or retrieval, threads), None


def _classifies(model: str) -> bool:
    from huggingface_hub import hf_hub_download  # noqa: PLC0415
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError  # noqa: PLC0415

    repository, revision = pinned(model, "scoring.model")
    try:
        config = json.loads(Path(hf_hub_download(repository, "config.json", revision=revision)).read_bytes())
    except Exception as fault:
        if isinstance(fault, EntryNotFoundError) and not isinstance(fault, LocalEntryNotFoundError):
            return False  # models that look up words one by one have none
        raise _unloadable(model, fault) from fault
    return any(name.endswith("ForSequenceClassification") for name in config.get("architectures") or ())


def _unloadable(model: str, fault: Exception) -> ScoringModelError:
    reason = str(fault).strip().split("\n")[0]
    return ScoringModelError(
        f"The model {model!r}, which is to judge support, can't be loaded ({type(fault).__name__}: {reason}).",
        "Check scoring.model's name and revision, and that the hub can be reached (HF_HUB_OFFLINE=0) or its cache on "
        "this machine holds the model; or leave scoring.model out, which needs no network.",
    )
