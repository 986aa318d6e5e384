"""The Training curves page: any trainings over each other, and what they say."""

import streamlit as st

from digitnet.runs import RunError
from digitnet.show import curves as curve_figures
from digitnet.show.curves import METRICS, PARTS, SCALES, SPANS, WINDOWS, View
from digitnet.show.html import Markup
from digitnet.study import curves
from digitnet.study.curves import LETTERS, Curves, Listed
from digitnet.ui import choices, loaders, page

REFRESH_SECONDS = 2

HOW_IT_IS_READ = """
A network overfits when what it learnt of its training images does not carry over to new ones, and
underfits when it does not even learn those. The rule behind the verdict is named with its figures,
which are those of the kept epoch: the first with the best validation accuracy, or the last where
the learning rate falls to nothing at the end, as the reader's does.

The rule is a rule of thumb: its two limits, 97% and 1.5 times, are chosen such that the report's
curves get the verdicts that the report gives them in words.

The training figures of the curves look worse than the network is: they are taken while some units
are dropped out, and averaged over an epoch in which the network still changes. So a finished
network is also counted as it is kept, on the very images that it learnt from.

The report's curves are its own, printed in it; its seconds are those of another machine.
"""


def pick_view() -> tuple[View, bool]:
    """How to draw, and whether to lay the report's curves under ours."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        metric = choices.choose("Measure", METRICS, "Accuracy", "measure")
        part = choices.choose("Images", PARTS, "Both", "images")
        with st.popover("Axes and smoothing", icon=":material/tune:"):
            by = choices.choose("Along", SPANS, "Epochs", "along")
            scale = choices.choose("Up", SCALES, "Linear", "up")
            window = choices.choose("Mean over", WINDOWS, "None", "mean")
    with_report = choices.switch("With the report's own curves", False, "report")
    return View(metric, part, by, scale, WINDOWS[window]), with_report


def load_chosen(chosen: list[Listed]) -> tuple[list[Curves], list[Markup]]:
    """The curves of the chosen runs, and a card for each run that is broken."""
    loaded, broken = [], []
    for letter, one in zip(LETTERS, chosen, strict=False):
        try:
            loaded.append(curves.load_curves(loaders.load_store(), one.run.id, letter))
        except RunError as error:
            broken.append(curve_figures.broken_html(one.run, letter, str(error)))
    return loaded, broken


def show_curves(listed: list[Listed], view: View, with_report: bool, was_alive: bool) -> None:
    """The chart and its reading; run again by itself while a training goes on."""
    chosen, broken = load_chosen(listed)
    if was_alive and not any(one.is_alive for one in chosen):
        st.rerun()  # the last of them has ended
    drawn = chosen + (curves.load_report_curves(chosen) if with_report else [])
    with st.container(key="curves"):
        if chosen:
            show_chart(drawn, view)
    with st.container(key="reading"):
        cards = [
            curve_figures.interpretation_html(one, curves.interpret_curves(one)) for one in chosen
        ]
        st.html(curve_figures.cards_html(cards + broken))


def show_chart(drawn: list[Curves], view: View) -> None:
    st.plotly_chart(
        curve_figures.curves_figure(drawn, view),
        key="chart",
        config=page.picture_config("digitnet-curves"),
        alt=f"{view.metric} by epoch of each chosen run; the cards below say it in words",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download as CSV",
            curves.write_csv(drawn),
            "digitnet-curves.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.caption("The camera above the chart saves it as a picture.")


page.apply_style()
st.title("Training curves", anchor=False)
trainings = curves.list_trainings(loaders.load_store())
if trainings:
    labels = {run_id: one.title for run_id, one in trainings.items()}
    run_ids = choices.pick_runs(labels, curves.choose_first(loaders.load_store()), len(LETTERS))
    view, with_report = pick_view()
    chosen = [trainings[run_id] for run_id in run_ids]
    is_alive = any(one.state in curves.ALIVE for one in chosen)
    if chosen:
        live = st.fragment(run_every=REFRESH_SECONDS if is_alive else None)(show_curves)
        live(chosen, view, with_report, is_alive)
    else:
        st.info("Choose one or more runs above to see their curves.")
    with st.expander("How are the curves read?"):
        st.markdown(HOW_IT_IS_READ)
else:
    page.say_what_is_missing([])
