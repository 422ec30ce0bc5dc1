"""How a reranker is trained on the repository it serves; the server never imports this package."""
