"""The command line: python -m digitnet list | train | predict | evaluate | calibrate | ..."""

from digitnet.cli.ends import FAILED, INTERRUPTED, OK, USAGE
from digitnet.cli.main import main
