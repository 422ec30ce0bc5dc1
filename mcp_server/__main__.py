"""`python -m mcp_server` is the `goldrank` command."""

from mcp_server.cli import main

if __name__ == "__main__":
    main()
