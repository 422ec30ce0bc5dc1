"""How the tools are served over HTTP: where, to whom, how often, and what is counted meanwhile."""
