"""Embeddings of texts that come again with each batch, kept in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from llm_bench.files import locked, replacing
from llm_bench.rag.prompt import canonical_hash

if TYPE_CHECKING:
    from llm_bench.rag.embeddings import Embedder


def encode_once(embedder: Embedder, texts: Sequence[str], folder: Path) -> np.ndarray:
    """Embeddings of n texts, as ``Embedder.encode`` has them; those of the same texts and model are read again.

    :param folder: one file for each list of texts; a damaged one is made anew, and none where the disk is full.
    """
    file = folder / f"{canonical_hash([embedder.identity, *texts])}.npz"
    kept = _read(file, len(texts))
    if kept is not None:
        return kept
    with suppress(OSError), locked(folder):  # of batches that begin together, one encodes them
        kept = _read(file, len(texts))
        if kept is None:
            kept = embedder.encode(texts)
            with suppress(OSError), replacing(file) as partial, partial.open("wb") as stream:
                np.savez(stream, vectors=kept)
        return kept
    return embedder.encode(texts)


def _read(file: Path, rows: int) -> np.ndarray | None:
    try:
        with np.load(file, allow_pickle=False) as archive:  # a zip, whose checksum is compared
            vectors: np.ndarray = archive["vectors"]
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile):
        return None
    return vectors if vectors.dtype == np.float32 and vectors.ndim == 2 and len(vectors) == rows else None
