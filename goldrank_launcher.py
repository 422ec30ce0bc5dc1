"""What a start of goldrank relies on: its own code, UTF-8, an absolute home folder, one thread for numpy.

A terminal or client often sets PYTHONPATH=. for the project at hand, and Python imports from there first:
the project's own `retrieval`, `mcp_server` or `click` would run in place of ours. So this module, whose name
nobody else uses and which imports nothing that a project could replace, starts Python again without them.

File names and queries are UTF-8 in every locale, or an index of one terminal would not fit the next.

Python itself imports `sitecustomize`, and the modules of its own start-up, from PYTHONPATH before any program
can say anything. Against that only the caller can guard: `env -u PYTHONPATH goldrank …`.
"""

import _signal  # built in: `signal.py` may be the project's
import os
import sys

TYPE_CHECKING = False  # as of `typing`, which is not loaded yet and may be the project's too
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

DROPPED = "GOLDRANK_DROPPED_PYTHONPATH"
"""The variable that tells `goldrank doctor` which entries were dropped."""

NOBODYS_HOME = "/nonexistent"
"""What Debian calls the home of users that have none: nothing can be read or written there, and messages that
name it say what to set. Without it, `~` would be a folder below the working folder."""

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is not imported yet


def main() -> "NoReturn":
    """Run the `goldrank` command with what was installed."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # no traceback for a Ctrl-C while modules load
    if not os.environ.get("HOME"):
        os.environ.pop("HOME", None)  # so that the user database is asked
    if not os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 - pathlib is not imported yet
        os.environ["HOME"] = NOBODYS_HOME
    dropped = strangers(os.environ)
    os.environ.update(isolated(os.environ))
    if not os.environ["PYTHONPATH"]:
        del os.environ["PYTHONPATH"]
    # numpy's linear algebra starts a thread a core when it is imported, which takes as much CPU as a search.
    # Nothing here multiplies matrices with it: onnxruntime and torch, which run models, have threads of their
    # own.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    is_utf8 = sys.getfilesystemencoding() == "utf-8"
    if (dropped or not is_utf8) and sys.executable and os.name == "posix":
        # Not elsewhere: the client would lose the process.
        options = ["-P", *([] if is_utf8 else ["-X", "utf8"])]
        try:  # noqa: SIM105 - contextlib is not imported yet
            os.execv(sys.executable, [sys.executable, *options, __file__, *sys.argv[1:]])  # noqa: S606 - ourselves
        except OSError:
            pass  # too little memory, say: what follows does nearly the same
    sys.path[:] = importable(sys.path, dropped)
    from mcp_server.cli import main as run  # noqa: PLC0415 - only now does the name mean ours

    run()


def strangers(environment: "Mapping[str, str]") -> list[str]:
    """List the entries of PYTHONPATH, but for the one that goldrank itself may be installed in."""
    entries = environment.get("PYTHONPATH", "")
    return [entry for entry in entries.split(os.pathsep) if not _is_here(entry)] if entries else []


def isolated(environment: "Mapping[str, str]") -> dict[str, str]:
    """Write the variables that goldrank and its child processes run with, in place of the ones that are set.

    A relative entry of PATH is dropped too: it would run a `git` that lies in the repository.
    """
    dropped = strangers(environment)
    kept = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if _is_here(entry)]
    path = [entry for entry in environment.get("PATH", "").split(os.pathsep) if os.path.isabs(entry)]  # noqa: PTH117
    changed = {"PYTHONPATH": os.pathsep.join(kept), "PATH": os.pathsep.join(path)}
    return changed | ({DROPPED: os.pathsep.join(dropped)} if dropped else {})


def importable(path: "Sequence[str]", dropped: "Sequence[str]") -> list[str]:
    """Take from Python's search path the folder it was started in and the entries that were dropped.

    What belongs to this Python stays, whoever names it too.
    """
    unwanted = {_real(entry) for entry in dropped if not _real(entry).startswith(_real(sys.prefix))}
    kept = [entry for entry in path if entry and _real(entry) not in unwanted]
    return kept if any(map(_is_here, kept)) else [*kept, _HERE]


def _is_here(entry: str) -> bool:
    return bool(entry) and _real(entry) == _real(_HERE)


def _real(entry: str) -> str:
    """Resolve an entry; an empty or relative one begins at the working folder."""
    try:
        return os.path.realpath(entry or os.curdir)
    except OSError:  # the working folder is gone
        return entry


if __name__ == "__main__":
    if __spec__ is not None and not sys.flags.safe_path:
        del sys.path[0]  # the working folder, which -m puts before everything
    main()
