/** The state behind the page: one's conversations, kept true by REST at first and by events from then on. */

import { connect } from './client.js';
import { mayAdd, mayRemove, peerOf } from './conversation.js';
import { Conversations } from './conversations.js';
import { Links } from './links.js';
import { hasReaction } from './message.js';
import { People } from './people.js';
import { Receipts } from './receipts.js';
import { Thread } from './thread.js';
import { Typing } from './typing.js';

const PREVIEWS = 20; // conversations whose last message is fetched for the list
const ABOUT_THE_TOKEN = new Set(['AUTH_REQUIRED', 'AUTH_FAILED', 'TOKEN_EXPIRED', 'AUTH_TIMEOUT']);

/** Tells by events: `change` (anything), `incoming` (a message), `notice` (a sentence), `closed` (a reason). */
export class Chat extends EventTarget {
  me = null;
  state = 'connecting';
  openId = null;
  #session;
  #connection;
  #conversations;
  #threads = new Map();
  #receipts = new Receipts({ call: (event, data) => this.#connection.call(event, data) });
  #inbox = Promise.resolve();
  #isFresh = false; // loaded, and no event missed since
  #isChanged = false;

  constructor({ session, url }) {
    super();
    this.#session = session;
    this.people = new People({ session, onChange: this.changed });
    this.links = new Links({ session });
    this.typing = new Typing({ call: (event, data) => this.#connection.call(event, data), onChange: this.changed });
    const onGone = (id) => this.#close(id);
    this.#conversations = new Conversations({ session, people: this.people, onChange: this.changed, onGone });
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
    return this.conversations.reduce((count, { unreadCount }) => count + unreadCount, 0);
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

  loadOlder() {
    this.thread.loadOlder().catch((error) => this.#fail(error));
  }

  async begin(body) {
    const conversation = await this.#session.request('POST', '/api/conversations/', body);
    this.#conversations.put(conversation);
    this.show(conversation.id);
  }

  async addMember(conversation, userId) {
    await this.#session.request('POST', `/api/conversations/${conversation.id}/members/`, { userId });
  }

  async removeMember(conversation, userId) {
    await this.#session.request('DELETE', `/api/conversations/${conversation.id}/members/${userId}/`);
    if (userId === this.me.id) this.#conversations.remove(conversation.id);
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
      this.typing.forget();
      this.#threads.forEach((thread) => thread.flush());
      if (!recovered || !this.#isFresh) await this.#loadAll();
    },
    'message.new': async (message) => {
      const { conversationId, senderId } = message;
      if (!this.#conversations.has(conversationId)) await this.#conversations.refresh(conversationId);
      this.typing.ended({ conversationId, userId: senderId });
      this.#threads.get(conversationId)?.add(message);
      this.#conversations.hear(message, { isOwn: senderId === this.me.id });
      if (senderId !== this.me.id) this.#tell('incoming', message);
    },
    'message.edited': (message) => {
      this.#threads.get(message.conversationId)?.edit(message);
      this.#conversations.edit(message);
    },
    'message.reaction': (reaction) => this.#threads.get(reaction.conversationId)?.react(reaction),
    'message.deleted': async ({ messageId, conversationId }) => {
      this.#threads.get(conversationId)?.remove(messageId);
      const { last, unreadCount } = this.#conversations.get(conversationId) ?? {};
      if (last?.id === messageId) await this.#conversations.preview(conversationId);
      if (unreadCount) await this.#conversations.refresh(conversationId); // it may have been one of them
    },
    'message.receipt': async (receipt) => {
      const { conversationId, messageId, userId, type } = receipt;
      this.#threads.get(conversationId)?.receive(receipt);
      const { last, unreadCount } = this.#conversations.get(conversationId) ?? {};
      if (type !== 'read' || userId !== this.me.id || !unreadCount) return;
      // Another device of one's own has read.
      if (last?.id === messageId) this.#conversations.read(conversationId);
      else await this.#conversations.refresh(conversationId);
    },
    'conversation.created': async (conversation) => {
      if (this.#conversations.has(conversation.id)) this.#conversations.put(conversation);
      else await this.#conversations.refresh(conversation.id);
    },
    'conversation.updated': (conversation) => {
      if (this.#conversations.has(conversation.id)) this.#conversations.put(conversation);
    },
    'conversation.memberAdded': ({ conversationId, ...change }) => {
      this.#conversations.change(conversationId, change);
      if (change.userId === this.me.id) this.#welcome(this.#conversations.get(conversationId));
    },
    'conversation.memberRemoved': ({ conversationId, ...change }) => {
      const conversation = this.#conversations.get(conversationId);
      const isOver = change.version === null;
      if (!conversation || !(isOver || this.#conversations.change(conversationId, change))) return;
      if (change.userId !== this.me.id) return;
      this.#notice(`You are no longer in “${this.title(conversation)}”.`);
      this.#conversations.remove(conversationId);
    },
    'presence.changed': ({ userId, status, lastSeenAt }) => {
      this.people.note({ userId, isOnline: status !== 'offline', lastSeenAt });
      this.changed();
    },
    'typing.started': (who) => this.typing.began(who),
    'typing.stopped': (who) => this.typing.ended(who),
    error: ({ code, message }) => {
      if (!ABOUT_THE_TOKEN.has(code)) this.#notice(message);
    },
  };

  async #loadAll() {
    [this.me] = await Promise.all([this.#session.get('/api/me/'), this.#conversations.load()]);
    this.people.note({ id: this.me.id, name: this.me.displayName || this.me.username, isOnline: true });
    this.#isFresh = true;
    this.changed();
    this.#threads.forEach((thread) => thread.lost());
    if (this.thread) this.#load(this.thread);
    this.conversations.slice(0, PREVIEWS).forEach(({ id, lastMessageAt }) => lastMessageAt && this.#conversations.preview(id));
  }

  #welcome(conversation) {
    if (!conversation) return; // and gone again
    this.#conversations.preview(conversation.id);
    this.#notice(`You are now in “${this.title(conversation)}”.`);
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

  #close(id) {
    this.#threads.delete(id);
    if (this.openId === id) this.openId = null;
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
      if (this.me) this.#acknowledge();
      this.#tell('change');
    });
  };

  /** What one sees is read; what is only counted has arrived. */
  #acknowledge() {
    const ofOthers = ({ senderId }) => senderId !== this.me.id;
    const { thread } = this;
    if (thread?.isCurrent && document.visibilityState === 'visible') {
      const newest = thread.messages.findLast(ofOthers);
      if (newest) this.#receipts.read(newest);
      this.#conversations.read(thread.id);
    }
    const unread = this.conversations.filter(({ unreadCount, last }) => unreadCount && last && ofOthers(last));
    unread.forEach(({ last }) => this.#receipts.delivered(last));
  }
}
