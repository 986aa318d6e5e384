"""MNIST's images, each warped a little: what pixels allow where there are no strokes."""

from __future__ import annotations

import math

import numpy as np

from digitnet.digits.ink import CENTRE, FIELD


def vary_images(images: np.ndarray, rng: np.random.Generator, calm: float = 0) -> np.ndarray:
    """Turns, slants, scales, bends, thickens and thins images a little.

    Args:
        images: uint8 (n, 28, 28).
        rng: Decides how each is altered.
        calm: Share of the images that stay as they are.

    Returns:
        uint8 (n, 28, 28).
    """
    parts = np.array_split(np.arange(len(images)), max(1, math.ceil(len(images) / 2048)))
    varied = np.concatenate([_vary_some_images(images[part], rng) for part in parts])
    still = rng.random(len(images)) < calm
    varied[still] = images[still]
    return varied


def _vary_some_images(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = len(images)
    axis = (np.arange(FIELD, dtype=np.float32) - CENTRE) / FIELD
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(1, -1, 2)
    some = (rng.random(n) < 0.85).astype("f")  # the others stay as they are
    turn = np.clip(rng.normal(0, 0.11, n), -0.35, 0.35) * some
    slant = rng.normal(0, 0.12, n) * some
    wide = np.exp(rng.normal(0, 0.09, n) * some)
    tall = np.exp(rng.normal(0, 0.06, n) * some)
    cos, sin = np.cos(turn), np.sin(turn)
    rotation = np.stack([cos, -sin, sin, cos], -1).reshape(n, 2, 2)
    shear = np.stack([wide, slant, 0 * wide, tall], -1).reshape(n, 2, 2)
    source = grid @ (rotation @ shear).astype("f").transpose(0, 2, 1)
    for _ in range(2):
        wave = rng.normal(0, 6, (n, 2, 2)).astype("f")
        phase = rng.uniform(0, 2 * np.pi, (n, 1, 2)).astype("f")
        size = rng.normal(0, 0.016, (n, 1, 2)).astype("f") * some[:, None, None]
        source += size * np.sin(source @ wave + phase)
    shift = rng.normal(0, 0.7, (n, 1, 2)).astype("f") * some[:, None, None]
    source = source * FIELD + CENTRE + shift
    return _change_width(_resample(images, source), rng)


def _resample(images: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Reads images (n, 28, 28) at source (n, 784, 2) of x and y, bilinearly; 0 outside."""
    n, side = len(images), FIELD + 2
    padded = np.zeros((n, side, side), np.float32)
    padded[:, 1:-1, 1:-1] = images
    flat = padded.reshape(-1)
    at = np.clip(source + 1, 0, side - 1.001)
    low = at.astype(np.int32)
    part = at - low
    base = np.arange(n)[:, None] * side * side + low[..., 1] * side + low[..., 0]
    right, down = part[..., 0], part[..., 1]
    top = flat[base] * (1 - right) + flat[base + 1] * right
    bottom = flat[base + side] * (1 - right) + flat[base + side + 1] * right
    return (top * (1 - down) + bottom * down).reshape(n, FIELD, FIELD)


def _change_width(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blends some images with a thicker or a thinner self; returns uint8."""
    amount = rng.normal(0, 0.5, len(images)) * (rng.random(len(images)) < 0.4)
    amount = np.clip(amount, -0.7, 0.8).astype("f")
    changed = images.copy()
    for sign, choose in ((1, np.maximum), (-1, np.minimum)):
        mine = amount * sign > 0
        some = np.pad(images[mine], ((0, 0), (1, 1), (1, 1)))
        wider = some[:, 1:-1, 1:-1]
        for part in (some[:, :-2, 1:-1], some[:, 2:, 1:-1], some[:, 1:-1, :-2], some[:, 1:-1, 2:]):
            wider = choose(wider, part)
        blend = np.abs(amount[mine])[:, None, None]
        changed[mine] = images[mine] * (1 - blend) + wider * blend
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)
