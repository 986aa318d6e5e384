"""What Streamlit takes badly, and a visitor could not help: nothing of it ends the run of a page.

Browsers are not trusted: a value that its widget cannot read counts as not sent.

Streamlit keeps what a browser sends and reads it later, at every run of the session. What cannot be
read (no JSON, or nested too deep) would so end every run from then on, before the page is drawn.
Nor may a browser empty the caches, which are everyone's.
What bears no widget's name, but perhaps that of something which a visit keeps, is left out.
"""

from __future__ import annotations

from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.caching.cache_errors import CacheKeyNotFoundError
from streamlit.runtime.caching.cache_resource_api import CachedResult, ResourceCache
from streamlit.runtime.state.session_state import Serialized, WStates

NUMBERS = {"int_value", "double_value"}  # a field of numbers sends the one and is of the other

WIDGETS = "$$"  # begins the name of each

_read = WStates.__getitem__
_take = WStates.set_widget_from_proto
_recall = ResourceCache.read_result


def forgive_unreadable_values() -> None:
    """Has Streamlit take what it cannot read for what is not there; done once for all sessions."""
    WStates.__getitem__ = _read_or_miss  # type: ignore[method-assign]
    WStates.set_widget_from_proto = _take_of_widget  # type: ignore


def _take_of_widget(states: WStates, sent: WidgetState) -> None:
    if sent.id.startswith(WIDGETS):
        _take(states, sent)


def keep_caches() -> None:
    """Has Streamlit leave the caches alone, which any visitor may else have it empty for all.

    Its setting hides the menu's entry, but takes the message from whoever sends it.
    """
    AppSession._handle_clear_cache_request = _do_nothing  # type: ignore[method-assign]


def forgive_expiry() -> None:
    """Has Streamlit take what grows too old while it is looked up for what is not there.

    It asks whether a cache has something, and then takes that. What is kept for a second grows too
    old in between once in some thousand strokes, and that ended the run with an error.
    """
    ResourceCache.read_result = _recall_or_miss  # type: ignore[method-assign, assignment]


def _recall_or_miss(cache: ResourceCache[Any], value_key: str) -> CachedResult[Any]:
    try:
        return _recall(cache, value_key)
    except KeyError:
        raise CacheKeyNotFoundError from None


def _do_nothing(self: AppSession) -> None:
    pass


def _read_or_miss(states: WStates, name: str) -> Any:
    if _is_of_another_kind(states, name):
        raise KeyError(name)
    try:
        return _read(states, name)
    except Exception as error:  # whatever a widget raises on what it does not expect
        raise KeyError(name) from error


def _is_of_another_kind(states: WStates, name: str) -> bool:
    """Whether what was sent is no value of such a widget: a text for a switch, say."""
    kept, widget = states.states.get(name), states.widget_metadata.get(name)
    if widget is None or not isinstance(kept, Serialized):
        return False
    sent = kept.value.WhichOneof("value")
    return sent not in (None, widget.value_type) and {sent, widget.value_type} != NUMBERS
