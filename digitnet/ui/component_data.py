"""Lists and dicts that a component is given are no data frames.

Streamlit looks for data frames among them, which it sends in a form of their own. To tell whether a
list is one, it loads Pandas and PyArrow and then asks for the types of thirty libraries by name:
80 MB and most of a second of a launch, and a millisecond of each stroke.
"""

from __future__ import annotations

from streamlit.components.v2.bidi_component import serialization

_is_dataframe_like = serialization.is_dataframe_like


def send_as_it_is() -> None:
    """Has Streamlit send them as they are; done once for all sessions."""
    serialization.is_dataframe_like = _is_data_frame


def _is_data_frame(obj: object) -> bool:
    return not isinstance(obj, (dict, list)) and _is_dataframe_like(obj)
