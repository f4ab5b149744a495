"""A session: the agent as a child process, its proxy, and everything that must not be left behind."""
