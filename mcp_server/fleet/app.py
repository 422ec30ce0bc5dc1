"""Which deployments make a fleet, how each runs, and what of it a Kubernetes manifest may set."""

import importlib.metadata
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ray import serve
from ray.serve import Application

from mcp_server.fleet.building import Builder
from mcp_server.fleet.gateway import Gateway, access_of
from mcp_server.fleet.plan import Entrance, Plan, Sizes, cores, sizes_for
from mcp_server.fleet.planner import Planner
from mcp_server.fleet.reader import Reader
from mcp_server.fleet.router import Router
from mcp_server.fleet.searcher import QUEUED, SEARCHES_AT_ONCE, Searcher
from mcp_server.fleet.visible import Visible
from mcp_server.http.address import names_of, read_address, read_public_url
from mcp_server.http.rate_limit import PER_MINUTE
from mcp_server.serving.model_choice import base_stage
from retrieval.errors import ArgumentError
from retrieval.settings import Settings, load_settings

# A replica that does not say that it is well for so long is replaced. Health is answered on the loop, beside
# the threads that work, but a core that indexes may be late.
HEALTH = {"health_check_period_s": 3.0, "health_check_timeout_s": 10.0}
GOODBYE_S = 2.0  # for calls of a replica that is replaced

CPUS: Mapping[str, float] = {
    "searchers": 0.5,
    "readers": 0.5,
    "builders": 0.5,
    "routers": 0.1,
    "gateways": 0.2,
}
"""What each replica reserves of a core, so that a machine gets some of each; nothing enforces it."""
PLANNER_CPUS = 0.1
MOST_REQUESTS = 512  # of one gateway; each waits for searchers most of the time
MOST_READINGS = 32  # steps that one reader has waiting

_FILES = ("rights", "token_file", "webhook_secret_file", "audit_log")


def application(plan: Plan) -> Application:
    """Bind the deployments of a fleet to each other."""
    sizes, settings = plan.sizes, plan.settings
    builders = _deployed(Builder, sizes.builders, "builders", max_ongoing_requests=1).bind(plan)
    planner = _deployed(Planner, 1, "planner").bind(plan, builders)
    readers = None
    if base_stage(settings):
        readers = _deployed(Reader, sizes.readers, "readers", max_ongoing_requests=MOST_READINGS).bind(
            settings
        )
    searchers = _deployed(
        Searcher,
        sizes.searchers,
        "searchers",
        max_ongoing_requests=2 * SEARCHES_AT_ONCE,
        max_queued_requests=QUEUED * sizes.searchers,
    ).bind(plan, readers)
    routers = _deployed(Router, sizes.routers, "routers", max_ongoing_requests=MOST_REQUESTS).bind(plan)
    bound: Application = _deployed(
        Gateway, sizes.gateways, "gateways", max_ongoing_requests=MOST_REQUESTS
    ).bind(plan, searchers, routers, planner)
    return bound


def cpus_of(sizes: Sizes) -> float:
    """Return how many logical cores the replicas of a fleet reserve."""
    return PLANNER_CPUS + sum(float(getattr(sizes, kind)) * share for kind, share in CPUS.items())


def checked(plan: Plan) -> Plan:
    """Check all that can be wrong before anything is started.

    Raises:
        ArgumentError: Indexes are not shared, the list has no URL, or a file is wrong.
    """
    if not plan.settings.shared_indexes:
        raise ArgumentError(
            "a fleet takes its indexes from a shared place, and none is named",
            remedy="name one with --shared-indexes: a folder that all machines mount, or s3://bucket/goldrank",
        )
    if not Visible(plan).sources():
        raise ArgumentError(f"{plan.settings.fleet} lists no URL", remedy="add one: goldrank fleet add URL")
    access_of(plan)
    return plan


def build(args: Mapping[str, Any]) -> Application:
    """Make the application from the `args` of a Serve configuration; KubeRay calls this on the head node.

    Settings come from GOLDRANK_* variables of the pods. The keys are the options of `goldrank fleet up`, with
    `_` for `-`: `http`, `public_url`, `token_file`, `issuer`, `rate_limit`, `webhook_secret_file`,
    `audit_log`, `rights`, `searchers`, `readers`, `builders`, `routers`, `gateways`, `open`.

    Raises:
        ArgumentError: A key or a value is wrong.
    """
    known = {*(item.name for item in fields(Sizes)), *_FILES, "http", "public_url", "issuer", "rate_limit"}
    if unknown := sorted(set(args) - known):
        raise ArgumentError(
            f"{unknown[0]!r} is no option of a fleet", remedy=f"known are {', '.join(sorted(known))}"
        )
    return application(checked(plan_of(args, load_settings({}, environment=os.environ))))


def plan_of(given: Mapping[str, Any], settings: Settings) -> Plan:
    """Make the plan of options; one that is missing or None has its default.

    Raises:
        ArgumentError: The address or the URL is wrong, or strangers could ask.
    """
    told = {name: value for name, value in given.items() if value is not None}
    files = {name: Path(told[name]).expanduser().absolute() for name in _FILES if name in told}
    address = read_address(str(told.get("http", "8765")))
    public_url = read_public_url(told["public_url"]) if "public_url" in told else ""
    issuer = str(told.get("issuer", ""))
    if not address.is_loopback and not ("token_file" in files or issuer):
        raise ArgumentError(
            f"other machines reach {address.netloc}",
            remedy="name who may ask with --token-file or --issuer, or listen at 127.0.0.1",
        )
    if (issuer or not address.is_loopback) and not public_url:
        raise ArgumentError(
            f"clients may know {address.netloc} by any name",
            remedy="name the one they use: --public-url https://code.example.com/mcp",
        )
    if "rights" in files and not ("token_file" in files or issuer):
        raise ArgumentError(
            "--rights needs to know who asks", remedy="add --token-file FILE, or --issuer and --public-url"
        )
    names = names_of(address, public_url)
    sizes = sizes_for(cores(), open_repositories=settings.max_open_repositories)
    chosen = {item.name: int(told[item.name]) for item in fields(Sizes) if item.name in told}
    entrance = Entrance(
        names.hosts,
        names.origins,
        files.get("token_file"),
        issuer,
        public_url,
        int(told.get("rate_limit", PER_MINUTE)),
        files.get("webhook_secret_file"),
        files.get("audit_log"),
    )
    version = importlib.metadata.version("goldrank")
    return Plan(settings, replace(sizes, **chosen), files.get("rights"), entrance, version)


def _deployed(kind: type[Any], replicas: int, name: str, **options: Any) -> Any:
    chosen: dict[str, Any] = {**HEALTH, **options}
    return serve.deployment(
        name=name,
        num_replicas=replicas,
        ray_actor_options={"num_cpus": CPUS.get(name, PLANNER_CPUS)},
        graceful_shutdown_timeout_s=GOODBYE_S,
        graceful_shutdown_wait_loop_s=GOODBYE_S / 4,
        **chosen,
    )(kind)
