/** The state behind the page: one's conversations, kept true by REST at first and by events from then on. */

import { connect } from './client.js';
import { mayAdd, mayRemove, peerOf } from './conversation.js';
import { Conversations } from './conversations.js';
import { hasReaction } from './message.js';
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
  #conversations = new Conversations();
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
    return this.#conversations.all;
  }

  get open() {
    return this.#conversations.get(this.openId);
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

  /** Put one's emoji under a message; again, it is taken back. */
  react({ id, conversationId, reactions }, emoji) {
    const isThere = hasReaction({ reactions }, this.me.id, emoji);
    return this.attempt(() => this.#thread(conversationId).setReaction(id, emoji, !isThere));
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

  /** Do it; what speaks against it is said in a notice. Whether it was done. */
  async attempt(action) {
    try {
      await action();
      return true;
    } catch (error) {
      this.#notice(error.message);
      return false;
    }
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
      this.#conversations.hear(message);
      this.#mark(message, { isNew: true });
      if (senderId !== this.me.id) this.#tell('incoming', message);
    },
    'message.edited': (message) => {
      this.#threads.get(message.conversationId)?.edit(message);
      this.#conversations.edit(message);
      this.changed();
    },
    'message.reaction': (reaction) => {
      this.#threads.get(reaction.conversationId)?.react(reaction);
      this.changed();
    },
    'message.deleted': async ({ messageId, conversationId }) => {
      this.#threads.get(conversationId)?.remove(messageId);
      this.changed();
      if (this.#conversations.get(conversationId)?.last?.id === messageId) await this.#preview(conversationId);
    },
    'conversation.created': async (conversation) => {
      const { id, lastMessageAt } = conversation;
      if (!lastMessageAt) this.#marks.set(id, 0);
      if (this.#conversations.has(id)) this.#put(conversation);
      else await this.#refresh(id);
    },
    'conversation.updated': (conversation) => {
      if (this.#conversations.has(conversation.id)) this.#put(conversation);
    },
    'conversation.memberAdded': ({ conversationId, ...change }) => {
      this.#conversations.change(conversationId, change);
      this.changed();
      if (change.userId === this.me.id) this.#welcome(this.#conversations.get(conversationId));
    },
    'conversation.memberRemoved': ({ conversationId, ...change }) => {
      const conversation = this.#conversations.get(conversationId);
      const isOver = change.version === null;
      if (!conversation || !(isOver || this.#conversations.change(conversationId, change))) return;
      this.changed();
      if (change.userId !== this.me.id) return;
      this.#notice(`You are no longer in “${this.title(conversation)}”.`);
      this.#forget(conversationId);
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
    this.conversations.filter(({ id }) => !ids.has(id)).forEach(({ id }) => this.#forget(id));
    conversations.forEach((conversation) => this.#put(conversation));
    this.#isFresh = true;
    this.changed();
    this.#threads.forEach((thread) => thread.lost());
    if (this.thread) this.#load(this.thread);
    this.conversations.slice(0, PREVIEWS).forEach(({ id, lastMessageAt }) => lastMessageAt && this.#preview(id));
  }

  #welcome(conversation) {
    if (!conversation) return; // and gone again
    this.#preview(conversation.id);
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

  /** Its last message, as it is now; what is heard meanwhile is newer. */
  async #preview(id) {
    const before = this.#conversations.get(id)?.last;
    const page = await this.#session.get(`/api/conversations/${id}/messages/?limit=1`).catch(() => null);
    if (!page || this.#conversations.get(id)?.last !== before) return;
    const [last = null] = page.results;
    this.#conversations.show(id, last);
    if (last) this.#mark(last);
    this.changed();
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
    this.#conversations.put(conversation);
    conversation.members.forEach(({ userId, name, isOnline }) => this.people.note({ userId, name, isOnline }));
    this.changed();
  }

  #forget(id) {
    this.#conversations.remove(id);
    this.#threads.delete(id);
    this.#marks.forget(id);
    if (this.openId === id) this.openId = null;
    this.changed();
  }

  #mark({ conversationId: id, senderId, position }, { isNew = false } = {}) {
    if (!this.#marks.has(id)) this.#marks.set(id, isNew ? position - 1 : position);
    if (senderId === this.me.id) this.#marks.set(id, position);
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
