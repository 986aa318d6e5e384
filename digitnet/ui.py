"""What the pages share of Streamlit: cached loaders, the canvas, the model picker.

The only module of the package that imports Streamlit.
"""

from __future__ import annotations

import contextlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit_drawable_canvas import st_canvas

from digitnet import ink, jobs
from digitnet.experiments import EXPERIMENTS, find_experiment
from digitnet.inference import ModelServer
from digitnet.runs import Run, RunError, RunStore
from digitnet.samples import CANVAS_SIZE, canvas_drawing, load_samples

# White chalk on a dark board in both themes, as the networks see it.
BRUSH = {"stroke_width": 16, "stroke_color": "#f5f2e9"}
BOARD_COLOUR = "#1c2430"

TRAIN_VIEW = "Train"  # the part of the Compare page where trainings are watched
SIGN_SECONDS = 5  # between looks at whether a training runs

IMAGE_TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "tiff"]

# The canvas's toolbar shows on hover only, and until then lies unseen over the board's upper right
# corner, where it swallows a finger's touch. So it is laid out below the board, in plain sight.
# Its Reset returns to the drawing that the board began with; with a sample digit that should be
# an empty board, so the sample is put away as well.
_TOOLBAR_SCRIPT = """<script>
const style = `
  .dc-root > .dc-toolbar {
    position: static; opacity: 1; padding: 0.5rem 0 0; justify-content: flex-start;
  }
  .dc-toolbar-card { box-shadow: none; background: none; padding: 0; gap: 0.25rem; width: 100%;
    justify-content: space-between; color: inherit; }
  .dc-icon-button { gap: 0.35rem; min-height: 2.5rem; padding: 0 0.45rem; font: inherit;
    font-size: 0.875rem; }
  .dc-icon-button:focus-visible { outline: 2px solid currentColor; }
  .dc-icon-button[aria-label="Undo"]::after { content: "Undo"; }
  .dc-icon-button[aria-label="Redo"]::after { content: "Redo"; }
  .dc-icon-button[aria-label="Edit"]::after { content: "Move"; }
  .dc-icon-button[aria-label^="Reset"]::after { content: "Clear"; }
  .dc-icon-button[aria-label^="Update"], .dc-toolbar-separator { display: none; }
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
</script>"""


def apply_style() -> None:
    """Adds the app's style sheet to the page."""
    st.html(Path(__file__).with_name("style.css"))


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
    """Lets the reader choose a network; the choice is kept in the URL as `model`.

    Args:
        results: Result of each network that can be chosen; the first is the default.
    """
    names = list(results)
    requested = st.query_params.get("model", names[0])
    if requested not in names:
        st.info(f"There is no trained network “{requested}” here; the best one reads instead.")
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
    return f"{find_experiment(name).title} · {result['scores']['accuracy']:.2%} right"


def _keep_model_in_url() -> None:
    st.query_params["model"] = st.session_state["model"]


def draw_on_canvas() -> np.ndarray:
    """A board to draw on, and ten sample digits to begin with.

    Returns:
        What the networks see of the drawing, uint8 (28, 28).

    Raises:
        InkError: Nothing is drawn that could be read.
    """
    sample = st.session_state.get("sample")
    canvas = st_canvas(
        **BRUSH,
        background_color=BOARD_COLOUR,
        width=CANVAS_SIZE,
        height=CANVAS_SIZE,
        initial_drawing=None if sample is None else canvas_drawing(load_samples()[sample], BRUSH),
        key="drawing",
    )
    st.pills("Or begin with one of ours", range(10), key="sample")
    st.html(_TOOLBAR_SCRIPT, unsafe_allow_javascript=True)
    strokes = ink.strokes_from_canvas(canvas.json_data)
    if not strokes:
        raise ink.InkError("Draw one digit, large. The networks read it as you lift the pen.")
    return ink.render_strokes(strokes)


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
