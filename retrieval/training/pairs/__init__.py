"""What is learned from: labelled pairs of question and chunk, split so that no question is in two folds."""
