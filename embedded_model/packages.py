"""Which packages of three registries the embedded model is trained on, and what their licences allow.

Training uses only packages whose own licence file is permissive, and no package that is or contains a
repository of a public code-search benchmark. Nothing in a package is run or installed.
"""

import email
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast, get_args

Registry = Literal["pypi", "npm", "debian", "deb"]
NAMES = Path(__file__).with_name("packages.txt")
CODE_LIMIT = 40_000_000  # bytes unpacked per package; the rest of a huge package is repetitive

EXCLUDED = re.compile(
    r"""abseil|acme\.?sh|aeson|aiohttp|alamofire|axios|axum|\bbats\b|\bcats\b|\bchi\b|circe|click|cobra|curl
    |dapper|\becto\b|ejs|elasticsearch|exposed|express|fastapi|fastify|flask|\bfmt\b|fmtlib|\bgin\b|gson|guzzle
    |hiredis|httpx|hono|http4s|jackson|jekyll|\bjq\b|json-hpp|nlohmann|\bkoin\b|koa|ktor|laravel|leveldb|libuv
    |lodash|messagepack|mini\.nvim|model2vec|monolog|newtonsoft|nextjs|\bnvm\b|okhttp|pandoc$|phoenix|\bplug\b
    |pydantic|pytest|\brack\b|rails|react$|redis|requests|retrofit|scikit|semble|serde|servant|sinatra|sphinx
    |starlette|svelte|telescope|tokio|trpc|typer|vapor|\bvite\b|\bvue\b|xmonad|zig|\bzls\b|\bzod\b
    |astropy|django|matplotlib|pylint|seaborn|sympy|xarray""",
    re.VERBOSE,
)
"""Names that a package may not have, whole or as a part: the benchmark's repositories and their like."""

_BUILT = frozenset(
    {
        "build",
        "dist",
        "lib",
        "cjs",
        "esm",
        "es6",
        "umd",
        "_cjs",
        "_esm",
        "_types",
        "lib.esm",
        "lib.commonjs",
        "full",
    }
)
"""Folders that packages of npm compile what lies in `src` beside them to."""

_FREE = re.compile(
    r"""expat|mit|x11|isc|bsd([ -]\d.*|\ .*)?|0bsd
    |apache(\ software)?([ -]?(license)?,?[ -]?(version\ )?2(\.0)?.*)?
    |zlib(/libpng)?|boost.*|bsl-1(\.0)?|psf.*|python.*|unlicense|cc0(-1\.0)?|hpnd|public[ -]domain|ruby
    |php(-3.*)?|blueoak-1\.0\.0|wtfpl|ncsa|unicode.*""",
    re.VERBOSE,
)
_EITHER = re.compile(r"\s+or\s+|\s*/\s*|\s*\|\s*")
_ALL = re.compile(r"\s+and\s+|,(?!\s*version)\s*|;\s*")


@dataclass(frozen=True, slots=True)
class Package:
    """A line of packages.txt: a package and its version in a registry.

    Attributes:
        registry: "debian" is a source package and "deb" a binary one, of the release that the machine runs.
        name: Its name as the registry spells it.
        version: Pinned for PyPI and npm; "" for Debian, which has one.
    """

    registry: Registry
    name: str
    version: str = ""

    @property
    def folder(self) -> str:
        """Return a folder name for its files."""
        return f"{self.registry}-{self.name.replace('/', '-').lstrip('@')}"


@dataclass(frozen=True, slots=True)
class Source:
    """A downloaded package.

    Attributes:
        version: The version that was downloaded.
        licence: The licence in its files, or "" if there is none.
        sha256: Hashes of its archives, in order.
        root: The folder of its files.
    """

    version: str
    licence: str
    sha256: tuple[str, ...]
    root: Path


def listed() -> list[Package]:
    """Read packages.txt: registry, name and version per line.

    Raises:
        ValueError: A name is excluded, or a line is invalid.
    """
    found = []
    for line in NAMES.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        registry, name, *version = words
        if EXCLUDED.search(name.lower()):
            raise ValueError(f"{name} is or holds what people compare code search on; take it out")
        if registry not in get_args(Registry):
            raise ValueError(f"{line!r} names no registry; write one of {', '.join(get_args(Registry))}")
        found.append(Package(cast("Registry", registry), name, *version))
    return found


def is_free(licence: str) -> bool:
    """Return whether a licence, as packages write it, is permissive; one permissive alternative is enough.

    >>> is_free("GPL-2+ or MIT"), is_free("BSD-3-clause and GPL-2+"), is_free("")
    (True, False, False)
    """
    text = " ".join(licence.lower().replace("(", " ").replace(")", " ").split())
    parts = [part for part in _ALL.split(text) if part]
    return bool(parts) and all(
        any(
            _FREE.fullmatch(choice.removeprefix("the ").removesuffix(" license").strip())
            for choice in _EITHER.split(part)
        )
        for part in parts
    )


def fetch(package: Package, archives: Path) -> Path:
    """Download a package unless it is there, and return the folder of its archives.

    Raises:
        CalledProcessError: The registry does not provide it.
    """
    folder = archives / f"{package.folder}-{package.version or 'debian'}"
    if not folder.exists():
        partial = archives / f"{folder.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        command = _download(package, archives)
        subprocess.run(command, cwd=partial, check=True, capture_output=True)
        partial.rename(folder)
    return folder


def lay(package: Package, folder: Path, root: Path) -> Source:
    """Unpack the archives of a package below `root`, and read its licence."""
    shutil.rmtree(root, ignore_errors=True)
    archives = sorted(path for path in folder.iterdir() if not path.name.endswith((".asc", ".dsc")))
    digests = tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in archives)
    for archive in archives:
        _unpack(archive, root / "debian" if ".debian.tar" in archive.name else root)
    reader = {"pypi": _of_wheel, "npm": _of_npm, "debian": _of_debian, "deb": _of_deb}[package.registry]
    version, licence = reader(root, archives)
    if package.registry == "deb":
        root = _heart(root)
    _thin(root)
    return Source(package.version or version, licence, digests, root)


def _heart(root: Path) -> Path:
    """Find the folder in which a binary package has its code, laid out like its repository."""
    for part in ("usr/share/doc", "usr/share/man", "usr/share/rubygems-integration", "usr/share/lintian"):
        shutil.rmtree(root / part, ignore_errors=True)
    while len(inside := list(root.iterdir())) == 1 and inside[0].is_dir():
        root = inside[0]
    return root


def _thin(root: Path) -> None:
    """Remove ignore rules, which would hide packed files, and build products."""
    for rules in root.rglob(".*ignore"):
        rules.unlink()
    for built in root.rglob("*"):
        if built.is_dir() and built.name in _BUILT and (built.parent / "src").is_dir():
            shutil.rmtree(built)


def _download(package: Package, archives: Path) -> list[str]:
    if package.registry == "pypi":  # wheels: pip would run a source distribution to learn its name
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        return [*pip, "--no-deps", "--only-binary", ":all:", f"{package.name}=={package.version}"]
    if package.registry == "npm":
        return ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    if package.registry == "deb":
        return ["apt-get", "download", "--quiet", package.name]
    return [
        "apt-get",
        *_sources(archives),
        "source",
        "--quiet",
        "--download-only",
        "--only-source",
        package.name,
    ]


@cache
def _sources(archives: Path) -> tuple[str, ...]:
    """Fetch apt's list of source packages of the release, into separate folders."""
    folder = (archives / "apt").resolve()
    (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
    lines = {
        f"deb-src {uri} {release} main"
        for uri, release in _repositories()
        if not release.endswith(("-security", "-updates"))
    }
    (folder / "sources.list").write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
    options = (
        f"-oDir::Etc::sourcelist={folder / 'sources.list'}",
        "-oDir::Etc::sourceparts=-",
        f"-oDir::State::lists={folder / 'lists'}",
    )
    subprocess.run(["apt-get", *options, "update"], check=True, capture_output=True)
    return options


def _repositories() -> Iterator[tuple[str, str]]:
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in set(told.splitlines()):
        uri, release = line.split()
        yield uri, release


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive without its single top-level folder, if it has one."""
    folder.mkdir(parents=True, exist_ok=True)
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)  # noqa: S202 - a zip, whose members cannot leave the folder
        return
    if archive.suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
        return
    with tarfile.open(archive) as opened:
        left = CODE_LIMIT
        for member in opened:
            if not member.isfile() or member.size > 1_000_000:
                continue
            left -= member.size
            if left < 0:
                break
            member.name = member.name.partition("/")[2] or member.name
            opened.extract(member, folder, filter="data")


def _of_wheel(root: Path, archives: list[Path]) -> tuple[str, str]:
    (metadata,) = root.glob("*.dist-info/METADATA")
    told = email.message_from_string(metadata.read_text(encoding="utf-8"))
    classified = [
        text.rpartition("::")[2].strip().removesuffix(" License").replace(" License (", " (")
        for text in told.get_all("Classifier", [])
        if text.startswith("License ::")
    ]
    short = told.get("License", "")
    licence = told.get("License-Expression") or (short if 0 < len(short) < 40 else " or ".join(classified))
    return archives[0].name.split("-")[1], licence


def _of_npm(root: Path, _archives: list[Path]) -> tuple[str, str]:
    told = json.loads((root / "package.json").read_text(encoding="utf-8"))
    licence = told.get("license") or ""
    return told["version"], licence if isinstance(licence, str) else licence.get("type", "")


def _of_debian(root: Path, archives: list[Path]) -> tuple[str, str]:
    version = (
        archives[0].name.partition("_")[2].partition(".orig")[0].partition(".debian")[0].partition(".tar")[0]
    )
    return version, _licences(root / "debian/copyright")


def _of_deb(root: Path, archives: list[Path]) -> tuple[str, str]:
    name, version, _ = archives[0].name.split("_")
    return version.replace("%3a", ":"), _licences(root / "usr/share/doc" / name / "copyright")


def _licences(copyright_file: Path) -> str:
    """Read the licences of all files but the packaging's own; "" for a file without fields."""
    try:
        text = copyright_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return " and ".join(sorted(set(_stanzas(text))))


def _stanzas(text: str) -> Iterable[str]:
    for stanza in re.split(r"\n\s*\n", text):
        files = re.search(r"^Files:((?:.*)(?:\n[ \t]+.*)*)", stanza, re.MULTILINE)
        licence = re.search(r"^License:[ \t]*(.+)$", stanza, re.MULTILINE)
        if files and licence and not all(name.startswith("debian/") for name in files[1].split()):
            yield licence[1].strip()
