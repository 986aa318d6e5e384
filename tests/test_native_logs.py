"""Native code's words on file descriptor 2: log lines are hidden, errors and our own are not."""

import subprocess
import sys

import pytest

WRITE = """
import os, sys
from digitnet.native_logs import hidden_native_logs

with hidden_native_logs():
    for line in sys.argv[2:]:
        os.write(2, line.encode() + b"\\n")
    if sys.argv[1] == "dies":
        os.abort()
    print("our word", file=sys.stderr)
print("afterwards", file=sys.stderr)
"""
CHATTER = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
    "I0000 00:00:1795601184.349664   31030 port.cc:153] oneDNN custom operations are on.",
    "W0000 00:00:1795601184.349664   31030 cpu.cc:1] something is slow",
    "2026-11-25 10:06:24.349664: I tensorflow/core/util/port.cc:153] oneDNN operations are on.",
]
ERRORS = [
    "ERROR: Didn't find op for builtin opcode",
    "E0000 00:00:1795601184.349664   31030 cpu.cc:1] something is wrong",
    "F0000 00:00:1795601184.349664   31030 cpu.cc:1] this processor will not do",
    "terminate called after throwing an instance of 'std::bad_alloc'",
    "path.py:3: UserWarning: something is odd",
]


def write(how, *lines):
    command = [sys.executable, "-c", WRITE, how, *lines]
    return subprocess.run(command, capture_output=True, text=True).stderr.splitlines()


def test_log_lines_are_hidden_and_errors_are_not():
    mixed = [line for pair in zip(CHATTER, ERRORS, strict=True) for line in pair]
    assert write("lives", *mixed) == [*ERRORS, "our word", "afterwards"]


def test_what_native_code_says_when_it_ends_the_process_is_seen():
    assert write("dies", CHATTER[0], ERRORS[2]) == [ERRORS[2]]


@pytest.mark.parametrize("line", CHATTER)
def test_nothing_is_hidden_afterwards(line, capfd):
    from digitnet.native_logs import hidden_native_logs

    with hidden_native_logs():
        pass
    print(line, file=sys.__stderr__, flush=True)
    assert capfd.readouterr().err == f"{line}\n"
