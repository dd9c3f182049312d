/** Who is typing: tells the others of oneself, and knows of them until something says that they stopped. */

const REPEAT = 3_000; // milliseconds: the server takes it for over after 5 s in which nothing was said of it
const NOWHERE = { id: null, at: -Infinity };

export class Typing {
  #call;
  #onChange;
  #own = NOWHERE;
  #others = new Map(); // conversation -> [userId], who began first first

  constructor({ call, onChange }) {
    this.#call = call;
    this.#onChange = onChange;
  }

  /** Who is typing there. */
  in(conversationId) {
    return this.#others.get(conversationId) ?? [];
  }

  // -- the others --------------------------------------------------------------------------------

  began({ conversationId, userId }) {
    this.#put(conversationId, [...this.#without(conversationId, userId), userId]);
  }

  ended({ conversationId, userId }) {
    this.#put(conversationId, this.#without(conversationId, userId));
  }

  /** It may have been missed that somebody stopped. */
  forget() {
    this.#others.clear();
    this.#onChange();
  }

  #without(conversationId, userId) {
    return this.in(conversationId).filter((id) => id !== userId);
  }

  #put(conversationId, userIds) {
    this.#others.set(conversationId, userIds);
    this.#onChange();
  }

  // -- oneself -----------------------------------------------------------------------------------

  /** What one writes there has changed. */
  write(conversationId, text) {
    const now = performance.now();
    const isNew = this.#own.id !== conversationId || now - this.#own.at >= REPEAT;
    if (text && isNew) this.#tell('typing.start', { id: conversationId, at: now });
    if (!text && this.#own.id === conversationId) this.#tell('typing.stop', NOWHERE, conversationId);
  }

  /** It was sent, which tells the others by itself. */
  sent() {
    this.#own = NOWHERE;
  }

  #tell(event, own, conversationId = own.id) {
    this.#own = own;
    this.#call(event, { conversationId }).catch(() => {}); // without a connection, or too often: it is of the moment
  }
}
