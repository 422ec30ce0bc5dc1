"""How the reranker learns the repository it serves; the server never imports this."""
