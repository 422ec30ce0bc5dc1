"""How the processes of a fleet are started, found again, asked how they are, and ended.

Whoever reaches Ray's ports can run programs, so Ray asks for a token that only the user can read, and on one
machine it listens at 127.0.0.1. Ray reports nothing to its makers.
"""

import contextlib
import json
import logging
import math
import os
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mcp_server.fleet.building import Status
from mcp_server.fleet.plan import APP, Plan
from retrieval.errors import ArgumentError, GoldrankError
from retrieval.settings import Settings

FOLDER = "fleet"
"""The folder in the cache with the token, and with what `goldrank fleet status` needs to find a cluster."""

STORE_BYTES = 256 * 2**20  # of Ray's shared memory; an answer has some 20 kB
HEALTHY = "HEALTHY"
ANSWER_S = 5.0  # for the planner and the gateways, when they are asked how they are
_WHERE = "address"


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

    @property
    def is_well(self) -> bool:
        """Whether all machines and deployments are there, and every repository could be built."""
        return not (self.lost_nodes or self.unhealthy or self.failures)

    def to_json(self) -> str:
        """Write it for programs."""
        return json.dumps(asdict(self), indent=2)


def prepare(settings: Settings, *, is_alone: bool) -> None:
    """Set what Ray reads when it is imported; what the environment says already stays.

    Args:
        settings: Where the token is kept.
        is_alone: Whether the cluster is to have no other machine.

    Raises:
        ArgumentError: The token cannot be written.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if not os.environ.get("RAY_AUTH_TOKEN") and not os.environ.get("RAY_AUTH_TOKEN_PATH"):
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(_token_file(settings))
    os.environ.setdefault("RAY_SERVE_LOG_TO_STDERR", "0")
    if is_alone:
        # Ray knows 127.0.0.1 as the address of a machine only where a cluster of several is not supported.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ["RAY_enable_metrics_collection"] = "0"  # noqa: SIM112 - Ray's spelling; its exporter listens at all addresses


@contextlib.contextmanager
def started(cpus: float) -> Iterator[str]:
    """Start Ray on this machine; yield its address. It ends with the context, or with this process.

    Raises:
        GoldrankError: It cannot be started.
    """
    # A socket's path has 107 bytes, and a cache may lie deep.
    folder = tempfile.mkdtemp(prefix="goldrank-", dir="/tmp" if os.name == "posix" else None)  # noqa: S108
    options = {
        "num_cpus": math.ceil(cpus),
        "num_gpus": 0,
        "include_dashboard": False,
        "object_store_memory": STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": folder,
    }
    try:
        with _connected("a cluster on this machine cannot be started", **options) as address:
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def joined(address: str) -> Iterator[None]:
    """Join the cluster at an address.

    Raises:
        GoldrankError: It cannot be reached.
    """
    with _connected(f"the cluster at {address} cannot be reached", address=address):
        yield


@contextlib.contextmanager
def _connected(failure: str, **options: Any) -> Iterator[str]:
    import ray  # noqa: PLC0415 - it reads the environment, which `prepare` sets

    try:
        ray.init(namespace=FOLDER, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, OSError, ValueError) as error:
        cause = str(error).partition("\n")[0]
        raise GoldrankError(
            f"{failure}: {cause}",
            remedy="`ray start --head` starts one for many machines; RAY_AUTH_TOKEN_PATH names its token",
        ) from error
    try:
        yield str(ray.get_runtime_context().gcs_address)
    finally:
        with contextlib.suppress(Exception):
            ray.shutdown()


def deploy(plan: Plan, *, host: str, port: int, is_alone: bool) -> None:
    """Start the replicas, and return when all of them run.

    Raises:
        GoldrankError: One of them cannot be started.
    """
    serve = _serve()

    from mcp_server.fleet.app import application  # noqa: PLC0415 - as above

    try:
        serve.start(
            proxy_location="HeadOnly" if is_alone else "EveryNode",
            http_options={"host": host, "port": port},
        )
        serve.run(application(plan), name=APP, route_prefix="/")
    except RuntimeError as error:
        raise GoldrankError(f"the fleet cannot be started: {error}") from error


def _serve() -> Any:
    """Import Serve, whose messages are for its own log."""
    from ray import serve  # noqa: PLC0415 - as above

    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    return serve


def withdraw() -> None:
    """End the replicas of a cluster that goes on."""
    serve = _serve()

    with contextlib.suppress(Exception):
        serve.shutdown()


def health() -> Health:
    """Ask how the fleet is.

    Raises:
        GoldrankError: No fleet runs on the cluster.
    """
    import ray  # noqa: PLC0415 - as above

    serve = _serve()

    app = serve.status().applications.get(APP)
    if app is None:
        raise GoldrankError("no fleet runs on this cluster", remedy="start one: goldrank fleet up")
    nodes = Counter(bool(node["Alive"]) for node in ray.nodes())  # type: ignore[no-untyped-call]  # Ray's
    deployments = app.deployments
    status, calls = Status({}), Counter[str]()
    with contextlib.suppress(Exception):  # what cannot be asked is not healthy, which is said
        status = serve.get_deployment_handle("planner", APP).status.remote().result(timeout_s=ANSWER_S)
    with contextlib.suppress(Exception):
        told = serve.get_deployment_handle("gateways", APP).broadcast("counted")
        for counted in told.results(timeout_s=ANSWER_S):
            calls.update(counted)
    return Health(
        nodes[True],
        nodes[False],
        {
            name: {str(getattr(state, "value", state)): count for state, count in one.replica_states.items()}
            for name, one in deployments.items()
        },
        {name: one.message for name, one in deployments.items() if one.status != HEALTHY},
        {str(state): count for state, count in status.states.items()},
        status.building,
        dict(status.failures),
        dict(calls),
    )


def remember(settings: Settings, address: str) -> Path:
    """Write down where the cluster of this machine is, for `goldrank fleet status`; return the file."""
    file = settings.cache / FOLDER / _WHERE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(address, encoding="utf-8")
    return file


def remembered(settings: Settings) -> str:
    """Return where the cluster of this machine is.

    Raises:
        GoldrankError: None was started here.
    """
    try:
        return (settings.cache / FOLDER / _WHERE).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise GoldrankError(
            "no fleet was started on this machine",
            remedy="goldrank fleet up starts one; --address names another",
        ) from error


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
