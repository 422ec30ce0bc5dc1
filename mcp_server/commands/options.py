"""What several commands share: options, settings, an open repository."""

import logging
import math
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from mcp_server.messages.visibility import clean
from mcp_server.serving.repository_pool import open_repository
from mcp_server.terminal.colour import with_color
from mcp_server.terminal.progress import progress_of, waiting
from retrieval import ownership
from retrieval.errors import ArgumentError, CacheError, MirrorError, shorten
from retrieval.files import git
from retrieval.files.ignores import MANY
from retrieval.mirrors.mirror import Mirror
from retrieval.mirrors.source import Root, Source, meant_url, read_root
from retrieval.settings import Settings, load_settings
from retrieval.sync.repository import Repository
from retrieval.sync.sync import Refresh

if TYPE_CHECKING:
    from retrieval.training.golden.golden_file import Golden

FOLDER = click.Path(path_type=Path)


class _Root(click.Path):
    """A folder; inside a repository, the repository around it, as `goldrank serve` takes it."""

    takes_urls = False

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        """Take the repository around a folder, and say so.

        Raises:
            ArgumentError: It is a URL, and the command needs files on disk; or the URL is not served, or its
                protocol is missing.
        """
        root = read_root(str(value))
        if isinstance(root, Source):
            if self.takes_urls:
                return root
            raise ArgumentError(
                f"{shorten(str(value))} has no files on this disk, which this command needs",
                remedy="clone the repository and name the clone",
            )
        if self.takes_urls and (meant := meant_url(str(value))) and not root.expanduser().exists():
            raise ArgumentError(f"{shorten(str(value))} is not a folder", remedy=f"did you mean {meant}?")
        takes_paths = ctx is not None and any("--path" in option.opts for option in ctx.command.params)
        return repository_around(
            Path(value), hint="; --path {inside}/ limits a search to the folder" if takes_paths else ""
        )


class _Roots(click.Path):
    """What `goldrank serve` serves: a folder as it is, or a URL."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        """Read a folder, which need not exist yet, or a URL.

        Raises:
            ArgumentError: The URL is not served.
        """
        return read_root(str(value))


class _Served(_Root):
    """A folder, as above, or the URL of a repository that is served without a work tree."""

    takes_urls = True


def repository_around(folder: Path, *, hint: str = "") -> Path:
    """Return the repository around a folder, and say so where it is another folder.

    Args:
        folder: Any folder; one that does not exist is returned as it is.
        hint: More to say; `{inside}` stands for the folder's path in the repository.
    """
    if not folder.is_dir():
        return folder
    top = git.around(folder)
    if top != folder:
        inside = folder.resolve().relative_to(top).as_posix()
        told = f"goldrank: {folder} is in the repository {top}: using the whole repository"
        click.echo(clean(told + hint.format(inside=inside)), err=True)
    return top


ROOT = _Root()
SERVED = _Served()
SERVED_AS_NAMED = _Roots()
FILE = click.Path(path_type=Path, dir_okay=False)
GOLDEN = "golden.json"
NOTHING_FOUND = 1  # as of grep; a check that finds something wrong ends with it too
_WORK = re.compile(
    r"lock|tuned(\.partial)?|(base|fold)-[0-9a-f]{16}\.(json|new)|model-[0-9a-f]{16}(\.partial)?"
)
Command = Callable[..., Any]

with_models = click.option(
    "--models", type=FOLDER, help="Folder of all promoted models. [default: in your data folder]"
)


with_links = click.option(
    "--follow-links/--no-follow-links",
    default=None,
    help="Follow links to files and folders inside the repositories that are searched. [default: no]",
)


def with_common(command: Command) -> Command:
    """Add the options that every command takes."""
    for option in (
        with_color,
        click.option("--cache", type=FOLDER, help="Folder of all indexes. [default: your cache folder]"),
        click.option("--log-level", help="DEBUG, INFO, WARNING or ERROR. [default: WARNING]"),
    ):
        command = option(command)
    return command


def with_model(command: Command) -> Command:
    """Add the options of a command that may rerank."""
    for option in (
        click.option(
            "--rerank-deadline-s", type=float, help="Seconds the cross-encoder may take. [default: 8]"
        ),
        click.option(
            "--rerank-depth", type=int, help="How many candidates the cross-encoder reads. [default: 30]"
        ),
        click.option(
            "--rerank-tool-weight",
            type=float,
            help="Its share in the score of rag_rerank, 0 to 1. [default: 0.5]",
        ),
        click.option(
            "--rerank-weight",
            type=float,
            help="Its share in the score of a search, 0 to 1; 0 turns it off. [default: 0.2]",
        ),
        click.option(
            "--model",
            help='Cross-encoder: a folder, a hub id that was downloaded before, or "" for none. '
            "[default: the one inside]",
        ),
        with_models,
    ):
        command = option(command)
    return command


with_shared_indexes = click.option(
    "--shared-indexes",
    metavar="PLACE",
    help="Where machines share the indexes of URLs: a folder, or a URL such as s3://bucket/goldrank.",
)


def with_golden(command: Command) -> Command:
    """Add the options of a command on a repository and its golden file."""
    for option in (
        click.option(
            "--golden", "golden_path", type=FILE, help=f"Golden file. [default: {GOLDEN} in the repository]"
        ),
        click.option(
            "--repo", "root", type=ROOT, default=".", help="The repository. [default: the one around here]"
        ),
    ):
        command = option(command)
    return with_common(with_models(command))


def settings_of(**flags: Any) -> Settings:
    """Merge the flags with the environment and the file, and begin to log."""
    settings = load_settings(flags, environment=os.environ)
    logging.basicConfig(
        stream=sys.stderr, level=settings.log_level, format="%(levelname)s %(name)s: %(message)s"
    )
    return settings


def common_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the flags that `with_common` and `with_models` added."""
    return {name: flags.get(name) for name in ("cache", "models", "log_level")}


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write how many there are, in the words that people use.

    >>> counted(1, "check"), counted(1_200, "index", "indexes")
    ('1 check', '1,200 indexes')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def opened(
    root: Root, settings: Settings, *, yes: bool = False, fetch: Literal["now", "if due"] = "if due"
) -> Repository:
    """Open a repository; before a home folder or a whole disk is indexed, ask whether it is meant.

    A mirror is fetched if it is missing or due; if that fails, an earlier one serves, and replies say so.

    Raises:
        ArgumentError: It has more files than anyone indexes by accident.
        MirrorError: There is no mirror and it cannot be fetched, or it is to be fetched now and cannot be.
    """
    repository = open_repository(root, settings)
    if repository.mirror:
        _fetch(repository.mirror, 0.0 if fetch == "now" else settings.mirror_refresh_s or math.inf)
        return repository
    if yes or repository.store_folder.exists() or not repository.is_vast():
        return repository
    what = f"{repository.root} is not a git repository and holds more than {MANY:,} files"
    if sys.stdin.isatty() and sys.stderr.isatty():
        click.confirm(f"{what}; index all of them?", abort=True, err=True)
        return repository
    command = f"goldrank index {shlex.quote(str(repository.root))} --yes"
    raise ArgumentError(what, remedy=f"name a project, or index all of them: {command}")


def _fetch(mirror: Mirror, older_s: float) -> None:
    """Fetch a mirror that is missing, or that nobody tried to fetch for so many seconds."""
    if not mirror.is_older_than(older_s):
        return
    with progress_of("fetching", "%") as progress:
        try:
            mirror.refresh(progress=progress, if_older_s=older_s)
        except MirrorError:
            if not mirror.exists or not older_s:
                raise


def refreshed(root: Path, settings: Settings) -> Repository:
    """Open a repository and bring its index up to date."""
    repository = opened(root, settings)
    done = up_to_date(repository)
    if done.note:
        click.echo(done.note, err=True)
    return repository


def load_golden(golden_path: Path | None, repository: Repository) -> "Golden":
    """Read a golden file; by default the one in the repository."""
    from retrieval.training.golden import golden_file

    return golden_file.load(golden_path or repository.root / GOLDEN)


def require_golden(golden_path: Path | None, root: Path, *, instead: str) -> None:
    """Require a golden file before any work; `instead` is a command that needs none, in a sentence.

    Raises:
        ArgumentError: There is none.
    """
    file = golden_path or root / GOLDEN
    if not file.exists():
        raise ArgumentError(
            f"{file} does not exist",
            remedy='begin it with: goldrank golden add "question" path/to/answer; '
            f"or, without one, {instead}",
        )


def text_of(file: Path) -> str:
    """Read a text file that was named on the command line."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{file} cannot be read: {error}") from error


def up_to_date(repository: Repository) -> Refresh:
    """Bring the index up to date, read the commits before HEAD, and publish; a command waits for all."""
    with progress_of("indexing", "file") as progress:
        done = repository.refresh(progress=progress)
    with progress_of("reading commits", "commit") as progress:
        repository.read_past(progress=progress)
    if repository.is_shared and not done.pending:
        with waiting("publishing the index"):
            repository.publish()
    return done


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder of work for this process.

    Raises:
        ArgumentError: Another process works there.
        CacheError: The folder belongs to another program, or cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        ownership.claim(folder, is_ours=_is_work)
    except OSError as error:
        raise CacheError(
            f"{folder} cannot be written: {error.strerror}",
            remedy="name another cache folder: --cache DIR or GOLDRANK_CACHE=DIR",
        ) from error
    try:
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout as error:
        raise ArgumentError(
            f"another goldrank learns in {folder}", remedy="wait for it, or end it: what it computed is kept"
        ) from error


def _is_work(folder: Path) -> bool:
    """Recognise the folder of a learning that began before such folders were marked."""
    return all(_WORK.fullmatch(path.name) for path in folder.iterdir())
