/** Addresses of files that need no token for 15 minutes: `<img>` and downloads send none. */

import { relative } from './rest.js';

const LIFE = 10 * 60_000;

export class Links {
  #session;
  #known = new Map(); // attachment -> {until, link: promise of {url, thumbnailUrl}}

  constructor({ session }) {
    this.#session = session;
  }

  file(id) {
    return this.#link(id).then(({ url }) => relative(url));
  }

  thumbnail(id) {
    return this.#link(id).then(({ thumbnailUrl }) => relative(thumbnailUrl));
  }

  #link(id) {
    const known = this.#known.get(id);
    if (known?.until > Date.now()) return known.link;
    const link = this.#session.request('POST', `/api/attachments/${id}/link/`);
    this.#known.set(id, { until: Date.now() + LIFE, link });
    link.catch(() => this.#known.delete(id));
    return link;
  }
}
