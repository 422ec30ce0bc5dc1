"""Which questions a repository's own commits ask, and which lines of the tree before each commit answer."""
