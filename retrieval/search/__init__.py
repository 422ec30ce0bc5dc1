"""How both stages are combined into an answer, and how a search is answered before there is an index."""
