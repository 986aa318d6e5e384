"""What components are given is sent without looking for data frames in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from streamlit.components.v2.bidi_component import serialization
from streamlit.proto.BidiComponent_pb2 import BidiComponent

from digitnet.ui.component_data import send_as_it_is

REPOSITORY = Path(__file__).parents[2]

OPEN_DRAW = """
import sys
from digitnet.ui import ahead
from streamlit.testing.v1 import AppTest

app = AppTest.from_file("digitnet/ui/visit.py", default_timeout=60).run()
assert not app.exception, [error.message for error in app.exception]
assert len(app.get("bidi_component")) == 2, "the board and the live reading are not both there"
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"pandas", "pyarrow"}, "the Draw page has loaded Pandas"
"""


@pytest.mark.slow
def test_the_draw_page_does_not_load_pandas(tmp_path: Path) -> None:
    environment = {**os.environ, "DIGITNET_RUNS": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", OPEN_DRAW],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_lists_go_as_they_are_and_data_frames_as_before() -> None:
    send_as_it_is()
    given = {"strokes": [[1.5, 2.0]], "drawing": {"objects": []}, "name": None}
    sent = BidiComponent()
    serialization.serialize_mixed_data(given, sent)
    assert json.loads(sent.json) == given
    serialization.serialize_mixed_data({"table": pd.DataFrame({"a": [1]})}, sent)
    assert len(sent.mixed.arrow_blobs) == 1
