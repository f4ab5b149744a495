"""The light MCP server that sessions start for their agents."""
