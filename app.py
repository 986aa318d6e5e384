"""digitnet's app: `streamlit run app.py`."""

from streamlit.starlette import App

from digitnet.ui.ahead import prepare

app = App("digitnet/ui/visit.py", lifespan=prepare)
