"""Which pairs a model is trained on: labelled question and chunk, split so that folds share none."""
