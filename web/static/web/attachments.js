/** The files of a message: pictures are shown small and open on a click, others are there to be saved. */

import { $, h, icon, reconcile, setText } from './dom.js';

const KILOBYTES = new Intl.NumberFormat(undefined, { style: 'unit', unit: 'kilobyte', maximumFractionDigits: 0 });
const MEGABYTES = new Intl.NumberFormat(undefined, { style: 'unit', unit: 'megabyte', maximumFractionDigits: 1 });

export class Attachments {
  #links;
  #attempt;

  /** `attempt(action)` does it and tells what speaks against it. */
  constructor({ links, attempt }) {
    this.#links = links;
    this.#attempt = attempt;
    $('picture-close').onclick = () => $('picture').close();
  }

  /** Bring a list in line with what a message has; what is still on its way has no id. */
  update(list, attachments) {
    list.hidden = attachments.length === 0;
    const items = attachments.map((one, index) => ({ ...one, key: one.id ?? `${index} ${one.url ?? one.name}` }));
    reconcile(list, items, { key: ({ key }) => key, create: (item) => h('li', {}, this.#create(item)) });
  }

  #create(item) {
    if (item.id && item.thumbnailUrl) return this.#picture(item);
    const words = [item.name ?? item.type, item.size && sizeOf(item.size)].filter(Boolean).join(', ');
    if (item.id) return this.#button(item, words);
    const tag = item.url ? 'a' : 'span';
    return h(tag, { class: 'file', href: item.url, target: '_blank', rel: 'noopener noreferrer' }, icon('file'), words);
  }

  #picture(item) {
    const { id, name, width, height } = item;
    const img = h('img', { alt: name, width, height });
    this.#attempt(async () => (img.src = await this.#links.thumbnail(id)));
    const onclick = () => this.#attempt(() => this.#open(item));
    return h('button', { type: 'button', class: 'thumbnail', 'aria-label': `Open ${name}`, onclick }, img);
  }

  #button(item, words) {
    const onclick = () => this.#attempt(() => this.#save(item));
    const label = `Download ${words}`;
    return h('button', { type: 'button', class: 'file', 'aria-label': label, title: label, onclick }, icon('file'), words);
  }

  async #open(item) {
    $('picture-frame').replaceChildren(h('img', { src: await this.#links.file(item.id), alt: item.name }));
    setText($('picture-name'), item.name);
    $('picture-save').onclick = () => this.#attempt(() => this.#save(item));
    $('picture').showModal();
  }

  async #save({ id, name }) {
    h('a', { href: await this.#links.file(id), download: name }).click();
  }
}

function sizeOf(bytes) {
  return bytes < 1_000_000 ? KILOBYTES.format(Math.ceil(bytes / 1000)) : MEGABYTES.format(bytes / 1_000_000);
}
