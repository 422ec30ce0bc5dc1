"""Why a listed file is not searched, according to its name, type or content."""

import os
import re
import stat
from pathlib import Path

from retrieval.files import confinement, encoding, ignores, languages, own_ignores
from retrieval.text import LONG_CHARS, SMALL_CHARS, is_data

_LOCK_FILES = frozenset(
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock cargo.lock poetry.lock uv.lock "
    "pdm.lock pipfile.lock gemfile.lock composer.lock go.sum mix.lock pubspec.lock flake.lock "
    "gradle.lockfile packages.lock.json podfile.lock package.resolved".split()
)
_GOLDEN_FILE = "golden.json"  # at the root; holds a user's questions, but no answers
_SECRET_NAME = re.compile(
    r"\.env(rc|\.(?!example$|sample$|template$|dist$).*)?|.*\.env"
    r"|.*\.(pem|key|p12|pfx|pkcs12|jks|keystore|kdbx|ppk|gpg|ovpn|kubeconfig|tfvars|tfstate(\.backup)?)"
    r"|id_(rsa|dsa|ecdsa|ed25519)(_[^.]*|\.(?!pub$).*)?"
    r"|[._](netrc|npmrc|pypirc|pgpass|htpasswd|git-credentials|dockercfg|dockerconfigjson|my\.cnf|s3cfg|boto"
    r"|vault[-_]token|(bash|zsh|sh|psql|mysql|python|node_repl)_history)"
    r"|credentials(\.(json|ya?ml|toml|ini|csv|xml))?|secrets\.(json|ya?ml|toml|ini|properties)"
    r"|client_secret.*\.json|service[-_]account.*\.json",
    re.IGNORECASE,
)
_SECRET_PLACE = re.compile(
    r"(.*/)?(\.(ssh|gnupg|password-store)/.*|\.kube/config|\.docker/config\.json)", re.IGNORECASE
)
# Only in a comment: a generator's own source has the notice in a string.
_GENERATED = re.compile(
    rb"^(?:\"\"\"|\'\'\')?[^\w\n\"\'`=(]{0,20}"
    rb"(?:(?:this|the|file|code|class|source|is|was|has|been|warning|note|attention)\b[^\w\n\"\'`=(]{1,3}){0,8}"
    rb"(?:@generated\b|code generated .{0,80}do not edit|auto-?generated\b.{0,80}do not (edit|modify)"
    rb"|do not (edit|modify).{0,80}(auto-?|automatically )generated)",
    re.IGNORECASE | re.MULTILINE,
)
CODE_FACTOR = 4
"""Factor by which the size limit is higher for code: people check in sources of 1.5 MB, while larger files in
other formats are data. Parsing 4 MB takes 1 to 5 s and at most 490 MB of memory in seven languages
(benchmarks/runs/2026-11-28-hostile/large.txt)."""
OUTSIDE = "a link that leaves the root"
A_LINK = "a link, which is not followed (follow_links)"
A_LOCK = "a lock file"
DEPENDENCIES = "dependencies, not this repository's code"
NESTED = "a submodule or nested repository; serve it as a root of its own"
NOT_CHECKED_OUT = "a submodule that is not checked out: git submodule update --init"
THE_GOLDEN = "the golden questions, which are no answers"
NO_LOSS = frozenset({A_LINK, A_LOCK, THE_GOLDEN, confinement.HISTORY, own_ignores.LEFT_OUT, "binary"})
"""Reasons whose exclusions cannot hide an answer, or that the user gave."""
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
GENERATED_BYTES = 600
"""A generator's notice is within this many bytes; further down, a file only mentions one."""


def reason_in_content(path: str, data: bytes) -> str:
    """Say why a file with this content is not searched, or "" when it is."""
    if data.startswith(_LFS_POINTER):
        return "a Git LFS pointer; its content is not here: git lfs pull"
    if not encoding.is_text(data[: encoding.HEAD_BYTES]):
        return "binary"
    if ".min." in path.rpartition("/")[2] or (len(data) > SMALL_CHARS and _is_all_data(data)):
        return "minified"
    if _GENERATED.search(data[:GENERATED_BYTES]):
        return "generated"
    is_armoured = path.lower().endswith(".asc") and data.startswith(b"-----BEGIN PGP")  # else it is AsciiDoc
    return "may hold secrets" if is_armoured else ""


def _is_all_data(data: bytes) -> bool:
    """Return whether every line is blank or a long line of data."""
    lines = data.split(b"\n" if b"\n" in data else b"\r")
    if len(data) <= LONG_CHARS * len(lines):
        return False  # true of most files, so no line is checked
    return all(not line.strip() or is_data(line.decode("utf-8", "replace")) for line in lines)


def reason_in_type(base: str, path: str, mode: int) -> str:
    """Say why a path that is not a regular file is not searched: a link, a folder, a pipe."""
    if stat.S_ISLNK(mode):
        inside = Path(os.path.realpath(f"{base}/{path}")).is_relative_to(base)
        return A_LINK if inside else OUTSIDE
    return _reason_in_folder(f"{base}/{path}") if stat.S_ISDIR(mode) else "not a regular file"


def is_link(reason: str) -> bool:
    """Return whether a path is excluded because it is a link."""
    return reason in {A_LINK, OUTSIDE}


def _reason_in_folder(folder: str) -> str:
    """Say why a folder is in a list of files: git tracks it as a whole, or it cannot be read."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names alone
    except OSError as error:
        return f"unreadable: {error.strerror}"
    if ignores.is_history(folder, set(names)):
        return confinement.HISTORY
    return NESTED if ".git" in names else NOT_CHECKED_OUT


def reason_in_size(path: str, size: int, *, max_bytes: int) -> str:
    """Say why a file of this size is not searched, or "" when it is.

    Args:
        path: The file; the limit is higher for code.
        size: In bytes.
        max_bytes: The setting `max_file_bytes`.
    """
    factor = CODE_FACTOR if languages.has_grammar(path) else 1
    if size <= factor * max_bytes:
        return ""
    setting = f"{factor} * max_file_bytes" if factor > 1 else "max_file_bytes"
    return f"larger than {factor * max_bytes:,} bytes ({setting})"


def reason_in_name(path: str) -> str:
    """Say why a file with this path is not searched, or "" when it may be."""
    if path == _GOLDEN_FILE:
        return THE_GOLDEN
    if _SECRET_PLACE.fullmatch(path):
        return "may hold secrets"
    name = path.rpartition("/")[2]
    if _SECRET_NAME.fullmatch(name):
        return "may hold secrets"
    return A_LOCK if name.lower() in _LOCK_FILES else ""


def never_let_in(path: str) -> str:
    """Say why no pattern of a `.goldrankignore` lets a path in, judged by its name; "" when one can.

    >>> never_let_in("node_modules/lib/a.js"), never_let_in("keys/.env"), never_let_in("build/a.py")
    ("dependencies, not this repository's code", 'may hold secrets', '')
    """
    path = path.strip("/")
    if reason := confinement.escape(path):
        return reason
    is_dependency = not own_ignores.NEVER_ENTERED.isdisjoint(path.split("/"))
    return DEPENDENCIES if is_dependency else reason_in_name(path)
