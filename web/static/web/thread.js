/** What was said in one conversation, as far as it is known here, and what is still to be sent. */

import { relative } from './rest.js';

const CATCH_UP_PAGES = 5; // having missed more, one starts from the newest page again
const OFFLINE = new Set(['NOT_CONNECTED', 'DISCONNECTED']);

export class Thread {
  messages = []; // in the order of their positions
  pending = []; // {tempId, text, createdAt, state: 'sending' | 'waiting' | 'sent' | 'failed', reason}
  isCurrent = false; // nothing is missing up to now: live messages continue the list
  isLoadingOlder = false;
  #complete = null; // the position up to which nothing is missing; null: never loaded
  #older = null; // the path of the page before
  #epoch = 0;
  #loading = Promise.resolve();

  constructor({ id, session, call, onChange }) {
    this.id = id;
    this.path = `/api/conversations/${id}/messages/`;
    Object.assign(this, { session, call, onChange });
  }

  get isLoaded() {
    return this.#complete !== null;
  }

  get hasOlder() {
    return this.#older !== null;
  }

  get last() {
    return this.messages.at(-1) ?? null;
  }

  // -- history -----------------------------------------------------------------------------------

  /** Live messages may have been missed. */
  lost() {
    this.isCurrent = false;
    this.#epoch++;
  }

  /** The newest page, or what was missed since; one after the other, however often it is called. */
  load() {
    this.#loading = this.#loading.catch(() => {}).then(() => this.isCurrent || this.#fetch());
    return this.#loading;
  }

  async loadOlder() {
    if (this.isLoadingOlder || !this.hasOlder) return;
    this.isLoadingOlder = true;
    this.onChange();
    try {
      const page = await this.session.get(this.#older);
      this.#older = page.previous && relative(page.previous);
      this.#merge(page.results);
    } finally {
      this.isLoadingOlder = false;
      this.onChange();
    }
  }

  /** One message, heard live. */
  add(message) {
    this.#merge([message]);
    if (this.isCurrent) this.#complete = this.last.position;
    this.onChange();
  }

  async #fetch() {
    const epoch = this.#epoch;
    const isComplete = this.isLoaded && (await this.#catchUp());
    if (!isComplete) await this.#newest();
    this.isCurrent = epoch === this.#epoch;
    if (this.isCurrent) this.#complete = this.last?.position ?? 0;
    this.onChange();
  }

  async #newest() {
    const { results, previous } = await this.session.get(this.path);
    const first = results[0]?.position ?? 0;
    this.messages = this.messages.filter(({ position }) => position >= first);
    this.#older = previous && relative(previous);
    this.#merge(results);
    this.#complete = results.at(-1)?.position ?? 0;
  }

  /** Whether all that was missed could be fetched. */
  async #catchUp() {
    let next = `${this.path}?after=${this.#complete}`;
    for (let page = 0; next && page < CATCH_UP_PAGES; page++) {
      const { results, next: link } = await this.session.get(next);
      this.#merge(results);
      this.#complete = results.at(-1)?.position ?? this.#complete;
      next = link && relative(link);
    }
    return !next;
  }

  #merge(messages) {
    const known = new Map(this.messages.map((message) => [message.id, message]));
    for (const message of messages) {
      if (!known.has(message.id)) known.set(message.id, { ...message, key: this.#settle(message.id) });
    }
    this.messages = [...known.values()].sort((a, b) => a.position - b.position);
  }

  // -- sending -----------------------------------------------------------------------------------

  send(text) {
    const item = { tempId: randomId(), text, createdAt: new Date().toISOString() };
    this.pending.push(item);
    return this.#post(item);
  }

  /** Under the same tempId: should the first try have arrived after all, nothing is said twice. */
  retry(tempId) {
    const item = this.pending.find((candidate) => candidate.tempId === tempId);
    return item && this.#post(item);
  }

  /** Send what waited for a connection. */
  flush() {
    for (const item of this.pending.filter(({ state }) => state === 'waiting')) this.#post(item);
  }

  async #post(item) {
    Object.assign(item, { state: 'sending', reason: null });
    this.onChange();
    const { tempId, text } = item;
    try {
      const { messageId } = await this.call('message.send', { conversationId: this.id, text, tempId });
      Object.assign(item, { state: 'sent', messageId });
      if (this.messages.some(({ id }) => id === messageId)) this.#settle(messageId);
    } catch (error) {
      Object.assign(item, { state: OFFLINE.has(error.code) ? 'waiting' : 'failed', reason: error.message });
    }
    this.onChange();
  }

  /** The message is there: it is pending no more, and goes on under the key of what was shown for it. */
  #settle(messageId) {
    const item = this.pending.find((candidate) => candidate.messageId === messageId);
    this.pending = this.pending.filter((candidate) => candidate !== item);
    return item?.tempId ?? messageId;
  }
}

function randomId() {
  // Not crypto.randomUUID: that exists on HTTPS and localhost only, and a phone may come by http://192.168…
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
