"""When two models are the same, whatever their folders are called: a hash of all that their logits depend on.

A model's scores are cached under this hash. The folder's path is not enough: the next training may write
another model into the same folder.
"""

import hashlib
import importlib.metadata
from pathlib import Path

from retrieval.rerank import exported_model
from retrieval.rerank.fusion import PAIR_TEXT_VERSION

_LIBRARIES = ("sentence-transformers", "transformers", "tokenizers", "torch", "onnxruntime")
_PROSE = {".md", ".gitattributes"}  # a card may be rewritten without changing the model


def identity(model: str, *, revision: str = "") -> str:
    """Hash a model's weights, configuration and tokenizer, with the pair text and the libraries that run it.

    Args:
        model: `exported_model.NAME`, a folder, or a hub id; a hub model that is not on this machine is
            identified by its name.
        revision: Commit of a hub model, or "".
    """
    seen = hashlib.sha256()
    for part in (str(PAIR_TEXT_VERSION), *(importlib.metadata.version(name) for name in _LIBRARIES)):
        seen.update(f"{part}\0".encode())
    folder = _folder(model, revision)
    if folder is None:
        seen.update(f"{model}@{revision}".encode("utf-8", "surrogateescape"))
        return seen.hexdigest()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in _PROSE:
            seen.update(f"{path.relative_to(folder).as_posix()}\0".encode("utf-8", "surrogateescape"))
            with path.open("rb") as file:
                seen.update(hashlib.file_digest(file, "sha256").digest())
    return seen.hexdigest()


def _folder(model: str, revision: str) -> Path | None:
    """Return the files that loading a model reads."""
    folder = exported_model.folder_of(model) or Path(model).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - heavy, and needed here alone

    try:
        found = try_to_load_from_cache(model, "config.json", revision=revision or None)
    except ValueError:  # not a valid hub name
        return None
    return Path(found).parent if isinstance(found, str) else None
