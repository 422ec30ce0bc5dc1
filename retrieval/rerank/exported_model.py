"""Where the embedded cross-encoder is stored, and whether its files are intact.

The model is an exported folder (`training.export` describes the contents), so any other one can replace it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from retrieval import installation
from retrieval.errors import ModelError
from retrieval.rerank.fusion import PAIR_TEXT_VERSION

NAME = "goldrank-crossencoder"
"""The embedded model's name in the setting `model` and in replies."""

FOLDER = Path(__file__).parent / "model"
MANIFEST = "manifest.json"
GRAPH = "graph.onnx"
WEIGHTS = "weights.safetensors"
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The recorded properties of an exported model.

    Attributes:
        name: The display name in replies.
        max_tokens: Length to which pairs are truncated.
        digest: Eight hexadecimal digits that identify the model.
    """

    name: str
    max_tokens: int
    digest: str


def folder_of(model: str) -> Path | None:
    """Return the exported folder of a model, or None for another kind of model."""
    if model == NAME:
        return FOLDER
    folder = Path(model).expanduser()
    return folder if model and is_exported(folder) else None


def is_exported(folder: Path) -> bool:
    """Return whether a folder is an exported model, intact or not."""
    return (folder / MANIFEST).is_file()


def seal(folder: Path, *, name: str, max_tokens: int, pair_text_version: int) -> None:
    """Record the contents of an exported folder, which must not change from then on."""
    record = {
        "name": name,
        "max_tokens": max_tokens,
        "pair_text_version": pair_text_version,
        "sha256": {path.name: _sha256(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST},
    }
    (folder / MANIFEST).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of an exported model, and verify every file.

    Raises:
        ModelError: The model is missing or damaged, or was trained with another pair text.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        record = json.loads(content)
        manifest = Manifest(
            str(record["name"]), int(record["max_tokens"]), hashlib.sha256(content).hexdigest()[:8]
        )
        wrong = [name for name, digest in record["sha256"].items() if _sha256(folder / name) != digest]
        learned = record["pair_text_version"]
    except FileNotFoundError as error:
        raise ModelError(
            f"{Path(error.filename).name} is missing in {folder}", remedy=_way_out(folder)
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the model in {folder} cannot be read: {error}", remedy=_way_out(folder)) from error
    if wrong:
        raise ModelError(f"the model in {folder} is damaged: {', '.join(wrong)}", remedy=_way_out(folder))
    if learned != PAIR_TEXT_VERSION:
        raise ModelError(
            f"the model in {folder} was trained with pair text {learned}, goldrank now uses "
            f"{PAIR_TEXT_VERSION}",
            remedy=_way_out(folder),
        )
    return manifest


def _way_out(folder: Path) -> str:
    if folder == FOLDER:
        return f"reinstall goldrank ({installation.again()}), or choose a model with --model"
    return "export it again, or choose another with --model"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
