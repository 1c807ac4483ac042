from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from llm_bench.rag.embeddings import Embedder
from llm_bench.study import DEFAULT_EMBEDDING_MODEL

SHIPPED = Path(__file__).resolve().parents[2] / "include"

QUESTIONS = {
    "industry": "bakery",
    "questions": [
        {
            "id": "bakery-01",
            "text": "How many loaves were baked in 2025?",
            "points": [{"text": "In 2025 the bakery baked 1.2 million loaves.", "document": "output"}],
        },
        {"id": "bakery-02", "text": "What does flour cost?"},
    ],
}
DOCUMENTS = {
    "output.md": "# Output 2025\n\nIn 2025 the bakery baked 1.2 million loaves.\n\nMost of them were rye.\n",
    "prices.md": "# Prices\n\nFlour costs € 0.62 a kilogram.\n",
}

WriteProject = Callable[..., Path]


@pytest.fixture
def write_project(tmp_path: Path) -> WriteProject:
    """Writes an `include/` folder with one industry, `bakery`, and returns it."""

    def write(questions: object = QUESTIONS, documents: dict[str, str | bytes] = DOCUMENTS) -> Path:  # type: ignore[assignment]
        include = tmp_path / "include"
        (include / "questions").mkdir(parents=True, exist_ok=True)
        (include / "questions" / "bakery.yaml").write_text(yaml.safe_dump(questions), encoding="utf-8")
        (include / "knowledge" / "bakery").mkdir(parents=True, exist_ok=True)
        for name, text in documents.items():
            file = include / "knowledge" / "bakery" / name
            file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return include

    return write


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The real default model."""
    return Embedder(DEFAULT_EMBEDDING_MODEL)


class HashEmbedder:
    """An embedder without a model: a text's vector is drawn from its hash; equal texts agree, others hardly do."""

    identity = "hash@1"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        self.calls.append(list(texts))
        rows = []
        for text in texts:
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
            vector = np.abs(np.random.default_rng(seed).normal(size=64))
            rows.append(vector / np.linalg.norm(vector))
        return np.array(rows, np.float32).reshape(len(texts), 64)


@pytest.fixture
def hash_embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture(scope="session")
def shipped() -> Path:
    """The `include/` folder of this repository."""
    return SHIPPED


@pytest.fixture
def run_python() -> Callable[[str], set[str]]:
    """Runs code in a fresh interpreter and tells which modules it loaded."""

    def run(code: str) -> set[str]:
        end = "\nimport sys; print('\\n' + ' '.join(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code + end], check=True, capture_output=True, text=True)
        return set(done.stdout.rsplit("\n", 2)[-2].split())

    return run
