"""HTML that is escaped by construction: whatever is no markup already becomes text."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

VOID = ("img",)  # tags without an end

__all__ = ["Markup", "join", "tag"]


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element.

    Args:
        name: Of the tag, such as "p".
        children: What is in it, one after the other: markup stays, all else is escaped; None is
            left out.
        attributes: Its attributes, escaped; `class_` is class, `aria_label` is aria-label. None is
            left out, and True is an attribute without a value.
    """
    inside = join(children)
    return Markup(f"<{name}{_attributes(attributes)}>") + (
        Markup("") if name in VOID else inside + Markup(f"</{name}>")
    )


def join(parts: Iterable[object]) -> Markup:
    """Markup and text, one after the other."""
    return Markup("").join(escape(part) for part in parts if part is not None)


def _attributes(attributes: dict[str, object]) -> Markup:
    written = Markup("")
    for name, value in attributes.items():
        key = name.rstrip("_").replace("_", "-")
        if value is True:
            written += Markup(f" {key}")
        elif value is not None and value is not False:
            written += Markup(f' {key}="%s"') % escape(value)
    return written
