"""Several Ray nodes on loopback, each its own processes, and a fleet on them; a line says what runs.

    python -m benchmarks.http.fleet_nodes NODES PORT PLACE LIST CACHE [--every-tenth-fails] \
        [--token-file FILE --rights FILE --webhook-secret-file FILE]

`benchmarks.http.fleet` starts this and kills parts of it. It prints a line of JSON when the fleet runs: the
process ids of the GCS and of each node's raylet, the head first. The line `add` on standard input adds one.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from mcp_server.fleet import cluster
from retrieval.settings import Settings, load_settings

FAILS_EVERY = 10
CPUS_A_NODE = 4
ENTRANCE = ("token_file", "rights", "webhook_secret_file")


class EveryTenthFails(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """Files of this machine behind requests, of which every tenth fails, as an object store's may."""

    protocol = "tenth"
    cachable = False
    requests = 0

    def __init__(self, **options: Any) -> None:
        """Write into folders that are made when needed, as object stores do."""
        super().__init__(**{**options, "auto_mkdir": True})

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return str(LocalFileSystem._strip_protocol(str(path).removeprefix("tenth://")))  # noqa: SLF001

    def _request(self) -> None:
        kind = type(self)
        kind.requests += 1
        if kind.requests % FAILS_EVERY == 0:
            raise OSError(5, f"request {kind.requests} failed")

    def _open(self, path: Any, mode: str = "rb", **options: Any) -> Any:
        self._request()
        return super()._open(path, mode, **options)

    def ls(self, path: Any, detail: bool = False, **options: Any) -> Any:
        """Count this as one request, as an object store lists a thousand objects."""
        self._request()
        return LocalFileSystem().ls(path, detail=detail, **options)

    def info(self, path: Any, **options: Any) -> Any:
        """Count this as a request."""
        self._request()
        return super().info(path, **options)


def let_requests_fail() -> None:
    """Make the storage known to a process; every process of the cluster calls this when it begins."""
    fsspec.register_implementation("tenth", EveryTenthFails, clobber=True)


def main() -> None:
    """Start the nodes and the fleet, and wait."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nodes", type=int)
    parser.add_argument("port", type=int)
    for name in ("place", "list", "cache"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--every-tenth-fails", action="store_true")
    for name in ENTRANCE:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path)
    given = parser.parse_args()
    place = f"tenth://{given.place}" if given.every_tenth_fails else str(given.place)
    flags = {"cache": given.cache, "fleet": given.list, "shared_indexes": place}
    entrance = {"http": str(given.port), **{name: getattr(given, name) for name in ENTRANCE}}
    run(load_settings(flags, environment=os.environ), given.nodes, entrance, fails=given.every_tenth_fails)


def run(settings: Settings, nodes: int, entrance: Mapping[str, Any], *, fails: bool) -> None:
    """Start the nodes and the fleet; then add a node for each line that says so, until there is no more."""
    cluster.prepare(settings, is_alone=True)
    let_requests_fail()
    import ray  # noqa: PLC0415 - it reads the environment, which is set above
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - likewise

    from mcp_server.fleet.app import checked, plan_of  # noqa: PLC0415 - likewise

    folder = tempfile.mkdtemp(prefix="fleet-")
    os.environ["RAY_TMPDIR"] = folder  # else it notes in a folder of all users which cluster runs
    Path(folder, "ray").mkdir()
    each: dict[str, Any] = {
        "num_cpus": CPUS_A_NODE,
        "include_dashboard": False,
        "node_ip_address": "127.0.0.1",
    }
    machines: Any = Cluster(initialize_head=True, head_node_args={**each, "temp_dir": f"{folder}/ray"})
    raylets = [_raylet(machines.head_node)]
    raylets += [_raylet(machines.add_node(**each)) for _ in range(nodes - 1)]
    hook = {"worker_process_setup_hook": f"benchmarks.http.fleet_nodes.{let_requests_fail.__name__}"}
    ray.init(
        address=machines.address,
        namespace=cluster.FOLDER,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env=hook if fails else {},
    )
    plan = checked(plan_of({**entrance, "searchers": nodes + 1, "builders": 1, "rate_limit": 0}, settings))
    cluster.deploy(plan, host="127.0.0.1", port=int(entrance["http"]), is_alone=True)
    gcs = machines.head_node.all_processes["gcs_server"][0].process.pid
    print(json.dumps({"gcs": gcs, "raylets": raylets}), flush=True)
    for line in sys.stdin:
        if line.strip() == "add":
            print(json.dumps({"raylets": [_raylet(machines.add_node(**each))]}), flush=True)
        if line.strip() == "end":
            break
    ray.shutdown()
    machines.shutdown()


def _raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


if __name__ == "__main__":
    main()
