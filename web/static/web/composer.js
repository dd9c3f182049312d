/** Where one writes: grows with the text, keeps a draft for each conversation, sends by Enter. */

import { $ } from './dom.js';

export class Composer {
  #chat;
  #drafts = new Map();
  #shown = null;

  constructor({ chat }) {
    this.#chat = chat;
    $('composer').onsubmit = (event) => {
      event.preventDefault();
      this.#send();
    };
    $('text').onkeydown = (event) => this.#onKey(event);
    $('text').oninput = () => this.#fit();
  }

  /** Show the draft of the open conversation. */
  render() {
    const { openId } = this.#chat;
    if (openId === this.#shown) return;
    if (this.#shown) this.#drafts.set(this.#shown, $('text').value);
    this.#shown = openId;
    $('text').value = this.#drafts.get(openId) ?? '';
    this.#fit();
    // On a phone the keyboard would cover what one came to read.
    if (openId && matchMedia('(pointer: fine)').matches) $('text').focus();
  }

  #onKey(event) {
    // `isComposing`: Enter chooses a word in an input method for Japanese, Chinese and others.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const text = $('text').value.trim();
    $('text').focus();
    if (!text) return;
    this.#chat.send(text);
    $('text').value = '';
    this.#fit();
  }

  #fit() {
    const { style } = $('text');
    style.height = 'auto';
    style.height = `${$('text').scrollHeight}px`;
  }
}
