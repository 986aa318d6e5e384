"""The network for real handwriting: ours, beside the report's sixteen."""

from __future__ import annotations

from digitnet.experiments.layers import Convolution, Dense, Flatten
from digitnet.experiments.records import HANDWRITING, Experiment

EPOCHS = 30  # of 524 steps: 67,000 images, no two epochs' the same

READER = Experiment(
    name="reader",
    title="Reader of handwriting",
    group=HANDWRITING,
    colour="#7860fc",  # found as the sixteen's: 0.05 from any of theirs or of one's own networks'
    layers=(
        Convolution(32, 5, 2, same=True, normalized=True),  # 28x28 costs most: left at once
        Convolution(48, same=True, normalized=True),
        Convolution(64, 3, 2, same=True, normalized=True),
        Convolution(96, same=True, normalized=True),
        Convolution(96, normalized=True),
        Flatten(),
        Dense(128, normalized=True),
    ),
    question="How well can a small network read what people really draw?",
    learning_rate=0.002,
    dataset="handwriting",
    refuses=True,
    protocol=(
        ("epochs", EPOCHS),
        ("patience", EPOCHS),  # a cosine is at its best where it ends
        ("schedule", "cosine"),
        ("warm_up", 250),
        ("weight_decay", 0.02),
        ("label_smoothing", 0.05),
    ),
)
