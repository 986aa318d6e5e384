"""digitnet's app on a hosting service: `streamlit run hosting/app.py`.

Such services install the requirements.txt that lies beside the file they run. This one leaves
TensorFlow out; so nothing can be trained, and no visitor may delete.
"""

import os
import sys
from pathlib import Path

from streamlit.starlette import App

REPOSITORY = Path(__file__).resolve().parents[1]
os.environ.setdefault("DIGITNET_READ_ONLY", "1")
if str(REPOSITORY) not in sys.path:  # Streamlit adds this file's folder only
    sys.path.insert(0, str(REPOSITORY))

from digitnet.ui.ahead import prepare  # noqa: E402

app = App(REPOSITORY / "digitnet" / "ui" / "visit.py", lifespan=prepare)
