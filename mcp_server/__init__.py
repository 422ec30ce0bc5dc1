"""The front door: the command line and the MCP server over the retrieval pipeline."""
