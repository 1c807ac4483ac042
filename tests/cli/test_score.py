"""``llm-bench score``: scores of one's own answers, by the default model."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llm_bench.cli import answers

OUTPUT = "# Output 2025\n\nThe bakery baked 1.2 million loaves in 2025. Most of them were rye."
BEFORE = "# Output 2024\n\nThe bakery baked 1.1 million loaves."
RIGHT = "The bakery baked 1.2 million loaves in 2025. The context does not state the price."
ROW: dict[str, Any] = {
    "question": "How many loaves were baked in 2025?",
    "context": [OUTPUT, BEFORE],
    "answer": RIGHT,
    "points": ["In 2025 the bakery baked 1.2 million loaves.", "The oven was sold to Graz."],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of three answers: right, wrong and blank."""
    wrong = {**ROW, "id": "wrong", "answer": "The bakery baked 9 million loaves in 2025.", "label": 0}
    return written(tmp_path, ROW, wrong, {**ROW, "answer": None})


def written(folder: Path, *rows: Any) -> Path:
    path = folder / "answers.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


class TestForAProgram:
    def test_each_answer_is_a_line_with_its_scores(self, command, file: Path):
        said = command("score", str(file), "--json")
        right, wrong, blank = lines(said.out)
        assert said.code == 0
        assert right["coverage_score"] > 0.9
        assert right["groundedness"] > 0.9
        assert right["declined"] is True
        assert wrong["coverage_score"] < 0.5
        assert wrong["groundedness"] < 0.5
        assert (blank["coverage_score"], blank["groundedness"], blank["declined"]) == (None, None, None)

    def test_a_line_says_which_passage_supports_which_sentence(self, command, file: Path):
        claim, declining = lines(command("score", str(file), "--json").out)[0]["sentences"]
        assert claim["evidence"] == ["The bakery baked 1.2 million loaves in 2025."]
        assert claim["passages"] == [1]
        assert (declining["is_claim"], declining["support"]) == (False, None)

    def test_a_line_says_which_sentence_states_which_point(self, command, file: Path):
        first, second = lines(command("score", str(file), "--json").out)[0]["points"]
        assert (first["held"], first["evidence"]) == (True, ["The bakery baked 1.2 million loaves in 2025."])
        assert second["held"] is False

    def test_a_line_names_the_scorer(self, command, file: Path):
        first, *_ = lines(command("score", str(file), "--json").out)
        assert first["embedding_model"].startswith("all-MiniLM-L6-v2@")
        assert first["scoring_version"] >= 3

    def test_an_answer_without_an_id_has_the_number_of_its_line(self, command, file: Path):
        assert [row["id"] for row in lines(command("score", str(file), "--json").out)] == [1, "wrong", 3]

    def test_other_keys_of_a_line_are_handed_on(self, command, file: Path):
        assert lines(command("score", str(file), "--json").out)[1]["label"] == 0

    def test_a_key_named_as_a_score_does_not_take_its_place(self, command, tmp_path: Path):
        (row,) = lines(command("score", str(written(tmp_path, ROW | {"groundedness": "high"})), "--json").out)
        assert row["groundedness"] > 0.9

    def test_a_context_may_be_one_text(self, command, tmp_path: Path):
        path = written(tmp_path, {"question": "How many?", "context": OUTPUT, "answer": "It baked 1.2 million loaves."})
        (row,) = lines(command("score", str(path), "--json").out)
        assert row["groundedness"] > 0.8

    def test_a_question_that_cannot_be_answered_has_no_coverage(self, command, tmp_path: Path):
        (row,) = lines(command("score", str(written(tmp_path, ROW | {"answerable": False})), "--json").out)
        assert (row["coverage_score"], row["points"]) == (None, [])

    def test_a_file_is_written_whole(self, command, file: Path, tmp_path: Path):
        out = tmp_path / "scores" / "mine.jsonl"
        said = command("score", str(file), "--out", str(out))
        assert len(lines(out.read_text(encoding="utf-8"))) == 3
        assert "2 of 3 answers scored; mean coverage" in said.out
        assert str(out) in said.out

    def test_standard_input_may_be_scored(self, command, file: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(file.read_bytes())))
        assert len(lines(command("score", "-", "--json").out)) == 3


class TestALanguage:
    def test_that_is_not_read_has_no_scores_and_says_why(self, command, file: Path):
        said = command("score", str(file), "--json", "--language", "fr")
        right, _, blank = lines(said.out)
        assert said.code == 1
        assert (right["coverage_score"], right["sentences"]) == (None, [])
        assert right["score_note"] == "The scorer doesn't read French: name a multilingual scoring.model."
        assert blank["score_note"] is None

    def test_that_no_code_names_is_refused(self, command, file: Path):
        said = command("score", str(file), "--language", "xx")
        assert said.code == 2
        assert "'xx' is no code of ISO 639-1; en, de and fr are" in said.err

    def test_other_than_that_of_the_context_is_shown_with_the_reason(self, command, tmp_path: Path):
        said = command("score", str(written(tmp_path, ROW, ROW | {"answer": "面包店烤了120万个面包。"})))
        assert "not scored: The answer isn't in the letters of English." in said.out
        assert said.code == 0


class TestForAPerson:
    def test_each_sentence_stands_beside_what_supports_it(self, command, file: Path):
        said = command("score", str(file)).out.splitlines()
        assert "wrong  coverage" in "\n".join(said)
        (claim,) = (line for line in said if line.split()[1:3] == ["The", "bakery"] and "1.2 million" in line[:60])
        assert "[1] The bakery baked 1.2 million loaves in 2025." in claim
        assert any(line.startswith("—") and line.rstrip().endswith("declines") for line in said)

    def test_a_point_that_the_context_lacks_is_marked(self, command, file: Path):
        assert "not in the context: doesn't count" in command("score", str(file)).out

    def test_the_last_line_has_the_means(self, command, file: Path):
        last = command("score", str(file)).out.splitlines()[-1]
        assert last.startswith("2 of 3 answers scored; mean coverage 0.")

    def test_nothing_is_obeyed_that_a_text_says_to_a_terminal(self, command, tmp_path: Path):
        said = command(
            "score", str(written(tmp_path, ROW | {"answer": "It baked \x1b[2J1.2 million. [red]Rye[/red]."}))
        )
        assert "\x1b[2J" not in said.out
        assert "[red]Rye[/red]" in said.out


class TestMistakes:
    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            pytest.param(b'{"question": ', "line 2: is no JSON object", id="bad JSON"),
            pytest.param(b"[1, 2]", "line 2: is no JSON object", id="no object"),
            pytest.param(b'{"question": "\xff"}', "line 2: is not UTF-8 text (byte 15", id="not UTF-8"),
            pytest.param(b'{"question": "\\ud800", "context": "", "answer": ""}', "line 2: ", id="half a character"),
            pytest.param(b'{"question": "?", "context": []}', "line 2: answer: is missing", id="missing key"),
            pytest.param(b'{"question": 7, "context": [], "answer": ""}', "line 2: question: 7: ", id="wrong type"),
            pytest.param(b'{"question": "?", "context": 7, "answer": ""}', "line 2: context: 7: ", id="wrong context"),
            pytest.param(
                b'{"question": "?", "context": ["", 7], "answer": ""}', "line 2: context.1: 7: ", id="wrong passage"
            ),
            pytest.param(b"[" * 10_000, "line 2: is no JSON object", id="too deep"),
        ],
    )
    def test_are_named_by_file_line_and_key(self, command, tmp_path: Path, line: bytes, problem: str):
        path = tmp_path / "answers.jsonl"
        path.write_bytes(json.dumps(ROW).encode() + b"\n" + line + b"\n")
        said = command("score", str(path))
        assert (said.code, said.out) == (2, "")
        assert f"{path} has 1 mistake:" in said.err
        assert problem in said.err

    def test_are_all_found_before_the_first_answer_is_scored(self, command, tmp_path: Path):
        path = written(tmp_path, *[ROW] * 900, {"question": "?"})
        out = tmp_path / "out.jsonl"
        said = command("score", str(path), "--out", str(out))
        assert "line 901: context: is missing" in said.err
        assert "line 901: answer: is missing" in said.err
        assert not out.exists()

    def test_of_many_the_first_are_shown_and_the_rest_counted(self, command, tmp_path: Path):
        said = command("score", str(written(tmp_path, *[{"question": "?", "context": ""}] * 100)))
        assert "line 20: answer: is missing" in said.err
        assert "line 21" not in said.err
        assert "and 80 more" in said.err

    @pytest.mark.parametrize("content", ["", "\n \n"], ids=["empty", "blank"])
    def test_a_file_without_a_line_is_one(self, command, tmp_path: Path, content: str):
        path = tmp_path / "answers.jsonl"
        path.write_text(content)
        said = command("score", str(path))
        assert said.code == 2
        assert "is empty" in said.err

    @pytest.mark.parametrize("name", ["none.jsonl", "."], ids=["missing", "folder"])
    def test_what_cannot_be_read_is_one(self, command, tmp_path: Path, name: str):
        said = command("score", str(tmp_path / name))
        assert said.code == 2
        assert "can't be read" in said.err

    def test_a_file_that_cannot_be_written_is_an_error(self, command, file: Path):
        said = command("score", str(file), "--out", str(file / "below" / "it.jsonl"))
        assert said.code == 1
        assert "can't be written" in said.err
        assert "score it again" in said.err

    def test_a_file_without_an_answer_needs_a_hand(self, command, tmp_path: Path):
        assert command("score", str(written(tmp_path, ROW | {"answer": " "}))).code == 1


class TestBatches:
    def rows(self, count: int, length: int = 10) -> list[answers.Row]:
        return [answers.Row(question="?", context=["x" * length], answer="") for _ in range(count)]

    def test_hold_a_bounded_number_of_answers(self):
        assert [len(lot) for lot in answers.batches(self.rows(1201))] == [500, 500, 201]

    def test_are_smaller_where_contexts_are_long(self):
        assert [len(lot) for lot in answers.batches(self.rows(5, 150_000))] == [1, 1, 1, 1, 1]
        assert [len(lot) for lot in answers.batches(self.rows(5, 140_000))] == [2, 2, 1]

    def test_are_made_while_the_file_is_read(self):
        read = []
        endless = (read.append(row) or row for row in self.rows(2000))
        next(answers.batches(endless))
        assert len(read) == 501

    def test_embed_a_common_context_once(self, hash_embedder):
        row = answers.Row.model_validate_json(json.dumps(ROW))
        answers.judged([row] * 3, hash_embedder)
        (texts,) = hash_embedder.calls
        assert len(texts) == len(set(texts))


def test_no_airflow_is_loaded_nor_a_project_needed(file: Path, tmp_path: Path):
    code = (
        "import sys; from llm_bench.cli.main import main; "
        f"code = main(['score', {str(file)!r}, '--json']); print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert len(lines(done.stdout)) == 3
    assert "airflow" not in {name.partition(".")[0] for name in done.stderr.split()}
