/** One line of the list of messages: a day, or a bubble with what belongs to it. */

import { avatar, h, icon, reconcile, setText } from './dom.js';
import { clock, full } from './times.js';

const STATES = { sending: 'Sending…', waiting: 'Waiting for the connection…', sent: '', failed: 'Not sent.' };

export function createLine(line, actions) {
  if (line.day) return h('li', { class: 'day' }, h('span', {}, line.day));
  return h(
    'li',
    { class: 'message' },
    line.isNamed && avatar({ id: line.senderId, name: line.name }),
    h(
      'div',
      { class: 'bubble' },
      h('span', { class: 'sender' }),
      quoteButton(actions),
      h('ul', { class: 'files', 'aria-label': 'Files' }),
      h('p', { class: 'text', dir: 'auto' }),
      h('span', { class: 'time' }, h('span', { class: 'edited', hidden: true }, 'edited '), time(line), progressMark()),
      menuButton(actions),
    ),
    h('ul', { class: 'reactions', 'aria-label': 'Reactions' }),
    h('p', { class: 'delivery' }, h('span'), ...deliveryButtons(line, actions)),
  );
}

/** Bring the line up to date. */
export function updateLine(row, line, actions) {
  if (line.day) {
    setText(row.firstElementChild, line.day);
    return;
  }
  const { state = 'sent', id, text, ciphertext, editedAt } = line;
  row.message = line;
  row.dataset.state = state;
  row.classList.toggle('own', line.isOwn);
  row.classList.toggle('named', line.isNamed);
  row.classList.toggle('first', line.isFirst);
  row.classList.toggle('last', line.isLast);
  setText(row.querySelector('.sender'), line.isOwn ? 'You' : line.name);
  updateQuote(row.querySelector('.quote'), line);
  actions.attachments.update(row.querySelector('.files'), line.attachments);
  setText(row.querySelector('.text'), ciphertext ? 'Encrypted message' : text);
  row.querySelector('.edited').hidden = !editedAt;
  row.querySelector('.more').hidden = !id;
  updateProgress(row.querySelector('.progress'), line);
  updateReactions(row.querySelector('.reactions'), line, actions);
  updateDelivery(row.querySelector('.delivery'), line, state);
}

function updateQuote(button, { quote }) {
  button.hidden = !quote;
  if (!quote) return;
  button.disabled = quote.isGone;
  setText(button.children[0], quote.name);
  setText(button.children[1], quote.text);
}

function updateProgress(mark, { progress }) {
  mark.hidden = !progress;
  if (!progress) return;
  mark.dataset.stage = progress.stage;
  mark.title = progress.words;
  mark.setAttribute('aria-label', progress.words);
}

function updateReactions(list, { emojis }, { onReact }) {
  list.hidden = emojis.length === 0;
  const onclick = ({ currentTarget }) => onReact(messageAt(currentTarget), currentTarget.value);
  reconcile(list, emojis, {
    key: ({ emoji }) => emoji,
    create: ({ emoji }) => h('li', {}, h('button', { type: 'button', class: 'reaction', value: emoji, onclick })),
    update: ({ firstElementChild: button }, { emoji, count, names, isOwn }) => {
      setText(button, `${emoji} ${count}`);
      button.title = names;
      button.setAttribute('aria-label', `${emoji} ${count}: ${names}`);
      button.setAttribute('aria-pressed', isOwn);
    },
  });
}

function updateDelivery(delivery, { reason }, state) {
  setText(delivery.firstElementChild, state === 'failed' ? `${STATES.failed} ${reason}` : STATES[state]);
  delivery.hidden = state === 'sent';
  for (const button of delivery.querySelectorAll('button')) button.hidden = state !== 'failed';
}

function quoteButton({ onQuote }) {
  const onclick = ({ currentTarget }) => onQuote(messageAt(currentTarget).replyToId);
  const labels = { title: 'Show the message', hidden: true };
  return h('button', { type: 'button', class: 'quote', ...labels, onclick }, h('strong'), h('span'));
}

function progressMark() {
  return h('span', { class: 'progress', role: 'img', hidden: true }, icon('check'), icon('check'));
}

function time({ createdAt }) {
  return h('time', { datetime: createdAt, title: full(createdAt) }, clock(createdAt));
}

/** The message, as it is by now, that a button belongs to. */
function messageAt(button) {
  return button.closest('.message').message;
}

function menuButton({ onMenu }) {
  const onclick = ({ currentTarget }) => onMenu(messageAt(currentTarget), currentTarget);
  const labels = { 'aria-label': 'Message actions', title: 'Message actions', 'aria-haspopup': 'dialog' };
  return h('button', { type: 'button', class: 'icon more', ...labels, onclick }, icon('more'));
}

function deliveryButtons({ tempId }, { onRetry, onDiscard }) {
  if (!tempId) return [];
  const button = (text, action) => h('button', { type: 'button', class: 'link', onclick: () => action(tempId) }, text);
  return [button('Retry', onRetry), button('Discard', onDiscard)];
}
