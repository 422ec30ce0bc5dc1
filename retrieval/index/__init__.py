"""The inverted index: fields, counts and exact BM25 scores of one committed state."""
