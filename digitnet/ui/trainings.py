"""The ways to a new training: the settings, what it will cost, and the buttons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec

import psutil
import streamlit as st

from digitnet import jobs
from digitnet.digits import DataError, is_here
from digitnet.experiments import (
    DATASETS,
    Experiment,
    SettingsError,
    TrainingSettings,
    UnknownExperimentError,
)
from digitnet.jobs import Estimate
from digitnet.runs import Request, RunError
from digitnet.show.trainings import describe_estimates, describe_time, warn_of_estimates
from digitnet.show.words import as_sentence, tell_setting
from digitnet.ui import loaders, page, roles
from digitnet.ui.actions import note, note_error

OWN = "own"  # the data set that each network is meant for
# Those that can be chosen; the others, and those left empty, are the experiment's own.
SETTINGS = ("dataset", "epochs", "learning_rate", "batch_size", "patience", "seed")


def can_train() -> bool:
    """Whether trainings can be started from here."""
    return roles.permissions().trains and has_tensorflow()


def has_tensorflow() -> bool:
    return bool(find_spec("tensorflow") and find_spec("keras"))


# --- settings --------------------------------------------------------------------------------


def keep_form() -> None:
    """Keeps what was chosen while other tabs are open; Streamlit forgets what it does not draw."""
    for key in ("networks", *SETTINGS):
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


def show_settings(experiments: Iterable[Experiment]) -> None:
    """The settings to choose, kept under their names.

    Args:
        experiments: What would be trained; their own settings are shown where none is chosen.
    """
    for name in SETTINGS:
        st.session_state.setdefault(name, OWN if name == "dataset" else None)
    st.segmented_control(
        "Digits",
        [OWN, *DATASETS],
        required=True,
        format_func=lambda name: DATASETS[name].title if name in DATASETS else "Their own",
        key="dataset",
        wrap=True,  # beside the builder there is not room for all in one line
    )
    own = [settings_of(one) for one in experiments]
    show_what_is_missing({read_dataset(settings) for settings in own})
    with st.container(horizontal=True):
        show_number("Most epochs", "epochs", own)
        show_number("Patience", "patience", own, "Epochs without a better one, then stop")
        show_number("Batch size", "batch_size", own, "Images a step")
        show_number("Learning rate", "learning_rate", own, "Adam's")
        show_number("Seed", "seed", own, "Of the weights, dropout and the order of images")
    st.caption("What you leave as it is stays the network's own, in grey.")


def show_number(
    label: str, setting: str, own: Sequence[TrainingSettings], explanation: str | None = None
) -> None:
    """A setting to choose; empty for each network's own."""
    values = {getattr(settings, setting) for settings in own}
    is_rate = setting == "learning_rate"
    st.number_input(
        label,
        value=None,
        step=0.0001 if is_rate else 1,
        format="%g" if is_rate else None,
        placeholder=f"{values.pop():.10g}" if len(values) == 1 else "each its own",
        width=140,
        help=explanation,
        key=setting,
    )


def read_settings(experiment: Experiment) -> TrainingSettings:
    """The chosen settings for an experiment; SettingsError while one is out of its range."""
    chosen = {name: st.session_state[name] for name in SETTINGS}
    own = settings_of(experiment)
    chosen["dataset"] = read_dataset(own)
    return replace(own, **{name: one for name, one in chosen.items() if one is not None})


def settings_of(experiment: Experiment) -> TrainingSettings:
    """A network's own settings, of no more epochs than may be trained here."""
    settings, quota = experiment.settings, roles.permissions().quota
    return replace(settings, epochs=min(settings.epochs, quota.epochs)) if quota else settings


def read_dataset(settings: TrainingSettings) -> str:
    """The data set that is chosen, or a network's own."""
    chosen = st.session_state["dataset"]
    return settings.dataset if chosen == OWN else chosen


def show_what_is_missing(datasets: Collection[str]) -> None:
    """Tells which data must be fetched first, or stand in the way."""
    for name in sorted(datasets):
        try:
            if not is_here(name):
                title = DATASETS[name].title
                st.caption(f"{title} is not on this machine yet; the training downloads it first.")
        except DataError as error:
            st.warning(as_sentence(str(error)))


# --- the form --------------------------------------------------------------------------------


def show_retrain() -> None:
    """A new training: networks, settings, what it will cost, and the button."""
    with st.container(key="retrain"):
        st.subheader("A new training", anchor=False)
        if not has_tensorflow():
            st.info(
                "Training needs TensorFlow, which is not installed here. "
                "`pip install -r requirements.txt` installs it; then start the app anew."
            )
            return
        show_networks()
        show_settings(chosen_networks())
        try:
            requests = read_form()
        except SettingsError as error:
            st.error(tell_setting(error))
            requests = []
        if requests:
            show_estimates(requests)
        show_retrain_button(len(requests), submit_form)


def show_networks() -> None:
    """The networks to train, the smallest at first; one that was deleted is not kept."""
    titles = {one.name: one.title for one in loaders.load_store().experiments()}
    smallest = min(loaders.load_store().experiments(), key=lambda one: one.parameters)
    chosen = st.session_state.get("networks", [smallest.name])
    st.session_state["networks"] = [name for name in chosen if name in titles]
    st.multiselect("Networks", list(titles), format_func=lambda one: titles[one], key="networks")


def chosen_networks() -> list[Experiment]:
    return [loaders.load_store().find_experiment(one) for one in st.session_state["networks"]]


def read_form() -> list[Request]:
    """A request for each chosen network; SettingsError while a setting is out of its range."""
    return [Request(one.name, read_settings(one)) for one in chosen_networks()]


def submit_form() -> None:
    """Queues what the form says now, which may be newer than what the page last drew."""
    try:
        submit(read_form())
    except SettingsError as error:
        note(tell_setting(error), ":material/error:")
    except UnknownExperimentError as error:  # it was deleted elsewhere
        note_error(error)


def show_estimates(requests: Sequence[Request]) -> None:
    """What the trainings will cost, on what ground, and a warning where it is much."""
    estimates = estimate(requests)
    st.markdown(describe_estimates(estimates))
    for request, one in zip(requests, estimates, strict=True):
        title = loaders.load_store().find_experiment(request.experiment).title
        st.caption((f"{title}: " if len(requests) > 1 else "") + one.basis)
    warn(estimates)


def estimate(requests: Sequence[Request]) -> list[Estimate]:
    store = loaders.load_store()
    return [
        jobs.estimate(store, store.find_experiment(one.experiment), one.settings)
        for one in requests
    ]


def warn(estimates: Sequence[Estimate]) -> None:
    if warning := warn_of_estimates(estimates, psutil.virtual_memory().available):
        st.warning(warning, icon=":material/hourglass_top:")


def show_retrain_button(count: int, action: Callable[..., None], *arguments: object) -> None:
    st.button(
        f"Retrain {count} networks" if count > 1 else "Retrain",
        type="primary",
        icon=":material/model_training:",
        disabled=not count,
        on_click=action,
        args=arguments,
    )


# --- the rows of a table ---------------------------------------------------------------------


def offer_retrain(chosen: Sequence[Experiment]) -> None:
    """A button that trains the chosen networks anew, each as it is meant to be trained."""
    requests = [Request(one.name, settings_of(one)) for one in chosen]
    with st.container(horizontal=True, vertical_alignment="center", key="retrain_chosen"):
        show_retrain_button(len(requests), submit, requests)
        estimates = estimate(requests)
        if estimates:
            st.markdown(describe_time(estimates), width="content")
        else:
            st.caption("Tick networks in the table to train them anew.", width="content")
        show_way_to_trainings()
    if estimates:
        warn(estimates)


def show_way_to_trainings() -> None:
    """The way to where trainings are watched, while there is something to watch."""
    if any(job.is_busy for job in jobs.list_jobs(loaders.load_store())):
        st.button(
            "Watch it train",
            icon=":material/monitoring:",
            type="tertiary",
            on_click=st.session_state.update,
            args=({"view": page.TRAIN_VIEW},),  # the page's own, which the URL follows
        )


def submit(requests: Iterable[Request]) -> None:
    """Queues trainings, and tells so."""
    for request in requests:
        title = request.experiment
        try:
            title = loaders.load_store().find_experiment(title).title
            submitted = jobs.submit(loaders.load_store(), request)
        except jobs.QueueFullError as error:
            note_error(error)  # once, for all that were asked for
            return
        except (jobs.JobError, RunError, UnknownExperimentError) as error:
            note(f"{title}: {as_sentence(str(error))}", ":material/error:")
            continue
        if submitted.is_new:
            note(f"{title} is in the queue.", ":material/check:")
        else:
            words = f"{title}: just this is queued or running already. Once is enough."
            note(words, ":material/info:")
