"""The files that pages load: our style and script, and the library that draws charts. All are served from here."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from fastapi import HTTPException, Request, Response

from llm_bench.files import locked, replacing, storage_errors
from llm_bench.paths import home

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_HEADERS = {"cache-control": "private, max-age=31536000, immutable"}
"""A name changes with its content, so that a browser needn't ask again; it is behind the login all the same."""


@cache
def names() -> dict[str, Path]:
    """Name in an address → our file; the name holds a part of the content's hash."""
    return {f"{path.stem}-{_hash(path)}{path.suffix}": path for path in sorted(_FOLDER.iterdir())}


def address(root: str, file: str) -> str:
    """The address of one of our files.

    :param root: path of the dashboard.
    """
    return f"{root}/static/{next(name for name, path in names().items() if path.name == file)}"


def vega_address(root: str) -> str:
    """The address of the charts' library."""
    return f"{root}/static/{vega_name()}"


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def vega_name() -> str:
    """The name of the charts' library, with the version of vl-convert, which brings it."""
    return f"vega-{version('vl-convert-python')}.js"


def serve(name: str, request: Request) -> Response:
    """A file that pages load."""
    if name == vega_name():
        return _vega(request)
    path = names().get(name)
    if path is None:
        raise HTTPException(404, f"There is no file {name}.")
    return Response(path.read_bytes(), media_type=_TYPES[path.suffix], headers=_HEADERS)


def _vega(request: Request) -> Response:
    # A library of 0.9 MB is 0.3 MB on its way.
    packed = vega().read_bytes()
    headers = _HEADERS | {"vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=_TYPES[".js"], headers=headers | {"content-encoding": "gzip"})
    return Response(gzip.decompress(packed), media_type=_TYPES[".js"], headers=headers)


def vega() -> Path:
    """The library, packed; it is made at its first request, which takes seconds, and kept below ``data/cache``.

    :raises StorageError: it can't be kept.
    """
    kept = home() / "data" / "cache" / "static" / f"{vega_name()}.gz"
    if not kept.exists():
        with storage_errors(kept, "written"), locked(kept.parent):
            if not kept.exists():
                import vl_convert

                bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # what its signature says it may lack
                with replacing(kept) as partial:
                    partial.write_bytes(gzip.compress(bundle.encode(), mtime=0))
    return kept
