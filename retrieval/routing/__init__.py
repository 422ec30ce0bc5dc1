"""Which repositories may answer a question: what is kept of each, and how a question is scored against it."""
