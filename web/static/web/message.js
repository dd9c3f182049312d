/** What a message, as the server gives it, tells by itself. */

/** Of two states of one message the one that was edited later. */
export function later(one, other) {
  return (other.editedAt ?? '') > (one.editedAt ?? '') ? other : one;
}

/** In one line, where there is no room for it. */
export function summary({ text, ciphertext, attachments = [] }) {
  if (text) return text;
  if (ciphertext) return 'Encrypted message';
  return attachments.map(({ name, type }) => name ?? type).join(', ');
}
