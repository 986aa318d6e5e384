"""Real handwriting: drawings, told apart by writer, and ever new images made of them."""

from digitnet.digits.handwriting.dealing import MNIST_TRAIN, deal_images, hold_out_writers
from digitnet.digits.handwriting.drawings import OUTLIER, Drawing, fit, load_drawings
from digitnet.digits.handwriting.epochs import Epochs, Mixture, Sources
from digitnet.digits.handwriting.outliers import make_outliers
from digitnet.digits.handwriting.signs import Conversion, pack_files
from digitnet.digits.handwriting.stroke_files import (
    STROKE_FILES,
    StrokeFile,
    describe_files,
    find_strokes,
    load_collections,
    strokes_folder,
)
from digitnet.digits.handwriting.uji import read_uji
from digitnet.digits.handwriting.unipen import read_unipen
