"""digitnet's app on a hosting service: `streamlit run hosting/app.py`.

Such services install the requirements.txt that lies beside the file they run. This one leaves
TensorFlow out; so nothing can be trained, and no visitor may delete.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("DIGITNET_READ_ONLY", "1")
APP = Path(__file__).resolve().parents[1] / "app.py"
if str(APP.parent) not in sys.path:  # Streamlit adds this file's folder only
    sys.path.insert(0, str(APP.parent))
exec(compile(APP.read_text(encoding="utf-8"), APP, "exec"))  # anew at each visit, as Streamlit does
