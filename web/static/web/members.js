/** The panel of a group: who is in it; its owner and admins add and remove people; everybody can leave. */

import { $, avatar, confirmed, h, icon, paintAvatar, reconcile, setText } from './dom.js';
import { PeopleSearch } from './search.js';

export class MembersPanel {
  #chat;
  #notice;
  #search;
  #isWanted = false;
  #shown = null;

  constructor({ chat, notice }) {
    this.#chat = chat;
    this.#notice = notice;
    this.#search = new PeopleSearch({
      input: $('add-search'),
      list: $('add-results'),
      find: (text) => chat.search(text),
      onPick: ({ id }) => this.#do(() => chat.addMember(chat.open, id)),
      isLeftOut: (id) => chat.open?.members.some(({ userId }) => userId === id) ?? true,
    });
    $('show-members').onclick = () => this.#toggle(!this.#isWanted);
    $('hide-members').onclick = () => {
      this.#toggle(false);
      $('show-members').focus();
    };
    $('members').onkeydown = ({ key }) => key === 'Escape' && $('hide-members').click();
    $('leave').onclick = () => this.#leave();
  }

  close() {
    this.#toggle(false);
  }

  render() {
    const { open } = this.#chat;
    const isGroup = open?.kind === 'group';
    const isShown = isGroup && this.#isWanted;
    $('show-members').hidden = !isGroup;
    $('show-members').setAttribute('aria-expanded', isShown);
    $('members').hidden = !isShown;
    if (isShown) this.#renderGroup(open);
    else this.#shown = null;
  }

  #renderGroup(group) {
    const mayAdd = this.#chat.mayAdd(group);
    setText($('members-title'), `Members (${group.members.length})`);
    reconcile($('member-list'), group.members, {
      key: ({ userId }) => userId,
      create: (member) => this.#create(member),
      update: (row, member) => this.#update(row, member, this.#chat.mayRemove(group, member)),
    });
    $('add-member').hidden = !mayAdd;
    if (mayAdd && this.#shown !== group.id) this.#search.reset();
    else this.#search.render();
    this.#shown = group.id;
  }

  #create({ userId, name }) {
    const remove = () => this.#remove(userId, name);
    return h(
      'li',
      { class: 'person' },
      avatar({ id: userId, name }),
      h('span', { class: 'person-name' }),
      h('span', { class: 'visually-hidden' }),
      h('span', { class: 'role' }),
      h('button', { type: 'button', class: 'icon', 'aria-label': `Remove ${name}`, title: 'Remove', onclick: remove }, icon('close')),
    );
  }

  #update(row, { userId, name, role }, mayRemove) {
    const [picture, label, said, shownRole, remove] = row.children;
    const isMe = userId === this.#chat.me.id;
    const isOnline = this.#chat.isOnline(userId);
    paintAvatar(picture, { id: userId, name, isOnline });
    setText(said, isOnline ? 'online' : '');
    setText(label, isMe ? `${name} (you)` : name);
    setText(shownRole, { owner: 'Owner', admin: 'Admin' }[role] ?? '');
    shownRole.hidden = role === 'member';
    remove.hidden = !mayRemove;
  }

  async #remove(userId, name) {
    const group = this.#chat.open;
    if (await confirmed(`Remove ${name} from “${this.#chat.title(group)}”?`, 'Remove')) {
      await this.#do(() => this.#chat.removeMember(group, userId));
    }
  }

  async #leave() {
    const group = this.#chat.open;
    if (await confirmed(`Leave “${this.#chat.title(group)}”? Its owner or an admin can let you in again.`, 'Leave')) {
      await this.#do(() => this.#chat.removeMember(group, this.#chat.me.id));
    }
  }

  async #do(action) {
    try {
      await action();
    } catch (error) {
      this.#notice(error.message);
    }
  }

  #toggle(isWanted) {
    this.#isWanted = isWanted;
    this.render();
  }
}
