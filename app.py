"""digitnet's app: `streamlit run app.py`."""

from streamlit.starlette import App

from digitnet.ui.ahead import import_ahead

app = App("digitnet/ui/visit.py", lifespan=import_ahead)
