"""The Confusion matrices page without a browser."""

from __future__ import annotations

import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from digitnet.digits import load_digits
from digitnet.experiments import find_experiment
from digitnet.runs import Run
from digitnet.study import confusion
from digitnet.study.answers import load_answers
from tests.pages.conftest import open_at


@pytest.fixture
def open_page(checkpoints, monkeypatch, tmp_path):
    """Opens the page with parameters of the URL, on a machine without MNIST."""
    monkeypatch.delenv("DIGITNET_MNIST", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    return partial(open_at, "confusion")


@pytest.fixture
def with_mnist(open_page, mnist_path, monkeypatch):
    """The same on a machine with MNIST."""
    monkeypatch.setenv("DIGITNET_MNIST", str(mnist_path))
    return open_page


@pytest.fixture
def answers(checkpoints):
    return load_answers(Run(find_experiment("cnn"), "shipped", checkpoints / "cnn"))


def numbers_of(app):
    """The texts of the matrix by (true, read)."""
    layout = json.loads(app.get("plotly_chart")[0].proto.spec)["layout"]
    return {(one["y"], one["x"]): one["text"] for one in layout["annotations"]}


def html_of(app, key):
    return "".join(element.proto.body for element in app.get_by_key(key).html)


def words_of(app, key):
    return " ".join(one.value for one in app.get_by_key(key).markdown)


def digits_of(app):
    return {button.label for button in app.button if button.label.startswith("Digit")}


def pictures_of(app):
    return [one for one in app.button if one.label.startswith("![")]


def commonest_mistake(answers):
    mistakes = answers.counts - np.diag(answers.counts.diagonal())
    return tuple(int(one) for one in np.unravel_index(mistakes.argmax(), mistakes.shape))


def test_it_begins_with_the_basic_cnn(open_page, answers):
    app = open_page()
    assert not app.exception
    assert app.selectbox(key="chosen_a").value == "cnn/shipped"
    numbers = numbers_of(app)
    for cell, count in np.ndenumerate(answers.counts):
        assert numbers[cell] == (f"{count:,}" if count else "")


def test_a_digit_of_the_second_run_is_opened_with_what_that_run_says(open_page):
    shown = {"a": "cnn/shipped", "b": "fc_narrow/shipped", "matrix": "B", "true": "4", "read": "9"}
    app = open_page(**shown)
    [first, *_] = [one for one in app.button if one.label.startswith("Digit")]
    app = first.click().run()
    assert app.query_params["by"] == "B"
    said = " ".join(one.value for one in app.markdown)
    assert "Dense, fewer units reads" in said and "Basic CNN reads" not in said


def test_shares_of_the_rows(open_page, answers):
    numbers = numbers_of(open_page(cells="Share of the row"))
    share = answers.counts[7, 7] / answers.counts[7].sum()
    assert numbers[7, 7] == f"{100 * share:.0f}"


def test_a_cell_chosen_by_keyboard_shows_its_digits(open_page, answers):
    true, read = commonest_mistake(answers)
    app = open_page()
    app.selectbox(key="chosen_true").set_value(str(true)).run()
    app.selectbox(key="chosen_read").set_value(str(read)).run()
    assert not app.exception
    assert (app.query_params["true"], app.query_params["read"]) == (str(true), str(read))
    count = answers.counts[true, read]
    assert f"A: {true} read as {read}, {count} digit" in words_of(app, "digits")
    assert html_of(app, "digits").count("dn-answer") == count


def test_each_digit_says_what_the_others_read(open_page, answers):
    true, read = commonest_mistake(answers)
    html = html_of(open_page(true=str(true), read=str(read)), "digits")
    assert "others: <span>" in html


def test_a_large_cell_has_pages(open_page):
    app = open_page(true="1", read="1")
    assert html_of(app, "digits").count("dn-answer") == 24
    first = digits_of(app)
    app.pagination[0].set_value(2).run()
    assert digits_of(app).isdisjoint(first)
    app.query_params["true"] = app.query_params["read"] = "0"
    app.run()
    assert app.pagination[0].value == 1
    app.query_params["true"] = app.query_params["read"] = "1"
    assert digits_of(app.run()) == first  # from its first page


def test_two_runs_are_set_side_by_side(open_page, answers, checkpoints):
    other = load_answers(Run(find_experiment("fc_narrow"), "shipped", checkpoints / "fc_narrow"))
    app = open_page(b="fc_narrow/shipped")
    assert not app.exception
    outcomes = confusion.list_outcomes(answers, other)
    assert f"A alone {len(outcomes.only_a)}, B alone {len(outcomes.only_b)}" in words_of(
        app, "lists"
    )
    difference = answers.counts - other.counts
    numbers = numbers_of(app)
    cell = np.unravel_index(np.abs(difference).argmax(), (10, 10))
    sign = "+" if difference[cell] > 0 else "−"
    assert numbers[cell] == f"{sign}{abs(difference[cell])}"
    app.segmented_control(key="chosen_matrix").set_value("B").run()
    assert numbers_of(app)[3, 3] == f"{other.counts[3, 3]:,}"


@pytest.mark.parametrize("choice", ["Both right", "Only A right", "Only B right", "Both wrong"])
def test_each_of_the_four_lists_has_its_digits(open_page, choice):
    app = open_page(b="fc_narrow/shipped", list=choice)
    assert not app.exception
    assert "dn-answer" in html_of(app, "lists")


def test_runs_tested_on_other_digits_are_told(open_page, checkpoints):
    path = checkpoints / "fc_narrow" / "test_probabilities.npz"
    with np.load(path) as arrays:
        kept = dict(arrays)
    np.savez(path, **(kept | {"index": kept["index"] + 1}))
    app = open_page(b="fc_narrow/shipped")
    assert not app.exception
    assert "not tested on the same digits" in app.get_by_key("lists").info[0].value


def test_every_digit_has_its_figures(open_page):
    tables = [one.proto.body for one in open_page(b="cnn_min/shipped").html]
    assert sum(table.count('<th scope="row">') for table in tables) == 20


def test_without_mnist_only_the_pictures_are_missing(open_page, answers):
    true, read = commonest_mistake(answers)
    app = open_page(true=str(true), read=str(read))
    assert not app.exception
    assert any("Fetch MNIST" in button.label for button in app.button)
    position = answers.index[confusion.find_cell(answers, true, read)[0]]
    assert any(button.label == f"Digit {position:,}" for button in app.button)


def test_without_mnist_two_lists_of_digits_each_offer_to_fetch_it(open_page):
    app = open_page(b="fc_narrow/shipped", true="7", read="7")
    assert not app.exception
    offers = [button.key for button in app.button if "Fetch MNIST" in button.label]
    assert len(offers) == len(set(offers)) >= 2


def test_a_download_that_fails_is_told(open_page, monkeypatch):
    monkeypatch.setenv("DIGITNET_MNIST_URL", "http://127.0.0.1:9/mnist.npz")
    app = open_page(true="7", read="7")
    next(one for one in app.button if "Fetch MNIST" in one.label).click().run()
    assert not app.exception
    assert any("could not be downloaded" in one.value for one in app.warning)


def test_the_button_fetches_mnist_and_the_digits_become_pictures(
    open_page, mnist_path, monkeypatch, answers
):
    handler = partial(SimpleHTTPRequestHandler, directory=mnist_path.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{mnist_path.name}"
        monkeypatch.setenv("DIGITNET_MNIST_URL", address)
        true, read = commonest_mistake(answers)
        app = open_page(true=str(true), read=str(read))
        next(one for one in app.button if "Fetch MNIST" in one.label).click().run()
        server.shutdown()
    assert not app.exception
    assert not any("Fetch MNIST" in one.label for one in app.button)
    assert len(pictures_of(app)) == answers.counts[true, read]


def test_with_mnist_each_digit_is_a_picture(with_mnist, answers):
    true, read = commonest_mistake(answers)
    app = with_mnist(true=str(true), read=str(read))
    assert len(pictures_of(app)) == answers.counts[true, read]


def test_a_click_on_a_digit_opens_it_and_the_url_names_it(open_page, answers):
    true, read = commonest_mistake(answers)
    position = int(answers.index[confusion.find_cell(answers, true, read)[0]])
    app = open_page(true=str(true), read=str(read))
    app.button(key=f"cell_A-{position}").click().run()
    assert not app.exception
    assert app.query_params["digit"] == str(position)
    assert f"but it is a {true}." in words_of(app, "opened")
    assert "dn-bars" in html_of(app, "opened")


def test_a_digit_of_the_address_is_read_on_the_draw_page_until_it_is_taken_away(open_app):
    sample = load_digits("sample")
    place = int(np.flatnonzero(sample.labels == 1)[0])
    app = open_app(over=str(place), of="sample", wide="on")
    assert not app.exception
    assert '<p class="dn-digit">1</p>' in html_of(app, "prediction")
    app.button(key="take_away").click().run()
    assert "Draw a number" in html_of(app, "prediction")
    assert set(app.query_params) & {"over", "of"} == set()


@pytest.mark.parametrize(
    ("over", "of"),
    [
        ("99999", "sample"),
        ("-1", "sample"),
        ("1", "<b>"),
        ("x", "mnist"),
        ("1", ""),
        ("9" * 5000, "sample"),
    ],
)
def test_a_digit_of_the_address_that_there_is_not_is_told(open_app, over, of):
    app = open_app(over=over, of=of)
    assert not app.exception
    assert "which there is not" in app.info[0].value and "over" not in app.query_params
    assert "Draw one digit" in html_of(app, "prediction")


@pytest.mark.parametrize("position", ["nonsense", "70001", "-3", "9" * 30])
def test_an_unknown_digit_in_the_url_is_told(open_page, position):
    app = open_page(digit=position)
    assert not app.exception
    assert any(position in info.value for info in app.info)


def test_unknown_values_in_the_url_are_told(open_page):
    app = open_page(a="../cnn/shipped", b="x", true="11", read="<b>", cells="Beauty", roc="10")
    assert not app.exception
    told = " ".join(info.value for info in app.info)
    asked = ("a=../cnn/shipped", "b=x", "true=11", r"read=\<b\>", "cells=Beauty", "roc=10")
    assert all(f"“{one}”" in told for one in asked)


def test_what_an_address_holds_is_shown_as_plain_text(open_page):
    app = open_page(a="![x](https://evil.example/t.png) $x$ :red[y]", roc="[a](https://b) " * 99)
    a, roc = (info.value for info in app.info)
    assert r"a=\!\[x\]\(https\://evil.example/t.png\) \$x\$ \:red\[y\]" in a
    assert "…" in roc and len(roc) < 250


@pytest.mark.parametrize("name", ["test_probabilities.npz", "request.json"])
def test_a_broken_run_is_told_and_another_can_be_chosen(open_page, checkpoints, name):
    (checkpoints / "cnn" / name).write_bytes(b"garbage")
    app = open_page()
    assert not app.exception
    assert name in app.error[0].value
    app.selectbox(key="chosen_a").set_value("cnn_min/shipped").run()
    assert not app.error
    assert app.get("plotly_chart")


def test_without_runs_the_page_says_how_to_get_them(open_page, checkpoints):
    shutil.rmtree(checkpoints)
    app = open_page()
    assert not app.exception
    assert "checkpoints" in app.info[0].value
