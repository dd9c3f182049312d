/** What was said in one conversation, as far as it is known here, and what is still to be sent. */

import { later, withReaction } from './message.js';
import { relative } from './rest.js';

const MOST = 200; // messages of a page that is loaded again
const CATCH_UP_PAGES = 5; // having missed more, one starts from the newest page again
const OFFLINE = new Set(['NOT_CONNECTED', 'DISCONNECTED']);

export class Thread {
  messages = []; // in the order of their positions
  pending = []; // {tempId, text, replyToId, attachments, createdAt, state: 'sending' | 'waiting' | 'sent' | 'failed', reason}
  isCurrent = false; // nothing is missing up to now: live messages continue the list
  isLoaded = false;
  #edits = new Map(); // id -> what was heard of it, perhaps before it was loaded
  #deleted = new Set();
  #reached = new Map(); // `type userId` -> the position up to which everything was delivered or read
  #receipts = []; // of messages that are not known yet
  #reactions = []; // what was heard of them since live events may have been missed
  #older = null; // the path of the page before
  #loadingOlder = null;
  #answered = new Map(); // id -> message, or null if it is gone
  #epoch = 0;
  #loading = Promise.resolve();

  constructor({ id, session, call, onChange }) {
    this.id = id;
    this.path = `/api/conversations/${id}/messages/`;
    Object.assign(this, { session, call, onChange });
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
    this.#reactions = [];
    this.#receipts = [];
  }

  /** The newest page, or what was missed since; one after the other, however often it is called. */
  load() {
    this.#loading = this.#loading.catch(() => {}).then(() => this.isCurrent || this.#fetch());
    return this.#loading;
  }

  loadOlder() {
    this.#loadingOlder ??= this.#fetchOlder().finally(() => (this.#loadingOlder = null));
    return this.#loadingOlder;
  }

  async #fetchOlder() {
    if (!this.hasOlder) return;
    const page = await this.session.get(this.#older);
    this.#older = page.previous && relative(page.previous);
    this.#merge(page.results);
    this.onChange();
  }

  /** One message, heard live. */
  add(message) {
    if (!this.find(message.id)) this.#merge([message]);
    this.onChange();
  }

  find(id) {
    return this.messages.find((message) => message.id === id) ?? null;
  }

  /** The message that another one answers; null if it is gone, undefined while nobody knows. */
  answered(id) {
    if (this.#deleted.has(id)) return null;
    const known = this.find(id) ?? this.#answered.get(id);
    if (known === undefined && !this.#answered.has(id)) this.#fetchAnswered(id);
    return known && this.#edited(known);
  }

  async #fetchAnswered(id) {
    this.#answered.set(id, undefined);
    const refused = (error) => (error.status === 404 ? null : undefined);
    const found = await this.session.get(`/api/messages/${id}/`).catch(refused);
    if (found === undefined) this.#answered.delete(id); // it is tried again with the next change
    else this.#answered.set(id, found);
    if (found !== undefined) this.onChange();
  }

  /** A message says something else; of two edits the later counts, whichever is heard first. */
  edit(message) {
    this.#edits.set(message.id, later(message, this.#edits.get(message.id) ?? message));
    this.messages = this.messages.map((known) => (known.id === message.id ? this.#edited(known) : known));
    this.onChange();
  }

  /** Somebody put an emoji under a message, or took it back. */
  react(reaction) {
    this.#reactions.push(reaction);
    const isMeant = ({ id }) => id === reaction.messageId;
    this.messages = this.messages.map((known) => (isMeant(known) ? withReaction(known, reaction) : known));
    this.onChange();
  }

  /** Somebody has got or read a message, and all before it. */
  receive(receipt) {
    if (!this.#place(receipt)) this.#receipts.push(receipt);
    this.onChange();
  }

  /** Whether a message has reached somebody: `delivered`, or `read`, which is both. */
  hasReached({ position, readBy = [] }, type, userId) {
    const isRead = readBy.includes(userId) || this.#reached.get(`read ${userId}`) >= position;
    return isRead || (type === 'delivered' && this.#reached.get(`delivered ${userId}`) >= position);
  }

  /** What is gone stays gone, even if somebody who did not know yet says otherwise. */
  remove(messageId) {
    this.#deleted.add(messageId);
    this.messages = this.messages.filter(({ id }) => id !== messageId);
    this.onChange();
  }

  async #fetch() {
    const epoch = this.#epoch;
    const isComplete = this.isLoaded && this.messages.length > 0 && (await this.#again());
    if (!isComplete) await this.#newest();
    this.isLoaded = true;
    this.isCurrent = epoch === this.#epoch;
    this.onChange();
  }

  async #newest() {
    const shown = this.#ids();
    const { results, previous } = await this.session.get(this.path);
    this.#older = previous && relative(previous);
    this.#replace(shown, results);
  }

  /** All that is shown, as it is by now, and what was missed; whether that could be fetched. */
  async #again() {
    const shown = this.#ids();
    const found = [];
    let next = `${this.path}?after=${this.messages[0].position - 1}&limit=${MOST}`;
    for (let page = 0; next && page < CATCH_UP_PAGES; page++) {
      const { results, next: link } = await this.session.get(next);
      found.push(...results);
      next = link && relative(link);
    }
    if (!next) this.#replace(shown, found);
    return !next;
  }

  #ids() {
    return new Set(this.messages.map(({ id }) => id));
  }

  /** What was found is shown instead of what was; what was heard meanwhile stays. */
  #replace(shown, found) {
    const ids = new Set(found.map(({ id }) => id));
    this.messages = this.messages.filter(({ id }) => ids.has(id) || !shown.has(id));
    this.#merge(found);
  }

  #merge(messages) {
    const known = new Map(this.messages.map((message) => [message.id, message]));
    for (const message of messages.filter(({ id }) => !this.#deleted.has(id))) {
      const { id } = message;
      const before = known.get(id);
      known.set(id, { ...this.#edited(this.#reacted(message)), key: before?.key ?? this.#settle(id) });
    }
    this.messages = [...known.values()].sort((a, b) => a.position - b.position);
    this.#receipts = this.#receipts.filter((receipt) => !this.#place(receipt));
  }

  /** A page may be older than what was heard while it was under way. */
  #reacted(message) {
    return this.#reactions.filter(({ messageId }) => messageId === message.id).reduce(withReaction, message);
  }

  #place({ messageId, userId, type }) {
    const message = this.find(messageId);
    const key = `${type} ${userId}`;
    if (message) this.#reached.set(key, Math.max(message.position, this.#reached.get(key) ?? 0));
    return message !== null;
  }

  #edited(message) {
    const { text, ciphertext, attachments, mentions, editedAt } = later(message, this.#edits.get(message.id) ?? message);
    return { ...message, text, ciphertext, attachments, mentions, editedAt };
  }

  // -- sending -----------------------------------------------------------------------------------

  send({ text, replyToId = null, files = [] }) {
    const attachments = files.map((file) => ({ name: file.name, type: file.type, size: file.size, file }));
    const item = { tempId: randomId(), text, replyToId, attachments, createdAt: new Date().toISOString() };
    this.pending.push(item);
    return this.#post(item);
  }

  editText(messageId, text) {
    return this.call('message.edit', { messageId, text });
  }

  setReaction(messageId, emoji, isWanted) {
    return this.call('message.react', { messageId, emoji, remove: !isWanted });
  }

  /** For all; it is gone from here when the server says so. */
  delete(messageId) {
    return this.call('message.delete', { messageId, forEveryone: true });
  }

  /** Under the same tempId: should the first try have arrived after all, nothing is said twice. */
  retry(tempId) {
    const item = this.pending.find((candidate) => candidate.tempId === tempId);
    return item && this.#post(item);
  }

  /** Give up what could not be sent. */
  discard(tempId) {
    this.pending = this.pending.filter((item) => item.tempId !== tempId);
    this.onChange();
  }

  /** Send what waited for a connection. */
  flush() {
    for (const item of this.pending.filter(({ state }) => state === 'waiting')) this.#post(item);
  }

  async #post(item) {
    Object.assign(item, { state: 'sending', reason: null });
    this.onChange();
    const { tempId, text, replyToId } = item;
    try {
      const attachments = await this.#upload(item.attachments);
      const data = { conversationId: this.id, text, replyToId, attachments, tempId };
      const { messageId } = await this.call('message.send', data);
      Object.assign(item, { state: 'sent', messageId });
      if (this.messages.some(({ id }) => id === messageId)) this.#settle(messageId);
    } catch (error) {
      Object.assign(item, { state: OFFLINE.has(error.code) ? 'waiting' : 'failed', reason: error.message });
    }
    this.onChange();
  }

  /** The files that are not there yet, one after the other; those of an earlier try are. */
  async #upload(attachments) {
    for (const one of attachments) one.uploaded ??= await this.session.upload(one.file, this.id);
    return attachments.map(({ uploaded }) => ({ id: uploaded.id }));
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
