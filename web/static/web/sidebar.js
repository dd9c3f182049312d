/** One's own name, the state of the connection, and the list of conversations. */

import { $, avatar, h, paintAvatar, reconcile, setText } from './dom.js';
import { summary } from './message.js';
import { brief } from './times.js';

const STATES = { connecting: 'Connecting…', online: 'Online', reconnecting: 'Reconnecting…', closed: 'Offline' };

export class Sidebar {
  #chat;
  #onOpen;

  constructor({ chat, onOpen }) {
    this.#chat = chat;
    this.#onOpen = onOpen;
  }

  render() {
    const { me, state, conversations } = this.#chat;
    setText($('state'), STATES[state]);
    $('state').dataset.state = state;
    if (!me) return;
    const name = me.displayName || me.username;
    paintAvatar($('me-avatar'), { id: me.id, name });
    setText($('me-name'), name);
    $('no-conversations').hidden = conversations.length > 0;
    reconcile($('conversations'), conversations, {
      key: ({ id }) => id,
      create: (conversation) => this.#create(conversation),
      update: (row, conversation) => this.#update(row, conversation),
    });
  }

  #create({ id }) {
    const button = h(
      'button',
      { type: 'button', class: 'conversation', onclick: () => this.#onOpen(id) },
      avatar({ id, name: '?' }),
      h(
        'span',
        { class: 'conversation-lines' },
        line(h('span', { class: 'conversation-title' }), h('time', { class: 'conversation-time' })),
        line(h('span', { class: 'conversation-preview' }), h('span', { class: 'badge', 'aria-hidden': 'true' })),
      ),
      h('span', { class: 'visually-hidden' }),
    );
    return h('li', {}, button);
  }

  #update(row, conversation) {
    const chat = this.#chat;
    const [picture, lines, said] = row.firstElementChild.children;
    const [title, time, preview, badge] = [...lines.children].flatMap(({ children }) => [...children]);
    const peer = chat.peer(conversation);
    const isOnline = peer !== null && chat.isOnline(peer);
    const name = chat.title(conversation);
    const { last, unreadCount: unread } = conversation;
    paintAvatar(picture, { id: peer ?? conversation.id, name, isOnline });
    setText(title, name);
    setText(time, last ? brief(last.createdAt) : '');
    setText(preview, this.#preview(conversation));
    setText(badge, unread > 99 ? '99+' : String(unread));
    badge.hidden = unread === 0;
    setText(said, [isOnline && 'online', unread > 0 && `${unread} unread`].filter(Boolean).join(', '));
    row.firstElementChild.setAttribute('aria-current', conversation.id === chat.openId ? 'true' : 'false');
  }

  #preview({ kind, last, members }) {
    if (!last) return kind === 'group' ? `${members.length} members` : 'No messages yet';
    const { senderId } = last;
    const text = summary(last);
    if (senderId === this.#chat.me.id) return `You: ${text}`;
    return kind === 'group' ? `${this.#chat.people.name(senderId)}: ${text}` : text;
  }
}

function line(...parts) {
  return h('span', { class: 'conversation-line' }, ...parts);
}
