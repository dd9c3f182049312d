/** The list of messages: days, bubbles, what is still pending, older pages on scrolling up. */

import { Attachments } from './attachments.js';
import { $, reconcile, setText } from './dom.js';
import { createLine, updateLine } from './line.js';
import { byEmoji, summary } from './message.js';
import { dayLabel, dayOf } from './times.js';

const NEAR = 120; // pixels from an edge that count as being there
const STAGES = { sent: 'Sent', delivered: 'Delivered', read: 'Read' };
const TOGETHER = 5 * 60_000; // messages of one person within this time stand together

export class MessageList {
  #chat;
  #actions;
  #shown = null; // the id of the conversation that was drawn last
  #newest = null; // the key of its newest line
  #isAtEnd = true;
  #resizing = new ResizeObserver(() => this.#isAtEnd && this.#toEnd()); // the keyboard of a phone, a long draft

  /** `onMenu(message, button)`: somebody asks what can be done with a message. */
  constructor({ chat, onMenu }) {
    this.#chat = chat;
    this.#actions = {
      attachments: new Attachments({ links: chat.links, attempt: (action) => chat.attempt(action) }),
      onMenu,
      onReact: (...what) => chat.react(...what),
      onDiscard: (tempId) => chat.thread.discard(tempId),
      onRetry: (tempId) => chat.thread.retry(tempId),
      onQuote: (id) => chat.attempt(() => this.#lookAt(id)),
    };
    $('scroll').addEventListener('scroll', this.#onScroll);
    $('jump').addEventListener('click', this.#toEnd);
    this.#resizing.observe($('scroll'));
  }

  stop() {
    $('scroll').removeEventListener('scroll', this.#onScroll);
    $('jump').removeEventListener('click', this.#toEnd);
    this.#resizing.disconnect();
    $('messages').replaceChildren();
  }

  render() {
    const { thread, open } = this.#chat;
    if (!thread) {
      this.#shown = null;
      return;
    }
    const isOther = this.#shown !== open.id;
    const place = this.#isAtEnd ? null : this.#place();
    const lines = this.#lines(thread, open);
    if (isOther) $('messages').replaceChildren();
    const create = (line) => createLine(line, this.#actions);
    const update = (row, line) => updateLine(row, line, this.#actions);
    reconcile($('messages'), lines, { key: ({ key }) => key, create, update });
    $('older').hidden = !thread.hasOlder;
    this.#renderEmpty(thread, lines);
    this.#settle({ lines, isOther, place });
    this.#loadOlder();
  }

  /** Where to look afterwards: at the end if one was there, else at what one was looking at. */
  #settle({ lines, isOther, place }) {
    const newest = lines.at(-1) ?? null;
    const isNew = newest !== null && newest.key !== this.#newest;
    if (isOther || this.#isAtEnd || (isNew && newest.isOwn)) this.#toEnd();
    else {
      if (place?.row.isConnected) $('scroll').scrollTop += place.row.getBoundingClientRect().top - place.top;
      if (isNew) $('jump').hidden = false;
    }
    this.#shown = this.#chat.openId;
    this.#newest = newest?.key ?? null;
  }

  /** The first message in sight, and where it stands. */
  #place() {
    const { top } = $('scroll').getBoundingClientRect();
    const row = [...document.querySelectorAll('#messages > .message')].find((one) => one.getBoundingClientRect().bottom > top);
    return row && { row, top: row.getBoundingClientRect().top };
  }

  #renderEmpty(thread, lines) {
    const text = thread.isLoaded ? 'No messages yet. Say hello!' : 'Loading…';
    setText($('no-messages'), text);
    $('no-messages').hidden = lines.length > 0;
  }

  #toEnd = () => {
    $('scroll').scrollTop = $('scroll').scrollHeight;
    $('jump').hidden = true;
    this.#isAtEnd = true;
  };

  /** Bring a message into sight, with all that was said since. */
  async #lookAt(id) {
    const { thread } = this.#chat;
    while (!thread.find(id) && thread.hasOlder) await thread.loadOlder();
    this.render();
    const row = [...$('messages').children].find(({ message }) => message?.id === id);
    if (!row) return; // one looks at another conversation by now
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: 'center' });
    this.#onScroll();
  }

  #onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = $('scroll');
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#isAtEnd) $('jump').hidden = true;
    this.#loadOlder();
  };

  #loadOlder() {
    const { thread, state } = this.#chat;
    if (thread?.hasOlder && state === 'online' && $('scroll').scrollTop < NEAR) this.#chat.loadOlder();
  }

  /** Messages and pending ones as lines to draw, with a line before each new day. */
  #lines(thread, open) {
    const me = this.#chat.me.id;
    const all = [...thread.messages, ...thread.pending.map((item) => ({ ...item, key: item.tempId, senderId: me }))];
    const lines = [];
    all.forEach((message, index) => {
      const [before, after] = [all[index - 1], all[index + 1]];
      const day = dayOf(message.createdAt);
      if (!before || dayOf(before.createdAt) !== day) lines.push({ key: `day ${day}`, day: dayLabel(message.createdAt) });
      const isFirst = !belongs(before, message);
      const isOwn = message.senderId === me;
      const name = this.#chat.people.name(message.senderId);
      const shown = { isOwn, name, isFirst, isLast: !belongs(message, after), isNamed: open.kind === 'group' && !isOwn };
      const progress = isOwn && message.id && this.#progress(message, open);
      lines.push({ ...message, ...shown, progress, quote: this.#quote(message), emojis: this.#emojis(message) });
    });
    return lines;
  }

  /** How far one's own message has come: `{stage, words}`. */
  #progress(message, { kind, members }) {
    const { thread, me, people } = this.#chat;
    const others = members.filter(({ userId, joinedPosition }) => userId !== me.id && joinedPosition < message.position);
    const reached = (type) => others.filter(({ userId }) => thread.hasReached(message, type, userId));
    const readers = reached('read');
    const isForAll = (some) => others.length > 0 && some.length === others.length;
    const stage = isForAll(readers) ? 'read' : isForAll(reached('delivered')) ? 'delivered' : 'sent';
    const names = readers.map(({ userId }) => people.name(userId)).join(', ');
    return { stage, words: kind === 'group' && names ? `Read by ${names}` : STAGES[stage] };
  }

  #quote({ replyToId }) {
    if (!replyToId) return null;
    const answered = this.#chat.thread.answered(replyToId);
    if (!answered) return { isGone: true, name: '', text: answered === null ? 'This message is gone.' : '…' };
    return { isGone: false, name: this.#chat.people.name(answered.senderId), text: summary(answered) };
  }

  #emojis({ reactions = [] }) {
    const me = this.#chat.me.id;
    return byEmoji(reactions).map(([emoji, users]) => {
      const names = users.map((id) => (id === me ? 'You' : this.#chat.people.name(id)));
      return { emoji, count: users.length, names: names.join(', '), isOwn: users.includes(me) };
    });
  }
}

function belongs(message, next) {
  return (
    message?.senderId === next?.senderId &&
    new Date(next.createdAt) - new Date(message.createdAt) < TOGETHER &&
    dayOf(message.createdAt) === dayOf(next.createdAt)
  );
}
