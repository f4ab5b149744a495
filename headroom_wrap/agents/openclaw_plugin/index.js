// Headroom's plugin for OpenClaw: a context engine, the tool `headroom_retrieve`, and the notes of the memory.

import { delegateCompactionToRuntime } from "openclaw/plugin-sdk/core";

import { briefFor } from "./brief.js";
import { ID, TOOL, createEngine, createTool } from "./engine.js";
import { proxyFrom } from "./proxy.js";

export default {
  id: ID,
  name: "Headroom",
  // Called several times in a process, so it only registers.
  register(api) {
    const proxy = proxyFrom(api.pluginConfig);
    api.registerTool(createTool({ proxy }), { name: TOOL });
    api.registerContextEngine(ID, ({ config } = {}) =>
      createEngine({
        proxy,
        config: config ?? api.config,
        settings: api.pluginConfig,
        warn: (sentence) => api.logger?.warn?.(sentence),
        delegate: delegateCompactionToRuntime,
      }),
    );
    const { briefs } = api.pluginConfig ?? {};
    if (briefs?.length) {
      api.on("before_prompt_build", ({ messages } = {}) => {
        const text = briefFor(briefs, messages);
        return text ? { appendSystemContext: text } : undefined;
      });
    }
  },
};
