"""How the index follows the work tree: what changed on disk, who may write, what is committed."""
