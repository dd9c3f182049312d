/** What one can do with a message: a small menu beside it, which Escape or a click elsewhere closes. */

import { $, confirmed } from './dom.js';
import { hasReaction } from './message.js';

const MARGIN = 8; // pixels to the edges of the window

export class MessageMenu {
  #chat;
  #message = null;

  /** `onReply(message)`, `onEdit(message)`: it is to be answered, or written anew. */
  constructor({ chat, onReply, onEdit }) {
    this.#chat = chat;
    for (const button of this.#emojis) this.#on(button, () => chat.react(this.#message, button.value));
    this.#on($('menu-reply'), () => onReply(this.#message));
    this.#on($('menu-edit'), () => onEdit(this.#message));
    this.#on($('menu-delete'), () => this.#delete(this.#message));
  }

  open(message, button) {
    const isOwn = message.senderId === this.#chat.me.id;
    this.#message = message;
    for (const one of this.#emojis) one.setAttribute('aria-pressed', hasReaction(message, this.#chat.me.id, one.value));
    $('menu-edit').hidden = !isOwn || Boolean(message.ciphertext);
    $('menu-delete').hidden = !isOwn;
    $('menu').showPopover();
    this.#moveTo(button.getBoundingClientRect());
    $('menu').querySelector('button').focus();
  }

  close() {
    $('menu').hidePopover();
  }

  get #emojis() {
    return $('menu').querySelectorAll('.emojis button');
  }

  #on(button, action) {
    button.onclick = () => {
      this.close();
      action();
    };
  }

  #moveTo({ top, bottom, left }) {
    const { offsetWidth, offsetHeight, style } = $('menu');
    const isBelow = bottom + offsetHeight + MARGIN < innerHeight;
    style.left = `${Math.max(MARGIN, Math.min(left, innerWidth - offsetWidth - MARGIN))}px`;
    style.top = `${Math.max(MARGIN, isBelow ? bottom : top - offsetHeight)}px`;
  }

  async #delete({ id }) {
    const { thread } = this.#chat;
    if (await confirmed('Delete this message for everyone?', 'Delete')) await this.#chat.attempt(() => thread.delete(id));
  }
}
