/** One's conversations, each with its last message and the number of those that one has not read, as far as they are known here. */

import { activeAt, withChange, withNews } from './conversation.js';
import { later } from './message.js';

export class Conversations {
  #known = new Map();

  /** `onGone(id)`: one is in it no more. */
  constructor({ session, people, onChange, onGone }) {
    Object.assign(this, { session, people, onChange, onGone });
  }

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
    this.#known.set(said.id, known ? withNews(known, said) : { last: null, changes: [], unreadCount: 0, ...said });
    said.members.forEach(({ userId, name, isOnline }) => this.people.note({ userId, name, isOnline }));
    this.onChange();
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
    this.onGone(id);
    this.onChange();
  }

  // -- as the server has them ------------------------------------------------------------------------

  async load() {
    const found = await this.session.all('/api/conversations/?limit=200');
    const ids = new Set(found.map(({ id }) => id));
    this.all.filter(({ id }) => !ids.has(id)).forEach(({ id }) => this.remove(id));
    found.forEach((conversation) => this.put(conversation));
  }

  async refresh(id) {
    try {
      this.put(await this.session.get(`/api/conversations/${id}/`));
    } catch (error) {
      if (error.status !== 404) throw error;
      this.remove(id); // one was removed again in the meantime
    }
  }

  /** Its last message, as it is now; what is heard meanwhile is newer. */
  async preview(id) {
    const before = this.get(id)?.last;
    const page = await this.session.get(`/api/conversations/${id}/messages/?limit=1`).catch(() => null);
    if (page && this.get(id)?.last === before) this.#note(id, { last: page.results[0] ?? null });
  }

  // -- what is heard of messages ---------------------------------------------------------------------

  /** A message was said, perhaps one that REST has counted already. */
  hear(message, { isOwn }) {
    const known = this.get(message.conversationId);
    if (!known) return;
    const { id, last, lastMessageAt, unreadCount } = known;
    if (!last || last.position < message.position) this.#note(id, { last: message });
    if (message.createdAt <= (lastMessageAt ?? '')) return;
    this.#note(id, { lastMessageAt: message.createdAt, unreadCount: unreadCount + (isOwn ? 0 : 1) });
  }

  /** All of it was read. */
  read(id) {
    if (this.get(id)?.unreadCount) this.#note(id, { unreadCount: 0 });
  }

  edit(message) {
    const { last } = this.get(message.conversationId) ?? {};
    if (last?.id === message.id) this.#note(last.conversationId, { last: later(last, message) });
  }

  #note(id, facts) {
    const known = this.#known.get(id);
    if (!known) return;
    this.#known.set(id, { ...known, ...facts });
    this.onChange();
  }
}
