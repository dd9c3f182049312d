/** Where one writes: grows with the text, keeps a draft for each conversation, sends by Enter. */

import { $, setText } from './dom.js';
import { summary } from './message.js';

const EMPTY = { text: '', about: null };

export class Composer {
  #chat;
  #drafts = new Map(); // conversation -> {text, about}
  #shown = null;
  #about = null; // {message, isEdit, before}: one edits it, with what was in the field before, or answers it

  constructor({ chat }) {
    this.#chat = chat;
    $('composer').onsubmit = (event) => {
      event.preventDefault();
      this.#send();
    };
    $('text').onkeydown = (event) => this.#onKey(event);
    $('text').oninput = () => this.#onInput();
    $('attach').onclick = () => $('files').click();
    $('files').onchange = (event) => this.#take(event, event.target);
    $('thread').ondragover = (event) => event.preventDefault();
    $('thread').ondrop = (event) => this.#take(event, event.dataTransfer);
    $('about-cancel').onclick = () => this.#cancel();
    this.#show('', null);
  }

  /** Show the draft of the open conversation. */
  render() {
    const { openId } = this.#chat;
    if (openId === this.#shown) return;
    if (this.#shown) this.#drafts.set(this.#shown, { text: $('text').value, about: this.#about });
    this.#shown = openId;
    const { text, about } = this.#drafts.get(openId) ?? EMPTY;
    this.#show(text, about);
    // On a phone the keyboard would cover what one came to read.
    if (openId && matchMedia('(pointer: fine)').matches) $('text').focus();
  }

  /** Let one's own message be written anew. */
  edit(message) {
    this.#cancel();
    this.#show(message.text, { message, isEdit: true, before: $('text').value });
    $('text').focus();
  }

  /** Let a message be answered. */
  reply(message) {
    this.#cancel();
    this.#show($('text').value, { message, isEdit: false });
    $('text').focus();
  }

  #show(text, about) {
    this.#about = about;
    $('about').hidden = about === null;
    if (about) {
      const name = this.#chat.people.name(about.message.senderId);
      setText($('about-title'), about.isEdit ? 'Edit message' : `Reply to ${name}`);
      setText($('about-text'), summary(about.message));
    }
    $('text').value = text;
    this.#fit();
  }

  #cancel() {
    this.#show(this.#about?.before ?? $('text').value, null);
    $('text').focus();
  }

  #onInput() {
    this.#fit();
    if (!this.#about?.isEdit) this.#chat.typing.write(this.#chat.openId, $('text').value.trim());
  }

  #onKey(event) {
    // `isComposing`: Enter chooses a word in an input method for Japanese, Chinese and others.
    if (event.isComposing) return;
    if (event.key === 'Escape' && this.#about) this.#cancel();
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const text = $('text').value.trim();
    $('text').focus();
    if (!text) return;
    if (this.#about?.isEdit) {
      this.#saveEdit(this.#about, text);
      return;
    }
    this.#chat.thread.send({ text, replyToId: this.#about?.message.id });
    this.#chat.typing.sent();
    this.#show('', null);
  }

  /** Files that were chosen or dropped are sent at once; what one writes meanwhile stays. */
  #take(event, { files }) {
    if (files.length === 0) return;
    event.preventDefault();
    if (this.#about?.isEdit) this.#cancel();
    this.#chat.thread.send({ text: '', replyToId: this.#about?.message.id, files: [...files] });
    this.#cancel();
    $('files').value = '';
  }

  /** What is refused stays to be mended. */
  async #saveEdit(about, text) {
    const { thread } = this.#chat;
    const isSaved = await this.#chat.attempt(() => thread.editText(about.message.id, text));
    if (isSaved && this.#about === about) this.#cancel();
  }

  #fit() {
    const { style } = $('text');
    style.height = 'auto';
    style.height = `${$('text').scrollHeight}px`;
  }
}
