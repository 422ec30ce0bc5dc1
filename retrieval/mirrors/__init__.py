"""How a repository is served from its URL: a mirror that git keeps in the cache, read at one commit."""
