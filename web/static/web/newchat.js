/** The dialog that begins a conversation, with one person or a group. */

import { $, h, reconcile } from './dom.js';
import { PeopleSearch } from './search.js';

export class NewConversation {
  #chat;
  #onBegun;
  #chosen = new Map(); // id -> person
  #search;

  constructor({ chat, onBegun }) {
    this.#chat = chat;
    this.#onBegun = onBegun;
    this.#search = new PeopleSearch({
      input: $('new-search'),
      list: $('new-results'),
      find: (text) => chat.search(text),
      onPick: (person) => this.#pick(person),
      isLeftOut: (id) => id === chat.me.id,
      isChosen: (id) => this.#chosen.has(id),
    });
    const form = $('new-form');
    form.onsubmit = (event) => {
      event.preventDefault();
      if (this.#isGroup) this.#begin({ kind: 'group', title: form.title.value.trim(), members: [...this.#chosen.keys()] });
    };
    form.onchange = () => this.#render();
    form.querySelector('[data-close]').onclick = () => $('new-dialog').close();
  }

  show() {
    $('new-form').reset();
    this.#chosen.clear();
    this.#say('');
    this.#render();
    $('new-dialog').showModal();
    $('new-search').focus();
    this.#search.reset();
  }

  get #isGroup() {
    return $('new-form').elements.kind.value === 'group';
  }

  #pick(person) {
    if (!this.#isGroup) {
      this.#begin({ kind: 'direct', members: [person.id] });
      return;
    }
    if (!this.#chosen.delete(person.id)) this.#chosen.set(person.id, person);
    this.#render();
  }

  async #begin(body) {
    this.#say('');
    try {
      await this.#chat.begin(body);
      $('new-dialog').close();
      this.#onBegun();
    } catch (error) {
      this.#say(error.message);
    }
  }

  #render() {
    if (!this.#isGroup) this.#chosen.clear();
    $('group-fields').hidden = !this.#isGroup;
    $('create').hidden = !this.#isGroup;
    $('create').disabled = this.#chosen.size === 0;
    this.#search.render();
    reconcile($('chosen'), [...this.#chosen.values()], {
      key: ({ id }) => id,
      create: (person) => {
        const take = () => this.#pick(person);
        return h('li', {}, h('button', { type: 'button', onclick: take, 'aria-label': `Take ${person.name} out` }, person.name, ' ×'));
      },
    });
  }

  #say(message) {
    $('new-error').textContent = message;
    $('new-error').hidden = !message;
  }
}
