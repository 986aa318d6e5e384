"""Teaching the reader one person's hand: a training that goes on from the one that is served."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from digitnet.digits import Labelled, find_lack
from digitnet.experiments import READER
from digitnet.jobs.permissions import require_open
from digitnet.jobs.processes import JobError
from digitnet.jobs.queue import Submitted, submit
from digitnet.runs import DRAWINGS, TRAINED, Request, Run, RunError, RunStore, Teaching

# Chosen on UNIPEN and UJI: a reader that had not learnt four of the collections was taught by each
# of their writers with 36 drawings or more. Of 2,456 it misread 28 before and 15 after, none of the
# writers losing any; MNIST fell by .03 points in the mean and .08 at most. At 5e-4: 16 after, one
# writer losing one, MNIST by .06 and .14.
LEARNING_RATE = 1e-4
EPOCHS = 2


def teach(store: RunStore, drawings: Sequence[Labelled]) -> Submitted:
    """Queues a training of the reader on one's own drawings, or recognises one under way.

    It goes on from the reader that is served, and takes its place only if it is better: see
    `Outcome`.

    Args:
        store: Whose reader is taught.
        drawings: Strokes, y downwards, and the digit that they are.

    Raises:
        JobError: If the drawings are too few, there is no reader to be taught, the app is
            read-only or the queue cannot be written.
    """
    return submit(store, *ask_to_teach(store, drawings))


def ask_to_teach(
    store: RunStore, drawings: Sequence[Labelled]
) -> tuple[Request, Mapping[str, bytes]]:
    """The request to teach the reader these drawings, and the files that it needs; as `teach`."""
    require_open(store)
    if lack := find_lack(label for _, label in drawings):
        raise JobError(f"the reader cannot be taught yet: {lack}")
    base, content = _find_base(store), _write_lines(drawings)
    settings = replace(
        base.request.settings,
        epochs=EPOCHS,
        patience=EPOCHS,
        learning_rate=LEARNING_RATE,
        warm_up=0,
        weight_decay=0.0,
    )
    teaching = Teaching(base.id, hashlib.sha256(content).hexdigest())
    return Request(READER.name, settings, teaching), {DRAWINGS: content}


def _find_base(store: RunStore) -> Run:
    """The reader that is served; of one that was taught, that from which it went on.

    So nothing is forgotten a little more with each teaching, and what was held out of one is not
    judged on after another has learnt it.
    """
    run = store.current(READER.name)
    if run is None:
        raise JobError("there is no reader to be taught: python -m digitnet train reader")
    try:
        base = store.find(run.request.teaching.base) if run.request.teaching else run
        dataset = base.request.settings.dataset
    except RunError as error:
        raise JobError(f"{run.id} cannot be taught ({error}); go back to the shipped run") from None
    if dataset != READER.dataset or not (base.folder / TRAINED).is_file():
        raise JobError(
            f"{base.id} cannot be taught: it has no {TRAINED}, or has not learnt real handwriting; "
            "go back to the shipped run"
        )
    return base


def _write_lines(drawings: Sequence[Labelled]) -> bytes:
    """Drawings as `evaluate --drawings` reads them, a line each."""
    lines = [
        json.dumps({"strokes": [np.round(one, 6).tolist() for one in strokes], "label": int(label)})
        for strokes, label in drawings
    ]
    return "".join(line + "\n" for line in lines).encode()
