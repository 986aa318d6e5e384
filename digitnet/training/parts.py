"""A batch in parts, so that what is in between stays in the processor's cache."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

BATCH = 128  # images of a usual batch; of a larger one each part is larger


def map_parts(
    do: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor, image_bytes: int, most_bytes: int
) -> tf.Tensor:
    """Does something with a batch, part by part.

    Args:
        do: What is done, to any number of images, perhaps none.
        images: (n, ...).
        image_bytes: The most that is in between for an image.
        most_bytes: As much as a part of a usual batch may have of it.

    Returns:
        What is made of all images.
    """
    parts = math.ceil(BATCH * image_bytes / most_bytes)
    ends = tf.shape(images)[0] * tf.range(parts + 1) // parts
    made = [do(part) for part in tf.split(images, ends[1:] - ends[:-1], num=parts)]
    return tf.concat(made, axis=0)
