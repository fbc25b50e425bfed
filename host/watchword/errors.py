"""What can go wrong, by who can mend it.

WatchwordError
├── ModelError         a model, its description or a program cannot be used as it is
│   └── UnsupportedError   it asks for something that watchword does not do
├── DataError          recordings, manifests or recipes are not as expected
├── BoardError         a board refuses a request, or cannot be reached
│   └── LinkError          the line to it is broken or silent
└── SetupError         a tool that the host needs is missing

Every message is one line: what was wrong, where, and what to do. The command line prints it and exits with status 1;
anything that is not a WatchwordError is a bug of watchword's and shows its traceback.
"""


class WatchwordError(Exception):
    """Base of all errors that a user can mend."""


class ModelError(WatchwordError):
    """A model, its description or a compiled program cannot be used."""


class UnsupportedError(ModelError):
    """A model needs an operation or a form of one that watchword does not have."""


class DataError(WatchwordError):
    """A recording, a manifest or a recipe is not as expected."""


class BoardError(WatchwordError):
    """A board refused a request or cannot be reached."""


class LinkError(BoardError):
    """The line to a board is broken or silent."""


class SetupError(WatchwordError):
    """A tool that the host needs is missing and could not be installed."""
