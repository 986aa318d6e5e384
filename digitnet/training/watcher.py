"""Who follows a training is kept up to date: the run folder's status and history, and the user."""

from __future__ import annotations

import time
from collections.abc import Callable

from digitnet.experiments import expect_epochs, format_duration, usual_seconds
from digitnet.report import find_report_epochs
from digitnet.runs import Request, Training
from digitnet.training.loop import Progress

STATUS_INTERVAL = 0.5  # seconds between two writes of the status within an epoch

Listener = Callable[[str], None]


class Watcher:
    """Keeps the run folder's status and history, and the user, up to date."""

    def __init__(self, request: Request, training: Training, say: Listener) -> None:
        self._request = request
        self._training = training
        self._say = say
        self._progress = Progress()
        self._seconds: list[float] = []  # of the epochs since this process began
        self._written = 0.0

    def on_start(self, progress: Progress) -> None:
        self._progress = progress
        self._training.cut_history(progress.epoch)
        if progress.epoch:
            self._say(f"{self._request.experiment}: resumes after epoch {progress.epoch}")
        self._write(0, 0)

    def on_step(self, step: int, steps: int) -> None:
        if time.monotonic() - self._written >= STATUS_INTERVAL:
            self._write(step, steps)

    def on_epoch(self, row: dict[str, float], progress: Progress) -> None:
        self._progress = progress
        self._seconds.append(row["seconds"])
        self._training.append_history(row)
        self._write(0, 0)
        left = self.seconds_left()
        self._say(
            f"{self._request.experiment}: epoch {progress.epoch}  loss {row['loss']:.4f}  "
            f"accuracy {row['accuracy']:.4f}  validation {row['val_accuracy']:.4f}  "
            f"best {progress.best_score:.4f} (epoch {progress.best_epoch})  "
            f"{row['seconds']:.1f} s" + (f"  about {format_duration(left)} left" if left else "")
        )

    def seconds_left(self) -> float:
        """Time to the end that is expected; 0 while it cannot be told."""
        progress = self._progress
        epochs = expect_epochs(
            self._request.settings,
            progress.best_epoch,
            find_report_epochs(self._request.experiment),
        )
        return (epochs - progress.epoch) * usual_seconds(self._seconds)

    def _write(self, step: int, steps: int) -> None:
        self._written = time.monotonic()
        epoch = self._progress.epoch
        self._training.write_status(
            "running", phase="training", epoch=epoch, step=step, steps=steps
        )
