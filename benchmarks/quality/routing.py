"""Which of many repositories may answer: how often is the right one among the first, and what does that cost?

    python -m benchmarks.quality.routing --urls urls.txt --cache CACHE [--cache CACHE …] [--trees DIR] \
        --queries people-dev.jsonl [--made 10000]

Each question is asked of all repositories without saying which is meant, in three forms: as a person wrote
it, as an assistant asked it, and with the assistant's guesses. Recall is the mean over repositories ("each")
and over questions ("all"). Constants are chosen on all repositories but one, and reported on that one.
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.routing_corpus import Corpus, arguments, made_of, profile, rare_names, real
from benchmarks.quality.routing_methods import METHODS, Evidence, Method, two_fields
from retrieval.rank.need import Need, read_need
from retrieval.routing.profile import LEAST_CHUNKS, Profile
from retrieval.routing.router import Router

CUTS = (1, 5, 10, 20, 50)
FORMS = ("as written", "as asked", "with guesses")
Ranks = NDArray[np.int64]
GRID = [
    {"k1": k1, "b": b, "b_names": b_names, "names": names}
    for k1 in (10.0, 30.0, 60.0)
    for b in (0.5, 0.75)
    for b_names in (0.5, 0.75)
    for names in (0.5, 1.0, 1.5)
]


def main() -> None:
    """Read the arguments, measure everything, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--made", type=int, default=10_000)
    args = parser.parse_args()
    corpora = list(real(args.urls, args.trees, args.cache))
    known = {corpus.name for corpus in corpora}
    rows = [row for row in map(json.loads, args.queries.open(encoding="utf-8")) if row["repo"] in known]
    print(f"{len(corpora)} repositories, {len(rows)} questions about {len({row['repo'] for row in rows})}")
    print(
        f"{'':44}each {'':28} all\n{'recall among':44}" + 2 * ("".join(f"{cut:>6}" for cut in CUTS) + "   ")
    )
    compare(corpora, rows)
    prune(corpora, rows)
    grow(corpora, rows, args.made)


def compare(corpora: Sequence[Corpus], rows: Sequence[Mapping[str, Any]]) -> None:
    """Compare the methods, then choose the constants of the best with one repository left out."""
    evidence = Evidence(corpora)
    for form in FORMS:
        for name, method in METHODS.items():
            tell(f"{form}: {name}", ranks_by(evidence, rows, form, method))
    tables = []
    for given in GRID:
        by_form = [per_repository(ranks_by(evidence, rows, form, two_fields(**given))) for form in FORMS]
        tables.append({name: np.mean([one[name] for one in by_form], axis=0) for name in by_form[0]})
    names = sorted(tables[0])
    values = np.array(
        [[table[name] for name in names] for table in tables]
    )  # [n_grid, n_repositories, n_cuts]
    left_out = []
    for number, name in enumerate(names):
        best = int(np.argmax(np.delete(values, number, 1).mean(axis=(1, 2))))
        left_out.append(values[best, number])
        print(f"  left out {name}: {GRID[best]}")
    print(f"{'the best on the others, mean of the forms':44}{told(np.mean(left_out, 0))}")
    order = np.argsort(-values.mean(axis=(1, 2)))
    for number in (*order[:4], order[-1]):
        print(f"  {GRID[number]!s:70} {told(values[number].mean(0))}")


def prune(corpora: Sequence[Corpus], rows: Sequence[Mapping[str, Any]]) -> None:
    """Say what a profile loses with the stems that few chunks hold."""
    names = rare_names(corpora, 5)
    for least, definitions in ((1, 1), (2, 1), (3, 1), (5, 1), (3, 3)):
        kept = [profile(one.name, one.stems, one.names, len(one.sizes), least=least, definitions=definitions)
                for one in corpora]  # fmt: skip
        router = Router(kept)
        terms = np.mean([len(one.terms) for one in kept])
        written = np.mean([len(one.to_bytes()) for one in kept])
        print(
            f"kept: in {least} chunks or {definitions} definitions: {terms:,.0f} stems, {written:,.0f} bytes"
        )
        report(router, rows, names)


def grow(corpora: Sequence[Corpus], rows: Sequence[Mapping[str, Any]], made: int) -> None:
    """Measure recall, memory and time with more and more repositories."""
    asked = {row["repo"] for row in rows}
    others = list(made_of([one for one in corpora if one.name not in asked], made, least=LEAST_CHUNKS))
    first = [profile(one.name, one.stems, one.names, len(one.sizes), least=LEAST_CHUNKS) for one in corpora]
    router = Router(first)
    names = rare_names(corpora, 5)
    for count in (0, 800, 2_000, made):
        start = time.perf_counter()
        router.replace(others[:count])
        took = time.perf_counter() - start
        profiles = len(first) + count
        each = router.size_bytes / profiles
        print(f"{profiles:,} repositories: {each:,.0f} bytes each, loaded in {took:.1f} s")
        report(router, rows, names)
        costs(router, rows, others[:20] or first[:20])


def report(router: Router, rows: Sequence[Mapping[str, Any]], names: Iterable[tuple[str, str]]) -> None:
    """Print the recall of each form, and of bare names."""
    visible = frozenset(router.commits)

    def rank(need: Need, repo: str) -> int:
        found = [one.source for one in router.route(need, visible, most=CUTS[-1])]
        return found.index(repo) + 1 if repo in found else len(visible)

    for form in FORMS:
        tell(f"  {form}", [(row["repo"], rank(need, row["repo"])) for row, need in asked_as(rows, form)])
    tell("  a name that at most three define", [(repo, rank(read_need(name), repo)) for repo, name in names])
    named = [(row["repo"], read_need(f"{row['repo'].split('/')[1]}: {row['query']}")) for row in rows]
    tell("  as written, with the repository's name", [(repo, rank(need, repo)) for repo, need in named])


def costs(router: Router, rows: Sequence[Mapping[str, Any]], sample: Sequence[Profile]) -> None:
    """Print the times of a question and of a change."""
    visible = frozenset(router.commits)
    for form in FORMS:
        taken = []
        for _, need in asked_as(rows, form):
            start = time.perf_counter()
            router.route(need, visible)
            taken.append(1e3 * (time.perf_counter() - start))
        print(f"  {form}: {np.median(taken):.2f} ms, 95 in 100 within {np.percentile(taken, 95):.2f} ms")
    start = time.perf_counter()
    for one in sample:
        router.replace([one])
    changed = 1e3 * (time.perf_counter() - start) / len(sample)
    start = time.perf_counter()
    router.route(read_need("first after a change"), visible)
    first = 1e3 * (time.perf_counter() - start)
    print(f"  a change: {changed:.1f} ms; the first question after it: {first:.1f} ms")


def asked_as(rows: Iterable[Mapping[str, Any]], form: str) -> list[tuple[Mapping[str, Any], Need]]:
    """Read each question in a form; one that no assistant asked has one form."""
    if form == FORMS[0]:
        return [(row, read_need(row["query"])) for row in rows]
    calls = [row for row in rows if "call" in row]
    if form == FORMS[1]:
        return [(row, read_need(row.get("call_without_guesses") or row["call"]["query"])) for row in calls]
    return [(row, read_need(row["call"]["query"], row["call"].get("expect") or ())) for row in calls]


def ranks_by(
    evidence: Evidence, rows: Sequence[Mapping[str, Any]], form: str, method: Method
) -> list[tuple[str, int]]:
    """Return the rank of the right repository for each question; ties by name."""
    found = []
    for row, need in asked_as(rows, form):
        scores = np.round(method(evidence, evidence.of(need)), 9)
        right = evidence.places[row["repo"]]
        before = (scores > scores[right]).sum() + (scores[:right] == scores[right]).sum()
        found.append((row["repo"], 1 + int(before)))
    return found


def per_repository(ranks: Iterable[tuple[str, int]]) -> dict[str, NDArray[np.float64]]:
    """Return the recall at each cut, by repository."""
    by: dict[str, list[int]] = defaultdict(list)
    for repo, rank in ranks:
        by[repo].append(rank)
    return {
        repo: np.array([np.mean(np.array(several) <= cut) for cut in CUTS]) for repo, several in by.items()
    }


def tell(name: str, ranks: Sequence[tuple[str, int]]) -> None:
    """Print a line of recalls."""
    each = np.mean(list(per_repository(ranks).values()), axis=0)
    every = [np.mean(np.array([rank for _, rank in ranks]) <= cut) for cut in CUTS]
    print(f"{name:44}{told(each)}   {told(every)}", flush=True)


def told(recalls: Iterable[Any]) -> str:
    """Write recalls."""
    return "".join(f" {recall:.3f}" for recall in recalls)


if __name__ == "__main__":
    main()
