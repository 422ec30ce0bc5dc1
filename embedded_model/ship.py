"""Export a trained model to int8 and put it into the package.

    python -m embedded_model.ship --trained OUT/round-N --name goldrank-crossencoder-N

This replaces retrieval/rerank/model. Users fine-tune the model on few pairs, so it gets back the dropout of
its base, which train.py turned off. Requires goldrank's extra `export`. Afterwards write the model card:
embedded_model/card.py.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from retrieval.rerank import exported_model
from retrieval.training.export.export import export

MAX_TOKENS = 192  # an excerpt has some 64; the rest is room for long questions and paths
DROPOUT = 0.1  # BERT's (Devlin et al. 2019)


def main() -> None:
    """Export the model and replace the packaged one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--trained", type=Path, required=True, help="a CrossEncoder folder that train.py made"
    )
    parser.add_argument("--name", required=True, help="what replies call it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(shutil.copytree(args.trained, Path(scratch) / "model"))
        config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
        config |= {"hidden_dropout_prob": DROPOUT, "attention_probs_dropout_prob": DROPOUT}
        (copy / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        made = export(copy, Path(scratch) / "exported", name=args.name, max_tokens=MAX_TOKENS)
        shutil.rmtree(exported_model.FOLDER, ignore_errors=True)
        shutil.copytree(made, exported_model.FOLDER)
    for path in exported_model.FOLDER.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    main()
