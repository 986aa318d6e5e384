"""What each visit runs: the menu, and the page that is open."""

import streamlit as st

from digitnet.ui.page import page_file, show_menu, show_training_sign

st.set_page_config(page_title="digitnet", page_icon=":material/draw:", layout="wide")
draw = st.Page(page_file("draw"), title="Draw", default=True)
curves = st.Page(page_file("curves"), title="Curves")
confusion = st.Page(page_file("confusion"), title="Confusion")
compare = st.Page(page_file("compare"), title="Compare")
pages = [draw, curves, confusion, compare]
page = st.navigation(pages, position="top")
show_menu(pages)
show_training_sign(compare)
page.run()
