/** How far each conversation was read, kept in this browser: the server is not told. */

export class ReadMarks {
  #key;
  #positions;

  constructor(userId) {
    this.#key = `read:${userId}`;
    this.#positions = JSON.parse(localStorage.getItem(this.#key)) ?? {};
  }

  has(conversationId) {
    return Object.hasOwn(this.#positions, conversationId);
  }

  /** Messages between the mark and this position; none where there never was a mark. */
  unread(conversationId, position) {
    return Math.max(0, position - (this.#positions[conversationId] ?? position));
  }

  /** Read up to here; a mark never goes back. */
  set(conversationId, position) {
    if (this.#positions[conversationId] >= position) return;
    this.#positions[conversationId] = position;
    localStorage.setItem(this.#key, JSON.stringify(this.#positions));
  }

  forget(conversationId) {
    delete this.#positions[conversationId];
    localStorage.setItem(this.#key, JSON.stringify(this.#positions));
  }
}
