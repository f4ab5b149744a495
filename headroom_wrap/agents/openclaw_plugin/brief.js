// The notes of the project's memory, at the end of the system prompt's part that stays.
//
// A conversation keeps those that it began with, else the provider's cache would miss the whole of it: so the plugin is
// given all that was given out so far, each with the time from which on it held, and takes the one of the
// conversation's first message. Of a new conversation that is the last one.

/** The text for a conversation; empty where there was none when it began.
 * @param briefs `{at, text}`, unix seconds, the oldest first.
 * @param messages what was said so far; `timestamp` in milliseconds. */
export function briefFor(briefs, messages = []) {
  const first = messages.find((message) => typeof message?.timestamp === "number");
  const held = first === undefined ? briefs : briefs.filter(({ at }) => at * 1000 <= first.timestamp);
  return held.at(-1)?.text ?? "";
}
