"""Every failure a caller may want to catch, as one short tree.

GoldrankError                 anticipated; its text says what was wrong and the way out
├── RootError                 a root that is missing, no folder, or may not be read
├── ArgumentError             a value that no setting or filter accepts
├── IndexLockedError          another process writes this index and did not finish in time
├── ModelError                a cross-encoder that is absent or failed to load
└── CancelledError            the caller no longer wants the answer
"""


class GoldrankError(Exception):
    """An anticipated failure, with a text meant for the person or the agent who asked."""


class RootError(GoldrankError):
    """A root that is missing, is no folder, or may not be read."""


class ArgumentError(GoldrankError):
    """A value that no setting or filter accepts."""


class IndexLockedError(GoldrankError):
    """Another process is writing this index and did not finish in time."""


class ModelError(GoldrankError):
    """A cross-encoder that is absent or failed to load."""


class CancelledError(GoldrankError):
    """The caller no longer wants the answer."""
