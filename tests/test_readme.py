"""The README tells of what is there: every setting and every room."""

import re
import tomllib
from pathlib import Path

from tests.security.attacks import table

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
CODE = ("app.py", "hosting", "digitnet", "pages", "benchmarks", "scripts", "tests", ".ci")
SETTING = re.compile(r"DIGITNET_[A-Z_]+")


def section(title):
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def read_code():
    for name in CODE:
        path = REPOSITORY / name
        for file in [path, *path.rglob("*")]:
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.read_text(encoding="utf-8", errors="ignore")


def rooms():
    """The folders of the package that the README names, in its order."""
    return re.findall(r"^    digitnet/(\w+)/ ", section("The rooms"), re.MULTILINE)


def test_every_setting_is_in_the_table_and_nothing_else():
    table = re.findall(r"^\| `(\w+)` \|", section("Settings"), re.MULTILINE)
    read = {name for text in read_code() for name in SETTING.findall(text)}
    assert len(table) == len(set(table)) > 5
    assert set(table) == read


def test_no_other_setting_is_told_of():
    assert set(SETTING.findall(README)) == set(SETTING.findall(section("Settings")))


def test_what_is_told_to_be_attacked_is_what_the_tests_attack():
    told = README.partition("<!-- safety: begin -->\n")[2].partition("\n<!-- safety: end -->")[0]
    assert told == table(), "python -m tests.security prints it"


def test_the_rooms_are_the_folders_of_the_package():
    folders = {path.parent.name for path in REPOSITORY.glob("digitnet/*/__init__.py")}
    assert sorted(rooms()) == sorted(folders)


def test_the_rooms_stand_in_the_order_of_their_imports():
    tools = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    [layers] = [one["layers"] for one in tools["importlinter"]["contracts"] if "layers" in one]
    floors = [set(re.findall(r"\w+", layer)) & set(rooms()) for layer in reversed(layers)]
    level = {room: height for height, floor in enumerate(floors) for room in floor}
    assert [level[room] for room in rooms()] == sorted(level.values())


def test_all_else_that_the_rooms_name_is_there():
    named = re.findall(r"^    ((?:[\w.]+/?(?:, )?)+)  ", section("The rooms"), re.MULTILINE)
    others = {name for line in named for name in line.split(", ")}
    assert {"app.py", "pages/", "hosting/", "benchmarks/", "tests/"} <= others
    assert all((REPOSITORY / name).exists() for name in others)
