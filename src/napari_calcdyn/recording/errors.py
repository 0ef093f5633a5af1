"""The one exception for input that a user can put right."""


class InputError(ValueError):
    """Input that the program cannot work with, and that the user can put right.

    Its message is one sentence that says what is wrong and what to do; the command line and the docks
    show it as it is.
    """


class Cancelled(Exception):
    """Raised inside a computation whose progress callback asked it to stop."""
