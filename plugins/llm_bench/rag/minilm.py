"""The default embedding model, computed from its weights: a batch that starts cold needs it within seconds.

Its six layers are BERT's (Devlin and others, 2019). transformers and sentence_transformers compute them likewise, but
take five seconds of CPU to be imported.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

_NORM = 1e-12
"""What BERT adds to a variance before it divides by its root."""


class MiniLM:
    """The sentence-transformers model of a folder: BERT, the mean of its tokens, made 1 long.

    :param folder: holds model.safetensors, tokenizer.json and the settings of both.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors.torch import load_file  # noqa: PLC0415
        from tokenizers import Tokenizer  # noqa: PLC0415

        config = json.loads((folder / "config.json").read_bytes())
        self._layers, self._heads = config["num_hidden_layers"], config["num_attention_heads"]
        self._weights = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        longest = json.loads((folder / "sentence_bert_config.json").read_bytes())["max_seq_length"]
        self._tokenizer.enable_truncation(longest)
        self._tokenizer.no_padding()
        self._dimension: int = config["hidden_size"]

    def get_embedding_dimension(self) -> int:
        return self._dimension

    def tokenizer(self, texts: Sequence[str], **_: Any) -> dict[str, list[list[int]]]:
        """The tokens of each text, by number."""
        return {"input_ids": [text.ids for text in self._tokenizer.encode_batch(texts)]}

    def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        """Embeddings of a batch of texts, of length 1."""
        import torch
        from torch.nn import functional
        from torch.nn.utils.rnn import pad_sequence

        def linear(values: Tensor, name: str) -> Tensor:
            return functional.linear(values, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

        def norm(values: Tensor, name: str) -> Tensor:
            weight, bias = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
            return functional.layer_norm(values, weight.shape, weight, bias, _NORM)

        words, places, kinds = (
            self._weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
        )
        ids = [torch.tensor(tokens) for tokens in self.tokenizer(texts)["input_ids"]]
        real = pad_sequence([torch.ones_like(tokens, dtype=torch.bool) for tokens in ids], batch_first=True)
        with torch.inference_mode():
            hidden = functional.embedding(pad_sequence(ids, batch_first=True), words)
            hidden = norm(hidden + places[: hidden.shape[1]] + kinds[0], "embeddings")
            for layer in (f"encoder.layer.{number}" for number in range(self._layers)):
                query, key, value = (
                    linear(hidden, f"{layer}.attention.self.{name}").view(*real.shape, self._heads, -1).transpose(1, 2)
                    for name in ("query", "key", "value")
                )
                seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=real[:, None, None])
                seen = linear(seen.transpose(1, 2).flatten(2), f"{layer}.attention.output.dense")
                hidden = norm(hidden + seen, f"{layer}.attention.output")
                wide = functional.gelu(linear(hidden, f"{layer}.intermediate.dense"))
                hidden = norm(hidden + linear(wide, f"{layer}.output.dense"), f"{layer}.output")
            # Their sum points where their mean does.
            vectors: np.ndarray = functional.normalize((hidden * real[..., None]).sum(1)).numpy()
            return vectors
