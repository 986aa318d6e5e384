"""How a command ends."""

from __future__ import annotations

from digitnet.errors import DigitnetError

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


class CommandError(DigitnetError):
    """A command cannot be done as it was given; the message says what to do."""
