/** Tells the server what has arrived here and what was read, each thing once. */

export class Receipts {
  #call;
  #told = new Map(); // `type conversationId` -> position

  /** `call(event, data)` asks the server, when there is a connection. */
  constructor({ call }) {
    this.#call = call;
  }

  delivered(message) {
    this.#tell('delivered', message);
  }

  read(message) {
    this.#tell('read', message);
  }

  async #tell(type, { id, conversationId, position }) {
    const key = `${type} ${conversationId}`;
    const before = this.#told.get(key) ?? 0;
    if (before >= position) return;
    this.#told.set(key, position);
    try {
      await this.#call(`message.${type}`, { messageId: id });
    } catch {
      if (this.#told.get(key) === position) this.#told.set(key, before); // again with the next change
    }
  }
}
