/** Elements, without HTML from text: every string becomes a text node or an attribute. */

const SVG = 'http://www.w3.org/2000/svg';

export const $ = (id) => document.getElementById(id);

/** `h('button', {class: 'small', onclick: f, 'aria-label': 'Close', disabled: true}, 'text', node)` */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  svg.setAttribute('aria-hidden', 'true');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Make an existing round the picture of somebody: initials on a colour of their own. */
export function paintAvatar(element, { id, name, isOnline = false }) {
  setText(element, initials(name));
  element.dataset.hue = hue(id);
  element.classList.toggle('online', isOnline);
}

export function avatar(person) {
  const element = h('span', { class: 'avatar', 'aria-hidden': 'true' });
  paintAvatar(element, person);
  return element;
}

/** Bring the children in line with the items; what is there already stays, with its focus. */
export function reconcile(parent, items, { key, create, update = () => {} }) {
  const focused = document.activeElement;
  const wanted = new Set(items.map(key));
  for (const child of [...parent.children]) if (!wanted.has(child.dataset.key)) child.remove();
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const element = known.get(key(item)) ?? create(item);
    element.dataset.key = key(item);
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  if (focused !== document.activeElement && parent.contains(focused)) focused.focus({ preventScroll: true });
}

/** Whether the person says yes. */
export function confirmed(text, yes) {
  const dialog = $('confirm-dialog');
  setText($('confirm-text'), text);
  setText($('confirm-yes'), yes);
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

function initials(name) {
  const words = name.trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? '').join('').toUpperCase();
}

function hue(id) {
  let hash = 2_166_136_261; // FNV-1a
  for (const character of id) hash = Math.imul(hash ^ character.codePointAt(0), 16_777_619);
  return String((hash >>> 8) % 8);
}
