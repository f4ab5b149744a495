"""What one agent learned, kept for all: facts of a project, saved, compared, searched and told."""

from headroom_wrap.memory.memory import Memory
from headroom_wrap.memory.projects import project_of, scope_of

__all__ = ["Memory", "project_of", "scope_of"]
