"""digitnet's app: `streamlit run app.py`."""

import streamlit as st

st.set_page_config(page_title="digitnet", page_icon=":material/draw:", layout="wide")
st.navigation([st.Page("pages/draw.py", title="Draw", default=True)], position="top").run()
