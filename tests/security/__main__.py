"""Prints what the tests try, for the README: `python -m tests.security`."""

from tests.security.attacks import table

print(table())
