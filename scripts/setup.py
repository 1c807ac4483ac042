#!/usr/bin/env python3
"""Makes this checkout's `.venv`; `make` runs it before everything else.

    python3 scripts/setup.py                   set up what is missing; returns at once when nothing is
    python3 scripts/setup.py lock [--upgrade]  rewrite requirements.lock and requirements.txt from pyproject.toml

All it writes stays inside the checkout: downloads are kept in `.venv/cache` (or UV_CACHE_DIR), so that a repair fetches
next to nothing. PYTHON=/path/to/python chooses the interpreter. What goes wrong is said in one line.

What `uv sync` can't do is done here: torch as its CPU build also where PyTorch's own index is out of reach (of PyPI's
comes 3 GB of CUDA), uv itself on a machine that has only Python, and one line for each cause.

Whatever `python3` is there runs this file: standard library only, nothing newer than Python 3.6.
"""

import errno
import fcntl
import hashlib
import os
import pty
import re
import runpy
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
LOG = VENV / "setup.log"
STAMP = VENV / "setup.stamp"  # what the finished set-up was made from
UNFINISHED = VENV / "setup.unfinished"  # there while packages are being written
LOCK = ROOT / "requirements.lock"
DIRECT = ROOT / "requirements.txt"

SUPPORTED = ((3, 13), (3, 12), (3, 11))
NO_ROOM_BYTES = 10**7
STEPS = 4

PROBE = (
    "import sys, platform; v = sys.version_info; "
    "print('%d.%d.%d' % v[:3], platform.python_implementation(), getattr(sys, '_base_executable', sys.executable))"
)

# torch asks for 3 GB of these on Linux; embeddings run on the CPU.
CUDA = re.compile(r"(nvidia-|cuda-|triton==)")

LOCK_HEADER = """\
# Every package at its exact version and hash, for Python 3.11 to 3.13. Made by `make lock` from pyproject.toml.
# The CUDA side of torch (nvidia-*, cuda-*, triton: 3 GB) is left out, since embeddings run on the CPU. So install with
# --no-deps, and torch before the rest, as its CPU build, which satisfies its line here: scripts/setup.py does.
"""

DIRECT_HEADER = """\
# What llm-bench itself needs, at the versions that it is tested with; the Dockerfile installs it. Made by `make lock`:
# the dependencies stand in pyproject.toml, with their ranges, and all that hangs from them in requirements.lock.
"""

# The first that matches a tool's output names the cause.
CAUSES = (
    (r"No space left on device|Disk quota exceeded|os error 28\b", "disk"),
    (r"Hash mismatch|HASHES DO NOT MATCH|DO NOT MATCH THE HASHES", "hash"),
    (r"certificate verify failed|CERTIFICATE_VERIFY_FAILED|invalid peer certificate|UnknownIssuer", "certificate"),
    (
        r"dns error|failed to lookup address|name resolution|Name or service not known|nodename nor servname"
        r"|Connection refused|Connection reset|Network is unreachable|No route to host|timed out|error sending request"
        r"|Failed to establish a new connection|NewConnectionError|ProxyError|RemoteDisconnected",
        "network",
    ),
    (r"Permission denied|Read-only file system", "permission"),
)
MESSAGES = {
    "disk": "The disk is full: free some space and run the command again (the set-up needs 5 GB).",
    "hash": "A downloaded package differs from the one in requirements.lock: a proxy may have changed it, or the lock"
    " needs `make lock` (details: .venv/setup.log).",
    "certificate": "The package index's certificate isn't trusted here: name your proxy's CA in SSL_CERT_FILE and"
    " PIP_CERT, and run the command again (details: .venv/setup.log).",
    "network": "Can't reach the package index: connect to the internet and run the command again"
    " (details: .venv/setup.log).",
    "permission": "No permission to write in the checkout: make it yours (`chown -R`) and run the command again"
    " (details: .venv/setup.log).",
}


class SetupError(Exception):
    """What went wrong and how to fix it, in one line."""

    def __init__(self, message: str, cause: str = "other") -> None:
        super().__init__(message)
        self.cause = cause


def main(arguments: list) -> int:
    """Sets up, or locks; returns the exit status."""
    try:
        if arguments[:1] == ["lock"] and set(arguments[1:]) <= {"--upgrade"}:
            set_up()
            lock(arguments[1:])
        elif not arguments:
            set_up()
        else:
            raise SetupError("usage: python3 scripts/setup.py [lock [--upgrade]]")
    except SetupError as error:
        return fail(str(error))
    except KeyboardInterrupt:
        return fail("Interrupted: run the command again to go on.", 130)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return fail(MESSAGES["disk"])
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return fail(f"No permission to write {error.filename}: make the checkout yours and run the command again.")
        return fail(f"The set-up failed: {error}. Run `make clean` and the command again.")
    return 0


def fail(message: str, status: int = 1) -> int:
    """Says what went wrong; returns the exit status."""
    print(f"llm-bench: {message}", file=sys.stderr)
    return status


def set_up() -> None:
    """Brings `.venv` to what the lock says, unless it is there already."""
    if is_current():
        return
    with (ROOT / "scripts" / "setup.py").open("rb") as self:  # a file to lock that needs no cleaning up
        try:
            fcntl.flock(self, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another set-up of this checkout is running: waiting for it …")
            fcntl.flock(self, fcntl.LOCK_EX)
        if not is_current():
            build()


def build() -> None:
    """Makes the virtual environment and installs everything into it."""
    began = time.monotonic()
    locked = read_lock()
    rebuild = UNFINISHED.exists() or not works() or wrong_python() or moved()
    interpreter = find_python() if rebuild else None
    VENV.mkdir(exist_ok=True)
    LOG.write_bytes(b"")
    UNFINISHED.touch()
    try:
        with step(1, "virtual environment"):
            if interpreter:
                make_venv(interpreter)
            install_uv(locked["uv"])
        with step(2, "torch, CPU build"):
            install_torch(locked["torch"])
        download = "" if STAMP.exists() else ", about 1 GB to download"
        with step(3, f"{len(locked)} packages{download}"):
            uv("sync", "--require-hashes", "--compile-bytecode", str(LOCK))  # what is no longer locked goes
        with step(4, "llm-bench itself"):
            uv("install", "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    except SetupError as error:
        if error.cause in ("network", "certificate"):  # all is downloaded before any is written: nothing is half done
            UNFINISHED.unlink()
        raise
    finally:
        shutil.rmtree(str(VENV / "tmp"), ignore_errors=True)
    STAMP.write_text(fingerprint())
    UNFINISHED.unlink()
    say(f"Set up in {span(time.monotonic() - began)}.")


# --- What is there ---


def is_current() -> bool:
    """Whether the last set-up finished, was made from the same files, and still runs."""
    try:
        stamp = STAMP.read_text()
    except (OSError, ValueError):
        return False
    return not UNFINISHED.exists() and works() and stamp == fingerprint() and not wrong_python()


def works() -> bool:
    """Whether `.venv` has an interpreter that runs, of a version we support, and pip."""
    return bool(probe(str(PYTHON))) and any(VENV.glob("lib/python3.*/site-packages/pip/__main__.py"))


def wrong_python() -> bool:
    """Whether `.venv` was made with another Python than the one that PYTHON asks for, or one we don't support."""
    have, wanted = probe(str(PYTHON)), os.environ.get("PYTHON")
    return not supported(have) or bool(wanted and probe(wanted)[:2] != have[:2])


def moved() -> bool:
    """Whether `.venv` was made somewhere else: the commands in its `bin` would start the Python that was there."""
    command = VENV / "bin" / "pip"
    return command.exists() and str(VENV) not in command.read_text()


def fingerprint() -> str:
    """What a set-up depends on: the files it is made from, Python's version, and where the checkout lies."""
    digest = hashlib.sha256()
    for path in (LOCK, ROOT / "pyproject.toml", ROOT / "scripts" / "setup.py"):
        digest.update(path.read_bytes() if path.exists() else b"")
    digest.update(repr((probe(str(PYTHON)), str(ROOT))).encode())
    return digest.hexdigest()


def read_lock() -> dict:
    """The lock's entries by package name; each keeps its hashes."""
    if not LOCK.exists():
        raise SetupError("requirements.lock is missing: restore it with `git checkout requirements.lock`.")
    return {re.split(r"[=\[ ]", entry)[0]: entry for entry in entries(LOCK.read_text())}


def entries(text: str) -> list:
    """A requirements file's entries: a line that begins at the margin, and the indented ones after it."""
    return [entry for entry in re.split(r"\n(?=\S)", text.strip()) if not entry.startswith("#")]


# --- Python ---


def find_python() -> str:
    """The interpreter to make `.venv` with: PYTHON, else the running one, else the newest on PATH that works."""
    wanted = os.environ.get("PYTHON")
    if wanted:
        pythons = [probe(wanted)]
        if not pythons[0]:
            raise SetupError(f"PYTHON={wanted} doesn't run: name a Python 3.11, 3.12 or 3.13, or leave PYTHON out.")
    else:
        pythons = [probe(candidate) for candidate in [sys.executable, *on_path()]]
    usable = [python for python in pythons if supported(python)]
    for _, _, executable in usable:
        if runs([executable, "-c", "import venv, ensurepip"]):
            return executable
    if usable:
        message = f"Python {usable[0][0]} lacks its venv module: install it and run the command again"
        raise SetupError(f"{message} (Debian and Ubuntu: `apt install python3-venv`).")
    which, is_now = wanted or "the one here", " ".join(next(filter(None, pythons), ("broken",))[1::-1])
    message = f"CPython 3.11, 3.12 or 3.13 is needed, and {which} is {is_now}"
    raise SetupError(f"{message}: install one of them, or name it: PYTHON=/path/to/python3.12.")


def on_path() -> list:
    """Every `python3.x` of a supported version on PATH: one that is there may still not run, as a pyenv shim."""
    names = [f"python{major}.{minor}" for major, minor in SUPPORTED]
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return [str(Path(folder, name)) for name in names for folder in folders if Path(folder, name).exists()]


def probe(executable: str) -> tuple:
    """Version, implementation and base interpreter of a Python; empty when it doesn't run."""
    if executable not in PROBED:
        try:
            command = [executable, "-I", "-S", "-c", PROBE]
            output = subprocess.check_output(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
        except (OSError, subprocess.SubprocessError):
            output = b""
        words = tuple(output.decode("utf-8", "replace").strip().split(" ", 2))
        PROBED[executable] = words if len(words) == len(("version", "implementation", "base")) else ()
    return PROBED[executable]


PROBED = {}  # type: dict


def supported(python: tuple) -> bool:
    """Whether a probed Python is one that the lock is made for."""
    return bool(python) and python[1] == "CPython" and tuple(map(int, python[0].split(".")[:2])) in SUPPORTED


def runs(command: list) -> bool:
    """Whether a command succeeds; its output is nobody's business."""
    try:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


# --- The steps ---


def make_venv(interpreter: str) -> None:
    """A fresh virtual environment; downloads of an earlier try are kept."""
    for path in VENV.iterdir():
        if path.name in ("cache", LOG.name, UNFINISHED.name):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(str(path))
        else:
            path.unlink()
    PROBED.pop(str(PYTHON), None)
    run([interpreter, "-m", "venv", str(VENV)])
    PROBED.pop(str(PYTHON), None)


def install_uv(entry: str) -> None:
    """The locked uv, by pip, its hash verified."""
    if installed("uv") == version_in(entry):
        return
    wanted = VENV / "tmp" / "uv.txt"
    wanted.parent.mkdir(exist_ok=True)
    wanted.write_text(entry + "\n")
    pip("--require-hashes", "--only-binary", ":all:", "--retries", "2", "-r", str(wanted))


def install_torch(entry: str) -> None:
    """The CPU build: pip finds a wheel where it is given a folder with one; uv knows the index of CPU builds."""
    version = version_in(entry)
    if has_cpu_torch(version):
        return
    try:
        pip("--no-index", "torch==" + version)
    except SetupError as error:
        if error.cause == "disk":
            raise
    if not has_cpu_torch(version):
        uv("install", "--no-deps", "--reinstall", "--torch-backend", "cpu", "torch==" + version)
    if not has_cpu_torch(version):
        uv("uninstall", "torch")
        raise SetupError(f"There is no CPU build of torch {version} for this machine (details: .venv/setup.log).")


def has_cpu_torch(version: str) -> bool:
    """Whether that torch is installed without CUDA; torch itself isn't imported, since it needs what comes later."""
    if installed("torch").split("+")[0] != version:
        return False
    facts = [runpy.run_path(str(path)) for path in VENV.glob("lib/python3.*/site-packages/torch/version.py")]
    return bool(facts) and all(fact.get("cuda") is None for fact in facts)


def installed(package: str) -> str:
    """The version of a package in `.venv`, or nothing."""
    names = [path.name for path in VENV.glob(f"lib/python3.*/site-packages/{package}-*.dist-info")]
    return names[0][len(package) + 1 : -len(".dist-info")] if names else ""


def version_in(entry: str) -> str:
    """The version that an entry of the lock pins."""
    return re.split(r"[\s;\\]", entry.split("==")[1])[0]


def pip(*arguments: str) -> None:
    """Installs with pip, without what hangs from it."""
    run(
        [
            str(PYTHON),
            "-m",
            "pip",
            "--no-cache-dir",
            "install",
            "--no-deps",
            "--no-input",
            "--progress-bar",
            "off",
            *arguments,
        ]
    )


def uv(command: str, *arguments: str) -> None:
    """Runs `uv pip` on `.venv`."""
    run([str(UV), "pip", command, "--python", str(PYTHON), *arguments])


def run(command: list) -> None:
    """Runs a tool, its output to the log, less what it draws; the output says the cause when it fails."""
    temporary = VENV / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    with LOG.open("ab") as log:
        log.write("\n$ {}\n".format(" ".join(command)).encode())
        log.flush()
        start = log.tell()
        status = follow(command, tool_environment(temporary), log)
    if status != 0:
        raise explain(command, LOG.read_bytes()[start:].decode("utf-8", "replace"))


def follow(command: list, environment: dict, log: BinaryIO) -> int:
    """Runs a tool and shows how far it is; its exit status."""
    ours, its = terminal()
    tool = subprocess.Popen(command, cwd=str(ROOT), env=environment, stdin=subprocess.DEVNULL, stdout=its, stderr=its)
    os.close(its)
    rest = b""
    try:
        while True:
            if select.select([ours], [], [], 0.2)[0]:
                chunk = read(ours)
                if not chunk:
                    break
                *lines, rest = (rest + chunk).replace(b"\r\n", b"\n").split(b"\n")
                for line in lines:
                    record(line, log)
                if len(rest) > ENOUGH:
                    rest = rest[-ENOUGH:].partition(b" ")[2]  # half a name would be another package
                Step.now.see(DRAWN.sub(" ", rest.decode("utf-8", "replace")))
            elif tool.poll() is not None:  # what it has left running holds its terminal
                break
            Step.now.show()
        record(rest, log)
        return tool.wait()
    except BaseException:
        tool.kill()
        tool.wait()
        raise
    finally:
        os.close(ours)


def terminal() -> tuple:
    """Both ends of a terminal, wide and high enough for all that uv draws; without one it draws nothing."""
    try:
        ours, its = pty.openpty()
    except OSError:
        return os.pipe()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 100, 200, 0, 0))
    return ours, its


def read(end: int) -> bytes:
    """What has come; nothing at the end, which Linux calls an error."""
    try:
        return os.read(end, 65536)
    except OSError:
        return b""


def record(line: bytes, log: BinaryIO) -> None:
    """Writes a line to the log as it stood at last, unless it was drawn to show how far the tool is."""
    text = DRAWN.sub("", line.decode("utf-8", "replace"))
    Step.now.see(text)
    last = text.rstrip("\r").rpartition("\r")[2].rstrip()
    if last and not PREPARED.search(last) and not INSTALLED.search(last):
        log.write((last + "\n").encode("utf-8", "replace"))
        log.flush()


ENOUGH = 16384
"""Bytes of what is drawn that are looked at. Without a new line uv draws over one place for as long as it downloads:
read again from its beginning each time, that grew until uv waited for us and nothing was downloaded any more."""

# What uv draws on a terminal: `Preparing packages... (3/356)`, `numpy ------ 7.88 KiB/16.13 MiB`, `[4/356] numpy==2.4`.
DRAWN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PREPARED = re.compile(r"Preparing packages\.\.\. \((\d+)/(\d+)\)")
FETCHED = re.compile(r"([\w.-]+) +-+ +([\d.]+) (\w+)/([\d.]+) (\w+)")
INSTALLED = re.compile(r"\[(\d+)/(\d+)\] ")
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class Step:
    """A step that takes a while, shown while it lasts: a bar on a terminal, elsewhere a line every few seconds."""

    now: "Step"

    def __init__(self, what: str) -> None:
        self.what = what
        self.began = self.shown = time.monotonic()
        self.doing, self.share = "", 0.0
        self.fetched = {}  # type: dict
        self.fetching = self.began
        Step.now = self

    def __enter__(self) -> "Step":
        if not sys.stdout.isatty():
            say(self.what + " …")
        return self

    def __exit__(self, kind: type, fault: BaseException, at: object) -> None:
        if sys.stdout.isatty():
            sys.stdout.write("\r\x1b[K")
        if kind is None:
            say(f"{self.what}: {span(time.monotonic() - self.began)}")

    def see(self, drawn: str) -> None:
        """Takes from what a tool draws how far it is."""
        if "Resolv" in drawn:
            self.doing = "looking up packages"
        for done, of in INSTALLED.findall(drawn):
            self.doing, self.share = f"installing {done} of {of}", int(done) / max(1, int(of))
        for name, done, unit, of, unit_of in FETCHED.findall(drawn):
            if not self.fetched:
                self.fetching = time.monotonic()
            self.fetched[name] = (float(done) * UNITS.get(unit, 1), float(of) * UNITS.get(unit_of, 1), time.monotonic())
        for done, of in PREPARED.findall(drawn):
            self.doing = self.download(int(done), int(of))
        if re.search(r"Installed \d+ package", drawn):  # the bar before it may stand in the same line
            self.doing, self.share = "compiling", 0.0
        if "Bytecode compiled" in drawn:
            self.doing = ""

    def download(self, done: int, of: int) -> str:
        """How far a download is. uv begins with the largest packages, so that soon nearly all bytes are known."""
        if not self.fetched:
            return f"{done} of {of} packages"
        now = time.monotonic()
        left = {
            name: all_of_it - there for name, (there, all_of_it, seen) in self.fetched.items() if now - seen < GONE_SEC
        }
        all_of_it = sum(size for _, size, _ in self.fetched.values())
        there = all_of_it - sum(left.values())
        name = max(left, key=lambda name: left[name]) if left else "all there"
        self.share = there / max(1.0, all_of_it)
        words = f"{there / 1e6:,.0f} of {all_of_it / 1e6:,.0f} MB, {done} of {of} packages, {name}"
        took = now - self.fetching
        if took < SURE_SEC or not there:
            return words
        return f"{words}, {span(took * (all_of_it - there) / there)} left"

    def show(self) -> None:
        """Draws the bar anew; or says a line, when the last one is some seconds old."""
        now = time.monotonic()
        took = span(now - self.began)
        if sys.stdout.isatty():
            filled = round(self.share * BAR)
            bar = "[" + "#" * filled + "-" * (BAR - filled) + "]" if self.share else ""
            line = "  ".join(filter(None, (self.what, bar, self.doing, took)))
            columns = shutil.get_terminal_size().columns
            sys.stdout.write("\r\x1b[K" + printable(line[: columns - 1]))
            sys.stdout.flush()
        elif now - self.shown >= SAID_EVERY_SEC:
            self.shown = now
            say(f"  {took}: {self.doing}" if self.doing else f"  {took}")


BAR = 20
GONE_SEC = 2  # uv draws a download many times a second, and no more once it is done
SURE_SEC = 2
SAID_EVERY_SEC = 5


def step(number: int, what: str) -> Step:
    """A step of the set-up."""
    return Step(f"Setting up ({number}/{STEPS}): {what}")


def span(seconds: float) -> str:
    """A time in words: 48 s, 1 min 5 s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def tool_environment(temporary: Path) -> dict:
    """The user's environment, less what would install elsewhere; caches and temporary files stay in the checkout."""
    elsewhere = ("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "UV_TARGET", "UV_SYSTEM_PYTHON")
    environment = {name: value for name, value in os.environ.items() if name not in elsewhere}
    environment.setdefault("UV_CACHE_DIR", str(VENV / "cache"))
    environment.update(TMPDIR=str(temporary), VIRTUAL_ENV=str(VENV), PIP_DISABLE_PIP_VERSION_CHECK="1")
    environment.update(UV_PYTHON_DOWNLOADS="never", NO_COLOR="1", TERM="xterm")
    return environment


def explain(command: list, output: str) -> SetupError:
    """The error that a tool's output stands for; not every tool says so when the disk is full."""
    if shutil.disk_usage(str(VENV)).free < NO_ROOM_BYTES:
        return SetupError(MESSAGES["disk"], "disk")
    for pattern, cause in CAUSES:
        if re.search(pattern, output, re.IGNORECASE):
            return SetupError(MESSAGES[cause], cause)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")] or lines[-1:] or ["it said nothing"]
    tool = Path(command[0]).name
    said = errors[0][:200].rstrip(".")
    return SetupError(f"The set-up failed in {tool}: {said} (details: .venv/setup.log).")


def say(line: str) -> None:
    """Prints at once."""
    print(printable(line), flush=True)


def printable(line: str) -> str:
    """A line for a terminal: one without the characters gets replacements."""
    encoding = sys.stdout.encoding or "ascii"
    return line.encode(encoding, "replace").decode(encoding)


# --- The lock ---


def lock(options: list) -> None:
    """Resolves pyproject.toml for every supported Python: the lock, less torch's CUDA side, and the direct ones."""
    draft = VENV / "requirements.lock"
    shutil.copy(str(LOCK), str(draft))  # its versions are kept unless they must move
    with Step("Locking"):
        resolve(draft, "--group", "dev", "--generate-hashes", *options)
    kept = [entry for entry in entries(draft.read_text()) if not CUDA.match(entry)]
    draft.write_text(LOCK_HEADER + "\n".join(kept) + "\n")
    direct = VENV / "requirements.txt"
    with Step("Locking what is needed itself"):
        resolve(direct, "--group", "image", "--no-deps", "--no-strip-extras", "--constraint", str(draft))
    direct.write_text(DIRECT_HEADER + direct.read_text())
    draft.replace(LOCK)
    direct.replace(DIRECT)
    shutil.rmtree(str(VENV / "tmp"), ignore_errors=True)
    say(f"Locked {len(kept)} packages; the next `make` installs what changed.")


def resolve(output: Path, *options: str) -> None:
    """Writes the versions that pyproject.toml comes to."""
    every_python = ("--universal", "--python-version", "3.11", "--no-annotate", "--no-header")
    run([str(UV), "pip", "compile", str(ROOT / "pyproject.toml"), *every_python, "-o", str(output), *options])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
