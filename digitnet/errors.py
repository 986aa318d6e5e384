"""What all errors that a user is told of have in common."""


class DigitnetError(Exception):
    """Something that the user can put right; the message is a sentence that says how."""
