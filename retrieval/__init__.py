"""The pipeline from files to ranked chunks, independent of the protocol that serves it."""
