"""`headroom wrap`: which words are ours and which are the agent's."""

from __future__ import annotations

import pytest

from headroom_wrap.cli.wrap import split
from headroom_wrap.errors import Code, HeadroomError


@pytest.mark.parametrize(
    ("line", "agent", "args", "flags"),
    [
        ("claude", "claude", "", {}),
        ("claude -p hi --model opus", "claude", "-p hi --model opus", {}),
        ("--level safe claude -p hi", "claude", "-p hi", {"level": "safe"}),
        ("claude --level=safe -c --port 8080", "claude", "-c", {"level": "safe", "port": "8080"}),
        ("claude --exclude-tool Read --exclude-tool Grep", "claude", "", {"exclude_tools": ["Read", "Grep"]}),
        ("-v claude --dry-run --no-compress", "claude", "", {"verbose": True, "dry_run": True, "no_compress": True}),
        ("claude --cache-breakpoints", "claude", "", {"cache_breakpoints": True}),
        ("--verbose claude -p --verbose", "claude", "-p --verbose", {"verbose": True}),
        ("claude -- --level mine -v", "claude", "--level mine -v", {}),
        ("claude --allowedTools Bash -- --level words", "claude", "--allowedTools Bash -- --level words", {}),
    ],
)
def test_our_options_are_ours_and_all_else_is_the_agents(
    line: str, agent: str, args: str, flags: dict[str, object]
) -> None:
    words = split(line.split())
    assert (words.agent, " ".join(words.args), words.flags) == (agent, args, flags)


@pytest.mark.parametrize("line", ["claude --level", "--unknown claude"])
def test_words_that_cannot_be_sorted_are_refused(line: str) -> None:
    with pytest.raises(HeadroomError) as caught:
        split(line.split())
    assert caught.value.code is Code.BAD_REQUEST
