"""What each `goldrank` command does."""
