"""Which model a repository's past teaches, and whether that model may serve."""
