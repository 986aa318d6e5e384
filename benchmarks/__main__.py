"""python -m benchmarks: every benchmark of speed and memory; exit status 1 if any bar is missed."""

import subprocess
import sys

BENCHMARKS = (
    "inference",
    "app_speed",
    "live",
    "page_opening",
    "inside",
    "drawing_while_training",
    "load",
    "memory",
    "training",
)

codes = [
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    for name in BENCHMARKS
]
sys.exit(int(any(codes)))
