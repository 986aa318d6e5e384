"""Colours and groups, the same on every page."""

from __future__ import annotations

# One colour per experiment, the same on every page: warm for dense networks, cool for
# convolutional ones. Chosen by search so that each pair is at least 0.069 apart in OKLab, also
# as seen with protanopia or deuteranopia (Machado et al., 2009), and that each has a contrast of
# 3:1 or more with both the light and the dark background.
COLOURS = {
    "fc": "#f86213",
    "fc_small": "#447207",
    "fc_large": "#c01085",
    "fc_narrow": "#6c9d3f",
    "fc_wide": "#ee6087",
    "fc_lr_high": "#d71908",
    "fc_lr_low": "#da1c66",
    "cnn": "#0f6d8d",
    "cnn_short": "#9582fe",
    "cnn_long": "#6f49e4",
    "cnn_min": "#3a9e95",
    "cnn_max": "#4b62b6",
    "cnn_pool5": "#aa85d0",
    "cnn_avg": "#3e7052",
    "cnn_fc": "#7470da",
    "lenet5": "#8973b0",
}


GROUPS = {"dense": "Dense networks", "convolutional": "Convolutional networks"}
