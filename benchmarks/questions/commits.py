"""Mine questions with lines from git histories: a commit's subject, asked of its parent.

    python -m benchmarks.questions.commits --mirrors MIRRORS --out lines.jsonl \
        --manifest benchmarks/questions/commits_manifest.json

MIRRORS holds a git directory `owner+name/repo` a repository, with its history. The manifest names each
repository with the commit that mining starts from; `--pin` moves it to the mirrors' present HEAD, checks the
licences, and counts. A question is a subject that says what the code should do, asked of the tree before the
commit; its targets are the lines there that the commit changed. `retrieval.training.past` says which commits
are fair questions. No search is run, so no ranking decides what is asked.

A line of the output is {"id", "kind": "commit", "query", "repo", "commit", "targets": [{"path", "start",
"end"}]}; `commit` is the parent. A repository's lines go from its oldest commit to its newest, so that one
work tree can follow them. The output holds other people's text: it is not committed, and the same histories
make the same bytes again, whose SHA-256 is in the manifest.
"""

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from retrieval.files.languages import language_of
from retrieval.training.past.hermetic_git import Git, git_in
from retrieval.training.past.questions import PastQuestion, fair_questions

MOST = 35  # questions of a repository: enough to compare systems on it, few enough to check out

_LICENCES = {
    "GPL": r"GNU (?:AFFERO |LESSER )?GENERAL PUBLIC LICENSE",
    "MPL": r"Mozilla Public License",
    "Apache-2.0": r"Apache License\s+Version 2\.0",
    "MIT": r"Permission is hereby granted, free of charge,",
    "BSD": r"Redistribution and use in source and binary forms",
    "ISC": r"Permission to use, copy, modify, and(?:/or)? distribute this software",
    "Unlicense": r"This is free and unencumbered software",
    "CC0-1.0": r"CC0 1\.0 Universal",
}
_REFUSED = frozenset({"GPL", "MPL", "unknown"})


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the arguments, mine every repository, write the questions and say their checksum."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirrors", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pin", action="store_true", help="mine the mirrors' HEAD, and write the manifest")
    args = parser.parse_args(arguments)
    manifest = json.loads(args.manifest.read_text(encoding="utf-8"))
    lines, entries = [], []
    for entry in tqdm(manifest["repositories"], unit="repo", disable=None):
        git = git_in(args.mirrors / entry["repo"].replace("/", "+", 1) / "repo")
        head = git("rev-parse", "HEAD").decode().strip() if args.pin else entry["head"]
        rows = mine(git, entry["repo"], head)
        entries.append(described(git, entry["repo"], head, rows))
        if entries[-1]["licence"] in _REFUSED:
            sys.exit(f"{entry['repo']}: the licence is {entries[-1]['licence']}; take it out of the manifest")
        lines += [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    text = "".join(lines).encode("utf-8")
    args.out.write_bytes(text)
    digest = sha256(text).hexdigest()
    if args.pin:
        manifest = {"questions": len(lines), "sha256": digest, "repositories": entries}
        args.manifest.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    elif digest != manifest["sha256"]:
        print(f"not the pinned questions: the manifest says {manifest['sha256']}", file=sys.stderr)
    languages = Counter(entry["language"] for entry in entries)
    print(f"{len(lines)} questions, {len(entries)} repositories, {len(languages)} languages, sha256 {digest}")


def mine(git: Git, repo: str, head: str, *, most: int = MOST) -> list[dict[str, Any]]:
    """Mine a history from its newest commit back; return the rows, oldest first."""
    found = [row(repo, item) for item in islice(fair_questions(git, head), most)]
    return oldest_first(git, head, found)


def row(repo: str, asked: PastQuestion) -> dict[str, Any]:
    """Write a question as a line of the benchmark."""
    return {
        "id": f"{repo.rpartition('/')[2]}-{asked.commit[:10]}",
        "kind": "commit",
        "query": asked.subject,
        "repo": repo,
        "commit": asked.parent,
        "targets": [asdict(span) for span in asked.targets],
    }


def oldest_first(git: Git, head: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Order questions by the place of their commit in the history."""
    order = git("rev-list", "--topo-order", "--reverse", head).decode().split()
    place = {commit: number for number, commit in enumerate(order)}
    return sorted(rows, key=lambda entry: place[entry["commit"]])


def described(git: Git, repo: str, head: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a repository's entry in the manifest; its language is the one of most targets."""
    languages = Counter(language_of(target["path"]) for entry in rows for target in entry["targets"])
    language = min(languages, key=lambda name: (-languages[name], name), default="")
    return {
        "repo": repo,
        "language": language,
        "licence": licence(git, head),
        "head": head,
        "questions": len(rows),
    }


def licence(git: Git, head: str) -> str:
    """Name the licence of a tree by the words of its licence file; "unknown" if none is known."""
    for text in _licence_texts(git, head):
        for name, words in _LICENCES.items():
            if re.search(words, text, re.IGNORECASE):
                return name
    return "unknown"


def _licence_texts(git: Git, head: str) -> Iterator[str]:
    for name in git("ls-tree", "--name-only", head).decode("utf-8", "replace").splitlines():
        if re.match(r"(?:mit-)?(?:un)?licen[cs]e|copying", name, re.IGNORECASE) and "." not in name[:1]:
            kind = git("cat-file", "-t", f"{head}:{name}").decode().strip()
            if kind == "blob":
                yield git("cat-file", "blob", f"{head}:{name}").decode("utf-8", "replace")


if __name__ == "__main__":
    main()
