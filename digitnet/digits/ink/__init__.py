"""Ink: strokes or an image become what the networks were trained on, uint8 (28, 28)."""

from digitnet.digits.ink.altered import Alteration, alter_strokes
from digitnet.digits.ink.canvas import strokes_from_canvas
from digitnet.digits.ink.drawings import parse_drawing, read_drawings
from digitnet.digits.ink.links import decode_strokes, encode_strokes
from digitnet.digits.ink.photos import THICKEST, THINNEST, PhotoPieces, find_pieces
from digitnet.digits.ink.pieces import DrawnPieces, Pieces, draw_whole
from digitnet.digits.ink.strokes import (
    BOX,
    CENTRE,
    FIELD,
    INK_VERSION,
    MOST_POINTS,
    PEN_WIDTH,
    InkError,
    Strokes,
    add_strokes,
    place_strokes,
    render_strokes,
)
