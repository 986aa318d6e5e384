"""What each visit runs: the menu, and the page that is open."""

import streamlit as st

from digitnet import jobs
from digitnet.ui import parameters, roles
from digitnet.ui.page import page_file, show_menu, show_training_sign
from digitnet.ui.scripts import ASSETS, run_script

st.set_page_config(page_title="digitnet", page_icon=str(ASSETS / "icon.svg"), layout="wide")
roles.enter()
draw = st.Page(page_file("draw"), title="Draw", default=True)
inside = st.Page(page_file("inside"), title="Inside")
curves = st.Page(page_file("curves"), title="Curves")
confusion = st.Page(page_file("confusion"), title="Confusion")
compare = st.Page(page_file("compare"), title="Compare")
mine = st.Page(page_file("mine"), title="My hand")
pages = [draw, inside, mine, curves, confusion, compare]
if jobs.is_class():
    pages.append(st.Page(page_file("classroom"), title="Class"))
    run_script("tabs.js")
page = st.navigation(pages, position="top")
show_menu(pages)
show_training_sign(compare)
page.run()
parameters.show_completed()
