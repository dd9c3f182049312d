/** The state behind the page: one's conversations, kept true by REST at first and by events from then on. */

import { connect } from './client.js';
import { activeAt, mayAdd, mayRemove, peerOf, withMember, withoutMember } from './conversation.js';
import { People } from './people.js';
import { ReadMarks } from './reading.js';
import { Thread } from './thread.js';

const PREVIEWS = 20; // conversations whose last message is fetched for the list
const ABOUT_THE_TOKEN = new Set(['AUTH_REQUIRED', 'AUTH_FAILED', 'TOKEN_EXPIRED', 'AUTH_TIMEOUT']);

/** Tells by events: `change` (anything), `incoming` (a message), `notice` (a sentence), `closed` (a reason). */
export class Chat extends EventTarget {
  me = null;
  state = 'connecting';
  openId = null;
  #session;
  #connection;
  #conversations = new Map();
  #threads = new Map();
  #marks;
  #inbox = Promise.resolve();
  #isFresh = false; // loaded, and no event missed since
  #isChanged = false;

  constructor({ session, url }) {
    super();
    this.#session = session;
    this.people = new People({ session, onChange: this.changed });
    document.addEventListener('visibilitychange', this.changed);
    this.#connection = connect({
      url,
      token: (why) => session.token(why),
      onEvent: (name, data) => this.#receive(name, data),
      onState: (state, details) => this.#become(state, details),
    });
  }

  stop() {
    document.removeEventListener('visibilitychange', this.changed);
    this.#connection.close();
  }

  // -- what there is to see ------------------------------------------------------------------------

  /** The liveliest first. */
  get conversations() {
    return [...this.#conversations.values()].sort((a, b) => activeAt(b).localeCompare(activeAt(a)));
  }

  get open() {
    return this.#conversations.get(this.openId) ?? null;
  }

  get thread() {
    return this.open && this.#thread(this.openId);
  }

  get unreadCount() {
    return this.conversations.reduce((count, conversation) => count + this.unread(conversation), 0);
  }

  unread({ id, last }) {
    return last ? this.#marks.unread(id, last.position) : 0;
  }

  title(conversation) {
    if (conversation.title) return conversation.title;
    const others = conversation.members.filter(({ userId }) => userId !== this.me.id);
    return others.map(({ userId }) => this.people.name(userId)).join(', ') || 'Only you';
  }

  /** The other one of two. */
  peer(conversation) {
    return peerOf(conversation, this.me.id);
  }

  isOnline(userId) {
    return userId === this.me.id ? this.state === 'online' : this.people.isOnline(userId);
  }

  mayAdd(conversation) {
    return mayAdd(conversation, this.me.id);
  }

  mayRemove(conversation, member) {
    return mayRemove(conversation, this.me.id, member);
  }

  // -- what one can do -----------------------------------------------------------------------------

  show(id) {
    this.openId = id;
    this.changed();
    if (id) this.#load(this.#thread(id));
  }

  send(text) {
    this.thread.send(text);
  }

  loadOlder() {
    this.thread.loadOlder().catch((error) => this.#fail(error));
  }

  async begin(body) {
    const conversation = await this.#session.request('POST', '/api/conversations/', body);
    this.#put(conversation);
    this.show(conversation.id);
  }

  async addMember(conversation, userId) {
    await this.#session.request('POST', `/api/conversations/${conversation.id}/members/`, { userId });
  }

  async removeMember(conversation, userId) {
    await this.#session.request('DELETE', `/api/conversations/${conversation.id}/members/${userId}/`);
    if (userId === this.me.id) this.#forget(conversation.id);
  }

  search(text) {
    return this.#session.get(`/api/users/?${new URLSearchParams({ search: text, limit: 20 })}`);
  }

  // -- what the server says ------------------------------------------------------------------------

  /** One event after another, each when the one before is dealt with: an event never overtakes the loading. */
  #receive(name, data) {
    const handler = this.#handlers[name];
    if (!handler) return;
    this.#inbox = this.#inbox.then(() => handler(data)).catch((error) => this.#fail(error));
  }

  #handlers = {
    connected: async ({ recovered }) => {
      this.#threads.forEach((thread) => thread.flush());
      if (!recovered || !this.#isFresh) await this.#loadAll();
    },
    'message.new': async (message) => {
      const { conversationId, senderId } = message;
      if (!this.#conversations.has(conversationId)) await this.#refresh(conversationId);
      this.#threads.get(conversationId)?.add(message);
      this.#noteLast(this.#conversations.get(conversationId), message, { isNew: true });
      if (senderId !== this.me.id) this.#tell('incoming', message);
    },
    'conversation.created': async ({ id, lastMessageAt }) => {
      if (this.#conversations.has(id)) return;
      if (!lastMessageAt) this.#marks.set(id, 0);
      await this.#refresh(id);
    },
    'conversation.updated': (changed) => {
      const conversation = this.#conversations.get(changed.id);
      if (conversation?.version < changed.version) this.#put({ ...conversation, ...changed });
    },
    'conversation.memberAdded': ({ conversationId, userId, member }) => {
      const conversation = this.#conversations.get(conversationId);
      if (conversation) this.#put(withMember(conversation, member));
      if (userId === this.me.id) this.#welcome(conversation);
    },
    'conversation.memberRemoved': ({ conversationId, userId }) => {
      const conversation = this.#conversations.get(conversationId);
      if (!conversation) return;
      if (userId === this.me.id) {
        this.#notice(`You are no longer in “${this.title(conversation)}”.`);
        this.#forget(conversationId);
        return;
      }
      this.#put(withoutMember(conversation, userId));
    },
    'presence.changed': ({ userId, status, lastSeenAt }) => {
      this.people.note({ userId, isOnline: status !== 'offline', lastSeenAt });
      this.changed();
    },
    error: ({ code, message }) => {
      if (!ABOUT_THE_TOKEN.has(code)) this.#notice(message);
    },
  };

  async #loadAll() {
    const [me, conversations] = await Promise.all([
      this.#session.get('/api/me/'),
      this.#session.all('/api/conversations/?limit=200'),
    ]);
    this.me = me;
    this.#marks ??= new ReadMarks(me.id);
    this.people.note({ id: me.id, name: me.displayName || me.username, isOnline: true });
    const ids = new Set(conversations.map(({ id }) => id));
    [...this.#conversations.keys()].filter((id) => !ids.has(id)).forEach((id) => this.#forget(id));
    conversations.forEach((conversation) => this.#put(conversation));
    this.#isFresh = true;
    this.changed();
    this.#threads.forEach((thread) => thread.lost());
    if (this.thread) this.#load(this.thread);
    this.conversations.slice(0, PREVIEWS).forEach((conversation) => this.#preview(conversation));
  }

  #welcome(conversation) {
    if (!conversation) return; // and gone again
    this.#preview(conversation);
    this.#notice(`You are now in “${this.title(conversation)}”.`);
  }

  async #refresh(id) {
    try {
      this.#put(await this.#session.get(`/api/conversations/${id}/`));
    } catch (error) {
      if (error.status !== 404) throw error;
      this.#forget(id); // one was removed again in the meantime
    }
  }

  async #preview({ id, last, lastMessageAt }) {
    if (!lastMessageAt || last?.createdAt >= lastMessageAt) return;
    const page = await this.#session.get(`/api/conversations/${id}/messages/?limit=1`).catch(() => null);
    const conversation = this.#conversations.get(id);
    if (page?.results.length && conversation) this.#noteLast(conversation, page.results[0]);
  }

  #load(thread) {
    thread.load().catch((error) => this.#fail(error));
  }

  /** What could not be loaded is loaded again after the next connecting, which has the patience for it. */
  #fail(error) {
    if (error.status === 401) return; // the session ends by itself
    if (error.name !== 'RestError') {
      reportError(error);
      return;
    }
    this.#notice(error.message);
    this.#isFresh = false;
    this.#connection.restart();
  }

  // -- keeping it ------------------------------------------------------------------------------------

  #put(conversation) {
    const { last = null } = this.#conversations.get(conversation.id) ?? {};
    this.#conversations.set(conversation.id, { last, ...conversation });
    conversation.members.forEach(({ userId, name, isOnline }) => this.people.note({ userId, name, isOnline }));
    this.changed();
  }

  #forget(id) {
    this.#conversations.delete(id);
    this.#threads.delete(id);
    this.#marks.forget(id);
    if (this.openId === id) this.openId = null;
    this.changed();
  }

  #noteLast(conversation, message, { isNew = false } = {}) {
    if (!conversation) return;
    const { id, last } = conversation;
    if (!this.#marks.has(id)) this.#marks.set(id, isNew ? message.position - 1 : message.position);
    if (message.senderId === this.me.id) this.#marks.set(id, message.position);
    if (!last || last.position < message.position) this.#conversations.set(id, { ...conversation, last: message });
    this.changed();
  }

  #thread(id) {
    if (!this.#threads.has(id)) {
      const call = (event, data) => this.#connection.call(event, data);
      this.#threads.set(id, new Thread({ id, session: this.#session, call, onChange: this.changed }));
    }
    return this.#threads.get(id);
  }

  #become(state, { reason } = {}) {
    this.state = state;
    this.changed();
    if (state === 'closed') this.#tell('closed', reason);
  }

  #notice(text) {
    this.#tell('notice', text);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** Whoever shows something is told once, after all the changes of this moment. */
  changed = () => {
    if (this.#isChanged) return;
    this.#isChanged = true;
    queueMicrotask(() => {
      this.#isChanged = false;
      this.#markRead();
      this.#tell('change');
    });
  };

  #markRead() {
    const last = this.thread?.last;
    if (last && this.thread.isLoaded && document.visibilityState === 'visible') {
      this.#marks.set(this.openId, last.position);
    }
  }
}
