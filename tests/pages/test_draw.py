"""The Draw page without a browser: what it says in every state."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from digitnet.digits import ink, load_samples
from digitnet.experiments import READER, records
from digitnet.runs import RunStore
from digitnet.serving import ModelServer, Reading, ServedNetwork, crowd, trust
from digitnet.ui import loaders
from digitnet.ui.page import page_file
from tests.made_runs import make_request, ship_run


def text_of(app, key):
    """The HTML inside the container of this key."""
    return "".join(element.proto.body for element in app.get_by_key(key).html)


def links(app):
    return {link.proto.label for link in app.get("page_link")}


def looks_inside(app):
    [link] = [one for one in app.get("page_link") if one.proto.label == "Look inside"]
    return link.proto.query_string


def upload(app, content):
    app.segmented_control[0].set_value("Upload").run()
    return app.file_uploader[0].set_value(("digit.png", content, "image/png")).run()


def picture_of(digit):
    """A photo, dark on light, of a sample digit."""
    image = Image.new("L", (280, 280), 235)
    pixels = np.asarray(image).copy()
    for stroke in load_samples()[digit]:
        for x, y in stroke:
            pixels[y - 9 : y + 9, x - 9 : x + 9] = 20
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def test_an_empty_board_invites_to_draw_and_names_the_networks(open_app):
    app = open_app()
    assert not app.exception
    assert "Draw one digit" in text_of(app, "prediction")
    assert "Basic CNN" in text_of(app, "all_models")


def test_the_most_accurate_network_is_first_and_reads(open_app):
    app = open_app()
    accuracies = [float(label.split()[-2].rstrip("%")) for label in app.selectbox[0].options]
    assert accuracies == sorted(accuracies, reverse=True)
    assert app.selectbox[0].index == 0


def test_a_drawing_is_read_by_every_network(open_app):
    # Without a browser nothing is drawn, so this session begins with a sample on the canvas.
    app = open_app(begin_with=3)
    assert '<p class="dn-digit">3</p>' in text_of(app, "prediction")
    assert "data:image/png" in text_of(app, "seen")
    assert "All three networks read 3." in text_of(app, "all_models")


def test_while_a_crowd_draws_large_networks_are_said_not_to_vote(open_app, monkeypatch):
    monkeypatch.setattr(crowd.Crowd, "count", lambda *_: True)
    monkeypatch.setattr(records, "LARGE", 0.5e6)
    votes = text_of(open_app(begin_with=3), "all_models")
    assert "All two networks read 3." in votes  # the chosen one is large, but always reads
    assert "When there are fewer, these vote again: Dense, fewer units." in votes


def test_beside_the_confidence_stands_what_it_is_worth(open_app, checkpoints, monkeypatch):
    counts = {"drawings": [100] * 6, "right": [90] * 6}
    run = RunStore.default().current("cnn")
    served = {"served_sha256": run.result["served_sha256"]}
    served["temperature"] = run.calibration.temperature
    record = {"confidence": {"cnn": served | counts}, "agreement": counts}
    monkeypatch.setattr(trust, "_load_drawings", lambda: record)
    assert "pen drawings" in text_of(open_app(begin_with=3), "prediction")
    photo = upload(open_app(), picture_of(3))
    assert "kept=no" in looks_inside(photo)
    assert '<p class="dn-digit">3</p>' in text_of(photo, "prediction")
    assert "pen drawings" not in text_of(photo, "prediction")  # which photos are not
    monkeypatch.setattr(trust, "_load_drawings", dict)  # as if nothing had been measured
    assert "pen drawings" not in text_of(open_app(begin_with=3), "prediction")


def test_a_chosen_model_is_still_chosen_when_one_comes_back(open_app):
    app = open_app()
    app.selectbox[0].set_value("cnn_min").run()
    app.switch_page(str(page_file("curves"))).run()
    app.query_params.clear()
    app.switch_page(str(page_file("draw"))).run()
    assert app.selectbox[0].value == "cnn_min"
    assert app.query_params["model"] in ("cnn_min", ["cnn_min"])


def test_the_model_of_an_address_is_still_chosen_on_the_next_page(open_app):
    app = open_app(model="cnn_min")
    app.switch_page(str(page_file("curves"))).run()
    app.query_params.clear()
    app.switch_page(str(page_file("draw"))).run()
    assert app.selectbox[0].value == "cnn_min"


def test_a_chosen_model_that_is_gone_is_forgotten_without_a_word(open_app):
    app = open_app()
    app.session_state["last_model"] = "deleted"
    app.switch_page(str(page_file("curves"))).run()
    app.query_params.clear()
    app.switch_page(str(page_file("draw"))).run()
    assert not any("deleted" in info.value for info in app.info)
    assert "model" not in app.query_params


def test_the_way_back_shows_the_network_that_reads(open_app):
    app = open_app(begin_with=3, model="cnn")
    app.selectbox[0].set_value("cnn_min").run()
    app.query_params["model"] = "cnn"  # as the browser's way back has it
    assert app.run().selectbox[0].value == "cnn"
    assert (
        "shown above" in text_of(app, "all_models").partition("Basic CNN")[2].partition("</li>")[0]
    )


def test_a_chosen_model_is_kept_in_the_url(open_app):
    app = open_app()
    app.selectbox[0].set_value("cnn_min").run()
    assert app.query_params["model"] == "cnn_min"
    assert open_app(model="cnn_min").selectbox[0].value == "cnn_min"


def test_an_unknown_model_in_the_url_is_told_and_the_best_reads(open_app):
    app = open_app(model="resnet")
    assert any("resnet" in info.value for info in app.info)
    assert app.selectbox[0].index == 0


def test_an_uploaded_picture_is_read(open_app):
    app = upload(open_app(), picture_of(7))
    assert not app.exception
    assert '<p class="dn-digit">7</p>' in text_of(app, "prediction")
    assert "data:image/png" in text_of(app, "seen")


def test_a_file_that_is_no_picture_is_told_in_a_sentence(open_app):
    app = upload(open_app(), b"%PDF-1.7")
    assert not app.exception
    assert "image" in text_of(app, "prediction")
    assert "dn-digit" not in text_of(app, "prediction")


def test_the_page_tells_what_folding_leaves(open_app):
    table = open_app().get_by_key("folding").markdown[0].value
    assert "| Dense, fewer units | 627,890 |" in table


def test_the_camera_is_mounted_only_when_it_is_chosen(open_app):
    app = open_app()
    assert not app.camera_input
    app.segmented_control[0].set_value("Camera").run()
    assert app.camera_input
    assert not app.exception


def test_without_networks_the_page_says_how_to_get_them(open_app, checkpoints):
    shutil.rmtree(checkpoints)
    app = open_app()
    assert not app.exception
    assert "checkpoints" in app.info[0].value
    assert "python -m digitnet train" in app.info[0].value
    assert "Train one here" in links(app)


def test_a_read_only_app_without_networks_offers_no_training(open_app, checkpoints, monkeypatch):
    monkeypatch.setenv("DIGITNET_READ_ONLY", "1")
    shutil.rmtree(checkpoints)
    assert "Train one here" not in links(open_app())


def test_a_network_that_is_missing_is_named(open_app, checkpoints):
    assert "lenet5" in open_app().info[0].value


def test_a_broken_model_leaves_the_others_reading(open_app, checkpoints):
    (checkpoints / "cnn_min" / "served.tflite").write_bytes(b"garbage")
    app = upload(open_app(), picture_of(7))
    assert not app.exception
    assert "Basic CNN" in text_of(app, "all_models")
    assert "few filters" not in text_of(app, "all_models")


def test_a_run_without_a_readable_result_is_not_offered(open_app, checkpoints):
    (checkpoints / "cnn_min" / "result.json").write_bytes(b"garbage")
    app = open_app()
    assert not app.exception
    assert len(app.selectbox[0].options) == 2


def test_a_broken_model_that_is_chosen_is_told_in_a_sentence(open_app, checkpoints):
    (checkpoints / "cnn_min" / "served.tflite").write_bytes(b"garbage")
    app = upload(open_app(model="cnn_min"), picture_of(7))
    assert not app.exception
    assert "python -m digitnet train cnn_min" in text_of(app, "prediction")


def test_a_drawing_resolves_each_run_and_runs_each_network_once(open_app, monkeypatch):
    resolved, ran = Counter(), Counter()
    current, read = RunStore.current, ServedNetwork.read

    def count_current(store, name):
        resolved[name] += 1
        return current(store, name)

    def count_read(network, images):
        ran[id(network)] += 1
        return read(network, images)

    app = open_app(begin_with=3)
    monkeypatch.setattr(RunStore, "current", count_current)
    monkeypatch.setattr(ServedNetwork, "read", count_read)
    loaders.forget_current()  # as after a second
    app.run()
    assert "dn-digit" in text_of(app, "prediction")
    assert set(resolved.values()) == {1}
    assert set(ran.values()) == {1} and len(ran) == 3


def draw_number(monkeypatch, checkpoints, left, right, marks=()):
    """Two sample digits lie on the board; a reader is served that tells them from all else."""
    served = (checkpoints / "cnn" / "served.tflite").read_bytes()
    ship_run(RunStore.default(), make_request("reader"), served=served)
    drawn = [[np.array(stroke, float) for stroke in load_samples()[one]] for one in (left, right)]
    strokes = drawn[0] + [stroke + [300, 0] for stroke in drawn[1]] + list(marks)
    seen = {
        ink.render_strokes(drawn[0]).tobytes(): left,
        ink.render_strokes(drawn[1]).tobytes(): right,
    }

    def evaluate(server, run, images):
        assert run.experiment.name == "reader"
        return np.eye(11)[[seen.get(image.tobytes(), 10) for image in images]] * 0.945 + 0.005

    monkeypatch.setattr(ModelServer, "evaluate", evaluate)
    monkeypatch.setattr(ink, "strokes_from_canvas", lambda *_: strokes)


def test_two_digits_are_read_as_a_number(open_app, checkpoints, monkeypatch):
    draw_number(monkeypatch, checkpoints, 4, 2)
    app = open_app(wide="on")
    assert not app.exception
    read = text_of(app, "prediction")
    assert 'role="status"' in read and ">42</p>" in read and "two digits" in read
    assert 'each digit: 4, 2"' in text_of(app, "reading")
    assert not text_of(app, "all_models")  # all networks would take the number for one digit
    assert not any("left out" in caption.value for caption in app.caption)
    assert app.toggle[0].value is True


def test_a_mark_beside_the_digits_is_left_out_and_that_is_said(open_app, checkpoints, monkeypatch):
    draw_number(monkeypatch, checkpoints, 4, 2, marks=[np.array([[-90.0, 140], [-30, 140]])])
    app = open_app(wide="on")
    assert ">42</p>" in text_of(app, "prediction")
    assert "a minus" in app.caption[0].value


def test_without_the_reader_all_is_one_digit(open_app, checkpoints, monkeypatch):
    draw_number(monkeypatch, checkpoints, 4, 2)
    shutil.rmtree(checkpoints / "reader")
    app = open_app()
    assert "dn-number" not in text_of(app, "prediction")
    assert "networks read" in text_of(app, "all_models")


def test_a_wide_board_says_what_to_draw(open_app):
    wide, square = open_app(wide="on"), open_app()
    assert "Draw a number" in text_of(wide, "prediction")
    assert "These networks read single digits" in text_of(wide, "all_models")
    assert "Draw one digit" in text_of(square, "prediction")
    assert "These networks will read it" in text_of(square, "all_models")


def test_a_wide_board_is_kept_in_the_url(open_app):
    app = open_app()
    app.toggle[0].set_value(True).run()
    assert app.query_params["wide"] in ("on", ["on"])


def test_a_shipped_run_that_is_replaced_is_seen_a_second_later(open_app, checkpoints):
    app = open_app(begin_with=3)
    assert "99.01% right" in app.selectbox[0].options[0]
    path = checkpoints / "cnn" / "result.json"
    result = json.loads(path.read_text())
    result["scores"]["accuracy"] = 0.5
    path.write_text(json.dumps(result))
    loaders.forget_current()  # as after a second
    app.run()
    assert "50.00% right" in app.selectbox[0].options[-1]


# --- with a network for real handwriting ---------------------------------------------------------


@pytest.fixture
def reader(checkpoints):
    """Puts the bytes of a network of ten outputs in the reader's place, where they are read so."""
    shutil.copytree(checkpoints / "cnn_min", checkpoints / "reader")
    request = json.loads((checkpoints / "reader" / "request.json").read_text())
    request["experiment"] = "reader"
    request["settings"]["dataset"] = "handwriting"
    (checkpoints / "reader" / "request.json").write_text(json.dumps(request))


@pytest.fixture
def refuse(monkeypatch):
    """Makes the reader say whether what it is shown is a digit."""

    def say(verdict):
        read_all = ModelServer.read_all

        def judge(server, runs, images, *heed):
            readings = read_all(server, runs, images, *heed)
            if READER in readings:
                probabilities = readings[READER].probabilities
                readings[READER] = Reading(probabilities, np.full(len(images), verdict))
            return readings

        monkeypatch.setattr(ModelServer, "read_all", judge)

    return say


def test_the_page_opens_with_the_reader_though_others_are_more_accurate(reader, open_app):
    app = open_app()
    assert app.selectbox[0].value == "reader"
    accuracies = [float(label.split()[-2].rstrip("%")) for label in app.selectbox[0].options]
    assert accuracies[0] < accuracies[1]
    assert accuracies[1:] == sorted(accuracies[1:], reverse=True)


def test_the_reader_is_shown_first_and_has_no_part_in_the_reports_vote(reader, open_app):
    shown = text_of(open_app(begin_with=3), "all_models")
    assert "All the report’s three networks that learnt read 3." in shown
    assert shown.index("For real handwriting") < shown.index("Dense networks")
    assert "Reader of handwriting" in shown


def test_what_is_no_digit_is_said_so_with_the_nearest(reader, refuse, open_app):
    refuse(False)
    app = open_app(begin_with=3)
    said = text_of(app, "prediction")
    assert "Not a digit" in said and "the nearest would be <b>3</b>" in said
    assert "dn-digit" not in said and "says the reader" not in said
    assert "dn-quiet" in text_of(app, "all_models")
    assert "pen drawings" not in text_of(app, "all_models")
    app.selectbox[0].set_value("cnn").run()
    assert "says the reader" in text_of(app, "prediction")


def test_a_digit_is_read_by_whichever_network_is_chosen(reader, refuse, open_app):
    refuse(True)
    assert '<p class="dn-digit">3</p>' in text_of(open_app(begin_with=3), "prediction")
