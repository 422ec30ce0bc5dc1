"""How a cross-encoder is fine-tuned: the recipe, the trainer, checkpoints and the record of a run."""
