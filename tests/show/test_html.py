"""HTML that cannot be forgotten to be escaped."""

from digitnet.show.html import Markup, join, tag


def test_text_is_escaped_and_markup_is_not():
    assert tag("p", "a < b & c", tag("b", '"d"')) == ("<p>a &lt; b &amp; c<b>&#34;d&#34;</b></p>")


def test_attributes_are_escaped_and_renamed():
    made = tag("li", class_='x" onclick="', aria_label="a & b", hidden=True, title=None, id=False)
    assert made == '<li class="x&#34; onclick=&#34;" aria-label="a &amp; b" hidden></li>'


def test_what_is_none_is_left_out_and_nothing_else():
    assert tag("td", None, 0, "") == "<td>0</td>"
    assert join(["<", Markup("<br>"), None, 7]) == "&lt;<br>7"


def test_an_image_has_no_end():
    assert tag("img", src="a.png", alt="") == '<img src="a.png" alt="">'
