/** The page: one window, one session, either the log-in or the chat. */

import { Chat } from './chat.js';
import { Composer } from './composer.js';
import { $, h, paintAvatar, setText } from './dom.js';
import { LoginView } from './login.js';
import { MembersPanel } from './members.js';
import { MessageMenu } from './menu.js';
import { summary } from './message.js';
import { MessageList } from './messages.js';
import { NewConversation } from './newchat.js';
import { Session } from './rest.js';
import { Sidebar } from './sidebar.js';
import { ago } from './times.js';

const NOTICE_TIME = 6_000;
const MOST_NOTICES = 3;
const NAMES = new Intl.ListFormat('en');
const GOODBYES = {
  unauthenticated: 'Your session has ended. Please log in again.',
  refused: 'The server does not let this page in (see ALLOWED_ORIGINS).',
};

const session = new Session({ onEnd: () => leave(GOODBYES.unauthenticated) });
const login = new LoginView({ session, onEnter: enter });
let page = null;

function notice(text) {
  const item = h('p', { class: 'notice' }, text);
  $('notices').append(item);
  while ($('notices').children.length > MOST_NOTICES) $('notices').firstElementChild.remove();
  setTimeout(() => item.remove(), NOTICE_TIME);
}

function enter() {
  login.hide();
  page = new Page();
}

function leave(message) {
  page?.stop();
  page = null;
  login.show(message);
}

class Page {
  isStopped = false;

  constructor() {
    const url = new URL('/ws/', location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    this.chat = new Chat({ session, url: url.href });
    const composer = new Composer({ chat: this.chat });
    const [onReply, onEdit] = [(message) => composer.reply(message), (message) => composer.edit(message)];
    this.menu = new MessageMenu({ chat: this.chat, onReply, onEdit });
    this.list = new MessageList({ chat: this.chat, onMenu: (...about) => this.menu.open(...about) });
    this.members = new MembersPanel({ chat: this.chat, notice });
    const sidebar = new Sidebar({ chat: this.chat, onOpen: (id) => this.open(id) });
    this.views = [sidebar, this.list, this.members, composer];
    const dialog = new NewConversation({ chat: this.chat, onBegun: () => this.open(this.chat.openId) });
    $('new').onclick = () => this.chat.me && dialog.show();
    $('back').onclick = () => this.open(null);
    $('log-out').onclick = () => this.logOut();
    this.#listen();
    $('chat').hidden = false;
    this.render();
  }

  stop() {
    this.isStopped = true;
    $('composer').reset();
    this.menu.close();
    this.list.stop();
    this.members.close();
    this.chat.stop();
    for (const id of ['conversations', 'member-list', 'notices']) $(id).replaceChildren();
    for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
    $('chat').hidden = true;
  }

  open(id) {
    if (id === null) this.members.close();
    this.chat.show(id);
  }

  logOut() {
    session.logOut();
    leave('');
  }

  #listen() {
    this.chat.addEventListener('change', () => this.render());
    this.chat.addEventListener('notice', ({ detail }) => notice(detail));
    this.chat.addEventListener('closed', ({ detail }) => !this.isStopped && leave(GOODBYES[detail]));
    this.chat.addEventListener('incoming', ({ detail }) => {
      const words = `${this.chat.people.name(detail.senderId)}: ${summary(detail)}`;
      if (detail.conversationId === this.chat.openId) setText($('announcer'), words);
    });
  }

  render() {
    if (this.isStopped) return;
    const { open, unreadCount, state, me } = this.chat;
    document.title = `${me && unreadCount ? `(${unreadCount}) ` : ''}Realtime chat`;
    $('chat').dataset.pane = open ? 'thread' : 'list';
    $('nothing-open').hidden = open !== null;
    $('thread').hidden = open === null;
    $('banner').hidden = state !== 'reconnecting';
    setText($('banner'), state === 'reconnecting' ? 'The connection was lost. Reconnecting…' : '');
    if (open) this.#renderHead(open);
    for (const view of this.views) view.render();
  }

  #renderHead(open) {
    const peer = this.chat.peer(open);
    const name = this.chat.title(open);
    paintAvatar($('thread-avatar'), { id: peer ?? open.id, name, isOnline: peer !== null && this.chat.isOnline(peer) });
    setText($('thread-title'), name);
    const line = this.#typingLine(open) ?? (peer === null ? this.#groupLine(open) : this.#presenceLine(peer));
    setText($('thread-subtitle'), line);
  }

  #typingLine({ id }) {
    const names = this.chat.typing.in(id).map((userId) => this.chat.people.name(userId));
    if (names.length === 0) return null;
    return names.length === 1 ? `${names[0]} is typing…` : `${NAMES.format(names)} are typing…`;
  }

  #groupLine({ members }) {
    const online = members.filter(({ userId }) => this.chat.isOnline(userId)).length;
    return `${members.length} members, ${online} online`;
  }

  #presenceLine(userId) {
    const lastSeenAt = this.chat.people.lastSeenAt(userId);
    if (this.chat.isOnline(userId)) return 'Online';
    return lastSeenAt ? `Last seen ${ago(lastSeenAt)}` : 'Offline';
  }
}

if (session.isOpen) enter();
else login.show();
