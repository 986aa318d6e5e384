"""The wall around TensorFlow: only training needs it, and the app's process never loads it.

Every check runs in another process, for what this one has imported would not tell.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from digitnet.experiments import EXPERIMENTS

REPOSITORY = Path(__file__).parent.parent
CLASS = {"DIGITNET_CLASS": "1"}  # which has a page more
PAGES = sorted(map(str, REPOSITORY.glob("pages/*.py")))
COMPARE = REPOSITORY / "pages" / "compare.py"
PARTS = [f"{COMPARE}?view={view}" for view in ("Two networks", "Build", "Retrain")]

# An entry of None makes `import` and `find_spec` answer as if the package were not installed.
WITHOUT_TENSORFLOW = "import sys; sys.modules.update(tensorflow=None, keras=None)"

OPEN_PAGES = """
import sys
from streamlit.testing.v1 import AppTest

for address in sys.argv[1:]:
    page, _, view = address.partition("?view=")
    app = AppTest.from_file("digitnet/ui/visit.py", default_timeout=60).run()
    app.switch_page(page)
    if view:
        app.query_params["view"] = view
    app.run()
    assert not app.exception, (address, [error.message for error in app.exception])
    assert len(app.main) > 0, f"{address} is empty"
    assert not view or app.session_state["view"] == view, f"{address} is another page"
"""

ASSERT_NOT_LOADED = """
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not loaded & {"tensorflow", "keras"}, f"{address} has loaded TensorFlow"
"""

ONE = {"strokes": [[[100, 20], [100, 180]]]}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What the processes run in: this repository and a run folder that is empty."""
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "DIGITNET_RUNS": str(tmp_path / "runs")}


@pytest.fixture
def serving_only(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The same without TensorFlow, for the processes that are started in it and for theirs."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(WITHOUT_TENSORFLOW)  # every Python imports it first
    return {**environment, "PYTHONPATH": os.pathsep.join([str(site), str(REPOSITORY)])}


def run_python(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("package", ["tensorflow", "keras"])
def test_the_block_holds(package, serving_only):
    done = run_python("-c", f"import {package}", env=serving_only)
    assert "ModuleNotFoundError" in done.stderr


def test_there_are_pages():
    assert str(REPOSITORY / "pages" / "draw.py") in PAGES


@pytest.mark.slow
def test_pages_open_without_tensorflow(serving_only):
    done = run_python("-c", OPEN_PAGES, *PAGES, *PARTS, env=serving_only | CLASS)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_no_page_loads_tensorflow(environment):
    done = run_python("-c", OPEN_PAGES + ASSERT_NOT_LOADED, *PAGES, *PARTS, env=environment | CLASS)
    assert done.returncode == 0, done.stderr


def test_list_works_without_tensorflow(serving_only):
    done = run_python("-m", "digitnet", "list", "--json", env=serving_only)
    assert done.returncode == 0, done.stderr
    names = [experiment["name"] for experiment in json.loads(done.stdout)]
    assert names == [experiment.name for experiment in EXPERIMENTS]


def test_predict_works_without_tensorflow(serving_only, tmp_path):
    drawings = tmp_path / "drawings.jsonl"
    drawings.write_text(json.dumps(ONE) + "\n")
    done = run_python(
        "-m", "digitnet", "predict", str(drawings), "--model", "cnn", "--json", env=serving_only
    )
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    assert json.loads(line)["predictions"]["cnn"]["digit"] == 1


def test_training_without_tensorflow_says_what_to_install(serving_only):
    done = run_python("-m", "digitnet", "train", "cnn", env=serving_only)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "pip install -r requirements.txt" in line
    assert not list(Path(serving_only["DIGITNET_RUNS"]).rglob("request.json"))  # nothing begun
