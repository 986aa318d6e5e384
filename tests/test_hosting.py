"""The app as a hosting service runs it, without TensorFlow, and as replicas behind a proxy."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
HOSTING = REPOSITORY / "hosting"

# The service's Python is told of no folder but the script's, and has no TensorFlow. The app must
# do without what writes the README, too.
OPEN_EVERY_PAGE = """
import runpy
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest

sys.modules.update({"tensorflow": None, "keras": None, "digitnet.study.readme": None})
script = Path(sys.argv[1])
visit = runpy.run_path(str(script))["app"].script_path
app = AppTest.from_file(visit, default_timeout=60).run()
for page in sorted(script.parents[1].glob("pages/*.py")):
    if page.stem == "classroom":  # which is there for a class alone
        continue
    app.switch_page(str(page)).run()
    assert not app.exception, [error.message for error in app.exception]
    assert len(app.main) > 1, f"{page.name} is empty"
    print(page.stem)

from digitnet import jobs

assert jobs.is_read_only()
"""


@pytest.mark.slow
def test_every_page_opens_and_nobody_can_train_or_delete(tmp_path):
    environment = {**os.environ, "DIGITNET_RUNS": str(tmp_path / "runs")}
    environment.pop("PYTHONPATH", None)
    environment.pop("DIGITNET_READ_ONLY", None)
    done = subprocess.run(
        [sys.executable, "-c", OPEN_EVERY_PAGE, str(HOSTING / "app.py")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert {"draw", "compare"} <= set(done.stdout.split())


def test_the_requirements_beside_the_script_leave_tensorflow_out():
    lines = (HOSTING / "requirements.txt").read_text().splitlines()
    [included] = [line for line in lines if not line.startswith("#")]
    assert included == "-r ../requirements-serve.txt"
    served = (REPOSITORY / "requirements-serve.txt").read_text().splitlines()
    assert not any(line.startswith(("tensorflow", "keras", "-r")) for line in served)


def test_what_is_composed_is_there_and_what_the_proxy_expects():
    composed = (HOSTING / "compose.yaml").read_text(encoding="utf-8")
    names = re.findall(r"^  (\w+): \*replica$", composed, re.MULTILINE)
    replicas = " ".join(f"{name}:8501" for name in names)
    proxy = (HOSTING / "Caddyfile").read_text(encoding="utf-8")
    assert replicas == "one:8501 two:8501"
    assert f"REPLICAS: {replicas}\n" in composed and f"{{$REPLICAS:{replicas}}}" in proxy
    assert "./Caddyfile:/etc/caddy/Caddyfile:ro" in composed
    image = (HOSTING / "Dockerfile").read_text(encoding="utf-8")
    [copied] = re.findall(r"^COPY (.+) \./$", image, re.MULTILINE)
    assert all((REPOSITORY / name).is_file() for name in copied.split())
    [script] = re.findall(r'"run", "([\w.]+)"', image)
    assert (REPOSITORY / script).is_file()
