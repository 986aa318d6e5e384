"""Words for people, whatever the counts are."""

from types import SimpleNamespace

import numpy as np
import pytest

from digitnet.experiments import EXPERIMENTS, TrainingSettings
from digitnet.runs import OwnDrawing
from digitnet.show import own_hand
from digitnet.show.classroom import counts_html
from digitnet.show.draw import all_readings_html, describe_votes
from digitnet.show.trainings import describe_settings
from digitnet.show.words import describe_odds, number_in_words
from digitnet.study.own_hand import OwnReading


@pytest.mark.parametrize(
    ("number", "words"), [(0, "none"), (7, "seven"), (16, "sixteen"), (17, "seventeen"), (21, "21")]
)
def test_counts_are_words_as_far_as_there_are_words(number, words):
    assert number_in_words(number) == words


def test_one_is_one_in_all_sentences():
    kept = OwnDrawing.of([np.array([[0.0, 0.0], [9.0, 9.0]])], 8)
    assert own_hand.describe_kept(kept, "here") == "Kept as an **8** here."
    assert "at most 1 epoch ·" in describe_settings(TrainingSettings(epochs=1))
    assert "1</b>time read" in counts_html(5, 1, 0, "here") and "2</b>times" in counts_html(
        5, 2, 0, "here"
    )


@pytest.mark.parametrize(
    ("votes", "sentence"),
    [
        ([(7, 16)], "All sixteen networks read 7."),
        ([(7, 14), (1, 2)], "Fourteen of sixteen networks read 7; two read 1."),
        ([(7, 21)], "All 21 networks read 7."),
        ([(7, 16), (1, 1)], "Sixteen of seventeen networks read 7; one reads 1."),
        ([(7, 30), (1, 10)], "30 of 40 networks read 7; ten read 1."),
        ([(7, 1)], "The only network reads 7."),
    ],
)
def test_any_number_of_networks_can_vote(votes, sentence):
    assert describe_votes(votes) == sentence


def test_it_is_said_which_networks_vote():
    whose = "the report’s"
    assert (
        describe_votes([(7, 15)], whose, True)
        == "All the report’s fifteen networks that learnt read 7."
    )
    said = "Fourteen of the report’s fifteen networks that learnt read 7; one reads 1."
    assert describe_votes([(7, 14), (1, 1)], whose, True) == said
    assert describe_votes([(7, 1)], whose, True) == "The report’s only network that learnt reads 7."


@pytest.mark.parametrize(
    ("right", "total", "said"),
    [
        (328, 540, "6 times in 10"),
        (945, 1000, "94 times in 100"),
        (994, 1000, "994 times in 1,000"),
        (6695, 6697, "999 times in 1,000"),  # more than so many would claim too much
        (5000, 5000, "5,000 times out of 5,000"),
        (1, 5000, "once in 1,000"),
        (40, 40, "40 times out of 40"),
        (1, 6, "2 times in 10"),
        (1, 10, "once in 10"),
        (0, 5000, "0 times out of 5,000"),
    ],
)
def test_odds_are_said_in_plain_words(right, total, said):
    assert describe_odds(right, total) == said


def test_nobody_disagrees_with_a_tie():
    networks = EXPERIMENTS[:5]

    def say(digits):
        readings = dict(zip(networks, np.eye(10)[digits], strict=False))
        return all_readings_html(readings, readings, networks[0])

    assert "disagrees" not in say([3, 9, 3, 9])
    assert say([3, 9, 3, 9, 8]).count("disagrees</em>") == 1
    assert say([3, 9, 3, 9, 9]).count("disagrees</em>") == 2


def reading(label, read, is_refused):
    summary = SimpleNamespace(run=SimpleNamespace(experiment=EXPERIMENTS[0]), has_learnt=True)
    return OwnReading(summary, np.array([label]), np.array([read]), np.array([is_refused]))


@pytest.mark.parametrize(
    ("read", "is_refused", "said"),
    [
        (7, False, "reads your only drawing."),
        (1, False, "misreads your only drawing."),
        (7, True, f"reads your only drawing. {EXPERIMENTS[0].title} takes it for no digit."),
    ],
)
def test_a_single_drawing_is_no_statistics(read, is_refused, said):
    title = EXPERIMENTS[0].title
    assert own_hand.describe_readings([reading(7, read, is_refused)]) == f"**{title}** {said}"


@pytest.mark.parametrize(
    ("count", "total", "said"),
    [
        (0, 1, "Your only drawing is misread by no network that learnt to read."),
        (1, 1, "Your only drawing is misread by one network or more."),
        (1, 2, "1 of your 2 drawings is misread by one network or more."),
    ],
)
def test_misread_drawings_are_counted_in_words_that_fit(count, total, said):
    assert own_hand.describe_misread(count, total, by_best=False) == said
