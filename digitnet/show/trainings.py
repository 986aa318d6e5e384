"""Trainings: what they will cost, how they stand, and their curves so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from digitnet.experiments import (
    DATASETS,
    Experiment,
    TrainingSettings,
    forecast,
    format_duration,
    usual_seconds,
)
from digitnet.jobs import Estimate
from digitnet.runs import Request, Status, is_amount
from digitnet.show.html import Markup, tag
from digitnet.show.pictures import svg_url

LONG_SECONDS = 3600
WORDS_OF_PHASES = {
    "": "Starting…",
    "loading": "Loading the images…",
    "testing": "Testing and exporting…",
}


def describe_place(place: int) -> str:
    """A place in the queue, 0 being the first, in a few words."""
    return "next in line" if place == 0 else f"number {place + 1} in line"


def describe_settings(settings: TrainingSettings) -> str:
    """The settings of a training in a line."""
    epochs = f"{settings.epochs:,} epoch{'s' * (settings.epochs != 1)}"
    return (
        f"{DATASETS[settings.dataset].title} · at most {epochs} · learning rate "
        f"{settings.learning_rate:.10g} · batches of {settings.batch_size:,} · patience "
        f"{settings.patience} · seed {settings.seed}"
    )


def describe_request(request: Request) -> str:
    """What a training was asked to do, in a line."""
    settings = describe_settings(request.settings)
    return (
        f"Taught your hand · from {request.teaching.base} · {settings}"
        if request.teaching
        else settings
    )


def describe_estimates(estimates: Sequence[Estimate]) -> str:
    """What trainings, one after another, will cost, in a sentence."""
    memory = format_bytes(max(one.bytes for one in estimates))
    seconds = [one.seconds for one in estimates if one.seconds is not None]
    if len(seconds) < len(estimates):
        return f"How long it takes is not known; up to {memory} of memory beyond TensorFlow's own."
    return (
        f"About **{format_duration(sum(seconds))}**, besides what it takes to start and to test; "
        f"up to **{memory}** of memory beyond TensorFlow's own."
    )


def describe_time(estimates: Sequence[Estimate]) -> str:
    """How long trainings, one after another and each as it is meant, will take, in a sentence."""
    own = "its own settings" if len(estimates) == 1 else "their own settings"
    seconds = [one.seconds for one in estimates if one.seconds is not None]
    if len(seconds) < len(estimates):
        return f"With {own}; how long it takes is not known."
    return f"About **{format_duration(sum(seconds))}**, with {own}."


def warn_of_estimates(estimates: Sequence[Estimate], available: int) -> str | None:
    """Why one should think twice before these trainings, in a sentence; None if one need not.

    Args:
        estimates: What each will cost.
        available: Free memory of this machine, bytes.
    """
    seconds = sum(one.seconds or 0 for one in estimates)
    if max(one.bytes for one in estimates) > available:
        return (
            f"Only {format_bytes(available)} of memory is free, so this would fail. Close other "
            "programs, or choose a smaller batch size or network."
        )
    if seconds >= LONG_SECONDS:
        return (
            f"This machine would be at it for {format_duration(seconds)}. It goes on when this "
            "page is closed, and can be stopped and resumed at any time."
        )
    return None


def format_bytes(count: float) -> str:
    """A size for people, such as "310 MB" or "3.4 GB"."""
    return f"{count / 1e6:,.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


def describe_progress(
    status: Status,
    settings: TrainingSettings,
    history: Mapping[str, np.ndarray],
    report_epochs: int | None,
) -> tuple[float, str]:
    """How far a training that runs has come.

    Args:
        status: How it stands.
        settings: Its settings.
        history: Its history, arrays (epochs,); epochs that the status does not count yet are not
            counted here either.
        report_epochs: How many epochs the report's training had, where it has one.

    Returns:
        The share that is done, 0 to 1, and where it stands, in a sentence.
    """
    if status.phase == "testing":
        return 1.0, WORDS_OF_PHASES[status.phase]
    scores, seconds = (history[name][: status.epoch] for name in ("val_accuracy", "seconds"))
    part = min(status.step / status.steps, 1.0) if status.steps else 0.0
    ahead = forecast(settings, scores.tolist(), part, report_epochs)
    if status.phase != "training":
        return ahead.share, WORDS_OF_PHASES[status.phase]
    words = f"Epoch {len(scores) + 1}"
    words += f", step {status.step:,} of {status.steps:,}" if status.steps else ""
    usual = usual_seconds(seconds.tolist())
    if is_amount(usual) and usual:
        words += f" · about {format_duration(ahead.epochs_left * usual)} left"
    return ahead.share, words


def progress_html(experiment: Experiment, history: Mapping[str, np.ndarray]) -> Markup:
    """The curves of a training so far: accuracy and loss, in training and validation.

    As text and lines of the page itself, so that they grow without a flicker.

    Args:
        experiment: What is trained.
        history: Its history, arrays (epochs,), at least one epoch.
    """
    charts = (
        _progress_chart(title, history[quantity], history[f"val_{quantity}"], experiment.colour)
        for title, quantity in (("Accuracy", "accuracy"), ("Loss", "loss"))
    )
    return tag("div", *charts, class_="dn-progress", style=f"--colour:{experiment.colour}")


def _progress_chart(
    title: str, training: np.ndarray, validation: np.ndarray, colour: str
) -> Markup:
    both = np.concatenate([training, validation])
    low, high = float(np.nanmin(both)), float(np.nanmax(both))
    lines = ((_points(training, low, high), "0.5 5"), (_points(validation, low, high), "none"))
    return tag(
        "figure",
        tag(
            "figcaption",
            tag("b", title),
            *(" ", tag("span", f"validation {validation[-1]:.4f}", class_="dn-validation")),
            *(" ", tag("span", f"training {training[-1]:.4f}", class_="dn-training")),
        ),
        tag("div", tag("span", f"{high:.3g}"), tag("span", f"{low:.3g}")),
        tag("img", src=svg_url(_draw_lines(lines, colour)), alt=""),
        tag("p", tag("span", "epoch 1"), tag("span", len(training))),
    )


def _draw_lines(lines: Iterable[tuple[str, str]], colour: str) -> str:
    """Lines, each of its points and dashes, as an SVG."""
    return tag(
        "svg",
        tag("style", "polyline {vector-effect: non-scaling-stroke}"),
        tag(
            "g",
            *(tag("polyline", points=points, stroke_dasharray=dash) for points, dash in lines),
            fill="none",
            stroke=colour,
            stroke_width=2.5,
            stroke_linecap="round",
            stroke_linejoin="round",
        ),
        xmlns="http://www.w3.org/2000/svg",
        viewBox="0 0 100 100",
        preserveAspectRatio="none",
    )


def _points(curve: np.ndarray, low: float, high: float) -> str:
    """A curve in an SVG's percent; a single epoch becomes a short line."""
    values = np.repeat(curve, 2) if len(curve) == 1 else curve
    xs = np.linspace(0, 100, len(values)) if len(curve) > 1 else (0, 5)
    heights = 100 * (high - values) / ((high - low) or 1)
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in zip(xs, heights, strict=True))
