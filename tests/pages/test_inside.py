"""The Inside page without a browser: what it shows of every network, and what it does not trust."""

from __future__ import annotations

import shutil
from functools import partial

import numpy as np
import pytest

from digitnet.digits import ink, load_samples
from digitnet.experiments import EXPERIMENTS
from digitnet.runs import MAP
from tests.pages.conftest import REPOSITORY, open_at

PARTS = ("Layer by layer", "Why", "As you drew", "Look-alikes", "What if")


def strokes_of(digit, right=0.0):
    return [np.array(stroke, float) + (right, 0) for stroke in load_samples()[digit]]


SEVEN = ink.encode_strokes(strokes_of(7))


@pytest.fixture
def open_page(checkpoints, monkeypatch, tmp_path):
    """Opens the page with parameters of the URL, on a machine without MNIST."""
    monkeypatch.delenv("DIGITNET_MNIST", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return partial(open_at, "inside")


def html_of(app, key):
    return "".join(element.proto.body for element in app.get_by_key(key).html)


def read_of(app):
    return html_of(app, "read_here")


def cards_of(app):
    return [button for button in app.button if (button.key or "").startswith("stop_")]


def test_a_first_visit_shows_a_samples_way_through_the_network(open_page):
    app = open_page()
    assert not app.exception and not app.info
    assert '<p class="dn-digit">3</p>' in read_of(app)
    assert app.button_group(key="inside_sample").value == 3  # so that nobody takes it for theirs
    names = [card.label.partition("**")[2].partition("**")[0] for card in cards_of(app)]
    assert names == ["conv 32", "max 2/2", "conv 64", "max 2/2", "softmax"]
    assert html_of(app, "layer").count("<img") == 32


def scripts_of(app):
    return [one.proto.body for one in app.get("html") if "replaceState" in one.proto.body]


def test_what_the_address_tells_is_not_written_again(open_page):
    app = open_page(drawing=SEVEN, model="cnn_min")
    assert not scripts_of(app)
    app.query_params["kept"] = "no"
    assert len(scripts_of(app.run())) == 1
    assert "kept" not in app.query_params
    assert not scripts_of(app.run())


def test_the_drawing_of_the_address_is_looked_at(open_page):
    app = open_page(drawing=SEVEN, model="cnn_min", layer="3")
    assert '<p class="dn-digit">7</p>' in read_of(app)
    assert app.selectbox[0].value == "cnn_min"
    assert "conv 16" in app.get_by_key("layer").subheader[0].value


def test_a_layer_is_chosen_and_kept_in_the_address(open_page):
    app = open_page(drawing=SEVEN, model="cnn")
    next(card for card in cards_of(app) if card.key == "stop_4").click().run()
    assert app.query_params["layer"] == "4"
    assert app.query_params["drawing"] in (SEVEN, [SEVEN])
    assert html_of(app, "layer").count("<img") == 64
    app.selectbox[0].set_value("fc_narrow").run()  # whose fourth layer is another
    assert not app.exception and "dense 40" in app.get_by_key("layer").subheader[0].value


def test_a_folded_network_says_so_and_shows_its_curve(open_page):
    app = open_page(model="fc_narrow")
    layer = app.get_by_key("layer")
    assert "folded" in layer.markdown[0].value
    assert html_of(app, "layer").count(">value ") == 4


def test_why_names_the_digit_that_is_read_and_can_be_asked_of_another(open_page):
    app = open_page(part="Why", drawing=SEVEN, model="cnn")
    assert app.selectbox(key="chosen_why").value == "7"
    assert "for a 7" in html_of(app, "part") and "Exact" in app.caption[-1].value
    app.selectbox(key="chosen_not").set_value("1").run()
    assert "rather than a 1" in html_of(app, "part")
    assert app.query_params["not"] == "1"
    app = open_page(part="Why", drawing=SEVEN, model="fc_narrow")
    assert "rubbing out" in app.caption[-1].value


def test_a_digit_is_not_compared_with_itself(open_page):
    app = open_page(part="Why", drawing=SEVEN, why="3", **{"not": "3"})
    assert not app.exception
    assert "rather than" not in html_of(app, "part")


def test_a_choice_of_the_digit_that_was_spoken_against_is_no_fault_of_the_address(open_page):
    app = open_page(part="Why", drawing=SEVEN, **{"not": "5"})
    app.selectbox(key="chosen_why").set_value("5").run()
    assert not app.info and "not" not in app.query_params
    assert "rather than" not in html_of(app, "part")


def test_the_sample_that_is_marked_is_the_one_that_is_looked_at(open_page):
    app = open_page()
    samples = app.button_group(key="inside_sample")
    assert samples.value == 3
    app = samples.set_value(5).run()
    five = app.query_params["drawing"]
    app.query_params["drawing"] = SEVEN  # as the browser's way back does
    assert app.run().button_group(key="inside_sample").value == 7
    app = app.button_group(key="inside_sample").set_value(5).run()
    assert app.query_params["drawing"] == five and '<p class="dn-digit">5</p>' in read_of(app)


def test_look_alikes_are_named_without_the_data_set(open_page):
    app = open_page(part="Look-alikes", drawing=SEVEN, model="cnn")
    assert not app.exception
    assert "7s" in app.get_by_key("part").markdown[0].value
    assert "your drawing as a star" in html_of(app, "map")
    assert "dn-neighbour" in html_of(app, "part") and "Training digit" not in html_of(app, "part")
    assert any(button.label.startswith("Fetch MNIST") for button in app.button)


def test_look_alikes_are_pictures_where_the_data_set_is(open_page, mnist_path, monkeypatch):
    monkeypatch.setenv("DIGITNET_MNIST", str(mnist_path))
    app = open_page(part="Look-alikes", drawing=SEVEN, model="cnn")
    assert html_of(app, "part").count('alt="Training digit') == 12


def test_a_run_without_a_map_says_how_to_make_it(open_page, checkpoints):
    (checkpoints / "cnn" / MAP).unlink()
    app = open_page(part="Look-alikes", model="cnn")
    assert "python -m digitnet map cnn" in app.info[0].value
    (checkpoints / "cnn" / MAP).write_bytes(b"damaged")
    assert "python -m digitnet map cnn" in open_page(part="Look-alikes", model="cnn").info[0].value


def test_what_if_alters_the_drawing_and_tells_where_networks_flip(open_page):
    app = open_page(part="What if", drawing=SEVEN, model="cnn")
    before = html_of(app, "altered")
    app.slider(key="alter_turn").set_value(55.0).run()
    assert html_of(app, "altered") != before
    assert html_of(app, "part").count("<li") == 10 + 3  # bars, and a band for each network
    next(button for button in app.button if button.label == "Back to the drawing").click().run()
    assert html_of(app, "altered") == before
    app.segmented_control(key="chosen_along").set_value("Size").run()
    assert app.query_params["along"] == "Size" and not app.exception


def test_a_drawing_so_far_away_that_nothing_is_seen_breaks_nothing(open_page):
    app = open_page(part="What if", drawing=SEVEN)
    app.slider(key="alter_size").set_value(0.4).run()
    app.slider(key="alter_right").set_value(9.0).run()
    app.slider(key="alter_thickness").set_value(0.5).run()
    assert not app.exception


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "hostile",
    [
        {"drawing": "<script>alert(1)</script>"},
        {"drawing": "A" * 5000, "layer": "../../etc"},
        {"drawing": SEVEN, "layer": "99", "why": "12", "not": "-1", "along": "Sideways"},
        {"part": "Elsewhere", "model": "resnet", "place": "7"},
    ],
)
def test_what_an_address_asks_for_in_vain_is_told_and_nothing_breaks(open_page, part, hostile):
    app = open_page(**({"part": part} | hostile))
    assert not app.exception and not app.error
    assert "dn-digit" in read_of(app)


def test_a_drawing_of_the_draw_page_is_looked_at_without_a_link(open_app):
    app = open_app(begin_with=4, model="cnn")
    [link] = [one for one in app.get("page_link") if one.proto.label == "Look inside"]
    assert "model=cnn" in link.proto.query_string and "drawing=" in link.proto.query_string
    app.query_params.clear()
    app.switch_page(str(REPOSITORY / "pages" / "inside.py")).run()
    assert '<p class="dn-digit">4</p>' in read_of(app)
    assert app.query_params["drawing"]  # so that the address can be passed on


def test_a_drawing_that_was_cleared_is_not_looked_at(open_app, monkeypatch):
    app = open_app(begin_with=4)
    assert isinstance(app.session_state["last_read"][1], ink.DrawnPieces)
    monkeypatch.setattr(ink, "strokes_from_canvas", lambda *_: [])
    app.run()
    app.query_params.clear()
    app.switch_page(str(REPOSITORY / "pages" / "inside.py")).run()
    assert '<p class="dn-digit">3</p>' in read_of(app)
    assert app.button_group(key="inside_sample").value == 3


def test_a_photo_has_layers_but_no_strokes(open_page):
    app = open_page()
    image = ink.render_strokes(strokes_of(8))
    app.session_state["last_read"] = image, None
    app.query_params["part"] = "As you drew"
    app.run()
    assert '<p class="dn-digit">8</p>' in read_of(app)
    assert "no strokes" in app.info[0].value
    for part in ("Layer by layer", "Why", "Look-alikes", "What if"):
        app.query_params["part"] = part
        assert not app.run().exception
    assert app.query_params["kept"] in ("no", ["no"])
    reloaded = open_page(kept="no")
    assert "kept for one visit" in reloaded.info[0].value and "kept" not in reloaded.query_params
    assert '<p class="dn-digit">3</p>' in read_of(reloaded)
    sampled = open_page(kept="no", drawing=SEVEN)
    assert not sampled.info and "kept" not in sampled.query_params


def test_of_a_number_one_digit_is_looked_at(open_page, checkpoints):
    shutil.copytree(REPOSITORY / "checkpoints" / "reader", checkpoints / "reader")
    number = ink.encode_strokes(strokes_of(4) + strokes_of(2, right=260))
    app = open_page(drawing=number, model="cnn")
    assert '<p class="dn-digit">4</p>' in read_of(app)
    app.selectbox(key="chosen_place").set_value("2").run()
    assert '<p class="dn-digit">2</p>' in read_of(app)
    app = open_page(drawing=number, model="reader", place="9")
    assert not app.exception and '<p class="dn-digit">4</p>' in read_of(app)


def test_what_is_no_digit_is_still_looked_into(open_page, checkpoints):
    shutil.copytree(REPOSITORY / "checkpoints" / "reader", checkpoints / "reader")
    cross = ink.encode_strokes([np.array([[0.0, 0], [200, 240]]), np.array([[200.0, 0], [0, 240]])])
    app = open_page(drawing=cross, model="reader", layer="softmax")
    assert "Not a digit" in read_of(app) and "Not a digit: " in html_of(app, "layer")
    for part in ("Layer by layer", "Why", "As you drew"):
        app = open_page(drawing=cross, model="reader", part=part)
        assert any("taken for no digit" in one.value for one in app.caption), part
    app = open_page(drawing=cross, model="reader", part="What if")
    assert "Not a digit" in html_of(app, "altered") and "dn-digit" not in html_of(app, "altered")


def test_a_broken_network_is_told_in_a_sentence(open_page, checkpoints):
    (checkpoints / "cnn" / "served.tflite").write_bytes(b"damaged")
    app = open_page(model="cnn")
    assert not app.exception
    assert "train it again" in app.error[0].value


def test_without_networks_the_page_says_how_to_get_them(open_page, checkpoints):
    shutil.rmtree(checkpoints)
    app = open_page()
    assert not app.exception and "python -m digitnet train" in app.info[0].value


@pytest.mark.slow
@pytest.mark.parametrize("name", [one.name for one in EXPERIMENTS])
def test_every_part_opens_for_every_network(open_page, monkeypatch, name):
    monkeypatch.setenv("DIGITNET_CHECKPOINTS", str(REPOSITORY / "checkpoints"))
    for part in PARTS:
        app = open_page(part=part, model=name, drawing=SEVEN)
        assert not app.exception and not app.error and "dn-digit" in read_of(app)
