"""The pipeline from files to ranked chunks; it knows nothing of the protocol that serves it."""
