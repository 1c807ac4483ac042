from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from llm_bench.errors import LLMBenchError
from llm_bench.rag.embeddings import bundled_folder
from llm_bench.rag.prompt import context_hash
from llm_bench.records import complete
from llm_bench.report.definitions import metrics
from llm_bench.scoring.model import ENTAILMENT, WINDOWS, CrossEncoder, load
from llm_bench.scoring.score import judge, score
from llm_bench.study import DEFAULT_EMBEDDING_MODEL

REVISION = "0123456789abcdef0123456789abcdef01234567"
NLI = ("contradiction", "entailment", "neutral")
WORDS = [
    "the",
    "bakery",
    "baked",
    "one",
    "two",
    "million",
    "loaves",
    "of",
    "rye",
    "and",
    "wheat",
    "in",
    "its",
    "oven",
    "flour",
    "costs",
    "less",
    "than",
    "salt",
]
PASSAGES = [
    "The bakery baked one million loaves. Most were of rye. The oven was new.",
    "Flour costs less than salt. Wheat was dear. Two ovens were sold. Salt was dear, too. The mill was shut.",
]
PROMPTS = {
    "loaves": {
        "question": "How many loaves were baked?",
        "passages": PASSAGES,
        "points": ["The bakery baked one million loaves.", "Most were of rye."],
        "answerable": True,
    }
}
ANSWER = "The bakery baked one million loaves. Flour costs more than salt."

Hub = Callable[[str, Sequence[str]], str]


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Hub:
    """Puts tiny models with random weights into a hub's cache, the only one that there is, and gives their names."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    def made(repository: str, labels: Sequence[str]) -> str:
        folder = _cached(tmp_path, repository)
        vocabulary = tmp_path / "vocab.txt"
        vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "."]))
        BertTokenizerFast(vocab=str(vocabulary), model_max_length=64).save_pretrained(folder)
        torch.manual_seed(1)
        config = BertConfig(
            vocab_size=len(WORDS) + 6, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=64, initializer_range=0.5,
            id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)},
        )  # fmt: skip
        BertForSequenceClassification(config).save_pretrained(folder)
        return f"{repository}@{REVISION}"

    return made


def _cached(cache: Path, repository: str) -> Path:
    """The folder of a repository's revision in a hub's cache."""
    root = cache / f"models--{repository.replace('/', '--')}"
    folder = root / "snapshots" / REVISION
    folder.mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(REVISION)
    return folder


class TestWhatANameStandsFor:
    def test_is_a_cross_encoder_where_the_model_classifies_pairs(self, hub):
        embedder, encoder = load(hub("tiny/nli", NLI), DEFAULT_EMBEDDING_MODEL)
        assert encoder is not None
        assert (embedder.identity.split("@")[0], encoder.identity) == (DEFAULT_EMBEDDING_MODEL, f"tiny/nli@{REVISION}")

    def test_is_else_an_embedding_model(self, hub, tmp_path):
        shutil.copytree(bundled_folder(), _cached(tmp_path, "tiny/embedding"), dirs_exist_ok=True)
        embedder, encoder = load(f"tiny/embedding@{REVISION}", DEFAULT_EMBEDDING_MODEL)
        assert (embedder.identity, encoder) == (f"tiny/embedding@{REVISION}", None)

    def test_is_the_model_that_retrieves_where_none_is_named(self):
        embedder, encoder = load(None, DEFAULT_EMBEDDING_MODEL)
        assert (embedder.identity.split("@")[0], encoder) == (DEFAULT_EMBEDDING_MODEL, None)

    def test_is_refused_without_a_revision(self):
        with pytest.raises(LLMBenchError, match=r"not pinned to a revision[^$]*Set scoring\.model to"):
            load("tiny/nli", DEFAULT_EMBEDDING_MODEL)

    def test_is_refused_where_neither_hub_nor_cache_has_that_revision(self, hub):
        hub("tiny/nli", NLI)
        with pytest.raises(LLMBenchError, match=r"'tiny/nli@v9'.* can't be loaded.*Check scoring\.model's name"):
            load("tiny/nli@v9", DEFAULT_EMBEDDING_MODEL)


class TestTheReport:
    def test_describes_the_way_that_was_taken(self):
        assert ENTAILMENT in [*metrics({}, entailed=True)]
        assert ENTAILMENT not in [*metrics({})]


class TestEntailment:
    def test_is_the_probability_of_the_label_of_that_name(self, hub):
        encoder = CrossEncoder(hub("tiny/nli", NLI))
        logits = encoder._model.predict([("rye", "flour costs less")], activation_fn=torch.nn.Identity())
        expected = torch.softmax(torch.tensor(logits), dim=1)[0, 1].item()
        assert encoder.entailment("flour costs less", ("rye",)) == pytest.approx([expected], abs=1e-6)

    def test_is_found_at_whatever_place_the_label_stands(self, hub):
        first = CrossEncoder(hub("tiny/first", ("Entailment", "not_entailment")))
        last = CrossEncoder(hub("tiny/last", ("not_entailment", "Entailment")))
        assert first.entailment("rye", ("wheat",)) == pytest.approx([1 - last.entailment("rye", ("wheat",))[0]])

    def test_is_that_of_the_only_label_of_a_model_that_has_one(self, hub):
        encoder = CrossEncoder(hub("tiny/one", ("consistent",)))
        logit = encoder._model.predict([("rye", "flour")], activation_fn=torch.nn.Identity())
        assert encoder.entailment("flour", ("rye",)) == pytest.approx([torch.tensor(logit[0]).sigmoid().item()])

    def test_depends_on_which_text_is_the_claim(self, hub):
        encoder = CrossEncoder(hub("tiny/nli", NLI))
        assert encoder.entailment("rye", ("flour costs less",)) != encoder.entailment("flour costs less", ("rye",))

    def test_is_read_of_texts_longer_than_the_model_can_take(self, hub):
        (value,) = CrossEncoder(hub("tiny/nli", NLI)).entailment("rye", ("flour " * 300,))
        assert 0 <= value <= 1

    def test_is_that_of_the_second_of_two_labels_without_names(self, hub):
        named = CrossEncoder(hub("tiny/named", ("not_entailment", "entailment")))
        for name, labels in (("tiny/numbers", ("0", "1")), ("tiny/labels", ("LABEL_0", "LABEL_1"))):
            encoder = CrossEncoder(hub(name, labels))
            assert encoder.entailment("rye", ("wheat",)) == pytest.approx(named.entailment("rye", ("wheat",)))

    def test_of_a_model_that_says_nothing_of_it_is_refused(self, hub):
        with pytest.raises(LLMBenchError, match=r"\(good, bad\) is entailment.*natural language inference"):
            CrossEncoder(hub("tiny/mood", ("good", "bad")))

    def test_of_a_model_whose_weights_are_missing_is_refused(self, hub, tmp_path):
        name = hub("tiny/nli", NLI)
        next(tmp_path.rglob("*.safetensors")).unlink()
        with pytest.raises(LLMBenchError, match=r"can't be loaded.*leave scoring\.model out"):
            CrossEncoder(name)


class TestScoresByEntailment:
    @pytest.fixture
    def encoder(self, hub) -> CrossEncoder:
        return CrossEncoder(hub("tiny/nli", NLI))

    def test_are_the_mean_over_claims_of_the_greatest_probability_by_words(self, encoder, embedder):
        (judgement,) = judge([("loaves", ANSWER)], PROMPTS, embedder, encoder=encoder)
        supports = [part.support for part in judgement.sentences]
        assert judgement.scores["groundedness"] == pytest.approx((6 * supports[0] + 5 * supports[1]) / 11, abs=1e-6)
        for part in judgement.sentences:
            assert part.support == pytest.approx(max(encoder.entailment(part.text, part.evidence)), abs=1e-5)

    def test_rest_on_a_sentence_with_its_neighbours_within_a_passage(self, encoder, embedder):
        (judgement,) = judge([("loaves", ANSWER)], PROMPTS, embedder, encoder=encoder)
        for part in judgement.sentences:
            ((text,), (number,)) = part.evidence, part.passages
            assert text in PASSAGES[number - 1]

    def test_read_a_claim_with_the_closest_windows_only(self, encoder, embedder, monkeypatch):
        read = []
        predict = encoder._model.predict
        monkeypatch.setattr(encoder._model, "predict", lambda pairs, **how: read.append(pairs) or predict(pairs, **how))
        judge([("loaves", ANSWER)], PROMPTS, embedder, encoder=encoder)
        by_context = [pairs for pairs in read if len(pairs) > 2]
        assert {len(pairs) for pairs in by_context} == {WINDOWS}
        assert "The bakery baked one million loaves. Most were of rye." in [text for text, _ in by_context[0]]

    def test_read_each_point_of_a_question_with_its_context_once(self, encoder, embedder, monkeypatch):
        read = []
        predict = encoder._model.predict
        monkeypatch.setattr(encoder._model, "predict", lambda pairs, **how: read.append(pairs) or predict(pairs, **how))
        judge([("loaves", ANSWER), ("loaves", "Rye was baked.")], PROMPTS, embedder, encoder=encoder)
        point = PROMPTS["loaves"]["points"][1]
        assert sum(claim == point and len(pairs) == WINDOWS for pairs in read for _, claim in pairs[:1]) == 1

    def test_cover_the_points_that_the_context_entails(self, encoder, embedder, monkeypatch):
        point = PROMPTS["loaves"]["points"][0]
        monkeypatch.setattr(encoder, "_entailed", lambda claim, texts: [0.9 if claim == point else 0.4] * len(texts))
        (judgement,) = judge([("loaves", ANSWER)], PROMPTS, embedder, encoder=encoder)
        assert [part.held for part in judgement.points] == [True, False]
        assert judgement.scores["coverage_score"] == 0.9

    def test_are_null_where_the_answer_claims_nothing(self, encoder, embedder):
        (judgement,) = judge([("loaves", "The context does not say.")], PROMPTS, embedder, encoder=encoder)
        assert judgement.scores["groundedness"] is None

    def test_name_the_model_in_the_record(self, encoder, embedder):
        asked = {"question_id": "loaves", "success": True, "context_hash": context_hash(PASSAGES)}
        records = [complete({**asked, "answer": ANSWER}), complete({**asked, "answer": ""})]
        scored = score(records, PROMPTS, embedder, encoder=encoder)
        assert [record["scoring_model"] for record in scored] == [f"tiny/nli@{REVISION}", None]
        assert scored[0]["embedding_model"] == embedder.identity

    def test_are_by_embeddings_without_one(self, embedder):
        asked = {"question_id": "loaves", "success": True, "context_hash": context_hash(PASSAGES), "answer": ANSWER}
        (scored,) = score([complete(asked)], PROMPTS, embedder)
        assert scored["scoring_model"] is None
