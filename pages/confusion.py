"""The Confusion matrices page: where runs go wrong, down to the single digit."""

import numpy as np
import streamlit as st

from digitnet.runs import RunError
from digitnet.show import confusion as figures
from digitnet.show import reliability
from digitnet.show.pictures import png_url
from digitnet.show.words import as_plain
from digitnet.study import confusion
from digitnet.study.answers import Answers, DifferentDigitsError, load_answers
from digitnet.study.confusion import NORMALIZATIONS
from digitnet.ui import actions, canvas, choices, loaders, page

DIGITS = {str(digit): str(digit) for digit in range(10)}
NO_DIGIT = {"": "—"}
DIGITS_A_PAGE = 24
MATRICES = ("A", "B", "A less B")
NO_RUN = {"": "No other run"}

WHAT_THE_FIGURES_SAY = """
**Precision** is the share of what is read as a digit that is this digit; **recall** the share of a
digit that is read as such; **F1** their harmonic mean. **AUC** is the area under the ROC curve of
the digit's probability. The report printed that of the final answer instead, here **AUC, hard**:
the mean of recall and of the share of other digits that are not taken for this one.
"""


# --- choosing --------------------------------------------------------------------------------


def pick_runs() -> dict[str, Answers]:
    """The answers of run A and, if one is chosen, of run B; broken runs are told of."""
    store = loaders.load_store()
    labels = {run.id: run.title for run in store.finished()}
    first = store.current("cnn")
    with st.container(horizontal=True):
        ids = {
            "A": choices.pick("Run A", labels, first.id if first else next(iter(labels)), "a"),
            "B": choices.pick("Run B, to compare with", NO_RUN | labels, "", "b"),
        }
    chosen = {}
    for letter, run_id in ids.items():
        try:
            if run_id:
                chosen[letter] = load_answers(store.find(run_id))
        except RunError as error:
            st.error(f"{labels[run_id]} is broken: {as_plain(str(error))}. Choose another run.")
    return chosen


def pick_matrix(is_pair: bool) -> tuple[str, str, bool]:
    """Which matrix to show, of counts or shares, and whether to mute its diagonal."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        matrix = choices.choose("Matrix", MATRICES, "A less B", "matrix") if is_pair else "A"
        normalization = choices.choose("Cells", NORMALIZATIONS, "Counts", "cells")
        muted = choices.switch("Mute the diagonal", True, "muted")
    return matrix, normalization, muted


def choose_clicked_cell() -> None:
    """Keeps a click on the matrix in the URL, where the two boxes beside it find it."""
    points = st.session_state["matrix_chart"].selection.points
    if points:
        true, read = points[0]["customdata"]
        st.query_params["true"], st.query_params["read"] = str(true), str(read)


def chosen_cell() -> tuple[int, int] | None:
    """The row and column that the URL names."""
    true, read = st.query_params.get("true"), st.query_params.get("read")
    return (int(true), int(read)) if true in DIGITS and read in DIGITS else None


# --- matrices and digits ---------------------------------------------------------------------


def show_matrix(chosen: dict[str, Answers], matrix: str, normalization: str, muted: bool) -> None:
    if matrix == "A less B":
        figure = figures.difference_figure(
            chosen["A"], chosen["B"], normalization, muted, chosen_cell()
        )
        said = "More of A's in orange with a plus, more of B's in blue with a minus."
    else:
        figure = figures.matrix_figure(chosen[matrix], normalization, muted, chosen_cell())
        said = figures.describe_matrix(chosen[matrix])
    with st.container(key="matrix"):
        st.plotly_chart(
            figure,
            key="matrix_chart",
            on_select=choose_clicked_cell,
            selection_mode="points",
            config=page.picture_config("digitnet-confusion"),
            alt=f"Confusion matrix, true digits by what they were read as. {said}",
        )
        st.caption(said + ("" if normalization == "Counts" else " Shares are in percent."))


def show_cell(chosen: dict[str, Answers], matrix: str) -> None:
    """The digits in the chosen cell of the matrix that is shown; of a difference, of both."""
    with st.container(key="digits"):
        with st.container(horizontal=True):
            for key, label in (("true", "True digit"), ("read", "Read as")):
                choices.pick(label, NO_DIGIT | DIGITS, "", key, width=110)
        if not (cell := chosen_cell()):
            st.caption("Click a cell, or choose it here, to see the very digits that fell there.")
            return
        for letter, answers in chosen.items():
            if matrix in (letter, "A less B"):
                places = confusion.find_cell(answers, *cell)
                st.markdown(figures.describe_places(letter, cell, len(places)))
                show_digits({letter: answers}, places, f"cell_{letter}")


def show_digits(shown: dict[str, Answers], places: np.ndarray, key: str) -> None:
    """Digits as pictures to click on, with what one or two runs and the others say of each."""
    if not len(places):
        st.caption("There is no such digit.")
        return
    answers = next(iter(shown.values()))
    pictures = loaders.load_pictures(answers.dataset, key)
    everyone = confusion.load_others(loaders.load_store(), answers)
    runs = {one.run.id for one in shown.values()}
    others = [one for one in everyone.values() if one.run.id not in runs]
    numbers: list[int] = places.tolist()
    paging = f"{key}_page_{numbers[0]}_{len(numbers)}"  # another list is seen from its first page
    with st.container(horizontal=True, key=f"{key}_digits"):
        for place in actions.page_of(numbers, DIGITS_A_PAGE, paging):
            show_digit(shown, place, others, pictures, key)
    actions.offer_pages(numbers, DIGITS_A_PAGE, paging)


def show_digit(
    shown: dict[str, Answers],
    place: int,
    others: list[Answers],
    pictures: np.ndarray | None,
    key: str,
) -> None:
    letter, answers = next(iter(shown.items()))
    position = int(answers.index[place])
    label = f"Digit {position:,}"
    if pictures is not None:
        label = f"![{label}, large]({png_url(pictures[position])})"
    with st.container(width=104, gap="xsmall"):
        st.button(label, key=f"{key}-{position}", on_click=open_digit, args=(letter, position))
        st.html(figures.answer_html(shown, place, others))


# --- one digit, large ------------------------------------------------------------------------


def open_digit(letter: str, position: int) -> None:
    st.query_params.update({"digit": str(position), "by": letter})


def close_digit() -> None:
    for name in ("digit", "by"):
        st.query_params.pop(name, None)


@st.dialog("What the network saw", width="large", on_dismiss=close_digit)
def show_opened(answers: Answers, place: int) -> None:
    everyone = confusion.load_others(loaders.load_store(), answers)
    with st.container(key="opened", horizontal=True, gap="large"):
        with st.container(width=240):
            show_picture(answers, place)
        with st.container():
            st.markdown(figures.describe_answer(answers, place))
            st.html(figures.bars_html(answers, place))
    st.html(figures.networks_html(everyone, place, answers.run.experiment))
    st.caption("Those networks whose current run was tested on the same digits.")


def show_picture(answers: Answers, place: int) -> None:
    pictures = loaders.load_pictures(answers.dataset, "opened")
    if pictures is None:
        return
    position = int(answers.index[place])
    st.html(figures.large_picture_html(pictures[position], int(answers.labels[place])))
    st.page_link(
        page.page_file("draw"),
        label="Draw over it",
        icon=":material/draw:",
        query_params=canvas.over(answers.dataset, position),
    )


def show_requested(chosen: dict[str, Answers]) -> None:
    """Opens the digit that the URL names, with what the run that it names says of it."""
    answers = chosen.get(st.query_params.get("by", "A"), chosen["A"])
    if position := st.query_params.get("digit"):
        place = confusion.find_place(answers, position)
        if place is None:
            st.info(
                f"The address asks for digit “{choices.quote(position)}”, which this run was not "
                "tested on."
            )
        else:
            show_opened(answers, place)


# --- two runs, and curves --------------------------------------------------------------------


def show_lists(chosen: dict[str, Answers]) -> None:
    with st.container(key="lists"):
        st.subheader("Who is right", anchor=False)
        try:
            outcomes = confusion.list_outcomes(chosen["A"], chosen["B"])
        except DifferentDigitsError as error:
            st.info(str(error))
            return
        st.markdown(figures.describe_outcomes(outcomes))
        choice = choices.choose("List", figures.OUTCOMES, "Only A right", "list")
        show_digits(chosen, outcomes[figures.OUTCOMES.index(choice)], "list")


def show_figures(chosen: dict[str, Answers]) -> None:
    st.subheader("Digit by digit", anchor=False)
    for letter, answers in chosen.items():
        st.markdown(f"**{letter}** {answers.run.title}")
        st.html(figures.digits_html(answers))
    with st.expander("What do these figures say?"):
        st.markdown(WHAT_THE_FIGURES_SAY)


def show_charts(chosen: dict[str, Answers]) -> None:
    roc, sure = st.columns(2, gap="large")
    with roc:
        st.subheader("ROC curve", anchor=False)
        digit = choices.pick("Digit", DIGITS, figures.hardest_digit(chosen["A"]), "roc", width=110)
        st.plotly_chart(
            figures.roc_figure(chosen, int(digit)),
            config=page.picture_config("digitnet-roc"),
            alt=f"ROC curve of digit {digit}; the table has the areas under all ten",
        )
        st.caption(f"The strong line is digit {digit}; the faint ones are the other nine.")
    with sure:
        st.subheader("Reliability curve", anchor=False)
        st.plotly_chart(
            reliability.reliability_figure(chosen),
            config=page.picture_config("digitnet-reliability"),
            alt="Reliability curve: how often it is right against how sure it is",
        )
        for answers in chosen.values():
            st.caption(reliability.describe_calibration(answers))


page.apply_style()
st.title("Confusion matrices", anchor=False)
if loaders.load_store().finished():
    chosen = pick_runs()
    if "A" in chosen:
        matrix, normalization, muted = pick_matrix("B" in chosen)
        left, right = st.columns([6, 5], gap="large")
        with left:
            show_matrix(chosen, matrix, normalization, muted)
        with right:
            show_cell(chosen, matrix)
        if "B" in chosen:
            show_lists(chosen)
        show_figures(chosen)
        show_charts(chosen)
        show_requested(chosen)
        page.heed_taps()
else:
    page.say_what_is_missing([])
