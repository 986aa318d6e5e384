"""HTML by construction: what is text stays text."""

from html.parser import HTMLParser

import pytest

from digitnet.show.html import Markup, join, tag

EVIL = "<script>alert(\"1\")</script> & 'so on'"


def tags_of(html):
    """The tags of an HTML text with their attributes, and its text, as a browser reads them."""
    found, texts = [], []
    parser = HTMLParser()
    parser.handle_starttag = lambda name, attributes: found.append((name, dict(attributes)))
    parser.handle_data = texts.append
    parser.feed(html)
    return found, "".join(texts)


@pytest.mark.parametrize("text", [EVIL, "&amp;", "1 < 2", 'a" onclick="b'])
def test_text_and_attributes_are_read_back_as_they_were(text):
    assert tags_of(tag("p", text, title=text)) == ([("p", {"title": text})], text)


def test_tags_in_tags_stay_tags_and_are_escaped_once():
    html = tag("ul", tag("li", EVIL, tag("b", 3), class_="dn-name"), aria_label="names")
    found, text = tags_of(html)
    assert found == [("ul", {"aria-label": "names"}), ("li", {"class": "dn-name"}), ("b", {})]
    assert text == EVIL + "3"


def test_what_is_joined_is_html_and_what_is_formatted_is_text_again():
    assert isinstance(join("<", tag("b", "x")), Markup)
    assert tag("p", f"{tag('b', 'x')}") == "<p>&lt;b&gt;x&lt;/b&gt;</p>"


def test_an_attribute_that_is_none_is_left_out_and_an_image_has_no_end():
    assert tag("img", src="a", alt="", class_=None) == '<img src="a" alt="">'
