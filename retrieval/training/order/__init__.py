"""Which order of the first stage a repository's past teaches, and whether that order may serve."""
