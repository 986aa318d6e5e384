"""The Draw page: one drawing, read by every network."""

import numpy as np
import streamlit as st

from digitnet.digits import ink
from digitnet.experiments import Experiment
from digitnet.runs import Run
from digitnet.serving import InferenceError, Number, Trust, find_agreement, find_trust
from digitnet.show import draw, numbers, words
from digitnet.show.html import join
from digitnet.study.summaries import RunSummary, sort_for_reading
from digitnet.ui import address, canvas, choices, inside, live, loaders, own_drawings, page, turns

Pieces = ink.DrawnPieces | ink.PhotoPieces

WHY_MISREAD = """
The networks never see your strokes, only the small picture beside the reading. The report's learnt
from digits that census workers and school pupils in the United States wrote around 1990, so customs
of other places are rare to them: a crossed 7, a 1 with a long flag, a 9 with a hook. Nor did they
ever see anything but digits: whatever you draw, they name one of ten.

The reader learnt from drawings by more than two hundred people as well, and from letters, signs and
scribbles what is no digit. It is what says so here, whichever network reads.

How sure a network is said to be is calibrated on drawings that it has not learnt from: of those
that it is 90% sure of, it should read about 90% rightly.

What helps: one digit, its lines joined, upright and as large as you like.
"""

WHAT_PARAMETERS_COMPUTE = """
In the dense networks, the layers before the picture is flattened work on each pixel by itself. All
they know of it is one grey value of 256. However many numbers they make of that, these only trace
a line from black to white, bent here and there, that hardly leaves a space of a few dimensions. So
most of the weights that follow multiply what is the same thing over and over.

The networks that read your digit keep those dimensions only: the fewest with which no reading of
the test digits changes and no probability moves by more than 0.001.
"""


@st.fragment
def choose_and_draw() -> None:
    """The board, the reading and what they are made with."""
    current = loaders.load_current()
    if not current:
        st.rerun()
    summaries = sort_for_reading(current)
    chosen = choices.find_model(summaries)
    with st.container(key="draw"):
        with st.container(key="ways"):
            way = canvas.pick_way()
        with st.container(key="stroke"):
            draw_and_read(way, chosen.run)
        # While the browser shows the board, which it does sooner when no choices come beside it;
        # and so that the first reading need not wait for it.
        loaders.load_server()
        with st.container(key="choices"):
            canvas.pick_beginning()
            choices.pick_model(summaries)
            st.caption(words.describe_accuracy(chosen))


@st.fragment
def draw_and_read(way: str, run: Run) -> None:
    """All that a stroke changes, so that a stroke redraws nothing else.

    Args:
        way: How one draws.
        run: Whose reading is shown in large type.
    """
    turns.take_turns()
    is_crowd = loaders.count_reading(turns.seconds_waited())
    current = loaders.load_tried()
    chosen = next((one for one in current if one.run == run), None)
    if chosen is None:  # another is current by now, of which all of the page is to tell
        st.rerun()
    with st.container(key="canvas", width=canvas.board_width()):
        image, pieces, notice = pick_image(way)
    number = loaders.find_number([one.run for one in current], pieces)
    seen = image if number is None else None
    runs = loaders.choose_runs([one.run for one in current], run, is_crowd)
    answers, is_digit = loaders.read_with_all(runs, seen)
    trusts = isinstance(pieces, ink.DrawnPieces)  # how far was measured on drawings
    with st.container(key="reading"):
        show_live(chosen, pieces, number, answers.get(run.experiment))
        with st.container(key="confirmed"):
            if number is not None and pieces is not None:
                show_number(number, pieces)
            else:
                show_reading(chosen, answers, is_digit is not False, image, notice, trusts)
                canvas.offer_cleared()
        if number is None:
            own_drawings.show_label_choice(pieces, is_digit is not False)
        if image is not None:
            inside.remember(image, pieces)
            inside.link(run.experiment.name)
        elif way == canvas.DRAW:
            inside.forget_drawing()
    with st.container(key="all_models"):
        if number is not None:
            st.caption(numbers.WHO_READS)
        elif image is None:
            st.html(draw.all_accuracies_html(current, is_number=canvas.is_wide()))
        else:
            show_vote(chosen, current, answers, is_digit is not False, trusts)


def pick_image(way: str) -> tuple[np.ndarray | None, Pieces | None, str]:
    """What the networks see, and the pieces that it is made of, or why there is nothing."""
    try:
        if way == canvas.DRAW:
            return *canvas.draw_on_canvas(), ""
        return *canvas.pick_photo(camera=way == canvas.CAMERA), ""
    except ink.InkError as error:
        return None, None, str(error)


def show_live(
    chosen: RunSummary,
    pieces: Pieces | None,
    number: Number | None,
    answer: np.ndarray | InferenceError | None,
) -> None:
    """The reading while the pen moves, in the place of the one that follows it."""
    drawn = pieces.strokes if isinstance(pieces, ink.DrawnPieces) else []
    strokes = drawn and (address.last_strokes() or drawn)  # those have a few points, and look alike
    live.show_live_reading(
        chosen,
        strokes if canvas.is_drawn_from_nothing() else None,
        number.text if number else name_digit(answer),
        canvas.board_width(),
    )


def name_digit(answer: np.ndarray | InferenceError | None) -> str:
    """The digit that a network reads; "" where it reads none."""
    return str(answer.argmax()) if isinstance(answer, np.ndarray) else ""


def show_number(number: Number, pieces: Pieces) -> None:
    """The number that was drawn or pictured, and what makes each digit."""
    with st.container(key="prediction"):
        st.html(numbers.number_html(number))
    st.html(numbers.boxes_html(number, pieces))
    if number.marks:
        st.caption(numbers.MARKS_LEFT_OUT)


def show_reading(
    chosen: RunSummary,
    answers: dict[Experiment, np.ndarray | InferenceError],
    is_digit: bool,
    image: np.ndarray | None,
    notice: str,
    trusts: bool,
) -> None:
    """The chosen network's reading and everyone's votes, or why there is none."""
    answer = answers.get(chosen.run.experiment)
    if isinstance(answer, InferenceError):
        answer, notice = None, words.as_sentence(str(answer))
    with st.container(horizontal=True, key="head"):
        with st.container(key="prediction"):
            if answer is None:
                st.html(draw.invitation_html(notice))
            elif is_digit:
                trust = find_trust_in(chosen, answer) if trusts else None
                st.html(draw.reading_html(answer, trust))
            else:
                st.html(draw.refusal_html(answer, chosen.run.experiment))
        if answer is not None:
            st.html(draw.ballot_html(keep_readings(answers)))
        if image is not None:
            with st.container(key="seen"):
                st.html(draw.seen_html(image))
    if answer is not None and is_digit:
        st.html(draw.probability_bars_html(answer))


def find_trust_in(chosen: RunSummary, answer: np.ndarray) -> Trust | None:
    """How often the chosen network is right when it is so sure, as far as that is known."""
    name, confidence = chosen.run.experiment.name, float(answer.max())
    return find_trust(name, chosen.served_sha256, chosen.temperature, confidence)


def show_vote(
    chosen: RunSummary,
    current: list[RunSummary],
    answers: dict[Experiment, np.ndarray | InferenceError],
    is_digit: bool,
    trusts: bool,
) -> None:
    """Every network's reading, and how far the agreement of the report's can be trusted."""
    if not (readings := keep_readings(answers)):
        return
    hashes = {one.run.experiment: one.served_sha256 for one in current}
    learnt = [one.run.experiment for one in current if one.has_learnt]
    voters = draw.choose_voters(readings, learnt)
    _, majority = draw.count_votes(voters)[0]
    served = {network.name: hashes[network] for network in voters}
    trust = find_agreement(served, majority) if is_digit and trusts else None
    shown = draw.all_readings_html(readings, voters, chosen.run.experiment, trust)
    if absent := [one.run.experiment for one in current if one.run.experiment not in answers]:
        shown = join(shown, draw.absence_html(absent))
    st.html(shown if is_digit else draw.quiet_html(shown))


def keep_readings(
    answers: dict[Experiment, np.ndarray | InferenceError],
) -> dict[Experiment, np.ndarray]:
    """The answers without those of networks that cannot be served."""
    return {one: row for one, row in answers.items() if isinstance(row, np.ndarray)}


def explain(current: list[RunSummary]) -> None:
    with st.expander("Why is mine misread?"):
        st.markdown(WHY_MISREAD)
    if table := draw.folding_table(current):
        with st.expander("What do all those parameters really compute?", key="folding"):
            st.markdown(f"{WHAT_PARAMETERS_COMPUTE}\n{table}")


page.apply_style()
st.title("Draw a digit", anchor=False)
if current := loaders.load_current():
    address.open_drawing()
    choose_and_draw()
    explain(current)
page.say_what_is_missing([one.run.experiment for one in current])
