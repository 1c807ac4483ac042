"""An unknown name is an error that shows the known ones, whatever the command."""

from __future__ import annotations

import pytest

STUDY_COMMANDS = ("run", "check", "seal", "status", "report", "export", "requeue", "rescore", "compact", "calibrate")


class TestAStudy:
    @pytest.mark.parametrize("name", STUDY_COMMANDS)
    def test_that_is_unknown_is_an_error_in_every_command(self, command, home, name):
        said = command(name, "mina")
        assert said.code == 2
        where = home / "include" / "studies"
        assert said.err == f"There is no study 'mina' in {where}. Did you mean mine? Known: mine, yours.\n"

    def test_that_resembles_none_is_answered_without_a_guess(self, command):
        assert command("status", "typo").err.endswith("studies. Known: mine, yours.\n")

    def test_that_the_source_of_a_copy_lacks_is_an_error(self, command, home):
        said = command("sync", f"file://{home}/data", f"file://{home}/copy", "--study", "mina")
        assert said.code == 2
        assert said.err == "The source holds nothing of study mina. Did you mean mine? Known: mine.\n"
        assert not (home / "copy").exists()


@pytest.mark.parametrize("name", ["report", "export"])
class TestAnLLMOrAnIndustry:
    def test_that_is_unknown_is_an_error(self, command, home, name):
        said = command(name, "mine", "--llm", "typo", "--out", str(home / "out"))
        assert said.code == 2
        known = "groq/llama3-70b-8192, groq/moonshotai/kimi-k2-instruct, openrouter/old"
        assert said.err == f"Study mine has no LLM 'typo'. Known: {known}.\n"
        assert not (home / "out").exists()

    def test_is_suggested_by_a_part_of_its_name(self, command, name):
        assert "Did you mean groq/moonshotai/kimi-k2-instruct?" in command(name, "mine", "--llm", "kimi-k2").err

    def test_is_suggested_where_a_letter_is_wrong(self, command, name):
        said = command(name, "mine", "--industry", "retial")
        assert said.code == 2
        assert said.err == "Study mine has no industry 'retial'. Did you mean retail? Known: retail, finance.\n"

    def test_that_stands_among_several_is_found(self, command, name):
        assert command(name, "mine", "--llm", "groq/llama3-70b-8192", "--llm", "typo").code == 2


@pytest.mark.parametrize("name", ["report", "export"])
class TestAnUpstreamOrAClient:
    @pytest.mark.parametrize("what", ["upstream", "client"])
    def test_that_no_record_names_is_an_error(self, command, home, name, what):
        said = command(name, "mine", f"--{what}", "typo", "--out", str(home / "out"))
        assert (said.code, said.err) == (2, f"Study mine has no {what} 'typo'. Known: none yet.\n")
        assert not (home / "out").exists()


class TestAKnownName:
    def test_is_one_of_the_study_file_without_a_record_yet(self, command):
        said = command("export", "mine", "--llm", "groq/llama3-70b-8192", "--out", "-")
        assert (said.code, said.out.count("\n")) == (0, 1)

    def test_is_one_of_the_records_that_the_study_file_has_no_more(self, command):
        said = command("export", "mine", "--llm", "openrouter/old", "--industry", "finance", "--out", "-")
        assert (said.code, said.out.count("\n")) == (0, 11)


class TestAReportWithoutARecord:
    def test_is_not_written_but_names_the_view(self, command, home):
        said = command("report", "mine", "--llm", "groq/llama3-70b-8192", "--out", str(home / "out"))
        assert said.code == 2
        assert said.err.startswith("Nothing of study mine was measured in this view: llm = groq/llama3-70b-8192. ")
        assert not (home / "out").exists()

    def test_of_a_whole_study_says_that_nothing_was_measured_yet(self, command, home):
        said = command("report", "yours", "--out", str(home / "out"))
        assert (said.code, said.err) == (
            2,
            "Nothing of study yours was measured yet. Measure it: `llm-bench run yours`.\n",
        )
        assert not (home / "out").exists()


class TestASlot:
    def test_without_a_quarantine_is_an_error(self, command):
        said = command("requeue", "mine", "--slot", "2026-12-07T08:00:00+01:00")
        assert said.code == 2
        assert "nothing in quarantine for the slot 2026-12-07T07:00:00.000000Z" in said.err
