"""What a browser and Streamlit tell each other over the websocket."""

from __future__ import annotations

from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.typing import Subprotocol

SUBPROTOCOLS = [Subprotocol("streamlit")]
MOST_BYTES = 64 * 2**20  # of a message from the server
# The field of a widget's state that carries a Python value of this type.
FIELDS = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}
PRESSED = None  # what a button's state is sent as

Place = tuple[int, ...]


class Json(str):
    """What a component sends."""


def stream_of(address: str) -> str:
    """Where the websocket is of an app at an address, as "http://127.0.0.1:8501"."""
    return address.replace("http://", "ws://") + "/_stcore/stream"


def ask_to_run(states: dict[str, Any], fragment: str = "", **fields: Any) -> bytes:
    """The message that has the script run.

    Args:
        states: Values by the widgets' ids; PRESSED for a button's, `Json` for a component's.
        fragment: The part of the page that is to be drawn anew; all of it if empty.
        fields: Others of the message, such as `page_name` and `query_string`.
    """
    message = BackMsg()
    script = message.rerun_script
    script.fragment_id = fragment
    for name, value in fields.items():
        setattr(script, name, value)
    for name, value in states.items():
        _fill(script.widget_states.widgets.add(id=name), value)
    return message.SerializeToString()


def _fill(state: Any, value: Any) -> None:
    """Writes a value as the state of a widget of its kind."""
    if value is PRESSED:
        state.trigger_value = True
    elif isinstance(value, Json):
        state.json_value = value
    elif isinstance(value, list):
        state.string_array_value.data.extend(value)
    elif isinstance(value, dict):
        state.file_uploader_state_value.uploaded_file_info.add(**value)
    else:
        setattr(state, FIELDS[type(value)], value)


class Shown:
    """What a page shows, by the server's messages.

    Attributes:
        elements: By their places.
        fragments: Which part of the script drew each.
        tabs: The id of the row of tabs, if the page has one.
    """

    def __init__(self) -> None:
        self.elements: dict[Place, Any] = {}
        self.fragments: dict[Place, str] = {}
        self.tabs = ""

    def see(self, message: ForwardMsg) -> None:
        """Takes a message of the server in."""
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._forget(set(message.metadata.run.fragment_ids))
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            place = tuple(message.metadata.delta_path)
            self.elements[place] = message.delta.new_element
            self.fragments[place] = message.delta.fragment_id
        elif kind == "delta" and message.delta.add_block.tab_container.id:
            self.tabs = message.delta.add_block.tab_container.id

    def _forget(self, fragments: set[str]) -> None:
        """Clears what is about to be drawn anew: these parts of the page, all of it if none."""
        for place in list(self.elements):
            if not fragments or self.fragments[place] in fragments:
                del self.elements[place]

    def find(self, kind: str) -> list[tuple[Any, str]]:
        """The page's elements of a kind, each with the part of the page that it is in."""
        return [
            (getattr(element, kind), self.fragments[place])
            for place, element in self.elements.items()
            if element.WhichOneof("type") == kind
        ]

    def find_board(self) -> tuple[Any, str]:
        """The board of the Draw page, which has other components, too; and its part of the page."""
        [board] = [
            (one, fragment)
            for one, fragment in self.find("bidi_component")
            if "drawable_canvas" in one.component_name
        ]
        return board
