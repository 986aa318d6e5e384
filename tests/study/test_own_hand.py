"""How well networks read one's own drawings: figures and what is misread, each asked once."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from digitnet.digits import load_samples
from digitnet.runs import OwnDrawing, RunStore
from digitnet.serving import InferenceError, ModelServer, Reading
from digitnet.show import own_hand as words
from digitnet.study.own_hand import OwnReader, list_misread
from digitnet.study.significance import wilson_interval
from digitnet.study.summaries import summarize_current

NAMES = ("reader", "cnn", "fc", "fc_lr_high")


def draw(label, digit=None):
    strokes = load_samples()[label if digit is None else digit]
    return OwnDrawing.of([np.array(stroke, float) for stroke in strokes], label)


class Server:
    """Answers from a table of what each network reads, and counts what it is asked."""

    def __init__(self, answers, broken=(), refused=()):
        self.answers, self.broken, self.refused = answers, broken, refused
        self.asked = []

    def read(self, run, images):
        name = run.experiment.name
        if name in self.broken:
            raise InferenceError(f"{name} is broken")
        self.asked.append((name, len(images)))
        table = self.answers[name]
        digits = [table[image.tobytes()] for image in images]
        verdict = None
        if name == "reader":
            verdict = np.array([image.tobytes() not in self.refused for image in images])
        return Reading(np.eye(10, dtype=np.float32)[digits], verdict)


@pytest.fixture(scope="module")
def summaries():
    return [
        one for one in summarize_current(RunStore.default()) if one.run.experiment.name in NAMES
    ]


@pytest.fixture
def drawings():
    return [draw(7), draw(1), draw(4)]


def answer(drawings, **digits):
    """Tables of what each network reads, a row of digits a network."""
    return {
        name: {one.image.tobytes(): digit for one, digit in zip(drawings, row, strict=True)}
        for name, row in digits.items()
    }


@pytest.fixture
def server(drawings):
    rows = {"reader": (7, 1, 9), "cnn": (7, 7, 4), "fc": (1, 7, 4), "fc_lr_high": (3, 3, 3)}
    return Server(answer(drawings, **rows), refused={drawings[1].image.tobytes()})


def test_the_most_accurate_comes_first_with_wilsons_interval(server, summaries, drawings):
    readings = OwnReader(server).read(summaries, drawings)
    assert [one.experiment.name for one in readings] == ["reader", "cnn", "fc", "fc_lr_high"]
    assert [one.right for one in readings] == [2, 2, 1, 0]
    assert readings[0].interval == wilson_interval(2, 3)
    assert readings[0].accuracy == pytest.approx(2 / 3)
    assert [one.has_learnt for one in readings] == [True, True, True, False]


def test_each_network_is_asked_once_of_each_drawing(server, summaries, drawings):
    reader = OwnReader(server)
    reader.read(summaries, drawings[:2])
    assert sorted(server.asked) == sorted((name, 2) for name in NAMES)
    server.asked.clear()
    again = reader.read(summaries, drawings)
    assert sorted(server.asked) == sorted((name, 1) for name in NAMES)
    assert [one.right for one in again] == [2, 2, 1, 0]
    server.asked.clear()
    reader.read(summaries, [draw(9, digit=7), *drawings[1:]])  # told anew, drawn the same
    assert not server.asked


def test_another_model_is_asked_anew(server, summaries, drawings):
    reader = OwnReader(server)
    reader.read(summaries, drawings)
    server.asked.clear()
    reader.read([replace(summaries[0], served_sha256="another")], drawings)
    assert len(server.asked) == 1


def test_a_broken_network_leaves_the_others(server, summaries, drawings):
    server.broken = {"reader"}
    readings = OwnReader(server).read(summaries, drawings)
    assert [one.experiment.name for one in readings] == ["cnn", "fc", "fc_lr_high"]


def test_what_the_best_network_misreads_comes_first_then_what_most_misread(
    server, summaries, drawings
):
    misread = list_misread(OwnReader(server).read(summaries, drawings), drawings)
    assert [one.drawing.label for one in misread] == [4, 1, 7]
    # The network that did not learn says 3 of everything, which tells nothing of a drawing.
    assert [
        {digit: [one.name for one in networks] for digit, networks in one.read_as.items()}
        for one in misread
    ] == [{9: ["reader"]}, {7: ["cnn", "fc"]}, {1: ["fc"]}]


def test_without_a_network_that_learnt_nothing_is_misread(server, summaries, drawings):
    [failed] = [one for one in summaries if one.run.experiment.name == "fc_lr_high"]
    assert list_misread(OwnReader(server).read([failed], drawings), drawings) == []


def test_the_real_networks_read_the_samples(summaries):
    samples = [draw(digit) for digit in range(10)]
    readings = OwnReader(ModelServer()).read(summaries, samples)
    assert readings[0].experiment.name == "reader" and readings[0].right == 10


# --- in words ------------------------------------------------------------------------------------


def test_the_readings_in_words(server, summaries, drawings):
    said = words.describe_readings(OwnReader(server).read(summaries, drawings))
    assert "**2 of your 3 drawings**" in said and "21% to 94%" in said
    assert "The others that learnt to read get 1 to 2 right." in said
    assert "takes one of them for no digit" in said


def test_the_standings_are_rows_in_their_order_with_places_on_the_scale(
    server, summaries, drawings
):
    html = words.standings_html(OwnReader(server).read(summaries, drawings))
    assert html.count("<li") == 1 + len(NAMES)
    assert html.index("Reader of handwriting") < html.index("Basic CNN") < html.index("0.05")
    assert "66.7%" in html and "21% to 94%" in html
    shares = [float(part.split(";")[0].split('"')[0]) for part in html.split("--at:")[1:]]
    assert all(0 <= share <= 1 for share in shares) and shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([3], "You have not drawn a 0, 1, 2, 4, 5, 6, 7, 8 or 9 yet."),
        ([*range(9)], "You have not drawn a 9 yet."),
        ([*range(8)], "You have not drawn an 8 or 9 yet."),
        ([*range(10)], "10 drawings say little"),
        ([*range(10)] * 3, ""),
    ],
)
def test_what_to_draw_next(labels, said):
    assert words.describe_next_step(labels).startswith(said)
    assert bool(words.describe_next_step(labels)) == bool(said)


def test_networks_that_misread_alike_are_named_or_counted(server, summaries, drawings):
    misread = list_misread(OwnReader(server).read(summaries, drawings), drawings)
    html = words.misread_html(misread[1])
    assert "Your <b>1</b>" in html and "as <b>7</b> by Basic CNN; Basic dense network" in html


def test_a_drawings_picture_has_its_strokes_and_what_it_is():
    url = words.picture_url(draw(5))
    picture = base64.b64decode(url.partition("base64,")[2]).decode()
    assert picture.count("<polyline") == 2 and ">5</text>" in picture
