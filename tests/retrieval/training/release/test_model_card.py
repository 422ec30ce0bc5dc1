"""A model card says what ran, in a form that the hub reads, and nothing that nobody measured."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
import tiny_model

from retrieval.records import Chunk
from retrieval.training.fit import trainer
from retrieval.training.fit.recipe import PRESETS
from retrieval.training.pairs.labeled_pairs import LabeledPair
from retrieval.training.release import model_card
from retrieval.training.release.model_card import Facts, Measured, Row, Split

pytestmark = pytest.mark.slow(reason="the card is of a real training")

PRIVATE = "sesame | <b>\nself"
PAIRS = [
    LabeledPair(
        question_id=f"q{number}",
        group=f"g{number}",
        query="how does the door open",
        passage=f"a.py\n{PRIVATE if rank == 1 else 'door'} {'key ' * number}",
        label=int(rank == 1),
        chunk=Chunk("a.py", rank, rank),
        rank=rank,
    )
    for number in range(8)
    for rank in (1, 2, 3)
]
PROVENANCE = {
    "golden_sha256": "ab" * 32,
    "commit": "c0ffee",
    "index": "f1",
    "seed": 3,
    "pair_text_version": 1,
}
HUB_ID = "cross-encoder/ms-marco-MiniLM-L6-v2"


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """Train by the preset "legacy-70", on a small base that stands in for the real one."""
    folder = tmp_path_factory.mktemp("card")
    base = tiny_model.train(tmp_path_factory.mktemp("base"), batches=0)
    recipe = dataclasses.replace(PRESETS["legacy-70"], base=str(base))
    return Facts(
        name="door-1",
        trained=trainer.train(PAIRS, recipe, folder / "model"),
        data=model_card.describe(PAIRS, PROVENANCE),
        base=HUB_ID,
        split=Split(folds=4, repeats=2, groups=8),
        rows=(
            Row("first stage", {"nDCG@10": Measured(0.5, 0.41, 0.59), "ms": Measured(12)}),
            Row("tuned | mixed", {"nDCG@10": Measured(0.625, 0.5, 0.75), "MRR@10": Measured(0.7)}),
        ),
        decision="Kept.",
        reasons=("It gains 0.125 of nDCG@10.",),
        limits=("It knows\none repository.",),
        licence="apache-2.0",
    )


def metadata(text: str) -> dict[str, Any]:
    """Read the front matter as the hub's own client does."""
    from huggingface_hub import ModelCard  # noqa: PLC0415 - heavy

    data: Any = ModelCard(text).data
    return dict(data.to_dict())


def test_the_front_matter_is_what_the_hub_expects(facts: Facts) -> None:
    """A card that the hub cannot parse is a model nobody finds."""
    assert metadata(model_card.write_card(facts)) == {
        "tags": [
            "sentence-transformers",
            "cross-encoder",
            "reranker",
            "generated_from_trainer",
            "dataset_size:24",
            "loss:BinaryCrossEntropyLoss",
        ],
        "base_model": HUB_ID,
        "pipeline_tag": "text-ranking",
        "library_name": "sentence-transformers",
        "license": "apache-2.0",
    }


def test_a_local_base_and_no_licence_are_not_made_up(facts: Facts) -> None:
    """The path of somebody's folder is nobody else's business, and a licence is not ours to choose."""
    text = model_card.write_card(dataclasses.replace(facts, base="", licence=""))
    assert metadata(text).keys() == {"tags", "pipeline_tag", "library_name"}
    assert "- **Base model:** a local folder\n" in text
    assert "- **Licence:** none named" in text
    assert facts.trained.recipe.base not in text
    assert str(facts.trained.folder.parent) not in text


def test_a_base_that_was_exported_is_named_and_not_looked_for_on_the_hub(facts: Facts) -> None:
    """The model that comes with goldrank has a name that says more than where it was restored."""
    text = model_card.write_card(dataclasses.replace(facts, base="goldrank-crossencoder-1-0a1b2c3d"))
    assert "base_model" not in metadata(text)
    assert "- **Base model:** `goldrank-crossencoder-1-0a1b2c3d`, an exported model\n" in text


def test_the_card_of_the_preset_states_the_values_of_the_seed_card(facts: Facts) -> None:
    """The predecessor's recipe, as its own card gives it, is what ran."""
    text = model_card.write_card(facts)
    everything = dict(re.findall(r"^- `(\w+)`: (.*)$", text.partition("<details>")[2], re.MULTILINE))
    expected = {
        "learning_rate": "5e-05",
        "per_device_train_batch_size": "16",
        "per_device_eval_batch_size": "16",
        "num_train_epochs": "1",
        "seed": "42",
        "optim": "adamw_torch_fused",
        "lr_scheduler_type": "linear",
        "warmup_steps": "0",
        "weight_decay": "0.0",
        "adam_beta1": "0.9",
        "adam_beta2": "0.999",
        "adam_epsilon": "1e-08",
        "gradient_accumulation_steps": "1",
        "eval_strategy": "no",
        "disable_tqdm": "True",
    }
    assert {name: everything[name] for name in expected} == expected
    assert "Loss: `BinaryCrossEntropyLoss`, activation `Identity`.\n" in text
    assert (
        "- **Maximum sequence length:** 512 tokens\n- **Number of output labels:** 1\n- **Weights:** tuned\n"
        in text
    )
    assert f"[{HUB_ID}](https://huggingface.co/{HUB_ID}) at revision `c5ee24cb" in text


def test_only_what_differs_from_the_defaults_comes_first(facts: Facts) -> None:
    """A hundred defaults hide the three values that matter."""
    text = model_card.write_card(facts)
    first = text.partition("### Non-default hyperparameters")[2].partition("### All")[0]
    changed = re.findall(r"^- `(\w+)`:", first, re.MULTILINE)
    assert {"num_train_epochs", "per_device_train_batch_size", "disable_tqdm"} <= set(changed)
    assert not {"learning_rate", "weight_decay", "seed", "optim"} & set(changed)


def test_the_training_data_are_counted_and_measured(facts: Facts) -> None:
    """As the predecessor's card did: sizes, lengths, the mean label; and whence they are."""
    text = model_card.write_card(facts)
    assert "| pairs | 24 |\n| positives (label 1) | 8 |\n| negatives (label 0) | 16 |" in text
    assert "| mean label | 0.333 |" in text
    assert "| query, characters | min 22, mean 22.00, max 22 |" in text
    longest = max(len(pair.passage) for pair in PAIRS)
    assert re.search(rf"\| passage, characters \| min 10, mean [\d.]+, max {longest} \|", text)
    assert f"| golden sha256 | `{'ab' * 32}` |\n| commit | `c0ffee` |" in text
    assert "questions | 8 in 8 groups |" in text


def test_a_card_quotes_neither_code_nor_questions_unless_it_is_handed_samples(facts: Facts) -> None:
    """The repository may be private, and a card is what gets published."""
    text = model_card.write_card(facts)
    assert not any(word in text for word in ("sesame", "how does the door", "a.py"))
    assert "No samples are shown" in text
    shown = model_card.write_card(dataclasses.replace(facts, samples=tuple(PAIRS[:1])))
    assert "| how does the door open | a.py<br>sesame \\| &lt;b&gt;<br>self  | 1 |" in shown
    assert "No samples are shown" not in shown


def test_the_evaluation_is_a_table_of_systems_and_metrics(facts: Facts) -> None:
    """A metric that a system lacks is left empty, not made 0."""
    text = model_card.write_card(facts)
    assert "The 8 groups of questions were parted into 4 folds, 2 times.\n" in text
    assert (
        "| system | nDCG@10 | ms | MRR@10 |\n"
        "| --- | --- | --- | --- |\n"
        "| first stage | 0.500 (0.410 to 0.590) | 12.000 |  |\n"
        "| tuned \\| mixed | 0.625 (0.500 to 0.750) |  | 0.700 |\n"
    ) in text
    assert "**Decision:** Kept.\n\n- It gains 0.125 of nDCG@10.\n" in text
    assert text.endswith("## Limits\n\n- It knows one repository.\n")


def test_nothing_measured_is_no_section(facts: Facts) -> None:
    """An empty heading is an invented section."""
    bare = Facts(facts.name, facts.trained, facts.data)
    headings = re.findall(r"^## (.*)$", model_card.write_card(bare), re.MULTILINE)
    assert headings == ["Usage", "Training data", "Training"]


def test_a_recipe_with_all_its_parts_is_told_in_words(facts: Facts, tmp_path: Path) -> None:
    """What was weighed, mixed, stopped and cut decides what the model is."""
    recipe = dataclasses.replace(
        facts.trained.recipe, keep=0.25, balanced=True, validation_share=0.25, max_tokens=12, epochs=2
    )
    trained = trainer.train(PAIRS, recipe, tmp_path / "model")
    trained = dataclasses.replace(trained, resumed_at=2)
    text = model_card.write_card(dataclasses.replace(facts, trained=trained))
    assert "- **Weights:** 25% tuned, 75% the base's (WiSE-FT" in text
    assert "activation `Identity`, a positive weighs 2.\n" in text
    assert "6 pairs of 2 questions were held out to stop early; the best epoch was" in text
    assert "(after an interruption, from step 2)" in text
    assert re.search(r"^1\d of 18 pairs were cut to 12 tokens\.$", text, re.MULTILINE)
    assert re.search(r"^\| 1 \| 2 \| \d\.\d{4} \| \d\.\d{4} \|$", text, re.MULTILINE)
    assert "dataset_size:18" in text


def test_the_folder_loads_with_its_card_in_place(facts: Facts) -> None:
    """The card lies beside the weights as README.md, where the hub looks for it."""
    from sentence_transformers import CrossEncoder

    readme = facts.trained.folder / "README.md"
    readme.write_text(model_card.write_card(facts), encoding="utf-8")
    assert CrossEncoder(str(facts.trained.folder), local_files_only=True).num_labels == 1
    assert json.dumps(metadata(readme.read_text(encoding="utf-8")))
