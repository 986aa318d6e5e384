"""The package: built and installed as its users would, it has all its files and finds its place."""

import email
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
BUILT_FROM = ("digitnet", "pyproject.toml", "README.md", "LICENSE", "requirements*.txt")

pytestmark = pytest.mark.slow


def tracked(*patterns):
    command = ["git", "ls-files", "-z", "--", *patterns]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of what git knows, built offline in a copy: building writes beside the code."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in tracked(*BUILT_FROM):
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, folder / "source" / name)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    run(sys.executable, "-m", "pip", "wheel", str(folder / "source"), *options)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel):
    """What runs the installed command, as an environment of its own."""
    site = wheel.parent / "site"
    options = ["--no-deps", "--no-index", "--target", str(site)]
    run(sys.executable, "-m", "pip", "install", str(wheel), *options)
    ours = {name for name in os.environ if name.startswith("DIGITNET")}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    return {**environment, "PYTHONPATH": str(site)}


def test_the_wheel_holds_the_package_with_its_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert files == set(tracked("digitnet"))
    assert {Path(name).suffix for name in files} >= {".py", ".css", ".csv", ".json"}


def test_the_wheel_needs_tensorflow_for_training_only(wheel):
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    needed = metadata.get_all("Requires-Dist")
    always = [one for one in needed if "extra ==" not in one]
    train = [one.partition(";")[0] for one in needed if "extra ==" in one]
    assert any(one.startswith("streamlit") for one in always)
    assert not any(one.startswith(("tensorflow", "keras")) for one in always)
    assert len(train) == 2 and metadata.get_all("Provides-Extra") == ["train"]


def test_the_command_runs_and_looks_for_runs_in_the_current_folder(installed, tmp_path):
    shutil.copytree(REPOSITORY / "checkpoints" / "cnn_min", tmp_path / "checkpoints" / "cnn_min")
    command = Path(installed["PYTHONPATH"]) / "bin" / "digitnet"
    listed = run(str(command), "list", env=installed, cwd=tmp_path)
    assert "98.46%" in listed and listed.count("not trained yet") == 16
    assert run(sys.executable, "-m", "digitnet", "list", env=installed, cwd=tmp_path) == listed


def test_the_command_tells_how_it_ended(installed, tmp_path):
    command = Path(installed["PYTHONPATH"]) / "bin" / "digitnet"
    done = subprocess.run(
        [str(command), "results"], env=installed, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("digitnet: there is no README.md in ")
    assert done.stderr.count("\n") == 1
