"""What several pages of one view rest on, made once: who looks at a study goes from page to page with the same view."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from llm_bench.dashboard.context import Look

T = TypeVar("T")

MOST = 64
"""Results that are kept, over all studies and views: the latest."""

_kept: OrderedDict[Hashable, Any] = OrderedDict()
_lock = threading.Lock()


def kept(look: Look, name: Hashable, make: Callable[[], T]) -> T:
    """What is made of a view's records as they are now; made anew where anything of these has changed.

    :param name: of what is made, with all that it depends on beside the records and the view.
    """
    key = (look.study.name, look.study.storage, look.study.zone, look.records.version, look.view, name)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return cast("T", _kept[key])
    made = make()
    with _lock:
        _kept[key] = made
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return made
