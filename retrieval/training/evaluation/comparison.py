"""How good each system's rankings are, and whether one is better than another beyond chance.

Every system answers the same questions and is scored by the same metrics. Differences are paired by question;
the bootstrap resamples groups of questions (see `groups`), because questions of one group are not
independent.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.records import Chunk
from retrieval.training.evaluation import metrics
from retrieval.training.golden import golden_file
from retrieval.training.golden.golden_file import Expected

RESAMPLES = 9_999
CONFIDENCE = 0.95
TOKEN_CHARS = 4  # characters per token, as the benchmark counts
TOKEN_CAP = 32_000  # tokens to the first answer if none was found

METRICS = ("hit@1", "hit@5", "hit@10", "MRR@10", "nDCG@10", "recall@50", "tokens", "ms")
"""What is measured of each question. tokens: read in order up to the end of the first result that answers."""


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a ranking.

    Attributes:
        chunk: The chunk found; lines 1 to a billion for a whole file.
        characters: Length of its text.
    """

    chunk: Chunk
    characters: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """The results of one system for one question.

    Attributes:
        results: Best first.
        milliseconds: Wall time of the search.
    """

    results: tuple[Result, ...]
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is evaluated.

    Attributes:
        question_id: Id from the golden file.
        text: The text of the question.
        group: Questions of one group are resampled together.
        targets: The answers, with exact paths.
    """

    question_id: str
    text: str
    group: str
    targets: tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one system.

    Attributes:
        name: The system.
        note: What a reader must know about the system, or "".
        by_question: Each metric by question id.
        ranks: By question id, the rank of each target, None for one not found.
    """

    name: str
    note: str
    by_question: Mapping[str, Mapping[str, float]]
    ranks: Mapping[str, tuple[int | None, ...]]

    def mean(self, metric: str) -> float:
        """Return the mean over all questions."""
        return float(np.mean([values[metric] for values in self.by_question.values()]))


@dataclass(frozen=True, slots=True)
class Comparison:
    """The gain of one system over another in one metric, paired by question.

    Attributes:
        system: The system that gains.
        opponent: The system that it is compared with.
        metric: One of METRICS.
        gain: Mean difference over groups.
        low: Lower end of its 95 % interval, a percentile bootstrap over groups (Efron 1979).
        high: Upper end.
        p: Two-sided p-value of a paired randomisation test over groups (Fisher 1935; Smucker et al. 2007).
        groups: The number of groups.
        better: Ids of the questions that gained.
        worse: Ids of the questions that lost, greatest loss first.
    """

    system: str
    opponent: str
    metric: str
    gain: float
    low: float
    high: float
    p: float
    groups: int
    better: tuple[str, ...]
    worse: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation as it is stored and shown.

    Attributes:
        asked: The questions.
        systems: The scores of each system, in display order.
        comparisons: The gains between pairs of systems.
        confidence: By question id, the first stage's confidence in its best result, 0 to 1.
        facts: Data, versions and settings, as plain values.
    """

    asked: tuple[Asked, ...]
    systems: tuple[Scores, ...]
    comparisons: tuple[Comparison, ...]
    confidence: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)


def score(name: str, asked: Sequence[Asked], rankings: Mapping[str, Ranking], *, note: str = "") -> Scores:
    """Score a system's rankings; for an unanswered question, no target counts as found."""
    ranks = {item.question_id: _ranks(item, rankings.get(item.question_id, Ranking(()))) for item in asked}
    return Scores(
        name=name,
        note=note,
        by_question={
            item.question_id: _measure(
                item, ranks[item.question_id], rankings.get(item.question_id, Ranking(()))
            )
            for item in asked
        },
        ranks=ranks,
    )


def average(name: str, repeats: Sequence[Scores], *, note: str = "") -> Scores:
    """Average a system over repeats of its training; the ranks are those of the first repeat."""
    identities = repeats[0].by_question
    means = {
        identity: {
            metric: float(np.mean([repeat.by_question[identity][metric] for repeat in repeats]))
            for metric in METRICS
        }
        for identity in identities
    }
    return Scores(name, note, means, repeats[0].ranks)


def compare(
    asked: Sequence[Asked], system: Scores, opponent: Scores, *, metric: str = "nDCG@10", seed: int = 0
) -> Comparison:
    """Compare `system` with `opponent`: the gain, its interval and a test, over groups of questions."""
    gains = {
        item.question_id: round(  # the average of equal values may differ from them in the last bit
            system.by_question[item.question_id][metric] - opponent.by_question[item.question_id][metric], 12
        )
        for item in asked
    }
    means = _group_means(asked, gains)
    low, high = interval(means, seed=seed)
    lost = sorted((identity for identity, gain in gains.items() if gain < 0), key=gains.__getitem__)
    return Comparison(
        system=system.name,
        opponent=opponent.name,
        metric=metric,
        gain=float(means.mean()) if len(means) else 0.0,
        low=low,
        high=high,
        p=randomisation_p(means, seed=seed),
        groups=len(means),
        better=tuple(identity for identity, gain in gains.items() if gain > 0),
        worse=tuple(lost),
    )


def since(before: Report, after: Report) -> list[Comparison]:
    """Compare each system with itself in an earlier evaluation, on the questions in both."""
    common = [
        item for item in after.asked if any(item.question_id == old.question_id for old in before.asked)
    ]
    earlier = {scores.name: scores for scores in before.systems}
    return [
        compare(common, scores, replace(earlier[scores.name], name=f"{scores.name} of the baseline"))
        for scores in after.systems
        if scores.name in earlier and common
    ]


def interval(values: NDArray[np.float64], *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a mean; for equal values, the value."""
    from scipy.stats import bootstrap  # noqa: PLC0415 - half a second, and needed here alone

    if not len(values) or np.ptp(values) == 0:
        only = float(values[0]) if len(values) else 0.0
        return only, only
    found = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def randomisation_p(differences: NDArray[np.float64], *, seed: int = 0) -> float:
    """Return the two-sided p of a paired randomisation test: each difference gets a random sign."""
    from scipy.stats import permutation_test  # noqa: PLC0415 - half a second, and needed here alone

    if not differences.any():
        return 1.0
    found = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=False,
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def mean_interval(
    scores: Scores, asked: Sequence[Asked], metric: str, *, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of a system's mean, over groups of questions."""
    values = {item.question_id: scores.by_question[item.question_id][metric] for item in asked}
    return interval(_group_means(asked, values), seed=seed)


def reliability(
    confidence: Mapping[str, float], scores: Scores, *, bins: int = 5
) -> list[tuple[float, float, int]]:
    """Compare the confidence with the outcome, in bins of equal width.

    Returns:
        For each bin with questions: mean confidence, share whose first result answers, number of questions.
    """
    held: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for identity, value in confidence.items():
        held[min(int(value * bins), bins - 1)].append((value, scores.by_question[identity]["hit@1"]))
    return [
        (float(np.mean([c for c, _ in pairs])), float(np.mean([h for _, h in pairs])), len(pairs))
        for _, pairs in sorted(held.items())
    ]


def _group_means(asked: Sequence[Asked], values: Mapping[str, float]) -> NDArray[np.float64]:
    """Average the values of the questions in each group: float64 [n_groups]."""
    by_group: dict[str, list[float]] = defaultdict(list)
    for item in asked:
        by_group[item.group].append(values[item.question_id])
    return np.array([np.mean(own) for own in by_group.values()])


def _ranks(asked: Asked, ranking: Ranking) -> tuple[int | None, ...]:
    return tuple(
        next(
            (n for n, result in enumerate(ranking.results, 1) if golden_file.touches(result.chunk, target)),
            None,
        )
        for target in asked.targets
    )


def _measure(asked: Asked, ranks: metrics.Ranks, ranking: Ranking) -> dict[str, float]:
    grades = [target.grade for target in asked.targets]
    return {
        "hit@1": metrics.hit(ranks, 1),
        "hit@5": metrics.hit(ranks, 5),
        "hit@10": metrics.hit(ranks, 10),
        "MRR@10": metrics.reciprocal_rank(ranks),
        "nDCG@10": metrics.ndcg(ranks, grades),
        "recall@50": metrics.recall(ranks),
        "tokens": _tokens(ranks, ranking.results),
        "ms": ranking.milliseconds,
    }


def _tokens(ranks: Iterable[int | None], results: Sequence[Result]) -> float:
    first = min((rank for rank in ranks if rank is not None), default=None)
    if first is None:
        return float(TOKEN_CAP)
    read = sum(math.ceil(result.characters / TOKEN_CHARS) for result in results[:first])
    return float(min(read, TOKEN_CAP))
