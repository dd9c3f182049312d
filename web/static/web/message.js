/** What a message, as the server gives it, tells by itself. */

/** Of two states of one message the one that was edited later. */
export function later(one, other) {
  return (other.editedAt ?? '') > (one.editedAt ?? '') ? other : one;
}

/** With an emoji that somebody put under it, or without the one that they took back. */
export function withReaction(message, { userId, emoji, removed }) {
  const isThere = hasReaction(message, userId, emoji);
  if (isThere !== removed) return message;
  const others = message.reactions.filter((one) => one.userId !== userId || one.emoji !== emoji);
  return { ...message, reactions: removed ? others : [...others, { userId, emoji }] };
}

export function hasReaction({ reactions }, userId, emoji) {
  return reactions.some((one) => one.userId === userId && one.emoji === emoji);
}

/** `[emoji, [userId]]` of each emoji. */
export function byEmoji(reactions) {
  const people = new Map(reactions.map(({ emoji }) => [emoji, []]));
  for (const { emoji, userId } of reactions) people.get(emoji).push(userId);
  return [...people];
}

/** In one line, where there is no room for it. */
export function summary({ text, ciphertext, attachments = [] }) {
  if (text) return text;
  if (ciphertext) return 'Encrypted message';
  return attachments.map(({ name, type }) => name ?? type).join(', ');
}
