"""Claude Code on a cloud: which one is in use, which of its variables leads to the proxy, where requests went before.

Measured with 2.1.197: Vertex puts `/projects/...` behind its base URL, Foundry `/v1/messages`, and Foundry refuses a
resource's name beside a base URL. Bedrock's requests are signed with their bodies, so they are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from headroom_wrap.agents.agent import Upstream
from headroom_wrap.agents.claude_settings import Settings
from headroom_wrap.proxy.vertex import VERTEX_URL

_TRUE = ("1", "true", "yes", "on")
_FOUNDRY = "https://{}.services.ai.azure.com/anthropic"


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud.

    Attributes:
        flag: the variable that turns it on.
        url_variable: the one for its base URL; empty where requests are signed, and so cannot be changed.
        suffix: what its base URL ends in as a rule, and the proxy's upstream does not.
        official: its own base URL, without the suffix.
        resource_variable: the one that may name a resource instead of a base URL; it is part of `official`.
    """

    title: str
    flag: str
    url_variable: str = ""
    suffix: str = ""
    official: str = ""
    resource_variable: str = ""

    def base_url(self, settings: Settings) -> tuple[str, str] | None:
        """The base URL in force, and who set it; None where nobody did."""
        return settings.variable(self.url_variable) if self.url_variable else None

    def upstream(self, settings: Settings) -> Upstream:
        """Where its requests went so far, as the proxy takes it."""
        found = self.base_url(settings)
        if found is not None:
            return Upstream(found[0].rstrip("/").removesuffix(self.suffix), found[1])
        resource = settings.variable(self.resource_variable) if self.resource_variable else None
        if resource is not None:
            return Upstream(self.official.format(resource[0]), resource[1])
        return Upstream(self.official, "default")

    def variables(self, settings: Settings, proxy_url: str) -> dict[str, str]:
        """What leads its requests to the proxy."""
        found = self.base_url(settings)
        has_suffix = found is None or found[0].rstrip("/").endswith(self.suffix)
        env = {self.url_variable: proxy_url + (self.suffix if has_suffix else "")}
        return env | ({self.resource_variable: ""} if self.resource_variable else {})


_CLOUDS = (
    Cloud("Amazon Bedrock", "CLAUDE_CODE_USE_BEDROCK"),
    Cloud("Amazon Bedrock (Mantle)", "CLAUDE_CODE_USE_MANTLE"),
    Cloud("Claude on AWS", "CLAUDE_CODE_USE_ANTHROPIC_AWS"),
    Cloud("Google Vertex AI", "CLAUDE_CODE_USE_VERTEX", "ANTHROPIC_VERTEX_BASE_URL", "/v1", VERTEX_URL),
    Cloud(
        "Microsoft Foundry", "CLAUDE_CODE_USE_FOUNDRY", "ANTHROPIC_FOUNDRY_BASE_URL", "", _FOUNDRY,
        "ANTHROPIC_FOUNDRY_RESOURCE",
    ),
)  # fmt: skip


def in_use(settings: Settings) -> Cloud | None:
    """The cloud that the user's Claude Code talks to, if any."""
    found = ((cloud, settings.variable(cloud.flag)) for cloud in _CLOUDS)
    return next((cloud for cloud, value in found if value is not None and value[0].strip().lower() in _TRUE), None)
