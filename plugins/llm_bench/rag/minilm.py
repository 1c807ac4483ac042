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
        import torch  # noqa: PLC0415
        from torch.nn.functional import embedding, gelu, normalize, scaled_dot_product_attention  # noqa: PLC0415
        from torch.nn.utils.rnn import pad_sequence  # noqa: PLC0415

        ids = [torch.tensor(tokens) for tokens in self.tokenizer(texts)["input_ids"]]
        real = pad_sequence([torch.ones_like(tokens, dtype=torch.bool) for tokens in ids], batch_first=True)
        batch = pad_sequence(ids, batch_first=True)
        with torch.inference_mode():
            weights = self._weights
            hidden = embedding(batch, weights["embeddings.word_embeddings.weight"])
            hidden = hidden + weights["embeddings.position_embeddings.weight"][: batch.shape[1]]
            hidden = self._norm(hidden + weights["embeddings.token_type_embeddings.weight"][0], "embeddings")
            for layer in (f"encoder.layer.{number}" for number in range(self._layers)):
                parts = (self._linear(hidden, f"{layer}.attention.self.{name}") for name in ("query", "key", "value"))
                heads = (part.unflatten(2, (self._heads, -1)).transpose(1, 2) for part in parts)
                seen = scaled_dot_product_attention(*heads, attn_mask=real[:, None, None])
                seen = self._linear(seen.transpose(1, 2).flatten(2), f"{layer}.attention.output.dense")
                hidden = self._norm(hidden + seen, f"{layer}.attention.output")
                wide = gelu(self._linear(hidden, f"{layer}.intermediate.dense"))
                hidden = self._norm(hidden + self._linear(wide, f"{layer}.output.dense"), f"{layer}.output")
            vectors: np.ndarray = normalize((hidden * real[..., None]).sum(1)).numpy()  # a sum points as its mean does
            return vectors

    def _linear(self, values: Tensor, name: str) -> Tensor:
        from torch.nn.functional import linear  # noqa: PLC0415

        return linear(values, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _norm(self, values: Tensor, name: str) -> Tensor:
        from torch.nn.functional import layer_norm  # noqa: PLC0415

        weight, bias = (self._weights[f"{name}.LayerNorm.{part}"] for part in ("weight", "bias"))
        return layer_norm(values, weight.shape, weight, bias, _NORM)
