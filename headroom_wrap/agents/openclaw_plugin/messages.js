// OpenClaw's messages as Anthropic's and back: message by message, so that nothing but a result's text can change.

/** One wire message for each of OpenClaw's, in the same order. */
export function toWire(messages) {
  return messages.map((message) => {
    if (message.role === "assistant") return { role: "assistant", content: parts(message.content).map(wirePart) };
    if (message.role === "toolResult") {
      const result = { type: "tool_result", tool_use_id: message.toolCallId, content: texts(message) };
      return { role: "user", content: [message.isError ? { ...result, is_error: true } : result] };
    }
    return { role: "user", content: texts(message) };
  });
}

/** The messages with the texts of their tool results as `wire` has them. Messages without a new text stay the same objects.
 * @throws {Error} where `wire` is not what `toWire` gave, but for these texts. */
export function fromWire(messages, wire) {
  if (wire.length !== messages.length) throw new Error("The proxy gave back another number of messages.");
  return messages.map((message, index) => {
    if (message.role !== "toolResult") return message;
    const block = wire[index].content[0];
    const answered = typeof block.content === "string" ? [{ text: block.content }] : block.content;
    const own = parts(message.content);
    const count = own.filter((part) => part.type === "text").length;
    if (block.tool_use_id !== message.toolCallId || answered.length !== count) {
      throw new Error("The proxy gave back another tool result.");
    }
    const queue = answered.map((part) => part.text);
    const content = own.map((part) => (part.type === "text" ? { ...part, text: queue.shift() } : part));
    const changed = content.some((part, at) => part.text !== own[at].text);
    return changed ? { ...message, content } : message;
  });
}

/** How many messages stand before the last pause in which the provider's cache has ended.
 *
 * It only grows as the conversation does: what was before a pause stays before it. */
export function coldCount(messages, nowMs, cacheMs) {
  let later = nowMs;
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const at = messages[index].timestamp;
    if (typeof at !== "number") continue;
    if (later - at >= cacheMs) return index + 1;
    later = at;
  }
  return 0;
}

function parts(content) {
  return typeof content === "string" ? [{ type: "text", text: content }] : (content ?? []);
}

function texts(message) {
  return parts(message.content).filter((part) => part.type === "text").map(({ text }) => ({ type: "text", text }));
}

function wirePart(part) {
  if (part.type === "toolCall") return { type: "tool_use", id: part.id, name: part.name, input: part.arguments ?? {} };
  return { type: "text", text: part.text ?? "" };
}
