"""What the Inside page draws, apart from the page."""

from __future__ import annotations

import base64
import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from digitnet.digits import ink, load_samples
from digitnet.experiments import find_experiment
from digitnet.runs import Axes, DigitMap, MappedDigits
from digitnet.serving import Activation
from digitnet.show import alterations, inside, neighbours
from digitnet.show.evidence import describe_evidence, evidence_html
from digitnet.show.growth import describe_growth, film_data
from digitnet.show.pictures import BOARD, coloured_url, shade, tile_pictures
from digitnet.study.alterations import POINTS, WAYS, find_flips
from digitnet.study.evidence import Evidence
from digitnet.study.growth import watch
from digitnet.study.maps import Neighbours

COLOUR = "#2f7fb0"
SEVEN = [np.array(stroke, float) for stroke in load_samples()[7]]


def pixels_of(url):
    picture = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    return np.asarray(picture.convert("RGBA"))


def activation(values, name="conv 3"):
    return Activation(1, name, np.asarray(values, np.float32)[None])


def test_shades_go_from_board_to_chalk_and_gaps_are_transparent():
    assert "#" + shade(np.array(0.0), COLOUR).tobytes().hex() == BOARD
    tiled = tile_pictures(np.ones((5, 2, 2)), 9)
    assert tiled.shape == (90, 90) and np.isnan(tiled[28:31]).all()
    pixels = pixels_of(coloured_url(tiled, COLOUR))
    assert pixels.shape == (90, 90, 4)
    assert (pixels[29, :, 3] == 0).all() and pixels[0, 0, 3] == 255


def test_a_coloured_picture_has_the_shades_of_its_values_at_a_byte_a_pixel():
    values = np.random.default_rng(0).random((90, 90))
    url = coloured_url(values, COLOUR)
    close = np.abs(pixels_of(url)[..., :3] - shade(values, COLOUR).astype(int))
    assert close.max() <= 3
    assert len(base64.b64decode(url.partition(",")[2])) < values.size + 1000


def test_filters_come_strongest_first_with_their_own_numbers():
    values = np.zeros((4, 4, 3))
    values[1, 2, 0], values[3, 3, 2], values[0, 0, 1] = 1, 7, 3
    html = inside.filters_html(activation(values), COLOUR)
    assert [html.index(f"<b>{number}</b>") for number in (3, 2, 1)] == sorted(
        html.index(f"<b>{number}</b>") for number in (1, 2, 3)
    )
    assert "Filter 3: at its strongest 7.00, in row 4, column 4" in html
    assert html.count('tabindex="0"') == 3


def test_only_the_strongest_of_many_filters_are_shown():
    html = inside.filters_html(activation(np.random.default_rng(0).random((2, 2, 100))), COLOUR)
    assert html.count("<figure") == inside.SHOWN
    assert "And 36 that are quieter." in html


def test_units_say_what_they_add_to_the_digit():
    weights = np.zeros((3, 10))
    weights[1, 4], weights[2, 4] = 1, -1
    html = inside.units_html(activation([0, 2.0, 1.0], "dense 3"), weights, 4)
    assert "2.00, 1.80 for a 4" in html and "1.00, 0.90 against a 4" in html
    assert html.count("<li") == 2
    assert "None speaks" in inside.units_html(activation([0, 0.0], "dense 2"), None, 4)


def test_a_dead_layer_is_drawn_as_board():
    for values in (np.zeros((5, 5, 4)), np.zeros(30)):
        pixels = pixels_of(inside.card_url(activation(values), COLOUR))
        opaque = pixels[pixels[..., 3] == 255]
        assert len({tuple(one) for one in opaque.tolist()}) == 1


def test_the_folded_layers_are_named():
    said = inside.describe_layer(
        Activation(3, "code 3", np.ones((1, 28, 28, 3), np.float32)), find_experiment("fc")
    )
    assert "**folded**" in said and "dense 32 and dense 64" in said and "3 values a pixel" in said


def test_curves_rise_to_the_ink_and_are_told_apart_without_colour():
    code = np.stack([-np.linspace(0, 4, 256), np.sin(np.linspace(0, 3, 256))], axis=1)
    html = inside.curve_html(code)
    *_, source = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    _, *lines = ElementTree.fromstring(base64.b64decode(source))
    heights = [[float(y) for y in re.findall(r"[ML]\d+ ([\d.]+)", one.get("d"))] for one in lines]
    assert [len(one) for one in heights] == [256, 256]
    assert [one[-1] for one in heights] == pytest.approx(
        [0.04 / 1.08, (1.04 - np.sin(3)) / 1.08], abs=1e-3
    )
    assert len({one.get("stroke-dasharray") for one in lines}) == 2
    assert [name in html for name in ("value 1", "value 2", "value 3")] == [True, True, False]
    assert re.findall(r'style="--at:([\d.]+)">1<', html) == ["0.0370"]


def test_a_curve_below_zero_has_room_and_a_dead_one_breaks_nothing():
    code = np.stack([np.linspace(-1, 2, 256), np.zeros(256)], axis=1)
    html = inside.curve_html(code)
    assert ">−0.5<" in html and ">−1<" not in html


def lopsided():
    values = np.zeros((28, 28, 10))
    values[5, 22, 7], values[22, 5, 7] = 3, -2
    return Evidence(values, 0.0, 1, True)


def test_where_nothing_speaks_for_a_digit_that_is_said():
    values = np.zeros((28, 28, 10))
    values[5, 22, 7] = -3
    said = describe_evidence(Evidence(values, 0.0, 1, True), 7, None)
    assert said == "Nothing speaks for a 7; the top right most against it."


def test_evidence_is_told_in_words_and_drawn_over_the_strokes():
    image, placed = ink.render_strokes(SEVEN), ink.place_strokes(SEVEN)
    said = describe_evidence(lopsided(), 7, 8)
    assert (
        said == "The top right speaks most for a 7 rather than an 8; the bottom left most "
        "against it."
    )
    svg = base64.b64decode(
        evidence_html(lopsided(), 7, 8, image, placed).partition("base64,")[2].partition('"')[0]
    ).decode()
    assert svg.count("<polyline") == 2 * len(SEVEN)
    heat = pixels_of(svg.partition('href="')[2].partition('"')[0])
    assert heat.shape == (112, 112, 4)
    for_it, against, nothing = heat[22, 90], heat[90, 22], heat[60, 60]
    assert for_it[0] > for_it[2] and against[2] > against[0] and nothing[3] == 0


def test_evidence_in_a_photo_is_drawn_over_the_picture():
    html = evidence_html(lopsided(), 7, None, ink.render_strokes(SEVEN), [])
    svg = base64.b64decode(html.partition("base64,")[2].partition('"')[0]).decode()
    assert svg.count("<image") == 2 and "<polyline" not in svg


def test_a_film_is_plain_json_with_a_path_for_each_moment():
    found = watch(SEVEN, lambda images: np.eye(10)[[1] * 6 + [7] * (len(images) - 6)])
    film = json.loads(json.dumps(film_data(found)))
    assert len(film["moments"]) == len(found.strokes)
    assert film["moments"][0]["read"] == 1 and film["moments"][-1]["read"] == 7
    assert len(film["moments"][0]["path"]) < len(film["moments"][-1]["path"])
    said = describe_growth(found, False)
    assert said.startswith("The whole is taken for no digit") and said.endswith("a 7.")
    assert describe_growth(found, True) == "At first it read a 1; from 29% of the line on, a 7."
    back = watch(SEVEN, lambda images: np.eye(10)[[1, 1, 9, 9, 1] + [7] * (len(images) - 5)])
    assert describe_growth(back, True).startswith("At first it read a 1, then a 9, then a 1; from ")


def test_bands_are_as_wide_as_a_digit_is_read():
    cnn, lenet = find_experiment("cnn"), find_experiment("lenet5")
    flips = {
        lenet: find_flips([8] * 3 + [7] * 10, WAYS[0]),
        cnn: find_flips([7] * POINTS, WAYS[0]),
    }
    html = alterations.flips_html(flips, WAYS[0], 30, cnn)
    assert html.index(cnn.title) < html.index(lenet.title)  # the chosen one first
    assert '<i class="dn-flipped" style="--points:3">8</i>' in html
    assert "8 at −40°" in html and "7 throughout" in html
    assert "--mark:0.7500" in html
    assert alterations.describe_steadiest(flips, WAYS[0]).startswith("1 of 2 networks hold")


def test_a_network_that_still_reads_is_named_as_such():
    cnn, large = find_experiment("cnn"), find_experiment("cnn_long")
    flips = {large: None, cnn: find_flips([7] * POINTS, WAYS[0])}
    html = alterations.flips_html(flips, WAYS[0], 30, large)
    assert html.count("still reading") == 1 and html.count("<li") == 2
    assert html.index(large.title) < html.index("still reading") < html.index(cnn.title)
    said = alterations.describe_steadiest(flips, WAYS[0])
    assert said.startswith("1 of 1 networks hold") and said.endswith("; one is still reading.")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([7] * 12, "All twelve are 7s."),
        ([7] * 10 + [8, 1], "Ten of twelve are 7s; one is an 8, one is a 1."),
        ([7] * 8 + [1] * 4, "Eight of twelve are 7s; four are 1s."),
    ],
)
def test_neighbours_are_counted_in_words(labels, said):
    found = Neighbours(labels, list(range(12)), np.zeros(2))
    assert neighbours.describe_neighbours(found) == said


def test_neighbours_without_pictures_are_still_named():
    found = Neighbours([3, 8], [0, 1], np.zeros(2))
    assert "<img" not in neighbours.nearest_html(found, None)
    with_pictures = neighbours.nearest_html(found, np.zeros((1, 28, 28), np.uint8))
    assert with_pictures.count("<img") == 1  # the other is not of this data set


def test_the_map_names_each_cloud_and_marks_the_drawing():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10, dtype=np.uint8), 5)
    digits = MappedDigits(np.zeros((50, 2), np.uint8), labels, np.arange(50))
    axes = Axes(*(np.zeros(2),) * 4)
    found = DigitMap("", axes, digits, digits, rng.random((50, 2)))
    html = neighbours.map_html(found, Neighbours([], [], np.array([0.0, 0.54])))
    source = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    svg = ElementTree.fromstring(base64.b64decode(source[1]))
    *clouds, star = list(svg)
    assert [one.text for one in clouds if one.tag.endswith("text")] == list("0123456789")
    assert all(one.get("d").count("M") == 5 for one in clouds if one.tag.endswith("path"))
    assert star.get("transform") == "translate(300.0 150.0)"  # in the middle, halfway up
