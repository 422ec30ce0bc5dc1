"""What can be wrong with an installation and with clients' files, and the command that fixes it."""

import importlib.metadata
import os
import shlex
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

import goldrank_launcher
from mcp_server.clients import config_entry, registry
from mcp_server.clients.registry import Surroundings
from mcp_server.commands import check_repository
from mcp_server.commands.check_repository import Diagnosis, Verdict
from mcp_server.commands.options import (
    ROOT,
    counted,
    settings_of,
    with_common,
    with_model,
    with_shared_indexes,
)
from mcp_server.messages import replies
from mcp_server.protocol import logs
from mcp_server.serving.workspace import default_root
from mcp_server.terminal.usage import examples
from retrieval import installation
from retrieval.chunks import definitions, parser_pool
from retrieval.errors import (
    ArgumentError,
    CheckError,
    GoldrankError,
    ModelError,
    ParserError,
    RootError,
    SharedIndexError,
)
from retrieval.files import languages, secret_masking
from retrieval.publishing import probe
from retrieval.publishing.place import Place
from retrieval.rerank import exported_model, model_loading, model_versions
from retrieval.rerank.model_loading import download
from retrieval.settings import CONFIG_FILE, Settings

LEAST_FREE_BYTES = 500_000_000  # the index of 100,000 chunks takes 54 MB, and an update writes beside it
_COLOURS: Mapping[Verdict, str] = {"ok": "green", "warning": "yellow", "failure": "red"}
_OURS = ("mcp_server", "retrieval")
_REPORTED = (
    "mcp",
    "tantivy",
    "tree-sitter",
    "onnxruntime",
    "rank-bm25",
    "numpy",
)


def examine(settings: Settings) -> Iterator[Diagnosis]:
    """Run every check, cheapest first."""
    checks: tuple[Callable[[Settings], Diagnosis | Iterator[Diagnosis]], ...] = (
        _python, _packages, _extras, _names, _shadows, _git, _config, _log, _cache, _shared, _grammars,
        _detector, _model, _promoted,
    )  # fmt: skip
    for check in checks:
        found = check(settings)
        yield from [found] if isinstance(found, Diagnosis) else found


def _python(_settings: Settings) -> Diagnosis:
    return Diagnosis(
        "python", "ok", f"{sys.version.split()[0]} in {sys.prefix}, SQLite {sqlite3.sqlite_version}"
    )


def _packages(_settings: Settings) -> Diagnosis:
    versions, missing = [], []
    for name in _REPORTED:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = f"install goldrank again: {installation.again()}"
        return Diagnosis("packages", "failure", f"missing: {', '.join(missing)}", remedy)
    return Diagnosis("packages", "ok", ", ".join(versions))


def _extras(_settings: Settings) -> Iterator[Diagnosis]:
    """Report what is optional; serving with the embedded model needs none of it."""
    for extra, libraries in installation.LIBRARIES.items():
        purpose, absent = installation.PURPOSES[extra], installation.missing(extra)
        if not absent:
            versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in libraries)
            yield Diagnosis(f"extra {extra}", "ok", f"installed; {purpose}: {versions}")
            continue
        some = f", lacks {', '.join(absent)}" if len(absent) < len(libraries) else ""
        command = f"to add it: {installation.with_extra(extra)}"
        yield Diagnosis(f"extra {extra}", "ok", f"not installed{some}; {purpose}", command)


def _names(_settings: Settings) -> Diagnosis:
    """Our two import names are generic: another distribution may own them in a shared environment."""
    owners = importlib.metadata.packages_distributions()
    clashes = sorted(
        {f"{owner} ({name})" for name in _OURS for owner in owners.get(name, []) if owner != "goldrank"}
    )
    if clashes:
        remedy = "give goldrank an environment of its own: pipx install goldrank, or uv tool install goldrank"
        return Diagnosis("package names", "failure", f"also owned by {', '.join(clashes)}", remedy)
    return Diagnosis("package names", "ok", f"{' and '.join(_OURS)} belong to goldrank alone")


def _shadows(_settings: Settings) -> Diagnosis:
    """PYTHONPATH and, for `python -m`, the working folder come before what is installed."""
    dropped = [entry for entry in os.environ.get(goldrank_launcher.DROPPED, "").split(os.pathsep) if entry]
    here = Path(goldrank_launcher.__file__).parent
    shadows = [
        str(Path(entry, name))
        for entry in dict.fromkeys([*dropped, os.curdir])
        for name in _OURS
        if not _is_same(Path(entry), here)
        and (Path(entry, name).is_dir() or Path(entry, f"{name}.py").is_file())
    ]
    ignored = f"PYTHONPATH is ignored: {os.pathsep.join(dropped)}" if dropped else "no PYTHONPATH is set"
    if shadows:
        remedy = "start it as goldrank, never as python -m mcp_server: that would run those instead"
        return Diagnosis("own code", "warning", f"{ignored}; named like ours: {', '.join(shadows)}", remedy)
    return Diagnosis("own code", "ok", f"runs from {here}; {ignored}")


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _git(_settings: Settings) -> Diagnosis:
    found = shutil.which("git")
    if found:
        return Diagnosis("git", "ok", found)
    remedy = "install git to have its own ignore rules and the commit in replies"
    return Diagnosis("git", "warning", "not found; goldrank reads the .gitignore files itself", remedy)


def _config(_settings: Settings) -> Diagnosis:
    state = "read" if CONFIG_FILE.exists() else "absent, so the defaults hold"
    return Diagnosis("configuration", "ok", f"{CONFIG_FILE} ({state})")


def _log(settings: Settings) -> Diagnosis:
    if not settings.log_file:
        return Diagnosis("log", "ok", f"{settings.log_level} and above go to standard error")
    try:
        logs.open_file(Path(settings.log_file).expanduser()).close()
    except OSError as error:
        remedy = "name a file that you may write: --log-file FILE or GOLDRANK_LOG_FILE=FILE"
        return Diagnosis("log", "failure", f"{settings.log_file}: {error.strerror}", remedy)
    return Diagnosis("log", "ok", f"{settings.log_level} and above also go to {settings.log_file}")


def _cache(settings: Settings) -> Diagnosis:
    try:
        settings.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.cache):
            pass
    except OSError as error:
        remedy = "name a folder you may write: --cache DIR or GOLDRANK_CACHE=DIR"
        return Diagnosis("cache folder", "failure", f"{settings.cache}: {error.strerror}", remedy)
    free = shutil.disk_usage(settings.cache).free
    detail = f"{settings.cache} ({free // 1_000_000:,} MB free)"
    if free < LEAST_FREE_BYTES:
        remedy = "run goldrank clean, with --all for everything; or name another folder: --cache DIR"
        return Diagnosis("cache folder", "warning", detail, remedy)
    return Diagnosis("cache folder", "ok", detail)


def _shared(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the place of shared indexes can be used; without one, nothing is said."""
    if not settings.shared_indexes:
        return
    try:
        place = Place(settings.shared_indexes)
        seconds = probe.round_trip(place)
    except (ArgumentError, SharedIndexError) as error:
        detail = f"{error.fact}; every index is built on this machine"
        yield Diagnosis("shared indexes", "warning", detail, error.remedy)
        return
    yield Diagnosis("shared indexes", "ok", f"{place.url} can be read and written, in {seconds:.1f} s")


def _grammars(_settings: Settings) -> Diagnosis:
    broken = []
    for language in languages.names():
        try:
            tree = definitions.parse(language, b"")
            if tree:
                definitions.definitions(language, tree)
        except Exception as error:  # noqa: BLE001 - it fails in its own ways, in Rust
            broken.append(f"{language} ({type(error).__name__})")
    if broken:
        remedy = f"install goldrank and its grammars again: {installation.again()}"
        return Diagnosis("grammars", "failure", f"do not load: {', '.join(broken)}", remedy)
    try:
        parsed = parser_pool.cut("a.py", "def f(): pass\n")
    except ParserError as error:
        return Diagnosis("grammars", "failure", str(error), "ulimit -u and -v tell this user's limits")
    if parsed.note:
        return Diagnosis(
            "grammars", "failure", f"the process that parses fails: {parsed.note}", installation.again()
        )
    return Diagnosis("grammars", "ok", "all load without a network; the process that parses can be started")


def _detector(_settings: Settings) -> Diagnosis:
    """Without it nothing is indexed: an index must not hold what it would have masked."""
    try:
        secret_masking.prepare()
    except Exception as error:  # noqa: BLE001 - it fails in its own ways, in Rust
        remedy = f"install goldrank and its detector again: {installation.again()}"
        return Diagnosis("secrets", "failure", f"the detector does not load: {error}", remedy)
    return Diagnosis("secrets", "ok", "the detector loads without a network")


def _model(settings: Settings) -> Diagnosis:
    if not settings.model or settings.rerank_weight == settings.rerank_tool_weight == 0:
        return Diagnosis("model", "ok", "reranking is off")
    weights = f"{settings.rerank_weight:g} in rag_search, {settings.rerank_tool_weight:g} in rag_rerank"
    exported = exported_model.folder_of(settings.model)
    if exported:
        return _exported(settings.model, exported, weights)
    if installation.missing("hub"):
        detail = f"{settings.model} needs goldrank[hub]: BM25 alone will rank"
        return Diagnosis("model", "warning", detail, installation.with_extra("hub"))
    if model_loading.is_on_disk(settings.model, revision=settings.model_revision):
        return Diagnosis("model", "ok", f"{settings.model}, weight {weights}")
    remedy = "goldrank doctor --download-model, or name a folder: --model DIR or GOLDRANK_MODEL=DIR"
    return Diagnosis(
        "model", "warning", f"{settings.model} is not on this machine: BM25 alone will rank", remedy
    )


def _exported(model: str, folder: Path, weights: str) -> Diagnosis:
    try:
        manifest = exported_model.read_manifest(folder)
    except ModelError as error:
        return Diagnosis("model", "failure", f"{model}: {error.fact}; BM25 alone will rank", error.remedy)
    return Diagnosis(
        "model", "ok", f"{model} ({manifest.name}, {manifest.digest}, no torch), weight {weights}"
    )


def _promoted(settings: Settings) -> Diagnosis:
    """Check the promoted model: if it is broken the base model serves, and nobody may notice."""
    serving, needing_hub, broken = 0, 0, []
    for where in model_versions.stores(settings.models):
        try:
            name = model_versions.current(where)
            if name is not None:
                serving += 1
                version = model_versions.read_version(where, name)
                model_versions.verify(version)
                needing_hub += not exported_model.is_exported(version.folder)
        except ModelError as error:
            broken.append((where.root, error))
    models = f"{serving} promoted model{'s' * (serving != 1)}"
    held = f"{settings.models}, serving: {models}, {check_repository.learned_orders(settings.models)}"
    if broken:
        remedy = "; ".join(f"goldrank rollback --repo {shlex.quote(str(root))}" for root, _ in broken)
        said = "; ".join(f"{root}: {error}" for root, error in broken)
        return Diagnosis("promoted models", "warning", f"{held}; {said}", remedy)
    if needing_hub and installation.missing("hub"):
        detail = f"{held}; without goldrank[hub] the base model serves"
        return Diagnosis("promoted models", "warning", detail, installation.with_extra("hub"))
    return Diagnosis("promoted models", "ok", held)


def of_clients(around: Surroundings) -> Iterator[Diagnosis]:
    """Check what each configured client would start, and where."""
    for client in registry.CLIENTS:
        try:
            held = config_entry.entry_in(client, around)
        except GoldrankError as error:
            yield Diagnosis(
                client.title, "warning", str(error), f"mend it, then: goldrank init {client.name}"
            )
            continue
        if held is not None:
            yield _client(client, held, around)


def _client(client: registry.Client, held: object, around: Surroundings) -> Diagnosis:
    program, roots = registry.program(client, held), registry.roots_of(client, held)
    remedy = f"goldrank init {client.name}"
    if not program or not shutil.which(program, path=around.path):
        said = repr(program) if program else "no command"
        return Diagnosis(client.title, "failure", f"it is to start {said}, which cannot be started", remedy)
    gone = [root for root in roots if not root.startswith("$") and not Path(root).is_dir()]
    if gone:
        return Diagnosis(client.title, "failure", f"it is to serve {', '.join(gone)}: no such folder", remedy)
    return Diagnosis(client.title, "ok", f"it starts {program}")


@click.command(epilog=examples("goldrank doctor", "goldrank doctor ~/src/api"))
@click.argument("roots", nargs=-1, type=ROOT)
@click.option("--log-file", help="Check that this file can be logged to.")
@click.option("--download-model", is_flag=True, help="Fetch the cross-encoder; the only use of the network.")
@with_shared_indexes
@with_model
@with_common
def doctor(roots: Sequence[Path], download_model: bool, **flags: Any) -> None:
    """Check this installation, ROOTS and your clients' files; print the command that fixes each problem.

    Without ROOTS, checks the repository around the working folder, if there is one.
    """
    settings = settings_of(**flags)
    if download_model and exported_model.folder_of(settings.model):
        click.echo(f"model          {settings.model} is in the package: nothing to download")
    elif download_model:
        click.echo(f"downloading {settings.model} …", err=True)
        click.echo(f"model          {download(settings.model, revision=settings.model_revision)}")
    failures = 0
    for finding in _examined(list(roots), settings):
        verdict = click.style(f"{finding.verdict:<8}", fg=_COLOURS[finding.verdict])
        click.echo(f"{verdict} {replies.clean(f'{finding.subject:<14} {finding.detail}')}")
        if finding.remedy:
            click.echo(f"{'':8} {'':14} -> {click.style(finding.remedy, bold=True)}")
        failures += finding.verdict == "failure"
    if failures:
        raise CheckError(f"{counted(failures, 'check')} failed")


def _examined(roots: Sequence[Path], settings: Settings) -> Iterator[check_repository.Diagnosis]:
    if not roots:
        with suppress(RootError):
            roots = [default_root(os.environ, Path.cwd())]
    yield from examine(settings)
    for root in roots:
        yield from check_repository.examine(root, settings)
        yield from of_clients(registry.surroundings(root, os.environ))
