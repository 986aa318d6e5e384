"""Words for people, whatever the counts are."""

import pytest

from digitnet.show.draw import describe_votes
from digitnet.show.words import number_in_words


@pytest.mark.parametrize(
    ("number", "words"), [(0, "none"), (7, "seven"), (16, "sixteen"), (17, "17"), (40, "40")]
)
def test_counts_are_words_as_far_as_there_are_words(number, words):
    assert number_in_words(number) == words


@pytest.mark.parametrize(
    ("votes", "sentence"),
    [
        ([(7, 16)], "All sixteen networks read 7."),
        ([(7, 14), (1, 2)], "Fourteen of sixteen networks read 7; two read 1."),
        ([(7, 17)], "All 17 networks read 7."),
        ([(7, 16), (1, 1)], "Sixteen of 17 networks read 7; one reads 1."),
        ([(7, 30), (1, 10)], "30 of 40 networks read 7; ten read 1."),
    ],
)
def test_any_number_of_networks_can_vote(votes, sentence):
    assert describe_votes(votes) == sentence
