"""Which machine builds the index of a commit while others wait: the one whose lease has not expired.

A lease is a small object with its owner and when it expires. Its owner renews it while it builds and
publishes, so the lease of a machine that died expires by itself. Taking over an expired lease is not
exclusive: two machines that do so at the same moment both build, which costs time and changes no answer.
"""

import json
import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable

from retrieval.errors import SharedIndexError
from retrieval.publishing.place import Place

log = logging.getLogger(__name__)

TERM_S = 60.0
RENEW_S = 15.0  # three renewals may fail before others take over
MOST_S = 3_600.0  # no index takes longer; a process that hangs must not hold its lease for ever
Clock = Callable[[], float]


class Lease:
    """The lease of one commit's index, for one process.

    Every method but `release` raises SharedIndexError when the place cannot be used.
    """

    def __init__(self, place: Place, name: str, *, term_s: float = TERM_S, clock: Clock = time.time) -> None:
        """Ask for nothing yet.

        Args:
            place: Where the lease is kept.
            name: Its name there.
            term_s: How long it is valid without being renewed.
            clock: Returns the seconds since 1970.
        """
        self._place = place
        self._name = name
        self._term_s = term_s
        self._clock = clock
        self._owner = f"{socket.gethostname()}:{uuid.uuid4().hex}"
        self._is_over = threading.Event()
        self._renewer: threading.Thread | None = None

    @property
    def is_held(self) -> bool:
        """Whether this process took the lease and has not released it."""
        return self._renewer is not None and not self._is_over.is_set()

    def take(self) -> bool:
        """Take the lease if it is free or expired, and renew it from now on; return whether it is ours."""
        if self.is_held:
            return True
        if not self._place.create(self._name, self._written()):
            if self.holder():
                return False
            self._place.write(self._name, self._written())
            if self.holder() != self._owner:  # another machine took it over at the same moment
                return False
        self._is_over = threading.Event()
        self._renewer = threading.Thread(target=self._renew, args=(self._is_over,), name="lease", daemon=True)
        self._renewer.start()
        return True

    def holder(self) -> str:
        """Return the owner of a lease that is valid now; "" when there is none."""
        data = self._place.read(self._name)
        try:
            told = json.loads(data or b"{}")
            owner, left_s = str(told["owner"]), float(told["expires_at"]) - self._clock()
        except (ValueError, KeyError, TypeError):
            return ""
        # A lease that is to last longer than any was written by a machine whose clock is wrong.
        return owner if 0 < left_s <= 2 * self._term_s else ""

    def release(self) -> None:
        """Give the lease up, if it is ours."""
        if not self.is_held:
            return
        self._is_over.set()
        if self._renewer:
            self._renewer.join()  # else a renewal on its way would bring the lease back
        try:
            if self.holder() == self._owner:
                self._place.remove(self._name)
        except SharedIndexError as error:
            log.info("a lease was left to expire: %s", error)

    def _written(self) -> bytes:
        return json.dumps({"owner": self._owner, "expires_at": self._clock() + self._term_s}).encode("utf-8")

    def _renew(self, is_over: threading.Event) -> None:
        ends = time.monotonic() + MOST_S
        while not is_over.wait(min(RENEW_S, self._term_s / 4)) and time.monotonic() < ends:
            try:
                self._place.write(self._name, self._written())
            except SharedIndexError as error:
                log.info("a lease could not be renewed: %s", error)
        is_over.set()
