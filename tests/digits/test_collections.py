"""UNIPEN and UJI made into stroke files: small ones in their formats, and broken ones."""

import gzip
import json

import pytest

from digitnet import cli
from digitnet.digits import DataError
from digitnet.digits.handwriting import load_drawings, pack_files, read_uji, read_unipen
from digitnet.digits.handwriting import unipen as unipen_module

STROKES = """.VERSION 1.0
.COMMENT The pen goes
.not a keyword that is known
.WRITER_ID {writer}
.COORD {coord}
.PEN_DOWN
{first}
.PEN_UP
999 999 9
.PEN_DOWN
100 50 4
300 50 5
.PEN_UP
"""
L_SHAPE = "100 400 1\n100 400 2\n100 200 3\n200 200 4"
SEVEN = """.INCLUDE abc/strokes.dat
.HIERARCHY CHARACTER
.SEGMENT CHARACTER 0-1 ? "7"
.SEGMENT CHARACTER 0 OK "1"
.SEGMENT CHARACTER 1 BAD "2"
.SEGMENT WORD 0-1 ? "71"
"""
UJI = """// UJI Pen Characters
WORD a trn_UJI_W01-01
  NUMSTROKES 1
  POINTS 1 # 5 6
WORD 7 trn_UJI_W01-01
  NUMSTROKES 2
  POINTS 3 # 100 100 300 100 200 500
  POINTS 2 # 150 300 250 300
WORD 7 tst_UPV_W18-02
  NUMSTROKES 1
  POINTS 2 # 0 0 0 10
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="latin-1")


def strokes(writer="Ann Other", coord="X Y T", first=L_SHAPE):
    return STROKES.format(writer=writer, coord=coord, first=first)


def unpack(content):
    return [json.loads(line) for line in gzip.decompress(content).decode().splitlines()]


def read(folder):
    """The records of both files, and the faults."""
    conversion = read_unipen(folder)
    packed = pack_files(conversion)
    return *(unpack(content) for content in packed.values()), conversion.faults


@pytest.fixture
def folder(tmp_path):
    """A distribution of one writer: 7 and 1 among the digits, k and l among the letters."""
    root = tmp_path / "CDROM" / "train_r01_v07"
    write(root / "include" / "abc" / "strokes.dat", strokes())
    write(root / "data" / "1a" / "abc" / "deep" / "one.dat", SEVEN)
    letters = SEVEN.replace('"7"', '"k"').replace('"1"', '"l"')
    write(root / "data" / "1c" / "abc" / "one.dat", letters)
    return root


def test_a_sign_has_its_strokes_its_label_its_collection_and_a_number_for_a_writer(folder):
    digits, letters, faults = read(folder.parents[1])  # found two folders further down
    assert faults == []
    assert digits[0] == {
        "strokes": [[[0, 0], [0, 571], [286, 571]], [[0, 1000], [571, 1000]]],  # y is downwards
        "label": 7,
        "writer": "abc-000",
        "collection": "abc",
    }
    assert [(one["label"], len(one["strokes"])) for one in digits] == [(7, 2), (1, 1)]
    assert [(one["label"], one["writer"]) for one in letters] == [("k", "abc-000")]  # an l may be 1
    assert "Ann" not in json.dumps([digits, letters])


def test_what_is_made_can_be_loaded(folder, tmp_path):
    for name, content in pack_files(read_unipen(folder)).items():
        (tmp_path / name).write_bytes(content)
    assert [one.label for one in load_drawings(tmp_path / "unipen_digits.jsonl.gz")] == [7, 1]
    assert [one.sign for one in load_drawings(tmp_path / "unipen_letters.jsonl.gz")] == ["k"]


def test_the_order_of_a_points_numbers_is_said_by_coord(folder):
    expected = read(folder)[0]
    swapped = "1 400 100\n2 400 100\n3 200 100\n4 200 200"
    text = strokes(coord="T Y X", first=swapped).replace("100 50 4\n300 50 5", "4 50 100 5 50 300")
    write(folder / "include" / "abc" / "strokes.dat", text)
    assert read(folder)[0] == expected


@pytest.mark.parametrize(
    ("ranges", "points"),
    [("1,0", [2, 3]), ("0:2-1:0", [2, 1]), ("0:3-1", [1, 2]), ("0-1:0", [3, 1])],
)
def test_strokes_may_be_listed_and_cut_at_points(folder, ranges, points):
    text = SEVEN.replace("CHARACTER 0-1", f"CHARACTER {ranges}")
    write(folder / "data" / "1a" / "abc" / "deep" / "one.dat", text)
    [digits, _, faults] = read(folder)
    assert [len(stroke) for stroke in digits[0]["strokes"]] == points and not faults


def test_labels_with_an_escape_are_read(folder):
    text = SEVEN.replace('"7"', r'"\#"').replace('"1"', r'"\\"')
    write(folder / "data" / "1d" / "abc" / "one.dat", text)
    assert {one["label"] for one in read(folder)[1]} == {"k", "#"}


def test_writers_are_told_apart_where_they_are_named_and_never_taken_for_two(folder):
    write(folder / "include" / "abd" / "x" / "1.dat", strokes("").replace(".WRITER_ID", ".OTHER"))
    write(folder / "include" / "abd" / "x" / "2.dat", strokes("").replace(".WRITER_ID", ".OTHER"))
    write(folder / "include" / "abd" / "x" / "3.dat", strokes("Bob"))
    for number in "123":
        text = SEVEN.replace("abc/strokes", f"abd/x/{number}")
        write(folder / "data" / "1a" / "abd" / f"{number}.dat", text)
    writers = [one["writer"] for one in read(folder)[0] if one["label"] == 7]
    assert writers == ["abc-000", "abd-001", "abd-001", "abd-002"]


def test_a_file_that_includes_several_writers_keeps_them_apart(folder):
    write(folder / "include" / "abc" / "bob.dat", strokes("Bob"))
    both = ".INCLUDE abc/bob.dat\n" + SEVEN.replace("0-1", "2-3").replace(
        "CHARACTER 0", "CHARACTER 1"
    )
    write(folder / "data" / "1a" / "abc" / "two.dat", both)
    by_label = {one["label"]: one["writer"] for one in read(folder)[0][-2:]}
    assert by_label[1] != by_label[7] == read(folder)[0][0]["writer"]


def test_no_more_letters_are_taken_than_are_wanted(folder, monkeypatch):
    monkeypatch.setattr(unipen_module, "MOST_LETTERS", 3)
    text = SEVEN + '.SEGMENT CHARACTER 0 ? "k"\n' * 9
    write(folder / "data" / "1b" / "abc" / "many.dat", text)
    assert len(read(folder)[1]) == 3


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (strokes(first="100 400 1\n100 200"), "3 numbers a point"),
        (strokes(first="100 four 1"), "3 numbers a point"),
        (strokes(first="nan 400 1 1 1 1"), "no number or beyond all measure"),
        (strokes(first="1e300 400 1 1 1 1"), "no number or beyond all measure"),
        (strokes(coord="T P"), "names no X and Y"),
        (strokes(coord=""), "names no X and Y"),
        (strokes(first=""), "left out, as it has no points"),
        (strokes(first="100 400 1 100 400 2"), "left out, as it is a dot"),
        (".PEN_UP\n", "the file has 0 strokes"),
        ("\0\0\n.\n. \n.INCLUDE\n", "cannot be read"),
    ],
)
def test_a_damaged_sign_is_left_out_and_told_of(folder, damaged, said):
    write(folder / "include" / "abc" / "bad.dat", damaged)
    text = SEVEN.replace("strokes.dat", "bad.dat").replace("0-1", "0")
    write(folder / "data" / "1a" / "abc" / "two.dat", text)
    digits, _, faults = read(folder)
    assert [one["label"] for one in digits] == [7, 1]
    assert any(said in fault for fault in faults)
    assert all(fault.endswith(".") for fault in faults)


@pytest.mark.parametrize("ranges", ["5", "1-0", "0-99", "9999999", ",", "0-1-2", "-", "0::1"])
def test_strokes_that_are_not_there_are_told_of(folder, ranges):
    text = SEVEN.replace("CHARACTER 0-1", f"CHARACTER {ranges}")
    write(folder / "data" / "1a" / "abc" / "deep" / "one.dat", text)
    digits, _, faults = read(folder)
    assert [one["label"] for one in digits] == [1]
    [fault] = faults
    assert f"the 7 of strokes {ranges} is left out" in fault


@pytest.mark.parametrize(
    "name", ["../../../../etc/passwd", "abc/none.dat", "abc", "abc/self.dat", "x" * 5000]
)
def test_what_cannot_be_included_is_told_of(folder, name):
    write(folder / "include" / "abc" / "self.dat", ".INCLUDE abc/self.dat\n")
    write(folder / "data" / "1a" / "abc" / "two.dat", SEVEN.replace("abc/strokes.dat", name))
    digits, _, faults = read(folder)
    assert len(digits) == 2 and len(faults) == 3  # the file, and two signs that want its strokes


def test_a_file_that_is_too_large_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(unipen_module, "MOST_BYTES", 300)
    write(folder / "data" / "1a" / "abc" / "two.dat", SEVEN + " " * 300)
    faults = read(folder)[2]
    assert "too large" in faults[0]


def test_what_is_no_distribution_is_said(tmp_path, folder):
    with pytest.raises(DataError, match="not the UNIPEN distribution"):
        read_unipen(tmp_path / "none")
    (folder / "include" / "abc" / "strokes.dat").unlink()
    with pytest.raises(DataError, match=r"holds no digit that can be read: .*cannot be read\.$"):
        read_unipen(folder)


def test_uji_is_read(tmp_path):
    write(tmp_path / "uji.txt", UJI)
    [content] = pack_files(read_uji(tmp_path / "uji.txt")).values()
    first, second = unpack(content)
    assert first == {
        "strokes": [[[0, 0], [500, 0], [250, 1000]], [[125, 500], [375, 500]]],
        "label": 7,
        "writer": "uji-000",
        "collection": "uji",
    }
    assert second["writer"] == "uji-001" and second["strokes"] == [[[0, 0], [0, 1000]]]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("POINTS 3 #", "POINTS 4 #"),
        ("POINTS 3 #", "POINT 3 #"),
        ("POINTS 3 #", "# #"),
        ("200 500", "200 five"),
        ("200 500", "200"),
        ("200 500", "200 99999999999999999999"),
        ("NUMSTROKES 2", "NUMSTROKES 3"),
        ("  NUMSTROKES 2\n", ""),
        ("0 0 0 10", "0 0 0 0"),
        ("  NUMSTROKES 1\n  POINTS 2 # 0 0 0 10\n", ""),
    ],
)
def test_a_damaged_uji_is_said(tmp_path, good, bad):
    write(tmp_path / "uji.txt", UJI.replace(good, bad))
    with pytest.raises(DataError, match="is damaged: the 7 of .* cannot be read, as .*anew"):
        read_uji(tmp_path / "uji.txt")


@pytest.mark.parametrize("text", ["", "\0\xff", "WORD", "WORD a b\n", "POINTS 1 # 1 2\n"])
def test_what_is_no_uji_is_said(tmp_path, text):
    write(tmp_path / "uji.txt", text)
    with pytest.raises(DataError, match="holds no digits"):
        read_uji(tmp_path / "uji.txt")
    with pytest.raises(DataError, match="cannot be read"):
        read_uji(tmp_path / "none.txt")


def test_the_command_makes_the_files_whole_or_not_at_all(folder, tmp_path, monkeypatch, capsys):
    made = tmp_path / "made"
    monkeypatch.setenv("DIGITNET_STROKES", str(made))
    write(folder / "data" / "1a" / "abc" / "two.dat", SEVEN.replace("0-1", "0-99") * 9)
    assert cli.main(["strokes", "unipen", str(folder)]) == 0
    told = capsys.readouterr()
    assert "unipen_digits.jsonl.gz: 11 drawings" in told.out and "and 4 more" in told.err
    assert sorted(path.name for path in made.iterdir()) == [
        "unipen_digits.jsonl.gz",
        "unipen_letters.jsonl.gz",
    ]
    assert cli.main(["strokes", "uji", str(tmp_path / "none")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert len(list(made.iterdir())) == 2


def test_the_command_says_where_it_cannot_write(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("DIGITNET_STROKES", raising=False)
    assert cli.main(["strokes", "unipen", str(folder)]) == 2
    assert "Set DIGITNET_STROKES" in capsys.readouterr().err
    write(tmp_path / "file", "")
    monkeypatch.setenv("DIGITNET_STROKES", str(tmp_path / "file"))
    assert cli.main(["strokes", "unipen", str(folder)]) == 2
    assert "cannot be written" in capsys.readouterr().err
