"""How the processes of a fleet are started, found again, asked how they are, and ended.

Whoever reaches Ray's ports can run programs, so Ray asks for a token, which only the user can read, and on one
machine it listens at 127.0.0.1. Ray reports nothing to its makers.
"""

import contextlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from retrieval.errors import ArgumentError, GoldrankError
from retrieval.settings import Settings

FOLDER = "fleet"
"""The folder in the cache with the token, and with what `goldrank fleet status` needs to find a cluster."""

STORE_BYTES = 256 * 2**20  # of Ray's shared memory; an answer has some 20 kB
HEALTHY = "HEALTHY"
_ANSWER_S = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Health:
    """How a fleet is.

    Attributes:
        nodes: How many machines answer.
        lost_nodes: How many have been lost.
        replicas: How many replicas of each deployment are in each state, like `RUNNING`.
        unhealthy: Why a deployment is not healthy, by its name.
        states: How many repositories are published, behind, failed or unknown.
        building: What is being built.
        failures: Why repositories could not be built, by URL.
        calls: How many calls ended in each way.
    """

    nodes: int
    lost_nodes: int
    replicas: Mapping[str, Mapping[str, int]]
    unhealthy: Mapping[str, str]
    states: Mapping[str, int] = field(default_factory=dict)
    building: tuple[str, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """Write it for programs."""
        return json.dumps(asdict(self), indent=2)


def prepare(settings: Settings) -> None:
    """Set what Ray reads when it is imported; what the environment says already stays."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if not os.environ.get("RAY_AUTH_TOKEN") and not os.environ.get("RAY_AUTH_TOKEN_PATH"):
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(_token_file(settings))
    os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "0")
    os.environ.setdefault("RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS", "0")


@contextlib.contextmanager
def embedded(settings: Settings, *, cpus: float, address: str = "") -> Iterator[str]:
    """Start Ray on this machine, or join the cluster at an address; yield its address.

    What was started here ends with the context, and with this process however that ends.

    Raises:
        GoldrankError: The cluster cannot be started or reached.
    """
    import ray  # noqa: PLC0415 - takes a second, and what it reads of the environment is set by `prepare`

    # A socket's path has 107 bytes, and a cache may lie deep.
    folder = "" if address else tempfile.mkdtemp(prefix="goldrank-", dir="/tmp")
    try:
        if address:
            ray.init(address=address, namespace=FOLDER, log_to_driver=False, logging_level="ERROR")
        else:
            ray.init(
                num_cpus=max(1, round(cpus + 0.5)),
                num_gpus=0,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                object_store_memory=STORE_BYTES,
                namespace=FOLDER,
                _node_ip_address="127.0.0.1",
                _temp_dir=folder,
            )
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        where = f"the cluster at {address}" if address else "a cluster on this machine"
        raise GoldrankError(f"{where} cannot be reached: {error}".splitlines()[0], remedy=_HOW) from error
    try:
        yield str(ray.get_runtime_context().gcs_address)
    finally:
        with contextlib.suppress(Exception):
            ray.shutdown()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


_HOW = "`ray start --head` starts one; the same RAY_AUTH_TOKEN_PATH must lead to its token"


def _token_file(settings: Settings) -> Path:
    """Return the file with Ray's token; make it if there is none.

    Raises:
        ArgumentError: It cannot be written.
    """
    path = settings.cache / FOLDER / "ray_token"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
    except OSError as error:
        raise ArgumentError(
            f"{path} cannot be written: {error.strerror}", remedy="name another cache"
        ) from error
    return path
