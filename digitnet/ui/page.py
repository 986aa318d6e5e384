"""What the pages share of Streamlit: cached loaders, the canvas, the model picker.

The only module of the package that imports Streamlit.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image, ImageOps
from streamlit.runtime.pages_manager import PagesManager
from streamlit_drawable_canvas import st_canvas

from digitnet.digits import ink
from digitnet.digits.datasets import DataError, find_mnist, load_digits, load_mnist
from digitnet.digits.samples import CANVAS_SIZE, canvas_drawing, load_samples
from digitnet.experiments.records import DATASETS, EXPERIMENTS, find_experiment
from digitnet.jobs import queue as jobs
from digitnet.runs.store import Run, RunError, RunStore
from digitnet.serving.networks import ModelServer
from digitnet.show.draw import describe_share

# White chalk on a dark board in both themes, as the networks see it.
CHALK_COLOUR = "#f5f2e9"
BRUSH = {"stroke_width": 16, "stroke_color": CHALK_COLOUR}
BOARD_COLOUR = "#1c2430"

TRAIN_VIEW = "Retrain"  # the part of the Compare page where trainings are watched
SIGN_SECONDS = 5  # between looks at whether a training runs

IMAGE_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff"]

# The canvas's toolbar shows on hover only, and until then lies unseen over the board's upper right
# corner, where it swallows a finger's touch. So it is laid out below the board, in plain sight.
# Its Reset returns to the drawing that the board began with; with a sample digit that should be
# an empty board, so the sample is put away as well.
_TOOLBAR_SCRIPT = """<script>
{ // a block of its own: whoever comes back to the page runs this again
const style = `
  .dc-root > .dc-toolbar {
    position: static; opacity: 1; padding: 0.5rem 0 0; justify-content: flex-start;
  }
  .dc-toolbar-card { box-shadow: none; background: none; padding: 0; gap: 0.25rem; width: 100%;
    justify-content: space-between; color: inherit; }
  .dc-icon-button { gap: 0.35rem; min-height: 2.5rem; padding: 0 0.3rem; font: inherit;
    font-size: 0.875rem; }
  .dc-icon-button:focus-visible { outline: 2px solid currentColor; }
  .dc-icon-button[aria-label="Undo"]::after { content: "Undo"; }
  .dc-icon-button[aria-label="Redo"]::after { content: "Redo"; }
  .dc-icon-button[aria-label="Edit"]::after { content: "Move"; }
  .dc-icon-button[aria-label^="Reset"]::after { content: "Clear"; }
  .dc-icon-button:is([aria-label^="Update"], [aria-label$="ward"]), /* strokes look alike */
  .dc-toolbar-separator { display: none; }
  .dc-toolbar-contextual .dc-icon-button { padding: 0 0.2rem; }
  .dc-canvas { border-radius: 0.6rem; outline: none; }
  .dc-container { border-radius: 0.6rem; overflow: hidden; }
`;
function arrange() {
  const host = [...document.querySelectorAll(".st-key-canvas *")].find((one) => one.shadowRoot);
  const root = host?.shadowRoot;
  if (!root?.querySelector(".dc-toolbar")) return requestAnimationFrame(arrange);
  if (root.querySelector("#digitnet")) return;
  root.append(Object.assign(document.createElement("style"), {id: "digitnet", textContent: style}));
  root.addEventListener("click", (event) => {
    if (event.target.closest('[aria-label^="Reset"]'))
      document.querySelector('.st-key-sample [aria-checked="true"]')?.click();
  });
}
arrange();
}
</script>"""

# Plotly takes a tap for a click on what the pointer was last over, and a finger is over nothing
# before it taps. So the pointer is first moved to where the finger is.
_TAP_SCRIPT = """<script>
if (!window.digitnetTaps) {
  window.digitnetTaps = true;
  document.addEventListener("touchstart", (event) => {
    const layer = event.target.closest?.(".js-plotly-plot .nsewdrag");
    const {clientX, clientY} = event.touches[0];
    layer?.dispatchEvent(new MouseEvent("mousemove", {clientX, clientY, bubbles: true}));
  }, {capture: true, passive: true});
}
</script>"""


def apply_style() -> None:
    """Adds the app's style sheet to the page."""
    if PagesManager.uses_pages_directory:
        # A server's first visitor came by a page's own address: because of the folder's name,
        # Streamlit has run the page alone, and would go on so until somebody opens the first page.
        PagesManager.uses_pages_directory = False
        st.rerun()
    st.html(Path(__file__).with_name("assets") / "style.css")


@st.cache_resource(show_spinner=False)
def load_store() -> RunStore:
    """The project's run folders."""
    return RunStore.default()


@st.cache_resource(show_spinner=False)
def load_server() -> ModelServer:
    """The served networks, loaded once for all readers."""
    server = ModelServer(load_store())
    server.predict_all(np.zeros((1, 28, 28), np.uint8))  # loads every network
    return server


def load_results() -> dict[str, dict]:
    """The result of each experiment's current run, most accurate first; broken runs left out."""
    results = {}
    for experiment in EXPERIMENTS:
        run = load_store().current(experiment.name)
        with contextlib.suppress(RunError):
            if run:
                results[experiment.name] = _load_result(run)
    return dict(sorted(results.items(), key=lambda item: -item[1]["scores"]["accuracy"]))


@lru_cache(maxsize=256)
def _load_result(run: Run) -> dict:
    return run.result


def pick_model(results: dict[str, dict]) -> str:
    """Lets the reader choose a network, kept in the URL as `model` and for the whole visit.

    Args:
        results: Result of each network that can be chosen; the first is the default.
    """
    names = list(results)
    if "model" not in st.query_params and "last_model" in st.session_state:
        st.query_params["model"] = st.session_state["last_model"]
    requested = st.query_params.get("model", names[0])
    if requested not in names:
        st.info(
            f"There is no trained network “{quote(requested)}” here; the best one reads instead."
        )
        requested = names[0]
    return st.selectbox(
        "Read by",
        names,
        index=names.index(requested),
        format_func=lambda name: _label_network(name, results[name]),
        key="model",
        on_change=_keep_model_in_url,
    )


def _label_network(name: str, result: dict) -> str:
    return f"{find_experiment(name).title} · {describe_share(result)}"


def _keep_model_in_url() -> None:
    st.query_params["model"] = st.session_state["last_model"] = st.session_state["model"]


def draw_on_canvas() -> np.ndarray:
    """A board to draw on, and ten sample digits to begin with.

    Returns:
        What the networks see of the drawing, uint8 (28, 28).

    Raises:
        InkError: Nothing is drawn that could be read.
    """
    sample, under = st.session_state.get("sample"), st.session_state.get("draw_over")
    canvas = st_canvas(
        **BRUSH,
        background_color=BOARD_COLOUR,
        background_image=None if under is None else _picture_on_board(under),
        width=CANVAS_SIZE,
        height=CANVAS_SIZE,
        initial_drawing=None if sample is None else canvas_drawing(load_samples()[sample], BRUSH),
        key="drawing",
    )
    if under is None:
        st.pills("Or begin with one of ours", range(10), key="sample")
    else:
        st.button("Take the test digit away", key="take_away", on_click=_take_away)
    st.html(_TOOLBAR_SCRIPT, unsafe_allow_javascript=True)
    strokes = ink.strokes_from_canvas(canvas.json_data, CANVAS_SIZE)
    if under is not None:
        return ink.draw_over(under, strokes, CANVAS_SIZE)
    if not strokes:
        raise ink.InkError("Draw one digit, large. The networks read it as you lift the pen.")
    return ink.render_strokes(strokes)


def heed_taps() -> None:
    """Lets a finger choose a point of the page's charts as a mouse does."""
    st.html(_TAP_SCRIPT, unsafe_allow_javascript=True)


def draw_over(image: np.ndarray) -> None:
    """Opens the Draw page with an image, uint8 (28, 28), on its board, to be drawn over."""
    st.session_state["draw_over"] = image
    st.switch_page("pages/draw.py")


def _take_away() -> None:
    del st.session_state["draw_over"]


def _picture_on_board(image: np.ndarray) -> Image.Image:
    """An image, uint8 (28, 28), in the board's colours and size, every pixel visible."""
    chalk = ImageOps.colorize(Image.fromarray(image), BOARD_COLOUR, CHALK_COLOUR)
    return chalk.resize((CANVAS_SIZE, CANVAS_SIZE), Image.Resampling.NEAREST)


def pick_photo(camera: bool) -> np.ndarray:
    """A photo or picture of one digit, from a file or the camera.

    Returns:
        What the networks see of it, uint8 (28, 28).

    Raises:
        InkError: No picture is chosen yet, or it cannot be read.
    """
    if camera:
        photo = st.camera_input("A photo of one digit, written large")
    else:
        photo = st.file_uploader("A picture of one digit", type=IMAGE_TYPES)
    if photo is None:
        raise ink.InkError("Dark ink on plain paper is read best.")
    return ink.read_image(photo.getvalue())


def read_with(model: str, image: np.ndarray) -> np.ndarray:
    """One network's probabilities, float32 (10,), for an image, uint8 (28, 28).

    Raises:
        InferenceError: If the network cannot be served.
    """
    return load_server().predict(model, image[None])[0]


def read_with_all(image: np.ndarray) -> dict[str, np.ndarray]:
    """The probabilities of each network that can be served, as `read_with` returns them."""
    return {name: rows[0] for name, rows in load_server().predict_all(image[None]).items()}


def say_what_is_missing(results: dict[str, dict]) -> None:
    """Tells which networks are not here and how to come by them; nothing if all are.

    Args:
        results: Those that are here.
    """
    missing = [one.name for one in EXPERIMENTS if one.name not in results]
    if missing:
        st.info(
            f"{len(missing)} of {len(EXPERIMENTS)} networks are missing. A clone brings them in "
            "`checkpoints/`: `git checkout -- checkpoints` restores them. Or train them yourself: "
            f"`python -m digitnet train {' '.join(missing)}`"
        )
        if not jobs.is_read_only():
            st.page_link(
                "pages/compare.py",
                label="Train one here",
                icon=":material/model_training:",
                query_params={"view": TRAIN_VIEW},
            )


def show_menu(pages: Sequence[st.Page]) -> None:
    """The pages in a row, for phones, where Streamlit hides its own menu behind an arrow."""
    with st.container(key="menu", horizontal=True, gap=None):
        for page in pages:
            st.page_link(page)


@st.fragment(run_every=SIGN_SECONDS)
def show_training_sign(page: st.Page) -> None:
    """A small sign, on every page, that a training runs; it leads to where it is watched.

    Also sees to it that a worker is at the queue, whichever page is open.

    Args:
        page: Where trainings are watched.
    """
    store = load_store()
    with contextlib.suppress(jobs.JobError):
        jobs.ensure_worker(store)
    active = [job for job in jobs.list_jobs(store) if job.state in ("running", "queued")]
    with st.container(key="training_sign"):
        if active:
            title = find_experiment(active[0].experiment).title
            waiting = f" and {len(active) - 1} more" if len(active) > 1 else ""
            st.page_link(
                page,
                label=f"Training {title}{waiting}",
                icon=":material/model_training:",
                query_params={"view": TRAIN_VIEW},
            )


# --- choices that the URL keeps ---------------------------------------------------------------
#
# The URL is read before each widget is drawn and written when the reader changes it, so that a
# link, a reload and the browser's way back all find what was chosen.


def choose(label: str, options: Collection[str], default: str, key: str) -> str:
    """Lets the reader choose one of a few options.

    Args:
        label: The widget's label.
        options: What can be chosen.
        default: The option to begin with, which the URL need not name.
        key: The parameter's name in the URL.
    """
    return st.segmented_control(
        label, list(options), required=True, **_kept_in_url(key, default, options)
    )


def pick(
    label: str, labels: Mapping[str, str], default: str, key: str, width: int | None = None
) -> str:
    """Lets the reader pick one of many.

    Args:
        label: The widget's label.
        labels: What can be picked, and what the reader is told of it.
        default: The one to begin with, which the URL need not name.
        key: The parameter's name in the URL.
        width: In pixels, if not as wide as there is room.
    """
    return st.selectbox(
        label,
        labels,
        format_func=lambda one: labels[one],
        width=width or "stretch",
        **_kept_in_url(key, default, labels),
    )


def switch(label: str, default: bool, key: str) -> bool:
    """Lets the reader switch something on or off; `key` is the parameter's name in the URL."""
    words = {True: "on", False: "off"}
    kept = _kept_in_url(key, words[default], words.values())
    st.session_state[kept["key"]] = st.session_state[kept["key"]] == "on"
    return st.toggle(label, **kept)


def pick_runs(labels: Mapping[str, str], default: Sequence[str], most: int) -> list[str]:
    """Lets the reader pick several runs, kept in the URL as `run`.

    Args:
        labels: What can be picked: run ids and what to call them.
        default: The ids to begin with.
        most: How many can be picked at once.
    """
    requested = st.query_params.get_all("run")
    _tell_unknown("run", labels)
    known = [run_id for run_id in dict.fromkeys(requested) if run_id in labels][:most]
    is_chosen = bool(known) or requested == [""]
    st.session_state["chosen_runs"] = known if is_chosen else list(default)

    def keep() -> None:
        st.query_params["run"] = st.session_state["chosen_runs"] or ""

    return st.multiselect(
        "Runs",
        labels,
        format_func=lambda run_id: labels[run_id],
        key="chosen_runs",
        on_change=keep,
        max_selections=most,
    )


def _kept_in_url(key: str, default: str, options: Collection[str]) -> dict[str, Any]:
    """What makes a widget show the URL's choice and keep the reader's there."""
    _tell_unknown(key, options)
    requested, widget = st.query_params.get(key, default), f"chosen_{key}"
    st.session_state[widget] = requested if requested in options else default

    def keep() -> None:
        value = st.session_state[widget]
        st.query_params[key] = {True: "on", False: "off"}.get(value, value)

    return {"key": widget, "on_change": keep}


def _tell_unknown(key: str, options: Collection[str]) -> None:
    if unknown := [one for one in st.query_params.get_all(key) if one and one not in options]:
        named = ", ".join(f"“{key}={quote(one)}”" for one in unknown[:3])
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        st.info(f"The address asks for {named}{more}, which is not to be had here; it is ignored.")


def quote(value: str) -> str:
    """What an address or a file holds, short, and as plain text where Markdown is shown."""
    short = value if len(value) <= 60 else f"{value[:59]}…"
    return re.sub(r"([\\`*_\[\]()<>#!|$~:])", r"\\\1", short)


def picture_config(file_name: str) -> dict[str, Any]:
    """Settings of a chart that stays still and can be saved as a picture.

    Args:
        file_name: What the picture is called, without ending.
    """
    return {
        "displaylogo": False,
        "displayModeBar": True,
        "modeBarButtons": [["toImage"]],
        "toImageButtonOptions": {"filename": file_name, "scale": 2},
    }


@st.cache_resource(show_spinner=False, max_entries=len(DATASETS))
def _load_images(dataset: str) -> np.ndarray:
    return load_digits(dataset).images


def load_pictures(dataset: str) -> np.ndarray | None:
    """The images of a data set, uint8 (n, 28, 28), where it is on this machine.

    Where it is not, says so, and offers to fetch it.
    """
    try:
        if st.session_state.pop("fetch_mnist", False):
            _fetch_mnist()
        if dataset != "mnist" or find_mnist():
            return _load_images(dataset)
    except DataError as error:
        st.warning(str(error))
    st.caption("The pictures of these digits are MNIST's, which is not on this machine yet.")
    st.button("Fetch MNIST, 11 MB", icon=":material/download:", on_click=_ask_for_mnist)
    return None


def _ask_for_mnist() -> None:
    st.session_state["fetch_mnist"] = True


def _fetch_mnist() -> None:
    """Downloads MNIST; raises DataError if that fails."""
    bar = st.progress(0.0, "Fetching MNIST…")

    def show_progress(done: int, total: int) -> None:
        bar.progress(done / total if total else 0.0, f"Fetched {done / 1e6:.1f} MB of MNIST…")

    try:
        load_mnist(show_progress)
    finally:
        bar.empty()
