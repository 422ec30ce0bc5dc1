"""The cross-encoder that comes with goldrank: where it lies, and whether it is what was shipped.

It is an exported folder (`training.export` says what is in one), so any other may be named in its place.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from retrieval import installation
from retrieval.errors import ModelError
from retrieval.rerank.fusion import PAIR_TEXT_VERSION

NAME = "goldrank-crossencoder"
"""What the setting `model` says to mean it, and what replies call it."""

FOLDER = Path(__file__).parent / "model"
MANIFEST = "manifest.json"
GRAPH = "graph.onnx"
WEIGHTS = "weights.safetensors"
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is recorded of an exported model.

    Attributes:
        name: For people, as replies show it.
        max_tokens: Where a pair is cut.
        digest: Eight hexadecimal digits that tell it from any other.
    """

    name: str
    max_tokens: int
    digest: str


def folder_of(model: str) -> Path | None:
    """Return the exported folder that a model's name means, or None where it means another kind of model."""
    if model == NAME:
        return FOLDER
    folder = Path(model).expanduser()
    return folder if model and is_exported(folder) else None


def is_exported(folder: Path) -> bool:
    """Tell whether a folder is the export of a model, sound or not."""
    return (folder / MANIFEST).is_file()


def seal(folder: Path, *, name: str, max_tokens: int, pair_text_version: int) -> None:
    """Record what an exported folder holds; nothing may change in it from then on."""
    record = {
        "name": name,
        "max_tokens": max_tokens,
        "pair_text_version": pair_text_version,
        "sha256": {path.name: _sha256(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST},
    }
    (folder / MANIFEST).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read what is recorded of an exported model, and compare every file with it.

    Raises:
        ModelError: It is missing, damaged, or learned from another pair text; with the way out.
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
            f"the model in {folder} learned from pair text {learned} and this goldrank writes "
            f"{PAIR_TEXT_VERSION}",
            remedy=_way_out(folder),
        )
    return manifest


def _way_out(folder: Path) -> str:
    if folder == FOLDER:
        return f"install goldrank again ({installation.again()}), or name a model with --model"
    return "export it again, or name another with --model"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
