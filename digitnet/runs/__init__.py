"""Run folders: the interface between trainings and all that reads them."""

from digitnet.runs.adopting import adopt
from digitnet.runs.calibrations import CALIBRATION, UNCALIBRATED, Calibration, read_calibration
from digitnet.runs.classroom import (
    KEY_GROUPS,
    QUOTA_RANGES,
    Classroom,
    Quota,
    Rules,
    make_code,
    read_code,
    visitor_of,
)
from digitnet.runs.donations import MOST_GIVEN, Donation, Donations
from digitnet.runs.files import (
    FORMAT,
    HISTORY_COLUMNS,
    RunError,
    is_amount,
    read_history,
    read_json,
    replacing,
    size_of,
    sync_file,
    write_atomically,
    write_json,
)
from digitnet.runs.fits import FIT, KeptFit, ReadShare
from digitnet.runs.locks import handing_on, holding, is_locked
from digitnet.runs.machines import processor_extensions, processor_name, this_machine
from digitnet.runs.maps import MAP, Axes, DigitMap, MappedDigits
from digitnet.runs.networks import ALL, add_network, find_version
from digitnet.runs.own_drawings import (
    MOST_BYTES,
    OWN_DRAWINGS,
    OwnDrawing,
    OwnDrawings,
    OwnLines,
    put,
    read_lines,
    take_in,
    without,
)
from digitnet.runs.publishing import publish
from digitnet.runs.records import (
    HISTORY,
    LOCK,
    LOG,
    PROBABILITIES,
    REQUEST,
    RESULT,
    RUN_FILES,
    SERVED,
    STATE,
    TRAINED,
    Request,
    Run,
    Signature,
    Training,
    TrainingBusyError,
)
from digitnet.runs.status import STATUS, Status
from digitnet.runs.store import NO_FILES, RunStore
from digitnet.runs.teachings import DRAWINGS, MOST_LOST, MOST_MISSED, Outcome, Teaching
