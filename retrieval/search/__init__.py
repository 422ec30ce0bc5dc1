"""Both stages composed into an answer, and what answers before there is an index."""
