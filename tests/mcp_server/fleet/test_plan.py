"""What a fleet is made of, checked before anything starts; and the manifest for Kubernetes, offline."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with Ray
from ray.serve.schema import ServeDeploySchema

from mcp_server.fleet.app import CPUS, application, build, checked, cpus_of, plan_of
from mcp_server.fleet.plan import sizes_for
from retrieval.errors import ArgumentError
from retrieval.settings import Settings, load_settings

ROOT = Path(__file__).parents[3]
MANIFEST = ROOT / "deploy" / "kuberay.yaml"
# The fields of ray.io/v1 RayService that the manifest uses (KubeRay 1.3, its CRD).
FIELDS = {
    "": {"apiVersion", "kind", "metadata", "spec"},
    "spec": {
        "serviceUnhealthySecondThreshold",
        "deploymentUnhealthySecondThreshold",
        "serveConfigV2",
        "rayClusterConfig",
    },
    "spec.rayClusterConfig": {"rayVersion", "headGroupSpec", "workerGroupSpecs"},
    "spec.rayClusterConfig.headGroupSpec": {"rayStartParams", "template", "serviceType"},
    "spec.rayClusterConfig.workerGroupSpecs": {
        "groupName",
        "replicas",
        "minReplicas",
        "maxReplicas",
        "rayStartParams",
        "template",
    },
}


@pytest.fixture(name="settings")
def settings_fixture(tmp_path: Path) -> Settings:
    """Settings of a fleet that could start."""
    (tmp_path / "fleet.txt").write_text("https://git.example.com/open/tools\n", encoding="utf-8")
    (tmp_path / "place").mkdir()
    return Settings(
        cache=tmp_path / "cache", fleet=tmp_path / "fleet.txt", shared_indexes=str(tmp_path / "place")
    )


def test_every_machine_has_room_for_one_replica_of_each_kind() -> None:
    """A replica for which no core is left would wait for ever."""
    for cores in (1, 2, 3, 8, 64):
        sizes = sizes_for(cores, open_repositories=32)
        assert min(sizes.searchers, sizes.readers, sizes.builders, sizes.routers, sizes.gateways) >= 1
        assert cpus_of(sizes) <= max(cores, 2)


def test_all_deployments_are_bound(settings: Settings) -> None:
    """What is not bound is not started, and nobody answers."""
    plan = checked(plan_of({"searchers": 3}, settings))
    assert plan.sizes.searchers == 3
    assert application(plan) is not None
    assert set(CPUS) == {"searchers", "readers", "builders", "routers", "gateways"}


def test_what_is_missing_is_named_before_anything_starts(settings: Settings, tmp_path: Path) -> None:
    """A cluster that is up, and then refuses every call, is found out by users."""
    empty = tmp_path / "none.txt"
    for wrong, said in (
        (replace(settings, shared_indexes=""), "name one with --shared-indexes"),
        (replace(settings, fleet=empty), "goldrank fleet add URL"),
    ):
        with pytest.raises(ArgumentError) as found:
            checked(plan_of({}, wrong))
        assert said in str(found.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"http": "0.0.0.0:8765"}, "name who may ask with --token-file or --issuer"),
        ({"http": "0.0.0.0:8765", "token_file": "t"}, "name the one they use: --public-url"),
        ({"issuer": "https://login.example.com"}, "--public-url"),
        ({"rights": "rights.toml"}, "--rights needs to know who asks"),
        ({"http": "everywhere"}, "is no address"),
    ],
)
def test_a_fleet_is_not_open_to_strangers(settings: Settings, given: dict[str, str], said: str) -> None:
    """The rules of a server of one machine hold for many."""
    with pytest.raises(ArgumentError) as found:
        plan_of(given, settings)
    assert said in str(found.value)


def test_an_unknown_option_of_a_serve_configuration_is_named() -> None:
    """A typing error in a manifest must not leave the default in place."""
    with pytest.raises(ArgumentError, match="'serchers' is no option of a fleet"):
        build({"serchers": 3})


def manifest() -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the two documents of the manifest."""
    config, service = yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8"))
    return config, service


def test_the_manifest_uses_only_fields_that_kuberay_knows() -> None:
    """Kubernetes refuses a manifest with a field that its definition lacks."""
    _, service = manifest()
    assert (service["apiVersion"], service["kind"]) == ("ray.io/v1", "RayService")
    for path, known in FIELDS.items():
        found: Any = service
        for part in path.split(".") if path else ():
            found = found[part]
        for one in found if isinstance(found, list) else [found]:
            assert set(one) <= known, path


def test_the_manifest_starts_the_fleet_with_options_that_it_has(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest is checked by what reads it: Ray's schema, and the function that it names."""
    config, service = manifest()
    told = ServeDeploySchema.model_validate(yaml.safe_load(service["spec"]["serveConfigV2"]))
    (app,) = told.applications
    assert app.import_path == f"{build.__module__}:{build.__name__}"
    args = dict(app.args)
    assert args["http"] == f"{told.http_options.host}:{told.http_options.port}"
    for name, text in {"token_file": f"ann {'t' * 32}\n", "webhook_secret_file": "f00d" * 8}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
        args[name] = str(tmp_path / name)
    (tmp_path / "rights.toml").write_text(config["data"]["rights.toml"], encoding="utf-8")
    args["rights"] = str(tmp_path / "rights.toml")
    monkeypatch.setenv("GOLDRANK_SHARED_INDEXES", settings.shared_indexes)
    monkeypatch.setenv("GOLDRANK_FLEET", str(settings.fleet))
    assert build(args) is not None


def test_the_pods_of_the_manifest_agree_with_each_other() -> None:
    """A variable, a mount or a port that only one of them has is found at night."""
    config, service = manifest()
    cluster = service["spec"]["rayClusterConfig"]
    head = cluster["headGroupSpec"]["template"]["spec"]
    workers = [group["template"]["spec"] for group in cluster["workerGroupSpecs"]]
    (container,) = head["containers"]
    names = {one["name"]: one.get("value") for one in container["env"]}
    known = {f"GOLDRANK_{name.upper()}" for name in Settings.__dataclass_fields__}
    assert {name for name in names if name.startswith("GOLDRANK_")} <= known
    assert names["RAY_AUTH_MODE"] == "token"
    assert Path(str(names["GOLDRANK_FLEET"])).name in config["data"]
    for pod in (head, *workers):
        (own,) = pod["containers"]
        assert own["image"] == container["image"]
        assert own["env"] == container["env"]
        assert {mount["name"] for mount in own["volumeMounts"]} == {
            volume["name"] for volume in pod["volumes"]
        }
    port = yaml.safe_load(service["spec"]["serveConfigV2"])["http_options"]["port"]
    assert port in {one["containerPort"] for one in container["ports"]}
    minimum = re.search(r'"ray\[serve\]>=([\d.]+)', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert minimum
    assert cluster["rayVersion"].startswith(minimum[1])
    assert load_settings({}, environment={}) is not None
