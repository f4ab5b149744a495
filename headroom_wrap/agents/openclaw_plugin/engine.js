// The context engine and the retrieval tool.
//
// What assemble does, and why so little of it: it sees only the history before the current turn, and each of those
// results has been sent already, in the turn that made it. For a provider behind the proxy the proxy has shortened it
// there, and replays the same bytes as long as OpenClaw sends the original (measured: the prefix of each request is
// the request before). Were assemble to send the shortened text instead, the proxy could no longer know the block, nor
// the blocks that refer to it, and would decide anew: the provider's cache would miss. So that history stays as it is.
//
// A provider that is not behind the proxy was sent the original. Its cache holds that until it ends; only what stands
// before a pause of that length is shortened, and stays so from then on: that costs the cache nothing.
//
// Nothing that matters is in memory: OpenClaw makes and ends an engine for each turn. The proxy's store remembers.

import { coldCount, fromWire, toWire } from "./messages.js";
import { post } from "./proxy.js";

export const ID = "headroom";
export const TOOL = "headroom_retrieve";
const CACHE_MINUTES = 60;
const CHARS_PER_TOKEN = 4;

/** What the engine may touch of the world: `proxy`, `config` (OpenClaw's), `settings` (the plugin's), `now`, `fetch`,
 * `warn(sentence)`, and `delegate` for OpenClaw's own compaction. */
export function createEngine({ proxy, config, settings = {}, now = Date.now, fetch, warn = () => {}, delegate }) {
  return {
    info: {
      id: ID,
      name: "Headroom",
      version: "1.0.0",
      ownsCompaction: false,
      // Without both of these OpenClaw takes its own engine for every turn.
      transcriptSemantics: {
        currentTurnFence: "before-current-turn-entry-v1",
        turnAdvancementIdempotency: "atomic-idempotent-v1",
      },
    },
    async ingest() {
      return { ingested: false };
    },
    // Every turn is idempotent, since nothing is written: a turn that is offered again changes nothing.
    async commitTurn() {
      return { status: "committed" };
    },
    async assemble({ messages, runtimeSettings }) {
      const assembled = isRouted(config, runtimeSettings, proxy.url)
        ? messages
        : await shortened(messages, { proxy, settings, now, fetch, warn });
      return { messages: assembled, estimatedTokens: estimate(assembled) };
    },
    async compact(params) {
      return delegate(params);
    },
  };
}

/** Whether the model's requests go through the proxy. */
export function isRouted(config, runtimeSettings, proxyUrl) {
  const { provider, resolved } = runtimeSettings?.model ?? {};
  const name = provider ?? String(resolved ?? "").split("/")[0];
  const base = config?.models?.providers?.[name]?.baseUrl ?? "";
  return base === proxyUrl || base.startsWith(`${proxyUrl}/`);
}

/** The history with the results before the last long pause shortened; as it came where anything fails. */
async function shortened(messages, { proxy, settings, now, fetch, warn }) {
  const cacheMs = (settings.cacheMinutes ?? CACHE_MINUTES) * 60_000;
  const cold = messages.slice(0, coldCount(messages, now(), cacheMs));
  if (!cold.some((message) => message.role === "toolResult")) return messages;
  try {
    const answer = await post(proxy, "/v1/compress", { messages: toWire(cold), wire: "anthropic" }, { fetch });
    return [...fromWire(cold, answer.messages), ...messages.slice(cold.length)];
  } catch (error) {
    warn(`headroom: the history was left as it is: ${error.message}`);
    return messages;
  }
}

function estimate(messages) {
  return Math.ceil(JSON.stringify(messages).length / CHARS_PER_TOKEN);
}

/** The tool that reads what was left out. */
export function createTool({ proxy, fetch }) {
  const text = (description) => ({ type: "string", description });
  return {
    name: TOOL,
    label: "Headroom: read an original",
    catalogMode: "direct-only",
    description:
      "Read what a [headroom ...] mark in a tool result left out, word for word. Takes the id from the mark, and the part: lines, rows or chars, or grep.",
    parameters: {
      type: "object",
      additionalProperties: false,
      required: ["id"],
      properties: {
        id: text("The id in the mark, such as h1a2b3c4d5e6f."),
        lines: text("Lines, from 1: 40-90, 40-, or 1-5,40-90."),
        rows: text("The same for the objects of a JSON array."),
        chars: text("The same for characters, one range."),
        grep: text("Only lines, or rows, that match this regular expression."),
        context: { type: "integer", minimum: 0, description: "With grep: lines to show around each match." },
      },
    },
    async execute(_toolCallId, params, signal) {
      const found = await post(proxy, "/v1/retrieve", params, { fetch, signal });
      return { content: [{ type: "text", text: found.text }], details: { id: found.id } };
    },
  };
}
