import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const folder = pathToFileURL(`${process.env.PLUGIN_FOLDER}/`);
const { createEngine, createTool } = await import(new URL("engine.js", folder));
const { coldCount, fromWire, toWire } = await import(new URL("messages.js", folder));
const { post, proxyFrom } = await import(new URL("proxy.js", folder));

const HOUR = 3_600_000;
const proxy = { url: "http://127.0.0.1:9", key: async () => "secret-key" };
const config = { models: { providers: { mine: { baseUrl: "http://127.0.0.1:9/k/x/v1" }, other: { baseUrl: "https://o" } } } };
const history = [
  { role: "user", content: "look", timestamp: 1 },
  { role: "assistant", content: [{ type: "thinking", thinking: "h" }, { type: "toolCall", id: "c1", name: "exec", arguments: { a: 1 } }], timestamp: 2 },
  { role: "toolResult", toolCallId: "c1", toolName: "exec", isError: true, details: { exitCode: 3 }, content: [{ type: "text", text: "long" }, { type: "image", data: "x" }, { type: "text", text: "more" }], timestamp: 3 },
  { role: "assistant", content: [{ type: "text", text: "done" }], timestamp: 4 },
  { role: "user", content: [{ type: "text", text: "again" }], timestamp: 4 + HOUR },
];
const shortening = (calls = []) => async (url, init) => {
  calls.push([url, init]);
  const { messages } = JSON.parse(init.body);
  for (const { content } of messages) for (const block of content) for (const part of block.content ?? []) part.text = `short ${part.text}`;
  return Response.json({ messages });
};
const assemble = (parts, provider = "other") =>
  createEngine({ proxy, config, now: () => 5 + HOUR, ...parts }).assemble({ messages: history, runtimeSettings: { model: { provider } } });

test("messages go to the wire and come back the same objects", () => {
  const wire = toWire(history);
  assert.equal(wire.length, history.length);
  assert.deepEqual(wire[1].content[1], { type: "tool_use", id: "c1", name: "exec", input: { a: 1 } });
  assert.equal(wire[2].content[0].is_error, true);
  const back = fromWire(history, wire);
  back.forEach((message, index) => assert.equal(message, history[index]));
});

test("an answer that is not ours is refused", () => {
  assert.throws(() => fromWire(history, toWire(history).slice(1)));
  const wire = toWire(history);
  wire[2].content[0].tool_use_id = "c2";
  assert.throws(() => fromWire(history, wire));
  wire[2].content[0] = { tool_use_id: "c1", content: [{ text: "one" }] };
  assert.throws(() => fromWire(history, wire));
});

test("only what stands before a long pause is cold, and it stays so", () => {
  assert.equal(coldCount(history, 5 + HOUR, HOUR), 4);
  assert.equal(coldCount(history.slice(0, 4), 4 + HOUR, HOUR), 4);
  assert.equal(coldCount(history.slice(0, 4), 3 + HOUR, HOUR), 0);
  assert.equal(coldCount([...history, { role: "user", content: "x", timestamp: 6 + HOUR }], 7 + HOUR, HOUR), 4);
  assert.equal(coldCount([{ role: "user", content: "x" }], 9 * HOUR, HOUR), 0);
});

test("history behind the proxy stays as it is, and nothing is asked", async () => {
  const calls = [];
  const { messages } = await assemble({ fetch: shortening(calls) }, "mine");
  assert.equal(messages, history);
  assert.equal(calls.length, 0);
});

test("cold history of another provider is shortened with every id and pair intact", async () => {
  const calls = [];
  const { messages, estimatedTokens } = await assemble({ fetch: shortening(calls) });
  assert.equal(messages.length, 5);
  assert.deepEqual(messages[2], {
    ...history[2],
    content: [{ type: "text", text: "short long" }, { type: "image", data: "x" }, { type: "text", text: "short more" }],
  });
  for (const index of [0, 1, 3, 4]) assert.equal(messages[index], history[index]);
  assert.ok(estimatedTokens > 0);
  assert.equal(calls[0][0], "http://127.0.0.1:9/v1/compress");
  assert.equal(calls[0][1].headers["x-headroom-key"], "secret-key");
  assert.equal(JSON.parse(calls[0][1].body).messages.length, 4);
});

for (const [name, fetch] of [
  ["does not answer", async () => { throw new TypeError("fetch failed"); }],
  ["refuses", async () => Response.json({ error: { message: "no" } }, { status: 503 })],
  ["answers with nonsense", async () => Response.json({ messages: [1, 2, 3, 4] })],
  ["answers with a page", async () => new Response("<html>")],
]) {
  test(`a proxy that ${name} costs nothing, and no key is told`, async () => {
    const said = [];
    const { messages } = await assemble({ fetch, warn: (sentence) => said.push(sentence) });
    assert.equal(messages, history);
    assert.equal(said.length, 1);
    assert.ok(!said[0].includes("secret-key"));
  });
}

test("the engine declares what OpenClaw asks for, and leaves compaction to it", async () => {
  const engine = createEngine({ proxy, config, delegate: async (params) => ({ ok: true, ...params }) });
  assert.deepEqual(engine.info.transcriptSemantics, {
    currentTurnFence: "before-current-turn-entry-v1",
    turnAdvancementIdempotency: "atomic-idempotent-v1",
  });
  assert.equal(engine.info.ownsCompaction, false);
  assert.deepEqual(await engine.commitTurn({ advancementKey: "k" }), { status: "committed" });
  assert.deepEqual(await engine.compact({ force: true }), { ok: true, force: true });
});

test("the tool asks for an original and tells errors as sentences", async () => {
  const fetch = async (url, init) => {
    assert.equal(url, "http://127.0.0.1:9/v1/retrieve");
    return JSON.parse(init.body).id === "h1"
      ? Response.json({ id: "h1", text: "[headroom original h1]\nline" })
      : Response.json({ error: { code: "original-not-found", message: "There is none.", hint: "Look." } }, { status: 404 });
  };
  const tool = createTool({ proxy, fetch });
  assert.equal(tool.catalogMode, "direct-only");
  assert.equal((await tool.execute("c", { id: "h1", lines: "1-2" })).content[0].text, "[headroom original h1]\nline");
  await assert.rejects(tool.execute("c", { id: "h2" }), { message: "There is none. Look." });
});

test("a session's proxy goes before the configured one, and a key goes to this machine alone", async () => {
  const session = proxyFrom({ proxyUrl: "http://127.0.0.1:1" }, { HEADROOM_SESSION_URL: "http://127.0.0.1:2", HEADROOM_SESSION_KEY: "k" });
  assert.deepEqual([session.url, await session.key()], ["http://127.0.0.1:2", "k"]);
  const keyFile = join(await mkdtemp(join(tmpdir(), "headroom-")), "key");
  await writeFile(keyFile, "from-file\n");
  const own = proxyFrom({ keyFile }, {});
  assert.deepEqual([own.url, await own.key()], ["http://127.0.0.1:8787", "from-file"]);
  const fetch = () => assert.fail("sent");
  await assert.rejects(post({ ...proxy, url: "http://example.com" }, "/v1/retrieve", {}, { fetch }), /on this machine/);
});
