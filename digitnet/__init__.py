"""digitnet: the report "Recognizing Digits using Neural Networks", alive.

Sixteen dense and convolutional networks for MNIST, trained, compared and drawn upon.
"""

__version__ = "0.1.0"
