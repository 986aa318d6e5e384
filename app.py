"""digitnet's app: `streamlit run app.py`."""

import streamlit as st

from digitnet.ui.page import show_menu, show_training_sign

st.set_page_config(page_title="digitnet", page_icon=":material/draw:", layout="wide")
draw = st.Page("pages/draw.py", title="Draw", default=True)
curves = st.Page("pages/curves.py", title="Curves")
confusion = st.Page("pages/confusion.py", title="Confusion")
compare = st.Page("pages/compare.py", title="Compare")
pages = [draw, curves, confusion, compare]
page = st.navigation(pages, position="top")
show_menu(pages)
show_training_sign(compare)
page.run()
