"""Small pieces of SVG: escaped, byte-stable, coloured by CSS classes so that they follow light and dark."""

from __future__ import annotations

from markupsafe import Markup, escape

FONT = 11.5
_WIDTH_OF_A_DIGIT = 0.56  # of the font size, for the fonts that the page asks for
Child = Markup | str


def tag(tag_name: str, *children: Child, **attributes: str | float) -> Markup:
    """An element; text and attribute values are escaped, numbers have two decimals at most.

    ``class_`` means ``class``; an underscore inside a name means a hyphen.
    """
    names = (name.rstrip("_").replace("_", "-") for name in attributes)
    inside = "".join(
        f' {name}="{escape(number(value) if isinstance(value, float | int) else value)}"'
        for name, value in zip(names, attributes.values(), strict=True)
    )
    body = "".join(escape(child) for child in children)
    return Markup(f"<{tag_name}{inside}>{body}</{tag_name}>")  # noqa: S704  (both parts are escaped above)


def number(value: float) -> str:
    """Two decimals at most, no trailing zero, no negative zero."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def svg(width: float, height: float, label: str, *children: Child) -> Markup:
    """A drawing that scales with its place and tells a screen reader what it is."""
    return tag(
        "svg", *children, viewBox=f"0 0 {number(width)} {number(height)}", role="img", aria_label=label,
        xmlns="http://www.w3.org/2000/svg",
    )  # fmt: skip


def text(x: float, y: float, words: str, **attributes: str | float) -> Markup:
    """Words at a baseline."""
    return tag("text", words, x=x, y=y, **attributes)


def rect(x: float, y: float, width: float, height: float, *children: Child, **attributes: str | float) -> Markup:
    """A box; something that is there at all is never thinner than a hair."""
    return tag("rect", *children, x=x, y=y, width=max(width, 0.0), height=height, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, **attributes: str | float) -> Markup:
    """A line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)


def title(words: str) -> Markup:
    """What a pointer that rests on the parent shows."""
    return tag("title", words)


def group(*children: Child, **attributes: str | float) -> Markup:
    """Several elements as one, such as a bar and the title that its label shares."""
    return tag("g", *children, **attributes)


def fitted(words: str, width: float, size: float = FONT) -> str:
    """The words, cut in the middle where they would be wider than ``width``: names often differ at their end."""
    room = max(int(width / (size * _WIDTH_OF_A_DIGIT)), 2)
    if len(words) <= room:
        return words
    tail = (room - 1) // 2
    return words[: room - 1 - tail] + "…" + words[len(words) - tail :]


def ticks(top: float, wanted: int = 5) -> tuple[float, ...]:
    """Round values from 0 to at most ``top``, about ``wanted`` of them, in steps of 1, 2 or 5 times a power of 10."""
    if top <= 0:
        return (0.0,)
    power = 1.0
    while power * 10 <= top / wanted:
        power *= 10
    while power > top / wanted:
        power /= 10
    step = next(power * unit for unit in (1, 2, 5, 10) if power * unit >= top / wanted)
    return tuple(step * k for k in range(int(top / step + 1e-9) + 1))
