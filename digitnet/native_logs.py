"""What TensorFlow and LiteRT log, kept from those who use the command line; errors excepted."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

# As LiteRT and absl write them, before and after absl is set up, and as TensorFlow does itself.
NO_ERROR = r"(DEBUG|VERBOSE|INFO|WARNING):|[IW]\d{4} \d\d:\d\d:|\d{4}-\d\d-\d\d [\d:.]+: [IW] "
FILTER = """
import re, sys
for line in sys.stdin.buffer:
    if not re.match(sys.argv[1].encode(), line):
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
"""


@contextlib.contextmanager
def hidden_native_logs() -> Iterator[None]:
    """Keeps log lines of native code that are no errors out of this process's standard error.

    They are written to file descriptor 2, whatever Python's sys.stderr is. So a process of its own
    filters what comes there: it also passes on what native code has to say when it ends us.
    """
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", FILTER, NO_ERROR],
        stdin=subprocess.PIPE,
        stdout=2,
        start_new_session=True,  # Ctrl-C ends us, and we have something to say then
    )
    assert process.stdin
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(process.stdin.fileno(), 2)
    process.stdin.close()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        process.wait()
