"""A plot as a few marks, and its two files: SVG by the house's elements, PNG by Pillow; both of the same marks."""

from __future__ import annotations

import io
from dataclasses import dataclass

from markupsafe import Markup
from PIL import Image, ImageDraw, ImageFont

from bitwright.report import svg

COLOURS = {
    "paper": "#ffffff", "ink": "#1f2328", "quiet": "#646b74", "grid": "#e4e1da", "fill1": "#2f6690",
    "fill2": "#81a4c0", "fill3": "#c8501e",
}  # fmt: skip
"""The report's own, on white."""

SCALE = 2
"""Pixels of the PNG for a unit of the drawing."""


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; ``title`` is what a resting pointer shows in the SVG."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A thin line."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text at a baseline; ``anchor`` is SVG's: start, middle or end."""

    x: float
    y: float
    text: str
    colour: str = "ink"
    anchor: str = "start"


Mark = Box | Line | Words


@dataclass(frozen=True, slots=True)
class Drawing:
    """Marks, the first at the bottom; ``label`` says what it is."""

    width: float
    height: float
    label: str
    marks: tuple[Mark, ...]


def to_svg(drawing: Drawing) -> str:
    """A file of its own: colours are in it, no style sheet is needed."""
    style = f"font: {svg.FONT}px system-ui, 'Liberation Sans', Arial, sans-serif"
    ground = svg.rect(0, 0, drawing.width, drawing.height, fill=COLOURS["paper"])
    inside = svg.group(ground, *map(_element, drawing.marks), style=style)
    return str(svg.svg(drawing.width, drawing.height, drawing.label, inside)) + "\n"


def _element(mark: Mark) -> Markup:
    colour = COLOURS[mark.colour]
    match mark:
        case Box():
            titles = (svg.title(mark.title),) if mark.title else ()
            return svg.rect(mark.x, mark.y, mark.width, mark.height, *titles, fill=colour)
        case Line():
            return svg.line(mark.x1, mark.y1, mark.x2, mark.y2, stroke=colour)
        case Words():
            return svg.text(mark.x, mark.y, mark.text, fill=colour, text_anchor=mark.anchor)


def to_png(drawing: Drawing) -> bytes:
    """The same picture in pixels, :data:`SCALE` for each unit; the same bytes for the same drawing and Pillow."""
    image = Image.new("RGB", (round(drawing.width * SCALE), round(drawing.height * SCALE)), COLOURS["paper"])
    canvas, font = ImageDraw.Draw(image), ImageFont.load_default(svg.FONT * SCALE)
    for mark in drawing.marks:
        _paint(canvas, font, mark)
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


def _paint(canvas: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, mark: Mark) -> None:
    colour = COLOURS[mark.colour]
    match mark:
        case Box():
            if mark.width > 0 and mark.height > 0:
                corner = (mark.x * SCALE, mark.y * SCALE)
                far = ((mark.x + mark.width) * SCALE - 1, (mark.y + mark.height) * SCALE - 1)
                canvas.rectangle((*corner, max(far[0], corner[0]), max(far[1], corner[1])), fill=colour)
        case Line():
            ends = (mark.x1 * SCALE, mark.y1 * SCALE, mark.x2 * SCALE, mark.y2 * SCALE)
            canvas.line(ends, fill=colour, width=SCALE)
        case Words():
            anchor = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
            canvas.text((mark.x * SCALE, mark.y * SCALE), mark.text, fill=colour, font=font, anchor=anchor)
