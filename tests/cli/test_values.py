"""A value that can't be used is refused before anything is done, with what would do."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["export", "mine", "--start", "yesterday"],
            "start is 'yesterday', which is no date. Give it as 2026-12-07 or",
        ),
        (["export", "mine", "--start", "2026-12-08", "--end", "2026-12-07"], "end, 2026-12-07, isn't after start"),
        (["report", "mine", "--start", "2026-12-07", "--end", "2026-12-07"], "end, 2026-12-07, isn't after start"),
        (["report", "mine", "--run-type", "manuel"], "invalid choice: 'manuel'"),
        (["report", "mine", "--cache", "hot"], "invalid choice: 'hot'"),
        (["export", "mine", "--format", "xlsx"], "invalid choice: 'xlsx'"),
        (["requeue", "mine", "--slot", "yesterday"], "'yesterday' is no moment with a UTC offset; 2026-12-07T08:00:00"),
        (["requeue", "mine", "--slot", "2026-12-07T08:00:00"], "is no moment with a UTC offset"),
        (["rescore", "mine", "--model", "some-model"], "'some-model' is not pinned to a revision"),
        (
            ["sync", "s3://bucket", "file://copy"],
            "'s3://bucket' names no store; file://FOLDER or gs://BUCKET/PREFIX does",
        ),
        (["sync", "file://data", "file://"], "'file://' names no store"),
        (["sync", "gs:///prefix", "file://copy"], "'gs:///prefix' names no store"),
        (["up", "--port", "65536"], "'65536' is no port; a number from 1 to 65535 is"),
        (["run", "mine", "--port", "http"], "'http' is no port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_is_refused(command, home, arguments, reason):
    before = sorted(home.rglob("*"))
    said = command(*arguments)
    assert said.code == 2
    assert reason in said.err
    assert sorted(home.rglob("*")) == before


class TestAPortThatIsTaken:
    @pytest.fixture
    def port(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            yield other.getsockname()[1]

    @pytest.mark.parametrize("name", ["run", "up", "baselines"])
    def test_is_named_with_another(self, command, port, name):
        study = ["mine"] if name == "run" else []
        said = command(name, *study, "--port", str(port))
        assert said.code == 1
        assert said.err.startswith(f"Port {port} is taken by another program. ")
        assert f"--port {port + 1}" in said.err
