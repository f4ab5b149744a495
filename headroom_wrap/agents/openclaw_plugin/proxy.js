// The proxy's control routes, as the plugin uses them. Nothing here logs, and no error text carries the key.

import { readFile } from "node:fs/promises";

export const DEFAULT_URL = "http://127.0.0.1:8787";
const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
const TIMEOUT_MS = 15_000;

/** Where the proxy is: a wrapped session's own before the configured one. The key's file is read at each call, since
 * `headroom proxy` makes a new key whenever it starts. */
export function proxyFrom(config = {}, env = process.env) {
  const isSession = Boolean(env.HEADROOM_SESSION_URL);
  const url = (isSession ? env.HEADROOM_SESSION_URL : (config.proxyUrl ?? DEFAULT_URL)).replace(/\/+$/, "");
  return {
    url,
    async key() {
      if (isSession) return env.HEADROOM_SESSION_KEY ?? "";
      return config.keyFile ? (await readFile(config.keyFile, "utf8")).trim() : "";
    },
  };
}

/** POST to a control route; gives the answer's JSON.
 * @throws {Error} with a sentence for the model or the user. */
export async function post(proxy, path, body, { fetch = globalThis.fetch, signal } = {}) {
  if (!LOOPBACK.has(new URL(proxy.url).hostname)) throw new Error("The Headroom proxy must be on this machine.");
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(proxy.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-headroom-key": await proxy.key() },
    body: JSON.stringify(body),
    redirect: "error",
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  });
  const answer = await response.json();
  if (!response.ok) {
    const { message, hint } = answer.error ?? {};
    throw new Error([message ?? `The Headroom proxy answered with status ${response.status}.`, hint].filter(Boolean).join(" "));
  }
  return answer;
}
