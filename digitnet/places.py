"""Where the project's folders lie: one answer for all who read or write beside the package."""

from pathlib import Path

CODE = Path(__file__).resolve().parents[1]  # what the package is imported from
IS_CLONE = (CODE / "pyproject.toml").is_file()


def home() -> Path:
    """The folder of the runs, the checkpoints, the pages, the benchmarks and the README.

    It is the clone that this code lies in; where the package is installed, the current folder.
    """
    return CODE if IS_CLONE else Path.cwd()
