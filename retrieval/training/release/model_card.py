"""What the model card of a trained model says, written only from the values of the actual run.

The repository may be private, so a card quotes questions or code only if the caller passes samples.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.training.fit.training_record import Epoch, Trained
from retrieval.training.pairs.labeled_pairs import LabeledPair
from retrieval.training.release.markdown import one_line, table

_LOSSES = {"bce": "BinaryCrossEntropyLoss", "listnet": "ListNetLoss", "marginmse": "MarginMSELoss"}
_DOCS = "https://sbert.net/docs/cross_encoder/usage/usage.html"


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of texts, in characters."""

    shortest: int
    mean: float
    longest: int


@dataclass(frozen=True, slots=True)
class Data:
    """What was learned from, validation included.

    Attributes:
        provenance: What the pairs were made of and by, as mining states it: golden file, commit, index, seed,
            version of the pair text.
        pairs: How many there are.
        questions: Of how many questions.
        groups: Of how many groups of questions.
        positives: How many pairs are labelled 1; the others are labelled 0.
        queries: Of each pair's query.
        passages: Of each pair's passage.
    """

    provenance: Mapping[str, object]
    pairs: int
    questions: int
    groups: int
    positives: int
    queries: Lengths
    passages: Lengths


@dataclass(frozen=True, slots=True)
class Split:
    """How the evaluation parted the questions: no system is judged on what it learned from."""

    folds: int
    repeats: int
    groups: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean and its 95 % interval, or a mean alone."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One system of the evaluation and what was measured of it, by metric."""

    system: str
    measured: Mapping[str, Measured]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a card states.

    Attributes:
        name: Of the model.
        trained: The training as it ran.
        data: What it learned from.
        base: Hub id of the base, or the name of the exported model it was; "" for another folder, whose path
            means nothing to a reader and may be private.
        asked: What a pair's query is.
        split: How the evaluation parted the questions; None where there was none.
        judged: How else the model was judged, in a sentence, or "".
        rows: The systems side by side, in the order to show.
        decision: What was decided of the model, in one sentence; "" for nothing yet.
        reasons: Why.
        limits: What the model is not good for, a sentence each.
        licence: The hub's identifier ("apache-2.0"), or "".
        samples: Pairs to quote; none unless the owner of the code asked for it.
    """

    name: str
    trained: Trained
    data: Data
    base: str = ""
    asked: str = "golden question"
    split: Split | None = None
    judged: str = ""
    rows: tuple[Row, ...] = ()
    decision: str = ""
    reasons: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    licence: str = ""
    samples: tuple[LabeledPair, ...] = ()


def describe(pairs: Sequence[LabeledPair], provenance: Mapping[str, object]) -> Data:
    """Count and measure the pairs that a model was given; there is at least one."""
    return Data(
        provenance=dict(provenance),
        pairs=len(pairs),
        questions=len({pair.question_id for pair in pairs}),
        groups=len({pair.group for pair in pairs}),
        positives=sum(pair.label for pair in pairs),
        queries=_lengths([pair.query for pair in pairs]),
        passages=_lengths([pair.passage for pair in pairs]),
    )


def write_card(facts: Facts) -> str:
    """Write the README.md of a model folder: the hub's front matter, then Markdown."""
    parts = [
        _front_matter(facts),
        _model(facts),
        _usage(facts),
        _training_data(facts),
        _training(facts.trained),
        _evaluation(facts),
        _limits(facts),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _front_matter(facts: Facts) -> list[str]:
    trained = facts.trained
    tags = [
        *("sentence-transformers", "cross-encoder", "reranker", "generated_from_trainer"),
        f"dataset_size:{trained.counts.pairs}",
        f"loss:{_LOSSES[trained.recipe.loss]}",
    ]
    values: dict[str, str] = {"pipeline_tag": "text-ranking", "library_name": "sentence-transformers"}
    if _is_on_hub(facts.base):
        values["base_model"] = facts.base
    if facts.licence:
        values["license"] = facts.licence
    # Quoted as JSON, which YAML reads: unquoted, a licence called "no" would be a boolean.
    lines = [f"{name}: {json.dumps(value)}" for name, value in values.items()]
    return ["---", "tags:", *(f"- {json.dumps(tag)}" for tag in tags), *lines, "---"]


def _model(facts: Facts) -> list[str]:
    recipe = facts.trained.recipe
    mixed = f"{recipe.keep:.0%} tuned, {1 - recipe.keep:.0%} the base's (WiSE-FT, Wortsman et al. 2022)"
    return [
        f"# {one_line(facts.name)}",
        "",
        f"A [cross-encoder]({_DOCS}) fine-tuned by goldrank to rerank the chunks of one code repository.",
        "It scores a question and a passage together; a higher logit is more relevant.",
        "",
        f"- **Base model:** {_base(facts)}",
        f"- **Maximum sequence length:** {recipe.max_tokens:,} tokens",
        "- **Number of output labels:** 1",
        f"- **Weights:** {'tuned' if recipe.keep == 1 else mixed}",
        f"- **Licence:** {one_line(facts.licence) or 'none named; those of base and code apply'}",
    ]


def _usage(facts: Facts) -> list[str]:
    version = facts.data.provenance.get("pair_text_version")
    note = f", version {version}" if version is not None else ""
    return [
        "## Usage",
        "",
        "```python",
        "from sentence_transformers import CrossEncoder",
        "",
        'model = CrossEncoder("path/to/this/folder")',
        'scores = model.predict([("Where is a token validated?", "src/auth.py function validate\\n...")])',
        "```",
        "",
        f"A passage is goldrank's pair text{note}: the chunk's path, kind and name, its text below.",
        "Other passages are not what it learned from.",
    ]


def _training_data(facts: Facts) -> list[str]:
    data = facts.data
    counted = [
        ("questions", f"{data.questions:,} in {data.groups:,} groups"),
        ("pairs", f"{data.pairs:,}"),
        ("positives (label 1)", f"{data.positives:,}"),
        ("negatives (label 0)", f"{data.pairs - data.positives:,}"),
        ("mean label", f"{data.positives / data.pairs:.3f}"),
        ("query, characters", _range(data.queries)),
        ("passage, characters", _range(data.passages)),
    ]
    stated = [(name.replace("_", " "), f"`{value}`") for name, value in data.provenance.items()]
    return [
        "## Training data",
        "",
        f"Pairs of a {facts.asked} and a chunk of the repository.",
        "A positive answers the question; a negative was ranked high by the first stage and does not.",
        "",
        *table(("", ""), [*counted, *stated]),
        "",
        *_samples(facts.samples),
    ]


def _samples(samples: Sequence[LabeledPair]) -> list[str]:
    if not samples:
        return ["No samples are shown: the repository may be private."]
    rows = [(pair.query, pair.passage, str(pair.label)) for pair in samples]
    return table(("query", "passage", "label"), rows)


def _training(trained: Trained) -> list[str]:
    counts, recipe, tokens = trained.counts, trained.recipe, trained.tokens
    held = (
        f"{counts.validation_pairs:,} pairs of {counts.validation_questions:,} questions were held out "
        f"to stop early; the best epoch was {trained.best_epoch} of {len(trained.epochs)}."
        if counts.validation_pairs
        else "Nothing was held out to stop early."
    )
    weight = "" if trained.positive_weight is None else f", a positive weighs {trained.positive_weight:.3g}"
    resumed = f" (after an interruption, from step {trained.resumed_at:,})" if trained.resumed_at else ""
    return [
        "## Training",
        "",
        f"It learned from {counts.positives:,} positives and {counts.negatives:,} negatives.",
        held,
        f"It took {trained.steps:,} steps and {trained.seconds:.1f} s{resumed} on `{trained.device}`.",
        f"The mean pair has {tokens.mean:.0f} tokens, the longest {tokens.longest:,}.",
        f"{tokens.cut:,} of {counts.pairs:,} pairs were cut to {recipe.max_tokens:,} tokens.",
        "",
        f"Loss: `{_LOSSES[recipe.loss]}`, activation `Identity`{weight}.",
        "",
        *table(("epoch", "step", "training loss", "validation loss"), map(_epoch, trained.epochs)),
        "",
        "### Non-default hyperparameters",
        "",
        *_arguments({name: trained.arguments[name] for name in trained.changed}),
        "",
        "### All hyperparameters",
        "",
        "<details><summary>Click to expand</summary>",
        "",
        *_arguments(trained.arguments),
        "",
        "</details>",
        "",
        "### Versions",
        "",
        *(f"- {name}: {version}" for name, version in trained.versions.items()),
    ]


def _epoch(epoch: Epoch) -> tuple[str, ...]:
    validation = "" if epoch.validation_loss is None else f"{epoch.validation_loss:.4f}"
    return str(epoch.number), f"{epoch.step:,}", f"{epoch.training_loss:.4f}", validation


def _evaluation(facts: Facts) -> list[str]:
    if not facts.rows and not facts.decision:
        return []
    lines = ["## Evaluation", ""]
    if facts.split:
        split = facts.split
        times = "once" if split.repeats == 1 else f"{split.repeats} times"
        lines += [
            "Each question is ranked by a model that did not learn from it.",
            f"The {split.groups} groups of questions were parted into {split.folds} folds, {times}.",
            "The model in this folder was made from all of them by the same recipe.",
            "",
        ]
    if facts.judged:
        lines += [one_line(facts.judged), ""]
    if facts.rows:
        metrics = list(dict.fromkeys(metric for row in facts.rows for metric in row.measured))
        rows = [
            (row.system, *(_measured(row.measured.get(metric)) for metric in metrics)) for row in facts.rows
        ]
        lines += [*table(("system", *metrics), rows), ""]
    if facts.decision:
        lines += [
            f"**Decision:** {one_line(facts.decision)}",
            "",
            *(f"- {one_line(why)}" for why in facts.reasons),
        ]
    return lines[:-1] if not lines[-1] else lines


def _limits(facts: Facts) -> list[str]:
    if not facts.limits:
        return []
    return ["## Limits", "", *(f"- {one_line(limit)}" for limit in facts.limits)]


# How values are written.


def _base(facts: Facts) -> str:
    if not facts.base:
        return "a local folder"
    if not _is_on_hub(facts.base):
        return f"`{facts.base}`, an exported model"
    revision = facts.trained.recipe.revision
    link = f"[{facts.base}](https://huggingface.co/{facts.base})"
    return f"{link} at revision `{revision}`" if revision else link


def _is_on_hub(base: str) -> bool:
    return "/" in base


def _lengths(texts: Sequence[str]) -> Lengths:
    lengths = [len(text) for text in texts]
    return Lengths(min(lengths), sum(lengths) / len(lengths), max(lengths))


def _range(lengths: Lengths) -> str:
    return f"min {lengths.shortest:,}, mean {lengths.mean:,.2f}, max {lengths.longest:,}"


def _measured(measured: Measured | None) -> str:
    if measured is None:
        return ""
    if measured.low is None or measured.high is None:
        return f"{measured.value:.3f}"
    return f"{measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f})"


def _arguments(arguments: Mapping[str, Any]) -> list[str]:
    return [f"- `{name}`: {one_line(str(value))}" for name, value in arguments.items()]
