/** The list of messages: days, bubbles, what is still pending, older pages on scrolling up. */

import { $, avatar, h, reconcile, setText } from './dom.js';
import { clock, dayLabel, dayOf, full } from './times.js';

const NEAR = 120; // pixels from an edge that count as being there
const TOGETHER = 5 * 60_000; // messages of one person within this time stand together
const STATES = { sending: 'Sending…', waiting: 'Waiting for the connection…', sent: '', failed: 'Not sent.' };

export class MessageList {
  #chat;
  #shown = null; // the id of the conversation that was drawn last
  #newest = null; // the key of its newest line
  #isAtEnd = true;
  #resizing = new ResizeObserver(() => this.#isAtEnd && this.#toEnd()); // the keyboard of a phone, a long draft

  constructor({ chat }) {
    this.#chat = chat;
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
    const scroll = $('scroll');
    const isOther = this.#shown !== open.id;
    const fromEnd = scroll.scrollHeight - scroll.scrollTop;
    const lines = this.#lines(thread, open.kind === 'group');
    if (isOther) $('messages').replaceChildren();
    reconcile($('messages'), lines, { key: ({ key }) => key, create: (line) => this.#create(line), update });
    $('older').hidden = !thread.hasOlder;
    this.#renderEmpty(thread, lines);
    this.#settle({ lines, isOther, fromEnd });
    this.#loadOlder();
  }

  /** Where to look afterwards: at the end if one was there, else at what one was looking at. */
  #settle({ lines, isOther, fromEnd }) {
    const newest = lines.at(-1) ?? null;
    const isNew = newest !== null && newest.key !== this.#newest;
    const scroll = $('scroll');
    if (isOther || this.#isAtEnd || (isNew && newest.isOwn)) this.#toEnd();
    else if (!isNew) scroll.scrollTop = scroll.scrollHeight - fromEnd;
    else $('jump').hidden = false;
    this.#shown = this.#chat.openId;
    this.#newest = newest?.key ?? null;
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
  #lines(thread, isGroup) {
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
      lines.push({ ...message, isOwn, name, isFirst, isLast: !belongs(message, after), isNamed: isGroup && !isOwn });
    });
    return lines;
  }

  #create(line) {
    if (line.day) return h('li', { class: 'day' }, h('span', {}, line.day));
    return h(
      'li',
      { class: 'message' },
      line.isNamed && avatar({ id: line.senderId, name: line.name }),
      h(
        'div',
        { class: 'bubble' },
        h('span', { class: 'sender' }),
        h('p', { class: 'text', dir: 'auto' }, line.text),
        h('time', { class: 'time', datetime: line.createdAt, title: full(line.createdAt) }, clock(line.createdAt)),
      ),
      h('p', { class: 'delivery' }, h('span'), this.#retryButton(line)),
    );
  }

  #retryButton({ tempId }) {
    return tempId && h('button', { type: 'button', class: 'link', onclick: () => this.#chat.thread.retry(tempId) }, 'Retry');
  }
}

function update(row, line) {
  if (line.day) {
    setText(row.firstElementChild, line.day);
    return;
  }
  const { state = 'sent' } = line;
  row.dataset.state = state;
  row.classList.toggle('own', line.isOwn);
  row.classList.toggle('named', line.isNamed);
  row.classList.toggle('first', line.isFirst);
  row.classList.toggle('last', line.isLast);
  setText(row.querySelector('.sender'), line.isOwn ? 'You' : line.name);
  const delivery = row.querySelector('.delivery');
  setText(delivery.firstElementChild, state === 'failed' ? `${STATES.failed} ${line.reason}` : STATES[state]);
  delivery.hidden = state === 'sent';
  if (delivery.children[1]) delivery.children[1].hidden = state !== 'failed';
}

function belongs(message, next) {
  return (
    message?.senderId === next?.senderId &&
    new Date(next.createdAt) - new Date(message.createdAt) < TOGETHER &&
    dayOf(message.createdAt) === dayOf(next.createdAt)
  );
}
