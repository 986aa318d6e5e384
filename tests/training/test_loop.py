"""Training stops by the rule, keeps the best weights, and resumes as if never broken."""

import errno
import math
import shutil
from itertools import pairwise

import keras
import numpy as np
import pytest

from digitnet.digits import Digits, Shuffled, load_digits, split_digits
from digitnet.experiments import TrainingSettings, find_experiment
from digitnet.training.architectures import build_model
from digitnet.training.loop import (
    STATE_FILE,
    FusedAdam,
    Progress,
    TrainingError,
    batch_arrays,
    compile_for_training,
    load_state,
    make_batches,
    train_model,
)

EXPERIMENT = find_experiment("cnn_min")


@pytest.fixture(scope="module")
def split():
    return split_digits("sample", load_digits("sample"), seed=1)


def fresh_model(settings, experiment=EXPERIMENT):
    keras.utils.set_random_seed(settings.seed)
    model = build_model(experiment)
    compile_for_training(model, settings, steps_per_execution=4, steps_per_epoch=23)
    return model


def train(split, settings, folder, on_step=lambda step, steps: None, experiment=EXPERIMENT):
    """Trains; returns the model, the progress and the history rows of the epochs done now."""
    model, rows = fresh_model(settings, experiment), []

    def on_epoch(row, progress):
        rows.append(row)

    progress = train_model(
        model,
        Shuffled(split.train, settings.seed),
        split.validation,
        settings,
        folder,
        lambda progress: None,
        on_step,
        on_epoch,
    )
    return model, progress, rows


def test_progress_follows_keras_early_stopping():
    """Against keras.callbacks.EarlyStopping itself, on scores with ties and late rises."""
    settings = TrainingSettings(patience=3, epochs=9)
    generator = np.random.default_rng(0)
    for _ in range(50):
        scores = generator.integers(0, 6, settings.epochs) / 6
        stopping = keras.callbacks.EarlyStopping("score", mode="max", patience=3)
        stopping.set_model(keras.Sequential())
        stopping.on_train_begin()
        progress = Progress()
        for epoch, score in enumerate(scores):
            stopping.on_epoch_end(epoch, {"score": score})
            progress = progress.after(score, seconds=1.0)
            assert progress.best_epoch == stopping.best_epoch + 1
            assert progress.best_score == stopping.best
            stopped = getattr(stopping.model, "stop_training", False)
            assert progress.is_over(settings) == (stopped or epoch + 1 == settings.epochs)
            if stopped:
                break


def test_fused_adam_does_what_adam_does():
    """Twenty steps on the same gradients, Keras' own optimizer as the oracle."""
    generator = np.random.default_rng(0)
    start = generator.normal(size=(7, 3)).astype("float32")
    gradients = generator.normal(size=(20, 7, 3)).astype("float32")
    ends = []
    for optimizer in (keras.optimizers.Adam(0.01), FusedAdam(0.01)):
        variable = keras.Variable(start)
        optimizer.build([variable])
        for gradient in gradients:
            optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        ends.append(variable.numpy())
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-5, atol=1e-6)


def test_weights_decay_as_adamws_do_and_biases_do_not():
    """Ten steps, Keras' own AdamW on Keras' own cosine as the oracle."""
    settings = TrainingSettings(
        epochs=2, learning_rate=0.01, schedule="cosine", warm_up=3, weight_decay=0.1
    )
    rate = keras.optimizers.schedules.CosineDecay(
        0.01 / 25, 7, 0.0, warmup_target=0.01, warmup_steps=3
    )
    oracle = keras.optimizers.AdamW(rate, weight_decay=0.1)
    oracle.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model = build_model(EXPERIMENT)
    compile_for_training(model, settings, steps_per_execution=1, steps_per_epoch=5)
    generator = np.random.default_rng(0)
    steps = [[generator.normal(size=(4, 2)), generator.normal(size=2)] for _ in range(10)]
    ends = []
    for optimizer in (oracle, model.optimizer):
        kernel = keras.Variable(np.ones((4, 2), np.float32), name="kernel")
        bias = keras.Variable(np.ones(2, np.float32), name="bias")
        optimizer.build([kernel, bias])
        for gradients in steps:
            optimizer.apply([keras.ops.cast(one, "float32") for one in gradients], [kernel, bias])
        ends.append([kernel.numpy(), bias.numpy()])
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_under_a_cosine_the_last_epoch_is_kept_and_nothing_stops_it():
    progress = Progress().after(0.9, 1.0, is_best=True).after(0.8, 1.0, is_best=True)
    assert (progress.best_epoch, progress.best_score) == (2, 0.8)
    settings = TrainingSettings(patience=1, epochs=3, schedule="cosine")
    assert not progress.is_over(settings) and progress.after(0.7, 1.0, True).is_over(settings)


@pytest.mark.slow
def test_an_epoch_that_cannot_be_made_ends_the_training(split, tmp_path):
    class Broken(Shuffled):
        def make_epoch(self, epoch):
            raise OSError("no images")

    settings = TrainingSettings(dataset="sample")
    with pytest.raises(OSError, match="no images"):
        train_model(
            fresh_model(settings),
            Broken(split.train, 1),
            split.validation,
            settings,
            tmp_path,
            lambda progress: None,
            lambda step, steps: None,
            lambda row, progress: None,
        )


def test_batches_are_scaled_images_and_one_hot_labels(split):
    part = Digits(split.train.images[[3, 1, 2]], split.train.labels[[3, 1, 2]])
    batches = list(make_batches(part, 2).as_numpy_iterator())
    assert [len(pixels) for pixels, _ in batches] == [2, 1]
    pixels, labels = batches[0]
    assert pixels.shape == (2, 28, 28, 1) and pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels[0, :, :, 0], split.train.images[3] / np.float32(255))
    assert labels.argmax(axis=1).tolist() == split.train.labels[[3, 1]].tolist()


def test_no_thread_that_tunes_batches_can_hold_up_an_epoch(split):
    images = np.zeros((3, 28, 28, 1), np.float32)
    for batches in (
        make_batches(split.train, 2),
        batch_arrays(2, images),
        batch_arrays(2, images).cache(),
    ):
        assert batches.options().autotune.enabled is False


@pytest.mark.slow
def test_training_learns_and_keeps_the_best_epoch(split, tmp_path):
    settings = TrainingSettings(dataset="sample", epochs=6, learning_rate=0.01, batch_size=32)
    model, progress, rows = train(split, settings, tmp_path)
    scores = [row["val_accuracy"] for row in rows]
    assert progress.best_score == max(scores) > 0.7
    assert progress.best_epoch == 1 + scores.index(max(scores))
    kept = model.evaluate(make_batches(split.validation, 1000), verbose=0, return_dict=True)
    assert kept["accuracy"] == pytest.approx(max(scores), abs=1e-6)


class Killed(BaseException):
    """Stands for the end of the process: nothing may be cleaned up on the way."""


COSINE = {"schedule": "cosine", "warm_up": 9, "weight_decay": 0.02, "label_smoothing": 0.05}


@pytest.fixture(scope="module", params=[{}, COSINE], ids=["report", "cosine"])
def unbroken(request, split, tmp_path_factory):
    """A protocol's settings; and what comes of them when nothing happens: weights, progress, rows.

    It is trained once, for as many breaks as it is compared with.
    """
    protocol = request.param
    settings = TrainingSettings(dataset="sample", epochs=5, batch_size=64, patience=2, **protocol)
    model, progress, rows = train(split, settings, tmp_path_factory.mktemp("whole"))
    return settings, model.get_weights(), progress, rows


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_a_broken_training_ends_as_an_unbroken_one(split, tmp_path, epoch, unbroken):
    settings, weights, progress, rows = unbroken
    done = []

    def kill(step, steps):
        done.append(step)
        if sum(later < one for one, later in pairwise(done)) == epoch and step < steps:
            raise Killed

    with pytest.raises(Killed):
        train(split, settings, tmp_path, kill)
    again, progress_again, rows_again = train(split, settings, tmp_path)
    assert len(rows_again) == len(rows) - epoch
    assert progress_again.epoch == progress.epoch
    assert progress_again.best_epoch == progress.best_epoch
    for one, other in zip(rows[epoch:], rows_again, strict=True):
        assert one["epoch"] == other["epoch"]
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)
        assert one["val_accuracy"] == pytest.approx(other["val_accuracy"], abs=0.01)
    for one, other in zip(weights, again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


@pytest.mark.slow
def test_it_can_be_ended_while_an_epoch_is_validated(split, tmp_path):
    settings, done = TrainingSettings(dataset="sample", epochs=1, batch_size=64), []

    def end(step, steps):
        done.append(step)
        if done.count(steps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(split, settings, tmp_path, end)
    _, progress, rows = train(split, settings, tmp_path)
    assert progress.epoch == len(rows) == 1


@pytest.mark.slow
def test_best_weights_from_before_the_break_are_kept(split, tmp_path):
    """A learning rate that wrecks the network after its first epochs, and a break after those."""
    settings = TrainingSettings(dataset="sample", epochs=4, batch_size=64, patience=4)
    train(split, TrainingSettings(dataset="sample", epochs=2, batch_size=64), tmp_path)
    model = fresh_model(settings)
    model.optimizer.build(model.trainable_variables)

    def wreck(progress):
        assert progress.epoch == 2
        model.optimizer.learning_rate.assign(1.0)

    rows = []
    progress = train_model(
        model,
        Shuffled(split.train, settings.seed),
        split.validation,
        settings,
        tmp_path,
        wreck,
        lambda step, steps: None,
        lambda row, progress: rows.append(row),
    )
    assert progress.epoch == 4 and progress.best_epoch <= 2
    kept = model.evaluate(make_batches(split.validation, 1000), verbose=0, return_dict=True)
    assert kept["accuracy"] == pytest.approx(progress.best_score, abs=1e-6)
    assert kept["accuracy"] > max(row["val_accuracy"] for row in rows)


ONE_EPOCH = TrainingSettings(dataset="sample", epochs=1)


@pytest.fixture(scope="module")
def trained(split, tmp_path_factory):
    """What a training of one epoch leaves."""
    folder = tmp_path_factory.mktemp("trained")
    train(split, ONE_EPOCH, folder)
    return folder


@pytest.fixture
def state(trained, tmp_path):
    """A copy of it, to be damaged."""
    return shutil.copytree(trained, tmp_path / "state")


@pytest.mark.slow
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError()])
def test_a_state_that_cannot_be_read_just_now_is_kept(state, monkeypatch, error):
    before = {path: path.read_bytes() for path in state.iterdir()}
    assert before

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(np, "load", fail)
    with pytest.raises(type(error)):
        load_state(state, fresh_model(ONE_EPOCH))
    assert {path: path.read_bytes() for path in state.iterdir()} == before


@pytest.mark.slow
def test_an_unreadable_state_starts_the_training_anew(split, state):
    (state / STATE_FILE).write_bytes(b"PK garbage")
    _, progress, rows = train(split, ONE_EPOCH, state)
    assert progress.epoch == 1 and len(rows) == 1


@pytest.mark.slow
def test_a_loss_that_is_no_number_ends_the_training(split, tmp_path):
    model = fresh_model(TrainingSettings(dataset="sample"))
    weights = model.get_weights()
    model.set_weights([*weights[:-1], np.full_like(weights[-1], math.nan)])
    with pytest.raises(TrainingError, match="lower learning rate"):
        train_model(
            model,
            Shuffled(split.train, 1),
            split.validation,
            TrainingSettings(dataset="sample"),
            tmp_path,
            lambda progress: None,
            lambda step, steps: None,
            lambda row, progress: None,
        )
