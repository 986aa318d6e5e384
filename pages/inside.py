"""The Inside page: what a network makes of a drawing, layer by layer, and why it reads it so."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from digitnet.digits import ink
from digitnet.digits.ink import Alteration
from digitnet.experiments import CLASSES, Experiment
from digitnet.runs import Run
from digitnet.serving import Activation, InferenceError, Insides
from digitnet.show import alterations as altered
from digitnet.show import draw, growth, words
from digitnet.show import evidence as why
from digitnet.show import inside as layers
from digitnet.show import neighbours as alike
from digitnet.study.alterations import WAYS, Way
from digitnet.study.maps import find_neighbours
from digitnet.study.summaries import RunSummary, sort_for_reading, summarize_current
from digitnet.ui import choices, inside, loaders, page

LAYERS, WHY, GROWTH, ALIKE, WHAT_IF = PARTS = (
    "Layer by layer",
    "Why",
    "As you drew",
    "Look-alikes",
    "What if",
)
DIGITS = {str(digit): words.a_digit(digit) for digit in range(CLASSES)}
ANY_OTHER = {"": "anything else"}
NO_STROKES = "A picture has no strokes: draw the digit on the Draw page to see this."

WHAT_ALIKE_MEANS = """
The last hidden layer sums a drawing up in some numbers, and two drawings are alike to the network
if these are. The map places test digits so that those alike lie together; your drawing lies between
the digits that it is most like.
"""


@dataclass(frozen=True, eq=False)
class Subject:
    """What is looked at.

    Args:
        runs: The current runs, the chosen network's first.
        image: What the networks see, uint8 (28, 28).
        strokes: What was drawn; none of a photo.
        probabilities: The chosen network's, float (10,).
        is_digit: Whether it is one, as far as any network tells.
        learnt: The networks that learnt to read; what others say is not counted.
    """

    runs: list[Run]
    image: np.ndarray
    strokes: ink.Strokes
    probabilities: np.ndarray
    is_digit: bool | None
    learnt: frozenset[Experiment]

    @property
    def run(self) -> Run:
        return self.runs[0]

    @property
    def digit(self) -> int:
        """What the chosen network reads."""
        return int(self.probabilities.argmax())


# --- what is looked at -----------------------------------------------------------------------


@st.fragment
def look_inside() -> None:
    """All that a choice changes."""
    current = sort_for_reading(summarize_current(loaders.load_store()))
    if not current:
        st.rerun()
    image, pieces = inside.find_drawing()
    if subject := show_subject(current, image, pieces):
        part = choices.choose("Look at", PARTS, LAYERS, "part")
        show_part(part, subject)
        loaders.load_pictures_ahead(subject.run.tested_on)  # for the look-alikes


def show_subject(
    current: list[RunSummary], image: np.ndarray, pieces: ink.Pieces | None
) -> Subject | None:
    """The drawing, the network that is looked into, and what it reads; None if it cannot."""
    runs = [one.run for one in current]
    with st.container(key="subject", horizontal=True, gap="large"):
        seen = st.container(key="looked_at", width=136)
        with st.container(key="read_here"):
            above = st.container()
        with st.container(key="choosing"):
            choices.pick_model(current)
            chosen = choices.find_model(current)
            image, strokes = pick_digit(runs, image, pieces)
            pick_sample()
    with seen:
        st.html(draw.seen_html(image))
    judges = [run for run in runs if run.experiment.refuses]
    answers, is_digit = loaders.read_with_all(list(dict.fromkeys([chosen.run, *judges])), image)
    answer = answers[chosen.run.experiment]
    if isinstance(answer, InferenceError):
        st.error(words.as_sentence(str(answer)))
        return None
    with above:
        show_answer_to(chosen.run, answer, is_digit)
    others = [run for run in runs if run != chosen.run]
    learnt = frozenset(one.run.experiment for one in current if one.has_learnt)
    return Subject([chosen.run, *others], image, strokes, answer, is_digit, learnt)


def show_answer_to(run: Run, answer: np.ndarray, is_digit: bool | None) -> None:
    """What a run's network reads, or that it is no digit."""
    if is_digit is False:
        st.html(draw.refusal_html(answer, run.experiment))
    else:
        st.html(draw.reading_html(answer, None))


def pick_digit(
    runs: list[Run], image: np.ndarray, pieces: ink.Pieces | None
) -> tuple[np.ndarray, ink.Strokes]:
    """What is looked at, and its strokes, none of a photo; of a number one digit."""
    strokes, number = inside.strokes_of(pieces), loaders.find_number(runs, pieces)
    if number is None or pieces is None:
        return image, strokes
    labels = {
        str(place): f"{place}. digit of {number.text}: {one.digit}"
        for place, one in enumerate(number.digits, start=1)
    }
    place = int(choices.pick("This is a number; look at", labels, "1", "place"))
    part = number.digits[place - 1].pieces
    return pieces.draw(part), [strokes[one] for one in part] if strokes else []


def pick_sample() -> None:
    st.session_state["inside_sample"] = inside.find_sample()  # as the browser's way back has it
    st.pills(
        "Look at one of ours", range(CLASSES), key="inside_sample", on_change=inside.show_sample
    )
    st.page_link(page.page_file("draw"), label="Draw another", icon=":material/draw:")


def show_part(part: str, subject: Subject) -> None:
    """A part, in the place of the one before.

    Where large networks are to follow, in a place of its own: what was there before would be seen
    until they have read, and is taken away as soon as all else is shown.
    """
    above, below = st.container(), st.container()
    with (above if part == WHAT_IF else below).container(key="part"):
        if subject.is_digit is False and part != WHAT_IF:
            st.caption(layers.describe_refused(subject.digit))
        try:
            for _ in SHOW[part](subject) or ():
                below.empty()
        except (InferenceError, ink.InkError) as error:
            st.error(words.as_sentence(str(error)))


# --- layer by layer --------------------------------------------------------------------------


def show_layers(subject: Subject) -> None:
    """All layers at a glance, each a button, and one of them in detail."""
    insides = inside.look(subject.run, subject.image)
    stops = {str(one.place): one for one in insides.layers}
    asked = st.query_params.get("layer", "")
    chosen = asked if asked in (*stops, layers.ANSWER) else next(iter(stops), layers.ANSWER)
    colour = subject.run.experiment.colour
    with st.container(key="way_layers", horizontal=True, gap="small"):
        for place, one in stops.items():
            url, shape = layers.card_url(one, colour), layers.describe_shape(one)
            show_card(place, one.name, shape, url)
        url = layers.answer_url(subject.probabilities, colour)
        show_card(layers.ANSWER, layers.ANSWER, str(insides.logits.shape[1]), url)
        st.html(layers.mark_css(f"st-key-stop_{chosen}"))
    with st.container(key="layer"):
        if chosen == layers.ANSWER:
            show_answer(subject, insides)
        else:
            show_layer(stops[chosen], subject, insides)


def show_card(place: str, name: str, shape: str, url: str) -> None:
    st.button(
        layers.card_label(name, shape, url, f"What {name} makes of it"),
        key=f"stop_{place}",
        on_click=st.query_params.update,
        args=({"layer": place},),
    )


def show_layer(activation: Activation, subject: Subject, insides: Insides) -> None:
    experiment = subject.run.experiment
    shape = layers.describe_shape(activation)
    st.subheader(f"{activation.name}: {shape}", anchor=False)
    st.markdown(layers.describe_layer(activation, experiment))
    if activation.is_code:
        st.html(layers.curve_html(inside.open_run(subject.run).code_grey_levels()))
    if activation.values.ndim > 2:
        st.html(layers.filters_html(activation, experiment.colour))
    else:
        is_last = activation is insides.layers[-1]
        weights = inside.open_run(subject.run).kernel if is_last else None
        st.html(layers.units_html(activation, weights, subject.digit))


def show_answer(subject: Subject, insides: Insides) -> None:
    st.subheader(f"softmax: {insides.logits.shape[1]}", anchor=False)
    st.markdown("A probability for each digit, calibrated as on the Draw page.")
    refusal = None
    if subject.run.experiment.refuses:
        refusal = float(loaders.load_server().evaluate(subject.run, subject.image[None])[0, -1])
    st.html(layers.answer_html(subject.probabilities, refusal))


# --- why -------------------------------------------------------------------------------------


def show_why(subject: Subject) -> None:
    """What speaks for a digit, rather than another."""
    with st.container(horizontal=True):
        digit = choices.pick("Why", DIGITS, str(subject.digit), "why", width=150)
        others = {one: text for one, text in DIGITS.items() if one != digit}
        if st.query_params.get("not") == digit:
            del st.query_params["not"]  # nothing speaks for a digit rather than itself
        other = choices.pick("and not", ANY_OTHER | others, "", "not", width=180)
    evidence = inside.explain(subject.run, subject.image)
    placed = ink.place_strokes(subject.strokes) if subject.strokes else []
    against = int(other) if other else None
    st.html(why.evidence_html(evidence, int(digit), against, subject.image, placed))
    st.caption(why.describe_method(evidence))


def show_growth(subject: Subject) -> None:
    """A film of the drawing, and of the reading."""
    if not subject.strokes:
        st.info(NO_STROKES)
        return
    watched = inside.watch_growth(subject.run, subject.strokes)
    st.markdown(growth.describe_growth(watched, subject.is_digit is not False))
    inside.show_film(growth.film_data(watched))


# --- look-alikes -----------------------------------------------------------------------------


def show_alike(subject: Subject) -> None:
    """The nearest training digits, and the drawing's place among test digits."""
    digit_map = subject.run.digit_map
    if digit_map is None:
        name = subject.run.experiment.name
        st.info(
            "What this network finds alike has not been stored. This does it, in a minute: "
            f"`python -m digitnet map {name}`"
        )
        return
    features = inside.look(subject.run, subject.image).features[0]
    found = find_neighbours(digit_map, features)
    st.subheader("What it learnt from that is most like this", anchor=False)
    st.markdown(alike.describe_neighbours(found))
    pictures = loaders.load_pictures(subject.run.tested_on, "alike")
    st.html(alike.nearest_html(found, pictures))
    with st.container(key="map"):
        st.html(alike.map_html(digit_map, found))
    st.caption(WHAT_ALIKE_MEANS)


# --- what if ---------------------------------------------------------------------------------


def show_what_if(subject: Subject) -> Iterator[None]:
    """The drawing altered as one likes, and where each network flips.

    Yields:
        When something is shown, and more may follow.
    """
    if not subject.strokes:
        st.info(NO_STROKES)
        return
    with st.container(horizontal=True, gap="large"):
        shown = st.container(key="altered")
        with st.container(key="sliders", width=320):
            amounts = {way.name: pick_amount(way) for way in WAYS}
            st.button("Back to the drawing", icon=":material/restart_alt:", on_click=reset_amounts)
    image = ink.alter_strokes(subject.strokes, Alteration(**amounts))
    answers, is_digit = loaders.read_with_all(subject.runs, image)
    readings = {one: row for one, row in answers.items() if isinstance(row, np.ndarray)}
    with shown:
        show_altered(subject, image, readings, is_digit)
    ways = {way.title: way for way in WAYS}
    way = ways[choices.choose("Where each network flips", ways, WAYS[0].title, "along")]
    said = bands = st.container()  # what is told first is added here, what follows takes its place
    able = [run for run in subject.runs if run.experiment in readings]
    for flips in inside.scan(able, subject.strokes, way):
        told = {one: found for one, found in flips.items() if one in subject.learnt}
        which = "networks that learnt" if 0 < len(told) < len(flips) else "networks"
        said = said.markdown(altered.describe_steadiest(told or flips, way, which))
        bands = bands.html(
            altered.flips_html(flips, way, amounts[way.name], subject.run.experiment)
        )
        yield


def pick_amount(way: Way) -> float:
    key = f"alter_{way.name}"
    st.session_state.setdefault(key, float(way.rest))
    return st.slider(
        way.title, float(way.low), float(way.high), step=float(way.step), key=key, format=way.format
    )


def reset_amounts() -> None:
    for way in WAYS:
        st.session_state[f"alter_{way.name}"] = float(way.rest)


def show_altered(
    subject: Subject,
    image: np.ndarray,
    readings: Mapping[Experiment, np.ndarray],
    is_digit: bool | None,
) -> None:
    """The altered drawing, and what the networks read in it."""
    own = readings[subject.run.experiment]
    with st.container(horizontal=True):
        show_answer_to(subject.run, own, is_digit)
        st.html(draw.seen_html(image))
    st.html(draw.probability_bars_html(own))
    told = {one: row for one, row in readings.items() if one in subject.learnt}
    votes = draw.count_votes(told or readings)
    st.markdown(draw.describe_votes(votes, only_learnt=0 < len(told) < len(readings)))


SHOW: dict[str, Callable[[Subject], Iterator[None] | None]] = {
    LAYERS: show_layers,
    WHY: show_why,
    GROWTH: show_growth,
    ALIKE: show_alike,
    WHAT_IF: show_what_if,
}

page.apply_style()
st.title("Inside a network", anchor=False)
if summarize_current(loaders.load_store()):
    look_inside()
else:
    page.say_what_is_missing([])
