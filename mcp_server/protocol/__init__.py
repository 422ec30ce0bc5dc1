"""The MCP process: standard input and output, tools, concurrent calls, logs, and the end of the client."""
