/** The way in: a demo person by one click, a log-in, or a new account. */

import { $, setText } from './dom.js';

export class LoginView {
  #session;
  #onEnter;

  constructor({ session, onEnter }) {
    this.#session = session;
    this.#onEnter = onEnter;
    this.#wireDemo();
    this.#wireForm($('login-form'), ({ username, password }) => session.logIn(username, password));
    this.#wireForm($('register-form'), (account) => session.register(account));
    for (const button of document.querySelectorAll('[data-switch]')) {
      button.addEventListener('click', () => this.#switchTo(button.dataset.switch));
    }
  }

  show(message = '') {
    $('login').hidden = false;
    document.title = 'Log in · Realtime chat';
    this.#say(message);
  }

  hide() {
    $('login').hidden = true;
    for (const form of ['login-form', 'register-form']) $(form).reset();
    this.#switchTo('login-form');
  }

  #wireDemo() {
    const { password } = $('demo')?.dataset ?? {};
    for (const button of document.querySelectorAll('#demo [data-username]')) {
      const { username } = button.dataset;
      button.addEventListener('click', () => this.#enter([button], () => this.#session.logIn(username, password)));
    }
  }

  #wireForm(form, action) {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const filled = [...new FormData(form)].filter(([, value]) => value !== '');
      this.#enter([...form.querySelectorAll('button')], () => action(Object.fromEntries(filled)));
    });
  }

  async #enter(buttons, action) {
    this.#say('');
    for (const button of buttons) button.disabled = true;
    try {
      await action();
      this.#onEnter();
    } catch (error) {
      this.#say(error.code === 'AUTH_FAILED' ? 'This name and password do not match.' : error.message);
    }
    for (const button of buttons) button.disabled = false;
  }

  #switchTo(id) {
    this.#say('');
    for (const form of ['login-form', 'register-form']) $(form).hidden = form !== id;
    if (!$('login').hidden) $(id).elements.username.focus();
  }

  #say(message) {
    setText($('login-error'), message);
    $('login-error').hidden = !message;
  }
}
