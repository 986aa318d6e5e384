"""The command line, as a user types it."""

import errno
import gzip
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from digitnet import cli
from digitnet.cli.reading import format_answer
from digitnet.digits import ink, load_samples
from digitnet.experiments import EXPERIMENTS, READER
from digitnet.runs import CALIBRATION, DRAWINGS, REQUEST, TRAINED, Outcome, Request
from digitnet.serving import ModelServer, Reading, digit_probabilities
from digitnet.show.teaching import describe_outcome
from digitnet.study import readme
from tests.made_models import BREAKERS, break_model
from tests.made_runs import (
    copy_shipped,
    fill,
    finish_run,
    make_request,
    make_row,
    make_training,
    ship_run,
    use_store,
)
from tests.made_strokes import write_strokes

REPOSITORY = Path(__file__).resolve().parents[1]

TRAIN_ONE = "digitnet.cli.training._train_one"
NO_RUN = "cnn/20260101-000000-abcd"
SHORT = ("--dataset", "sample", "--epochs", "2")


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty store for this process and its children."""
    return use_store(monkeypatch, tmp_path)


@pytest.fixture
def trained_store(store):
    """A store of two networks, said to be trained on the sample."""
    for name in ("cnn_min", "lenet5"):
        copy_shipped(store, name)
    return store


def run(*arguments):
    """Runs a command as a user does, in a process of its own."""
    command = [sys.executable, "-m", "digitnet", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "resnet"], "no experiment is named 'resnet'"),
        (["train", "cnn", "--learning-rate", "0"], "learning rate must be above 0"),
        (["train", "cnn", "--learning-rate", "nan"], "learning rate must be above 0"),
        (["train", "cnn", "--batch-size", "0"], "batch size must be"),
        (["train", "cnn", "--epochs", "-1"], "epochs must be"),
        (["train", "cnn", "--workers", "0"], "workers must be"),
        (["train"], "--all"),
        (["train", "cnn", "--all"], "--all"),
        (["train", "--run", "cnn"], "there is no run 'cnn'"),
        (["train", "--run", "cnn/shipped"], "there is no training 'cnn/shipped'"),
        (["train", "--run", NO_RUN], f"there is no training '{NO_RUN}'"),
        (["train", "--run", "../../etc"], "there is no run"),
        (["train", "cnn", "--run", NO_RUN], "leave out all others"),
        (["train", "--all", "--run", NO_RUN], "leave out all others"),
        (["train", "--seed", "2", "--run", NO_RUN], "leave out all others"),
        (["train", "mine", "--layers", "conv 8, max 2, flatten"], "layer 2, max 2: it is written"),
        (["train", "mine", "--layers", "conv 8"], "flatten is missing"),
        (["train", "mine", "--layers", ""], "layer 1, empty: a layer is one of"),
        (["train", "Mine", "--layers", "flatten"], "a network's name has 1 to 24"),
        (["train", "cnn", "--layers", "flatten"], "one of the project's own networks'"),
        (["train", "a", "b", "--layers", "flatten"], "give one name"),
        (["train", "--all", "--layers", "flatten"], "needs a name for the new network"),
        (["predict", "x.png", "--model", "resnet"], "no experiment is named"),
        (["predict", "x.png", "--model", "cnn"], "not trained yet"),
        (["evaluate", "--drawings", "x.jsonl"], "no network is trained yet"),
        (["publish", "cnn"], "no current run"),
    ],
)
def test_bad_usage_is_one_line(store, capsys, arguments, message):
    assert cli.main(arguments) == cli.USAGE
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_list_without_runs_names_every_experiment(store, capsys):
    assert cli.main(["list"]) == 0
    output = capsys.readouterr().out
    assert all(experiment.name in output for experiment in EXPERIMENTS)
    assert output.count("not trained yet") == len(EXPERIMENTS)


@pytest.mark.slow
def test_networks_are_trained_side_by_side_and_nothing_but_their_own_words_is_said(store):
    done = run("train", "cnn_min", "lenet5", *SHORT, "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # not a word of TensorFlow's or LiteRT's own
    for name in ("cnn_min", "lenet5"):
        trained = store.current(name)
        assert f"{name}: epoch 2" in done.stdout and f"{trained.id} is current" in done.stdout
        assert trained.problem() is None and not trained.is_shipped


def test_list_tells_what_was_not_judged_as_the_report_did(trained_store, capsys):
    assert cli.main(["list"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["cnn_min"].endswith("on the Offline sample")
    assert "Offline" not in lines["cnn"]


@pytest.mark.parametrize("refused", [["--epochs", "0"], ["--workers", "99"]])
def test_what_is_refused_keeps_no_network(store, capsys, refused):
    assert cli.main(["train", "ghost", "--layers", "flatten, dense 10", *refused]) == cli.USAGE
    assert "must be" in capsys.readouterr().err
    assert "ghost" not in [one.name for one in store.experiments()]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.png", "no such file"), ("none.jsonl", "no such file"), (".", "is a directory")],
)
def test_what_is_not_there_is_told_as_such(trained_store, tmp_path, capsys, name, reason):
    assert cli.main(["predict", str(tmp_path / name), "--model", "cnn_min"]) == cli.FAILED
    told = capsys.readouterr().out
    assert reason in told and "Errno" not in told


def test_a_run_is_used_and_the_shipped_one_again(trained_store, capsys):
    store, stamp = trained_store, NO_RUN.partition("/")[2]
    shutil.copytree(store.shipped / "cnn_min", store.local / "finished" / "cnn_min" / stamp)
    for run_id in (f"cnn_min/{stamp}", "cnn_min/shipped"):
        assert cli.main(["use", run_id]) == cli.OK
        assert store.current("cnn_min").id == run_id
        assert run_id in capsys.readouterr().out


@pytest.mark.parametrize("run_id", ["cnn", "cnn/20260101-000000-abcd", "cnn/../../x"])
def test_a_run_that_is_not_there_is_not_used(store, capsys, run_id):
    ship_run(store, make_request("cnn"))
    assert cli.main(["use", run_id]) == cli.USAGE
    assert "there are: cnn/shipped" in capsys.readouterr().err
    assert store.current("cnn").id == "cnn/shipped"


def test_list_as_json(trained_store, capsys):
    assert cli.main(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == [experiment.name for experiment in EXPERIMENTS]
    assert rows["cnn"]["accuracy"] is None
    row = rows["cnn_min"]
    low, high = row["accuracy_interval"]
    assert low <= row["accuracy"] <= high
    assert row["parameters"] == 4_642
    assert row["report_accuracy"] == pytest.approx(0.9787, abs=1e-4)
    assert row["served_bytes"] == trained_store.current("cnn_min").served_model.stat().st_size


@pytest.mark.parametrize(
    ("ends", "trained", "status"),
    [
        ([cli.OK, cli.OK, cli.OK], 3, cli.OK),
        ([cli.OK, cli.FAILED, cli.OK], 3, cli.FAILED),
        ([cli.INTERRUPTED], 1, cli.INTERRUPTED),
        ([cli.FAILED, cli.INTERRUPTED], 2, cli.INTERRUPTED),
    ],
)
def test_what_stops_one_training_stops_those_after_it(store, monkeypatch, ends, trained, status):
    left = list(ends)
    monkeypatch.setattr(TRAIN_ONE, lambda request: left.pop(0))
    assert cli.main(["train", "cnn", "fc", "lenet5"]) == status
    assert len(ends) - len(left) == trained


def test_a_network_of_ones_own_is_kept_and_trained_and_a_taken_name_is_told(
    store, monkeypatch, capsys
):
    asked = []
    monkeypatch.setattr(TRAIN_ONE, lambda training: asked.append(training) or cli.OK)
    command = ["train", "mine", "--dataset", "sample", "--layers"]
    for layers in ("conv 4, flatten", "CONV 4,Flatten", "flatten", "conv 4, flatten"):
        assert cli.main([*command, layers]) == cli.OK
    names = [training.experiment.name for training in asked]
    assert names == ["mine", "mine", "mine_2", "mine"]
    assert asked[0].request.settings.dataset == "sample"
    told = capsys.readouterr().out.splitlines()
    assert told == ["mine is taken by other layers, so this is kept as mine_2"]
    assert cli.main(["train", "mine_2"]) == cli.OK
    assert asked[-1].experiment.name == "mine_2"


@pytest.mark.slow
def test_a_training_of_this_id_is_trained_and_no_other(store):
    older, newer = (make_training(store, make_request("cnn_min", epochs=1)) for _ in range(2))
    done = run("train", "--run", older.id)
    assert (done.returncode, done.stderr) == (0, "")
    assert [one.id for one in store.unfinished()] == [newer.id]
    assert store.current("cnn_min").id == older.id
    again = run("train", "--run", older.id)
    assert again.returncode == cli.USAGE
    assert again.stderr == f"digitnet: {older.id} is finished already\n"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_store_that_cannot_be_written_is_told_in_a_line(store, capsys, workers):
    store.local.touch()
    assert cli.main(["train", "cnn", "fc", "--workers", workers]) == cli.USAGE
    error = capsys.readouterr().err
    assert f"runs cannot be kept in {store.local}: it is no folder" in error
    assert "DIGITNET_RUNS" in error and error.count("\n") == 1


def test_what_waits_cannot_be_trained_where_nothing_can_be_kept(store, capsys):
    store.local.touch()
    assert cli.main(["work"]) == cli.USAGE
    assert "runs cannot be kept in" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["list"], ["list", "--json"]])
def test_a_full_disk_is_told_in_a_line(store, command):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "digitnet", *command], stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == cli.FAILED
    assert done.stderr == b"digitnet: the output cannot be used: No space left on device\n"


def make_endless(tmp_path):
    """Files of drawings that hold none, however long one reads."""
    zeros = tmp_path / "zeros.jsonl"
    zeros.symlink_to("/dev/zero")
    blank, spaces = tmp_path / "blank.jsonl.gz", tmp_path / "spaces.jsonl.gz"
    blank.write_bytes(gzip.compress(b"\n" * 2**20) * 256)
    spaces.write_bytes(gzip.compress(b" " * 2**24) * 64)
    return [zeros, blank, spaces]


def test_files_without_an_end_of_it_are_given_up(store, tmp_path, capsys):
    ship_run(store, make_request("cnn"))
    for file in make_endless(tmp_path):
        started = time.process_time()
        assert cli.main(["evaluate", "--drawings", str(file)]) == cli.USAGE
        error = capsys.readouterr().err
        assert "nothing to score" in error and error.count("\n") == 1
        assert cli.main(["predict", str(file)]) == cli.FAILED
        assert "no drawings" in capsys.readouterr().out
        assert time.process_time() - started < 5


def test_a_picture_is_nothing_to_score(store, tmp_path, capsys):
    ship_run(store, make_request("cnn"))
    Image.new("L", (28, 28)).save(tmp_path / "digit.png")
    assert cli.main(["evaluate", "--drawings", str(tmp_path / "digit.png")]) == cli.USAGE
    error = capsys.readouterr().err
    assert "digit.png: what is scored are drawings, a .jsonl" in error and error.count("\n") == 1


@pytest.mark.parametrize("fault", BREAKERS)
def test_what_a_broken_network_gives_is_never_printed(store, tmp_path, capsys, fault):
    run = ship_run(store, make_request("cnn"))
    whole = (REPOSITORY / "checkpoints" / "cnn" / "served.tflite").read_bytes()
    fill(run.folder, served=break_model(whole, BREAKERS[fault]))
    file = tmp_path / "drawings.jsonl"
    file.write_text(json.dumps({"strokes": load_samples()[3]}) + "\n")
    assert cli.main(["predict", str(file), "--model", "cnn", "--json"]) == cli.USAGE
    told = capsys.readouterr()
    assert told.out == "" and "cnn/shipped is missing or broken" in told.err


def test_a_training_that_is_busy_or_broken_is_refused_in_a_line(store, capsys):
    busy, broken = (make_training(store, make_request(name)) for name in ("cnn_min", "cnn"))
    (broken.folder / REQUEST).write_text("{")
    with busy.locked():
        assert cli.main(["train", "--run", busy.id]) == cli.USAGE
        error = capsys.readouterr().err
    assert f"{busy.id} is being trained by another process" in error
    assert cli.main(["train", "--run", broken.id]) == cli.USAGE
    error = capsys.readouterr().err
    assert REQUEST in error and error.count("\n") == 1


def test_predict_drawings_with_a_bad_line_between(trained_store, tmp_path, capsys):
    file = tmp_path / "drawings.jsonl"
    good = json.dumps({"strokes": load_samples()[3]})
    file.write_text(f"{good}\nnot json\n{good}\n")
    assert cli.main(["predict", str(file), "--model", "all", "--json"]) == cli.FAILED
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["index"] for answer in answers] == [0, 1, 2]
    assert "error" in answers[1] and "predictions" not in answers[1]
    predictions = answers[0]["predictions"]
    assert set(predictions) == {"cnn_min", "lenet5"}
    assert predictions == answers[2]["predictions"]
    for one in predictions.values():
        assert len(one["probabilities"]) == 10
        assert sum(one["probabilities"]) == pytest.approx(1, abs=1e-4)
        assert one["digit"] == int(np.argmax(one["probabilities"]))


def test_predict_an_image_and_a_broken_one(trained_store, tmp_path, capsys):
    pixels = np.full((80, 80), 255, np.uint8)
    pixels[15:65, 36:44] = 0
    Image.fromarray(pixels).save(tmp_path / "one.png")
    (tmp_path / "broken.png").write_bytes(b"%PDF-1.7")
    files = [str(tmp_path / "one.png"), str(tmp_path / "broken.png"), str(tmp_path / "none.png")]
    assert cli.main(["predict", *files, "--model", "cnn_min", "--json"]) == cli.FAILED
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "predictions" in answers[0]
    assert all("error" in answer for answer in answers[1:])


@pytest.fixture
def served_reader(store, monkeypatch):
    """A reader that takes the sample digits for what they are, and all else for no digit."""
    ship_run(store, make_request("reader"))
    images = {ink.render_strokes(one).tobytes(): digit for digit, one in load_samples().items()}

    def evaluate(server, run, asked):
        return np.eye(11)[[images.get(image.tobytes(), 10) for image in asked]] * 0.945 + 0.005

    monkeypatch.setattr(ModelServer, "evaluate", evaluate)
    monkeypatch.setattr(
        ModelServer,
        "read_all",
        lambda server, runs, asked: {
            run.experiment: Reading(digit_probabilities(evaluate(server, run, asked)))
            for run in runs
        },
    )


def test_predict_numbers(served_reader, tmp_path, capsys):
    moved = [[[x + 300, y] for x, y in stroke] for stroke in load_samples()[4]]
    lines = [[*load_samples()[2], *moved], load_samples()[7], [[]]]
    file = tmp_path / "drawings.jsonl"
    file.write_text("".join(json.dumps({"strokes": one}) + "\n" for one in lines))
    assert cli.main(["predict", str(file), "--number", "--json"]) == cli.FAILED
    two, one, nothing = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (two["number"], one["number"]) == ("24", "7")
    assert [(digit["digit"], digit["strokes"]) for digit in two["digits"]] == [
        (2, [0]),
        (4, [1, 2]),
    ]
    assert all(digit["probability"] == pytest.approx(0.955, abs=1e-3) for digit in two["digits"])
    assert two["marks"] == 0
    assert "predictions" in two and "error" in nothing and "number" not in nothing
    cli.main(["predict", str(file), "--number"])
    assert "[0]: number 24  reader" in capsys.readouterr().out


def test_predict_says_how_many_marks_of_a_number_it_left_out(served_reader, tmp_path, capsys):
    moved = [[[x + 300, y] for x, y in stroke] for stroke in load_samples()[4]]
    point = [[250, 230], [252, 232]]
    file = tmp_path / "drawings.jsonl"
    file.write_text(json.dumps({"strokes": [*load_samples()[2], point, *moved]}) + "\n")
    assert cli.main(["predict", str(file), "--number"]) == cli.OK
    assert "[0]: number 24 (one mark left out)  reader" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "is_digit", "told"),
    [
        ("2", False, "not a digit"),
        ("2", True, "number 2"),
        ("24", False, "number 24"),
    ],
)
def test_what_is_no_digit_is_no_number_of_one_digit_either(number, is_digit, told):
    predictions = {"cnn": {"digit": 4, "probabilities": [0.7]}}
    answer = {"file": "x", "index": 0, "is_digit": is_digit, "predictions": predictions}
    assert format_answer(answer | {"number": number, "marks": 0}) == f"x[0]: {told}  cnn 4 (70.0%)"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["cnn", "--all"], "say --all, or name the experiments to train, not both"),
        (["--layers", "conv 8"], "--layers needs a name for the new network"),
        ([], "name the experiments to train, or say --all"),
    ],
)
def test_what_is_asked_wrongly_of_train_is_said(store, capsys, arguments, error):
    assert cli.main(["train", *arguments]) == cli.USAGE
    assert error in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["reader"], ["cnn", "--dataset", "handwriting"]])
def test_nothing_is_begun_that_lacks_its_drawings(store, monkeypatch, capsys, arguments):
    monkeypatch.delenv("DIGITNET_STROKES", raising=False)
    assert cli.main(["train", *arguments]) != cli.OK
    error = capsys.readouterr().err
    assert "needs drawings. Set DIGITNET_STROKES to a folder" in error and "goes on" not in error
    assert not store.unfinished()


@pytest.mark.parametrize(("options", "told"), [([], 1), (["--number"], 0), (["--json"], 0)])
def test_what_may_be_several_digits_is_told_of(served_reader, monkeypatch, capsys, options, told):
    answer = {"file": "x.png", "index": 0, "is_digit": False, "predictions": {}}
    monkeypatch.setattr("digitnet.study.files.predict_files", lambda *_: iter([answer, answer]))
    assert cli.main(["predict", "x.png", *options]) == cli.OK
    assert capsys.readouterr().err.count("--number") == told


def test_a_file_without_drawings_is_no_success(served_reader, tmp_path, capsys):
    file = tmp_path / "empty.jsonl"
    file.write_text("\n")
    assert cli.main(["predict", str(file)]) == cli.USAGE
    assert "no drawing" in capsys.readouterr().err


def test_numbers_without_the_reader_are_told_in_a_line(store, tmp_path, capsys):
    ship_run(store, make_request("cnn"))
    assert cli.main(["predict", "drawings.jsonl", "--number"]) == cli.USAGE
    error = capsys.readouterr().err
    assert "train reader" in error and error.count("\n") == 1


@pytest.mark.slow
def test_commands_say_nothing_but_their_own_words(trained_store, tmp_path):
    file = tmp_path / "drawings.jsonl"
    file.write_text(json.dumps({"strokes": load_samples()[3], "label": 3}) + "\n")
    for command in (
        ["list"],
        ["predict", str(file), "--model", "all"],
        ["evaluate", "--drawings", str(file)],
    ):
        done = run(*command)
        assert (done.returncode, done.stderr) == (0, ""), command
        assert done.stdout


def test_evaluate_scores_every_network(trained_store, tmp_path, capsys):
    file = tmp_path / "drawings.jsonl"
    lines = [
        json.dumps({"strokes": load_samples()[digit], "label": digit, "writer": digit % 3})
        for digit in range(10)
    ]
    file.write_text("\n".join(lines) + "\n")
    assert cli.main(["evaluate", "--drawings", str(file)]) == 0
    output = capsys.readouterr().out
    assert "10 drawings by 3 writers" in output
    assert "cnn_min" in output and "lenet5" in output


def test_half_a_file_is_not_scored_as_if_it_were_whole(trained_store, tmp_path, capsys):
    file = tmp_path / "drawings.jsonl.gz"
    line = json.dumps({"strokes": load_samples()[3], "label": 3}).encode() + b"\n"
    file.write_bytes(gzip.compress(line * 99)[:-20])
    assert cli.main(["evaluate", "--drawings", str(file)]) == cli.USAGE
    output, error = capsys.readouterr()
    assert not output and "drawings.jsonl.gz cannot be read" in error and error.count("\n") == 1


def fail_at(monkeypatch, error, before=lambda training, say: None):
    """Trainings end with an error."""

    def run_training(training, store, say):
        before(training, say)
        raise error

    replace_trainer(monkeypatch, run_training)


def replace_trainer(monkeypatch, run_training):
    """What trains; TensorFlow is not waited for."""
    pipeline = ModuleType("digitnet.training.pipeline")
    pipeline.run_training = run_training
    monkeypatch.setitem(sys.modules, "digitnet.training.pipeline", pipeline)


def test_a_failed_training_says_how_it_is_gone_on_with(store, monkeypatch, capsys):
    fail_at(monkeypatch, OSError("the disk is full"))
    assert cli.main(["train", "cnn_min"]) == cli.FAILED
    [training] = store.unfinished()
    assert (
        f"the disk is full; what it has is kept: python -m digitnet train --run {training.id}"
        in (capsys.readouterr().err)
    )


def test_what_is_stopped_before_it_has_begun_does_not_wait_in_the_queue(store, monkeypatch):
    fail_at(monkeypatch, KeyboardInterrupt())
    assert cli.main(["train", "cnn_min"]) == cli.INTERRUPTED
    assert [one.status.state for one in store.unfinished()] == ["stopped"]


def test_a_training_goes_on_where_nobody_reads_what_it_prints(store, monkeypatch, capsys):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(errno.EPIPE, "nobody listens")

    fail_at(monkeypatch, RuntimeError("later"), lambda training, say: say("epoch 1"))
    monkeypatch.setattr(sys, "stdout", Gone())
    assert cli.main(["train", "cnn_min"]) == cli.FAILED
    assert "later" in capsys.readouterr().err


# --- what is made of finished runs ---------------------------------------------------------------


@pytest.mark.parametrize("names", [["cnn_min"], []])
def test_networks_are_calibrated_on_the_drawings(
    trained_store, tmp_path, monkeypatch, capsys, names
):
    write_strokes(tmp_path)
    monkeypatch.setenv("DIGITNET_STROKES", str(tmp_path))
    files = [trained_store.shipped / name / CALIBRATION for name in ("cnn_min", "lenet5")]
    for file in files:
        file.unlink()
    assert cli.main(["calibrate", *names]) == cli.OK
    told = capsys.readouterr().out.splitlines()
    assert [file.is_file() for file in files] == [True, not names]
    assert len(told) == len(names or files)
    found = trained_store.current("cnn_min").calibration
    assert told[0].split()[:3] == ["cnn_min", "temperature", f"{found.temperature:.3f}"]
    assert told[0].endswith("cnn_min/shipped") and found.error_after < found.error_before
    assert json.loads(files[0].read_text())["validation"]["size"] == {"drawings": 400}


def test_without_drawings_nothing_is_calibrated(trained_store, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DIGITNET_STROKES", str(tmp_path))
    before = (trained_store.shipped / "cnn_min" / CALIBRATION).read_bytes()
    assert cli.main(["calibrate", "cnn_min"]) == cli.USAGE
    output, error = capsys.readouterr()
    assert not output and str(tmp_path) in error and error.count("\n") == 1
    assert (trained_store.shipped / "cnn_min" / CALIBRATION).read_bytes() == before


def test_current_runs_are_published(store, capsys):
    ship_run(store, make_request("cnn", dataset="mnist"), [make_row(1), make_row(2)])
    runs = [finish_run(store, make_request(name, dataset="mnist")) for name in ("cnn", "lenet5")]
    assert cli.main(["publish", "cnn", "lenet5"]) == cli.OK
    assert capsys.readouterr().out == "".join(
        f"{run.experiment.name}: {run.id} is shipped\n" for run in runs
    )
    for run in runs:
        shipped = store.current(run.experiment.name)
        assert shipped.is_shipped and shipped.problem() is None
        assert shipped.history()["epoch"].tolist() == [1]


def test_the_readmes_results_are_those_of_the_shipped_runs(store, tmp_path, monkeypatch, capsys):
    """In a copy of the README; what is current here has no place in it."""
    monkeypatch.setattr(readme, "home", lambda: tmp_path)
    ship_run(store, make_request("cnn", dataset="mnist"))  # an accuracy of 50%
    finish_run(store, make_request("lenet5", dataset="mnist"))
    before = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text(before, encoding="utf-8")
    assert cli.main(["results"]) == cli.OK
    assert capsys.readouterr().out == "README.md holds the results of 16 experiments\n"
    after = (tmp_path / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\w+): .*?%? \| (.*) \|$", after, re.MULTILINE))
    assert "**50.00%** (40.00% to 60.00%)" in rows["cnn"]
    assert "**" not in rows["lenet5"]
    assert (REPOSITORY / "README.md").read_text(encoding="utf-8") == before
    assert section_names(after) == section_names(before)
    (tmp_path / "README.md").unlink()
    assert cli.main(["results"]) == cli.USAGE
    assert "there is no README.md" in capsys.readouterr().err


def section_names(text):
    return [line for line in text.splitlines() if line.startswith(("#", "<!--"))]


@pytest.mark.parametrize("misread_after", [1, 3])
def test_the_reader_is_taught_and_what_came_of_it_is_told(
    store, tmp_path, monkeypatch, capsys, misread_after
):
    """The training itself is made up here; a true one is tested where TensorFlow is."""
    base = ship_run(store, Request("reader", READER.settings))
    (base.folder / TRAINED).touch()
    outcome = Outcome(10, 10, 3, misread_after, 0.5, 0.5, 0.99, 0.99)
    taught = []

    def run_training(training, store, say):
        taught.append((training.request, (training.folder / DRAWINGS).read_text()))
        training.append_history(make_row(1))
        fill(training.folder, teaching=vars(outcome))
        return store.finish(training)

    replace_trainer(monkeypatch, run_training)
    samples = load_samples().items()
    lines = [
        json.dumps({"strokes": [[[x + off, y] for x, y in stroke] for stroke in one], "label": d})
        for off in (0, 1)
        for d, one in samples
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join([*lines, json.dumps({"strokes": load_samples()[3]})]))
    assert cli.main(["teach", str(file)]) == cli.OK
    output, error = capsys.readouterr()
    assert error == "1 line is left out: no drawing, no label, or there before\n"
    [run] = (one for one in store.finished("reader") if not one.is_shipped)
    assert output == f"{run.id}: {describe_outcome(outcome)}\n"
    assert (store.current("reader") == run) == (misread_after == 1)
    [(request, drawings)] = taught
    assert request.teaching.base == base.id
    assert [json.loads(line)["label"] for line in drawings.splitlines()] == [*range(10)] * 2


@pytest.mark.parametrize("strokes", [[[]], [[[0, 0], [1, 2]], []]])
def test_empty_strokes_are_no_drawing_to_teach(store, tmp_path, capsys, strokes):
    file = tmp_path / "drawings.jsonl"
    file.write_text(f"{json.dumps({'strokes': strokes, 'label': 3})}\nnot json\n")
    assert cli.main(["teach", str(file)]) == cli.USAGE
    error = capsys.readouterr().err
    assert "left out: no drawing, no label, or there before" in error
    assert "at least" in error and "Traceback" not in error


@pytest.mark.slow
def test_ctrl_c_stops_and_the_same_command_resumes(store):
    command = [sys.executable, "-m", "digitnet", "train", "cnn_min", "--dataset", "sample"]
    command += ["--epochs", "20", "--patience", "20"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(2)]
    assert "epoch 2 " in lines[1]  # so the first epoch is on disk
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    _, error = process.communicate(timeout=20)
    assert time.monotonic() - begin < 5
    assert process.returncode == cli.INTERRUPTED
    [training] = store.unfinished()
    assert f"train --run {training.id} resumes it" in error and "Traceback" not in error
    epochs = training.history()["epoch"].tolist()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "resumes after epoch" in done.stdout
    run = store.current("cnn_min")
    assert run.id == training.id
    assert run.history()["epoch"].tolist() == list(range(1, 21))
    assert epochs == list(range(1, len(epochs) + 1))


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_trainings_side_by_side_are_stopped_together(store, sign):
    command = [sys.executable, "-m", "digitnet", "train", "cnn_min", "lenet5", "--workers", "2"]
    command += ["--dataset", "sample", "--epochs", "1000", "--patience", "1000"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, as a terminal gives a command
    )
    seen = ""
    while not all(f"{name}: epoch 2 " in seen for name in ("cnn_min", "lenet5")):
        seen += process.stdout.readline()
    os.killpg(process.pid, sign)
    _, error = process.communicate(timeout=20)
    assert process.returncode == cli.INTERRUPTED
    assert error.count(" resumes it") == 2 and "Traceback" not in error
    assert [training.status.state for training in store.unfinished()] == ["stopped"] * 2


def test_a_file_name_that_is_no_text_ends_nothing(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(name, "wb") as stream:
        stream.write(b"no picture")
    command = [sys.executable, "-m", "digitnet", "predict", name, name]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == cli.FAILED and done.stdout.count("caf") == 2
    assert "Traceback" not in done.stderr
