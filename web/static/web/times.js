/** Times as people read them, in their own language and zone. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export const clock = (iso) => CLOCK.format(new Date(iso));
export const full = (iso) => FULL.format(new Date(iso));

/** A day's name, the same for all moments of the day. */
export const dayOf = (iso) => new Date(iso).toDateString();

export function dayLabel(iso) {
  if (dayOf(iso) === new Date().toDateString()) return 'Today';
  if (dayOf(iso) === new Date(Date.now() - DAY).toDateString()) return 'Yesterday';
  return WEEKDAY.format(new Date(iso));
}

/** The clock today, the date before. */
export function brief(iso) {
  return dayOf(iso) === new Date().toDateString() ? clock(iso) : SHORT_DAY.format(new Date(iso));
}

export function ago(iso) {
  const minutes = Math.round((new Date(iso) - Date.now()) / MINUTE);
  if (minutes > -60) return RELATIVE.format(minutes, 'minute');
  if (minutes > -24 * 60) return RELATIVE.format(Math.round(minutes / 60), 'hour');
  return RELATIVE.format(Math.round(minutes / 60 / 24), 'day');
}
