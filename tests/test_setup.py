"""What a newcomer sees of scripts/setup.py: one clear line when something is wrong, nothing at all when nothing is.

The tools are doubles: a Python whose `-m venv` and `-m pip` write just enough, and a uv that says what the real one
says. No network, no real packages.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from project_scripts import load

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "setup.py"

LOCK = """\
# made by `make lock`
rich==15.0.0 \\
    --hash=sha256:00
torch==2.13.0 \\
    --hash=sha256:01
uv==0.13.9 \\
    --hash=sha256:02
"""

PYTHON = """\
#!/bin/sh
# A Python: answers the probe, makes a virtual environment whose Python is itself, and installs uv and torch.
echo "python $*" >> "$CALLS"
site="$(dirname "$0")/../lib/python3.12/site-packages"
case "$*" in
  *"import sys, platform"*) echo "${FAKE_VERSION:-3.12.1 CPython} $FAKE_PYTHON" ;;
  *"import venv"*) exit "${FAKE_NO_VENV:-0}" ;;
  *"-m venv"*)
    mkdir -p "$3/bin" "$3/lib/python3.12/site-packages/pip"
    touch "$3/lib/python3.12/site-packages/pip/__main__.py"
    echo "#!$3/bin/python" > "$3/bin/pip"
    cp "$FAKE_PYTHON" "$3/bin/python" ;;
  *"-m pip"*"torch=="*)
    mkdir -p "$site/torch" "$site/torch-2.13.0+${FAKE_TORCH:-cpu}.dist-info"
    if [ -n "$FAKE_TORCH" ]; then echo 'cuda = "13.0"'; else echo 'cuda = None'; fi > "$site/torch/version.py" ;;
  *"-m pip"*uv.txt*)
    if [ -n "$FAKE_PIP_SAYS" ]; then echo "$FAKE_PIP_SAYS"; exit 1; fi
    mkdir -p "$site/uv-0.13.9.dist-info"
    cp "$FAKE_UV" "$(dirname "$0")/uv" ;;
esac
"""

UV = """\
#!/bin/sh
echo "uv $*" >> "$CALLS"
if [ -n "$FAKE_UV_SAYS" ]; then echo "$FAKE_UV_SAYS"; exit 2; fi
"""

UV_COMPILE = """\
#!/bin/sh
echo "uv $*" >> "$CALLS"
# A uv that resolves to the same few packages, whatever it is asked for.
for word; do
  if [ "$previous" = -o ]; then cat > "$word" << 'END'
rich==15.1.0 \\
    --hash=sha256:aa
nvidia-nccl-cu13==2.29.7 \\
    --hash=sha256:bb
cuda-toolkit==13.0.3.0 ; sys_platform == 'linux'
triton==3.7.1 ; sys_platform == 'linux'
tritonclient==1.0
END
  fi
  previous="$word"
done
"""

# As pip 23 and uv 0.13 say it.
PIP_OFFLINE = (
    "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError(': Failed to "
    "establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/uv/\n"
    "ERROR: Could not find a version that satisfies the requirement uv==0.13.9 (from versions: none)"
)
UV_OFFLINE = (
    "error: Request failed after 3 retries in 5.5s\n  cause: error sending request for url (https://example.org/rich/)\n"
    "  cause: dns error\n  cause: failed to lookup address information: Temporary failure in name resolution"
)
UV_DISK_FULL = (
    "error: Failed to install: rich-15.0.0\n  cause: failed to copy file: No space left on device (os error 28)"
)
UV_HASH = "error: Failed to download `rich==15.0.0`\n  cause: Hash mismatch for `rich==15.0.0`"


class Checkout:
    """A checkout in a temporary folder, with doubles for the tools."""

    def __init__(self, root: Path) -> None:
        self.root, self.venv, self.calls = root / "checkout", root / "checkout" / ".venv", root / "calls"
        (self.root / "scripts").mkdir(parents=True)
        shutil.copy(SCRIPT, self.root / "scripts")
        (self.root / "requirements.lock").write_text(LOCK)
        (self.root / "pyproject.toml").write_text("[project]\n")
        self.python = self.executable(root / "python", PYTHON)
        self.uv = self.executable(root / "uv", UV)

    @staticmethod
    def executable(path: Path, text: str) -> Path:
        """Writes a script that can be run."""
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self, *arguments: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
        """Starts the script as `make` does."""
        doubles = {"CALLS": str(self.calls), "FAKE_PYTHON": str(self.python), "FAKE_UV": str(self.uv)}
        base = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "PYTHON": str(self.python)}
        command = [sys.executable, "-I", "-S", str(self.root / "scripts" / "setup.py"), *arguments]
        self.calls.write_text("")
        environment = {**base, **doubles, **environment}
        return subprocess.Popen(command, env=environment, stdout=stdout, stderr=subprocess.PIPE, text=True)

    def set_up(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs the script as `make` does."""
        with self.start(*arguments, **environment) as script:
            stdout, stderr = script.communicate(timeout=60)
        return subprocess.CompletedProcess(script.args, script.returncode, stdout, stderr)

    def called(self, word: str) -> list[str]:
        """The calls of the last run that have a word in them."""
        return [call for call in self.calls.read_text().splitlines() if word in call]

    def files(self) -> dict[str, int]:
        """Every file of the checkout, with the time it was written."""
        return {str(path): path.lstat().st_mtime_ns for path in self.root.rglob("*")}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout that was never set up."""
    return Checkout(tmp_path)


@pytest.fixture
def setup_module(checkout: Checkout) -> ModuleType:
    """The checkout's own scripts/setup.py, imported."""
    return load(checkout.root / "scripts" / "setup.py")


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failed set-up says."""
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("llm-bench: ")
    return done.stderr


class TestFirstSetUp:
    def test_says_how_far_it_is_and_succeeds(self, checkout: Checkout) -> None:
        done = checkout.set_up()

        assert (done.returncode, done.stderr) == (0, "")
        steps = [line.split(":")[0] for line in done.stdout.splitlines()]
        assert steps[:-1:2] == steps[1::2] == [f"Setting up ({step}/4)" for step in range(1, 5)]
        assert re.fullmatch(r"Set up in \d+ s\.", steps[-1])

    def test_says_how_long_each_step_took(self, checkout: Checkout) -> None:
        lines = checkout.set_up().stdout.splitlines()
        assert re.fullmatch(r"Setting up \(1/4\): virtual environment: \d+ s", lines[1])

    def test_installs_uv_and_packages_with_their_hashes_verified(self, checkout: Checkout) -> None:
        checkout.set_up()

        assert "--require-hashes" in checkout.called("uv.txt")[0]
        assert "--require-hashes" in checkout.called("requirements.lock")[0]

    def test_installs_the_package_without_fetching_a_build_backend(self, checkout: Checkout) -> None:
        checkout.set_up()

        assert "--no-deps --no-build-isolation -e" in checkout.calls.read_text().splitlines()[-2]

    def test_writes_nothing_beside_the_environment(self, checkout: Checkout, tmp_path: Path) -> None:
        home = tmp_path / "home"
        home.mkdir()
        before = set(checkout.root.iterdir())

        checkout.set_up(HOME=str(home))

        assert set(checkout.root.iterdir()) - before == {checkout.venv}
        assert not list(home.iterdir())

    def test_refuses_a_torch_built_for_cuda(self, checkout: Checkout) -> None:
        assert "no CPU build of torch 2.13.0" in one_line(checkout.set_up(FAKE_TORCH="cu130"))
        assert checkout.called("uninstall") == [
            f"uv pip uninstall --python {checkout.venv / 'bin' / 'python'} torch",
        ]


class TestWhileItLasts:
    """What uv draws on a terminal is read, and shown with what is left."""

    DRAWN = (
        "\x1b[2K\u2819 \x1b[2mPreparing packages...\x1b[0m (0/4)\r\n"
        "\x1b[2mnumpy               \x1b[0m \x1b[32m------------------------------\x1b[0m     8 MiB/16.00 MiB\r\n"
        "pyarrow              ------------------------------ 512.00 KiB/52.00 MiB"
    )

    def shown(self, setup_module: ModuleType, drawn: str, after_sec: float = 10.0) -> str:
        progress = setup_module.step(3, "4 packages")
        progress.see(setup_module.DRAWN.sub("", drawn))
        progress.fetching -= after_sec
        progress.see(setup_module.DRAWN.sub("", drawn))
        return progress.doing

    def test_names_bytes_packages_and_time_left(self, setup_module: ModuleType) -> None:
        words = self.shown(setup_module, self.DRAWN)
        assert re.fullmatch(r"9 of 71 MB, 0 of 4 packages, pyarrow, 1 min 1[0-2] s left", words)

    def test_says_no_time_left_before_it_can_be_known(self, setup_module: ModuleType) -> None:
        assert self.shown(setup_module, self.DRAWN, 0) == "9 of 71 MB, 0 of 4 packages, pyarrow"

    def test_counts_a_download_that_is_drawn_no_more_as_done(
        self, setup_module: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(setup_module, "GONE_SEC", -1)
        assert self.shown(setup_module, self.DRAWN, 0).startswith("71 of 71 MB")

    @pytest.mark.parametrize(
        ("drawn", "doing"),
        [
            ("[1/4] pyarrow==26.0.1", "installing 1 of 4"),
            ("Installed 4 packages in 51ms", "compiling"),
            ("[3/4] numpy==2.4.6\rInstalled 4 packages in 51ms", "compiling"),
            ("Bytecode compiled 747 files in 8.64s", ""),
            ("Resolving dependencies...", "looking up packages"),
            ("something that a later uv draws", ""),
        ],
    )
    def test_says_what_else_is_done(self, setup_module: ModuleType, drawn: str, doing: str) -> None:
        assert self.shown(setup_module, drawn) == doing

    def test_says_a_line_every_few_seconds_where_there_is_no_terminal(self, checkout: Checkout) -> None:
        script = checkout.root / "scripts" / "setup.py"
        script.write_text(re.sub(r"SAID_EVERY_SEC = \d+", "SAID_EVERY_SEC = 0", script.read_text()))
        Checkout.executable(checkout.uv, UV + "echo '[3/4] numpy==2.4.6'; sleep 0.5\n")
        assert re.search(r"^  \d+ s: installing 3 of 4$", checkout.set_up().stdout, re.MULTILINE)

    def test_draws_a_bar_on_a_terminal(self, checkout: Checkout) -> None:
        Checkout.executable(checkout.uv, UV + "echo '[3/4] numpy==2.4.6'; sleep 0.5\n")
        ours, its = os.openpty()
        done = checkout.start(stdout=its)
        os.close(its)
        drawn = b""
        while chunk := read(ours):
            drawn += chunk
        assert done.wait(60) == 0
        assert b"[###############-----]  installing 3 of 4" in drawn
        assert drawn.decode().rpartition("\r\x1b[K")[2].startswith("Setting up (4/4): llm-bench itself: ")

    def test_looks_at_the_last_of_what_is_drawn_without_a_new_line(
        self, setup_module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        progress = setup_module.step(3, "4 packages")
        seen: list[str] = []
        drawn = self.DRAWN.replace("\r\n", "\r")
        monkeypatch.setattr(progress, "see", seen.append)
        draw = f"for _ in range(5000): print({drawn!r}, end='\\r')"
        with (tmp_path / "log").open("wb") as log:
            assert setup_module.follow([sys.executable, "-c", draw], dict(os.environ), log) == 0
        assert max(map(len, seen)) <= setup_module.ENOUGH + 65536
        assert {name for text in seen for name, *_ in setup_module.FETCHED.findall(text)} == {"numpy", "pyarrow"}

    def test_leaves_what_is_drawn_out_of_the_log(self, checkout: Checkout) -> None:
        Checkout.executable(checkout.uv, UV + "printf '[3/4] numpy==2.4.6\\r\\033[KInstalled 4 packages\\n'\n")
        checkout.set_up()
        log = (checkout.venv / "setup.log").read_text()
        assert "\nInstalled 4 packages\n" in log
        assert "[3/4]" not in log
        assert "\x1b" not in log


def read(end: int) -> bytes:
    """What has come to a terminal; nothing at its end."""
    try:
        return os.read(end, 65536)
    except OSError:
        return b""


class TestRepeated:
    def test_returns_at_once_and_touches_nothing(self, checkout: Checkout) -> None:
        checkout.set_up()
        before = checkout.files()

        done = checkout.set_up()

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert checkout.files() == before
        assert not checkout.called("-m pip")
        assert not checkout.called("uv pip")

    @pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml", "scripts/setup.py"])
    def test_a_changed_file_is_installed_into_the_same_environment(self, checkout: Checkout, changed: str) -> None:
        checkout.set_up()
        with (checkout.root / changed).open("a") as file:
            file.write("\n# changed\n")

        done = checkout.set_up()

        assert done.returncode == 0
        (call,) = checkout.called("requirements.lock")
        assert "pip sync" in call, "what is no longer locked has to go"
        assert not checkout.called("-m venv")
        assert checkout.set_up().stdout == ""

    def test_a_moved_checkout_is_rebuilt(self, checkout: Checkout) -> None:
        checkout.set_up()
        moved = checkout.root.with_name("moved")
        checkout.root.rename(moved)
        checkout.root, checkout.venv = moved, moved / ".venv"

        assert checkout.set_up().returncode == 0
        assert checkout.called("-m venv")
        assert checkout.set_up().stdout == ""

    def test_another_python_rebuilds_the_environment(self, checkout: Checkout) -> None:
        checkout.set_up()
        (checkout.venv / "leftover").touch()

        done = checkout.set_up(FAKE_VERSION="3.13.0 CPython")

        assert done.returncode == 0
        assert checkout.set_up(FAKE_VERSION="3.13.0 CPython").stdout == ""

    def test_an_interrupted_set_up_is_rebuilt_and_keeps_its_downloads(self, checkout: Checkout) -> None:
        checkout.set_up()
        (checkout.venv / "setup.unfinished").touch()
        (checkout.venv / "half-written").touch()
        (checkout.venv / "cache").mkdir()
        (checkout.venv / "cache" / "download").touch()

        done = checkout.set_up()

        assert done.returncode == 0
        assert checkout.called("-m venv")
        assert not (checkout.venv / "half-written").exists()
        assert (checkout.venv / "cache" / "download").exists()
        assert checkout.set_up().stdout == ""

    @pytest.mark.parametrize("how", ["gone", "dangling", "plain text", "not executable"])
    def test_a_broken_environment_is_rebuilt(self, checkout: Checkout, how: str) -> None:
        checkout.set_up()
        python = checkout.venv / "bin" / "python"
        python.unlink()
        if how == "dangling":
            python.symlink_to("/nowhere/python3.12")
        elif how == "plain text":
            Checkout.executable(python, "/usr/bin/python3.12")
        elif how == "not executable":
            python.write_text("/usr/bin/python3.12")

        done = checkout.set_up()

        assert (done.returncode, done.stderr) == (0, "")
        assert checkout.called("-m venv")
        assert checkout.set_up().stdout == ""


class TestWrongPython:
    @pytest.mark.parametrize("version", ["3.6.15 CPython", "3.10.13 CPython", "3.14.0 CPython", "3.11.9 PyPy"])
    def test_names_what_is_there_and_what_is_needed(self, checkout: Checkout, version: str) -> None:
        line = one_line(checkout.set_up(FAKE_VERSION=version))

        assert "is {1} {0}:".format(*version.split()) in line
        assert "CPython 3.11, 3.12 or 3.13 is needed" in line
        assert not checkout.venv.exists()

    def test_a_chosen_python_that_does_not_run(self, checkout: Checkout) -> None:
        assert "PYTHON=/nowhere/python doesn't run" in one_line(checkout.set_up(PYTHON="/nowhere/python"))

    def test_a_python_without_venv(self, checkout: Checkout) -> None:
        assert "apt install python3-venv" in one_line(checkout.set_up(FAKE_NO_VENV="1"))

    def test_a_shim_that_does_not_run_is_skipped(
        self, checkout: Checkout, setup_module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("shims", "bin"):
            (tmp_path / name).mkdir()
        Checkout.executable(tmp_path / "shims" / "python3.12", "#!/bin/sh\necho 'pyenv: not found' >&2\nexit 127\n")
        shutil.copy(checkout.python, tmp_path / "bin" / "python3.12")
        monkeypatch.setattr(setup_module.sys, "executable", "/nowhere/python3.9")
        monkeypatch.delenv("PYTHON", raising=False)
        monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}:{tmp_path / 'bin'}:/bin")
        monkeypatch.setenv("FAKE_PYTHON", str(checkout.python))
        monkeypatch.setenv("CALLS", str(checkout.calls))
        monkeypatch.setattr(setup_module, "SUPPORTED", ((3, 12),))

        assert setup_module.find_python() == str(checkout.python)

    def test_an_old_python_can_read_the_script(self) -> None:
        ast.parse(SCRIPT.read_text(), feature_version=(3, 6))


class TestNoNetwork:
    @pytest.mark.parametrize("said", [{"FAKE_PIP_SAYS": PIP_OFFLINE}, {"FAKE_UV_SAYS": UV_OFFLINE}])
    def test_says_to_connect_and_goes_on_from_there_when_run_again(
        self, checkout: Checkout, said: dict[str, str]
    ) -> None:
        line = one_line(checkout.set_up(**said))

        assert line == (
            "llm-bench: Can't reach the package index: connect to the internet and run the command again "
            "(details: .venv/setup.log).\n"
        )
        assert "Temporary failure in name resolution" in (checkout.venv / "setup.log").read_text()
        assert checkout.set_up().returncode == 0
        assert not checkout.called("-m venv")


class TestDiskFull:
    def test_says_so_and_begins_anew_when_run_again(self, checkout: Checkout) -> None:
        assert "The disk is full" in one_line(checkout.set_up(FAKE_UV_SAYS=UV_DISK_FULL))
        assert checkout.set_up().returncode == 0
        assert checkout.called("-m venv"), "what was half written must be rebuilt"


class TestOtherCauses:
    def test_a_package_that_differs_from_the_lock(self, checkout: Checkout) -> None:
        assert "differs from the one in requirements.lock" in one_line(checkout.set_up(FAKE_UV_SAYS=UV_HASH))

    def test_an_unknown_one_is_quoted_with_the_log_to_look_into(self, checkout: Checkout) -> None:
        line = one_line(checkout.set_up(FAKE_UV_SAYS="warning: odd\nerror: The moon is in the way"))

        assert line == (
            "llm-bench: The set-up failed in uv: error: The moon is in the way (details: .venv/setup.log).\n"
        )

    def test_a_missing_lock(self, checkout: Checkout) -> None:
        (checkout.root / "requirements.lock").unlink()

        assert "git checkout requirements.lock" in one_line(checkout.set_up())

    def test_an_argument_it_does_not_know(self, checkout: Checkout) -> None:
        assert "usage:" in one_line(checkout.set_up("frobnicate"))


class TestLock:
    @pytest.fixture
    def locked(self, checkout: Checkout) -> Checkout:
        Checkout.executable(checkout.uv, UV_COMPILE)
        done = checkout.set_up("lock")
        assert (done.returncode, done.stderr) == (0, "")
        return checkout

    def test_torchs_cuda_side_never_gets_in(self, locked: Checkout) -> None:
        lock = (locked.root / "requirements.lock").read_text()
        assert [line for line in lock.splitlines() if not line.startswith("#")] == [
            "rich==15.1.0 \\",
            "    --hash=sha256:aa",
            "tritonclient==1.0",
        ]

    def test_both_files_are_made_of_pyproject_the_short_one_from_the_long_one(self, locked: Checkout) -> None:
        whole, direct = locked.called("pip compile")
        assert f"{locked.root}/pyproject.toml" in whole
        assert "--group dev --generate-hashes" in whole
        assert f"{locked.root}/pyproject.toml" in direct
        assert f"--group image --no-deps --no-strip-extras --constraint {locked.venv}/requirements.lock" in direct

    def test_the_one_in_the_repository_is_whole(self, setup_module: ModuleType) -> None:
        lock = (ROOT / "requirements.lock").read_text()
        pinned = {line.split("==")[0] for line in lock.splitlines() if "==" in line}

        assert not [name for name in pinned if name.startswith(("nvidia-", "cuda-")) or name == "triton"]
        assert "://" not in lock
        assert not [entry for entry in setup_module.entries(lock) if "--hash=sha256:" not in entry]


def requirements(lines: list[str]) -> dict[str, Requirement]:
    """Requirements by their canonical names."""
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


class TestRanges:
    """pyproject.toml has the dependencies; requirements.txt and requirements.lock are made of it."""

    PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    RANGES = requirements(PROJECT["project"]["dependencies"])
    IMAGE = requirements(PROJECT["dependency-groups"]["image"])
    DEV = requirements([line for line in PROJECT["dependency-groups"]["dev"] if isinstance(line, str)])

    @pytest.fixture
    def pins(self) -> dict[str, Requirement]:
        lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        return requirements([line for line in lines if not line.startswith("#")])

    @pytest.fixture
    def locked(self) -> dict[str, str]:
        lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
        return {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^ ;]+)", lock, re.M)}

    def test_requirements_pin_each_dependency_and_nothing_else(self, pins: dict[str, Requirement]) -> None:
        assert pins.keys() == self.RANGES.keys() | self.IMAGE.keys()
        assert all(re.fullmatch(r"==[^*,]+", str(pin.specifier)) for pin in pins.values())

    def test_hold_the_versions_that_were_tested(self, pins: dict[str, Requirement]) -> None:
        for name, needed in (*self.RANGES.items(), *self.IMAGE.items()):
            (pinned,) = pins[name].specifier
            assert needed.specifier.contains(pinned.version), name

    def test_have_a_lower_bound_each(self) -> None:
        for name, needed in self.RANGES.items():
            assert any(bound.operator == ">=" for bound in needed.specifier), name

    def test_are_pinned_by_the_lock_with_the_tools_of_development(
        self, pins: dict[str, Requirement], locked: dict[str, str]
    ) -> None:
        for name, pin in pins.items():
            assert pin.specifier.contains(locked[name]), name
        assert locked.keys() >= self.DEV.keys()
        assert not any(tool.specifier for tool in self.DEV.values()), "pins stand in requirements.lock alone"
