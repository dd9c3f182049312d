/** One's conversations, each with its last message, as far as they are known here. */

import { activeAt, withChange, withNews } from './conversation.js';
import { later } from './message.js';

export class Conversations {
  #known = new Map();

  /** The liveliest first. */
  get all() {
    return [...this.#known.values()].sort((a, b) => activeAt(b).localeCompare(activeAt(a)));
  }

  has(id) {
    return this.#known.has(id);
  }

  get(id) {
    return this.#known.get(id) ?? null;
  }

  /** Take what REST or an event says of all of it. */
  put(said) {
    const known = this.#known.get(said.id);
    this.#known.set(said.id, known ? withNews(known, said) : { last: null, changes: [], ...said });
  }

  /** Take that somebody came or went; whether it is news. */
  change(id, change) {
    const before = this.get(id);
    const after = before && withChange(before, change);
    this.#note(id, after);
    return after !== before;
  }

  remove(id) {
    this.#known.delete(id);
  }

  hear(message) {
    const { last } = this.get(message.conversationId) ?? {};
    if (!last || last.position < message.position) this.show(message.conversationId, message);
  }

  edit(message) {
    const { last } = this.get(message.conversationId) ?? {};
    if (last?.id === message.id) this.show(message.conversationId, later(last, message));
  }

  /** Make this its last message. */
  show(id, last) {
    this.#note(id, { last });
  }

  #note(id, facts) {
    const known = this.#known.get(id);
    if (known) this.#known.set(id, { ...known, ...facts });
  }
}
