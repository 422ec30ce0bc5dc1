"""How the index follows the work tree: what changed on disk, which process may write, what is committed."""
