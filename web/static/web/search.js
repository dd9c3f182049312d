/** A field that finds people while one types, and a list to choose from. */

import { avatar, h, icon, reconcile } from './dom.js';

const PAUSE = 200; // milliseconds without typing

export class PeopleSearch {
  #options;
  #found = [];
  #asked = 0;
  #timer = null;

  /** `find(text)` resolves with people; `isLeftOut(id)`, `isChosen(id)`; `onPick(person)`. */
  constructor({ input, list, find, onPick, isLeftOut = () => false, isChosen = () => false }) {
    this.#options = { input, list, find, onPick, isLeftOut, isChosen };
    input.oninput = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.search(), PAUSE);
    };
    input.onkeydown = (event) => {
      if (event.key === 'Enter') event.preventDefault(); // it would send the form around it
    };
  }

  /** Empty the field and offer the first people there are. */
  reset() {
    this.#options.input.value = '';
    this.#found = [];
    this.render();
    return this.search();
  }

  async search() {
    const { input, find } = this.#options;
    const asked = ++this.#asked;
    const page = await find(input.value.trim()).catch(() => ({ results: [] }));
    if (asked !== this.#asked) return; // a later answer was faster
    this.#found = page.results;
    this.render(page.results.length === 0);
  }

  render(isEmpty = false) {
    const { list, isLeftOut } = this.#options;
    const people = this.#found.filter(({ id }) => !isLeftOut(id));
    reconcile(list, people, {
      key: ({ id }) => id,
      create: (person) => this.#create(person),
      update: (row, person) => this.#update(row, person),
    });
    list.dataset.empty = isEmpty || (this.#found.length > 0 && people.length === 0);
  }

  #create(person) {
    const { name, username } = person;
    return h(
      'li',
      {},
      h(
        'button',
        { type: 'button', class: 'person', onclick: () => this.#options.onPick(person) },
        avatar(person),
        h('span', { class: 'person-name' }, name, ' ', h('span', { class: 'person-username' }, `@${username}`)),
        icon('check'),
      ),
    );
  }

  #update(row, { id, isOnline }) {
    const isChosen = this.#options.isChosen(id);
    row.querySelector('.avatar').classList.toggle('online', isOnline);
    row.firstElementChild.setAttribute('aria-pressed', isChosen);
  }
}
