"""Start the installed goldrank, for hosts of MCP bundles, which run a file of the bundle."""  # noqa: INP001 - it is run by its path

from goldrank_launcher import main

main()
