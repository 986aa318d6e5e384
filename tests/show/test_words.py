"""Words for people, whatever the counts are."""

import numpy as np
import pytest

from digitnet.experiments import TrainingSettings
from digitnet.runs import OwnDrawing
from digitnet.show import own_hand
from digitnet.show.classroom import counts_html
from digitnet.show.draw import describe_votes
from digitnet.show.trainings import describe_settings
from digitnet.show.words import describe_odds, number_in_words


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
