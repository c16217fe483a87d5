"""The error of wrong input."""


class WrongInput(ValueError):
    """The user asked for something that cannot be: the message is one sentence that says what was wanted."""
