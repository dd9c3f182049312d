/** Who is who, and who is here. */

export class People {
  #session;
  #onChange;
  #known = new Map(); // id -> {id, name, isOnline, lastSeenAt}; isOnline undefined: nobody said yet
  #asked = new Set();

  constructor({ session, onChange }) {
    this.#session = session;
    this.#onChange = onChange;
  }

  /** Take what a member, a user or a presence says of somebody. */
  note({ userId, id = userId, ...said }) {
    const facts = Object.entries(said).filter(([, value]) => value !== undefined);
    this.#known.set(id, { ...this.#known.get(id), id, ...Object.fromEntries(facts) });
  }

  name(id) {
    return this.#get(id).name ?? '…';
  }

  isOnline(id) {
    return this.#get(id).isOnline ?? false;
  }

  lastSeenAt(id) {
    return this.#get(id).lastSeenAt ?? null;
  }

  #get(id) {
    const person = this.#known.get(id) ?? { id };
    // Who left a group is in no list of members any more, and an event does not tell who is online.
    if (person.name === undefined || person.isOnline === undefined) this.#ask(id);
    return person;
  }

  async #ask(id) {
    if (this.#asked.has(id)) return;
    this.#asked.add(id);
    try {
      this.note(await this.#session.get(`/api/users/${id}/`));
    } catch (error) {
      if (error.status === 404) this.note({ id, name: this.#known.get(id)?.name ?? 'Somebody', isOnline: false });
      else this.#asked.delete(id);
    }
    this.#onChange();
  }
}
