"""HTML that is escaped by the way it is made: a tag takes text and tags, and knows them apart."""

from __future__ import annotations

from html import escape

VOID = ("img", "br")  # have no end


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def join(*children: object, between: str = "") -> Markup:
    """Text and HTML, one after the other; text is escaped."""
    return Markup(_html_of(between).join(map(_html_of, children)))


def _html_of(one: object) -> str:
    return one if isinstance(one, Markup) else escape(str(one), quote=False)


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """A tag with what is inside it.

    Args:
        name: The tag's.
        children: Text, which is escaped, and HTML.
        attributes: By name, "_" in place of "-" and at the end of Python's own words (`class_`);
            None leaves one out.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    end = "" if name in VOID else f"</{name}>"
    return Markup(f"<{name}{said}>{join(*children)}{end}")
