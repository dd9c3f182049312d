/** REST with a session: the pair of tokens lives in sessionStorage, so that two windows can be two people. */

const KEY = 'session';
const TIMEOUT = 15_000;
const UPLOAD_TIMEOUT = 10 * 60_000;

/** A refusal: the server's `{code, message, details?, retryAfter?}`, or code UNREACHABLE. */
export class RestError extends Error {
  constructor({ code, message, details, retryAfter }, status = 0) {
    super(message);
    this.name = 'RestError';
    Object.assign(this, { code, details, retryAfter, status });
  }
}

/** The session of this window. */
export class Session {
  #renewal = null;

  constructor({ onEnd }) {
    this.onEnd = onEnd;
    this.tokens = JSON.parse(sessionStorage.getItem(KEY));
  }

  get isOpen() {
    return this.tokens !== null;
  }

  async logIn(username, password) {
    this.#keep(await send('POST', '/api/auth/token', { username, password }));
  }

  async register(account) {
    const { access, refresh } = await send('POST', '/api/auth/register', account);
    this.#keep({ access, refresh });
  }

  /** The session ends here at once; the server is told, if it can be reached. */
  async logOut() {
    const { refresh } = this.tokens;
    this.#end();
    await send('POST', '/api/auth/logout', { refresh }).catch(() => {});
  }

  get(path) {
    return this.request('GET', path);
  }

  /** As `send`, with the token; one that has expired is renewed. */
  async request(method, path, body) {
    const token = await this.token();
    try {
      return await send(method, path, body, token);
    } catch (error) {
      if (error.status !== 401) throw error;
      return send(method, path, body, await this.token({ renew: token === this.tokens?.access }));
    }
  }

  /** Bring a file, which is to be sent to this conversation. */
  upload(file, conversationId) {
    const form = new FormData();
    form.append('file', file);
    form.append('conversationId', conversationId);
    return this.request('POST', '/api/attachments/', form);
  }

  /** All rows of a list that comes in pages. */
  async all(path) {
    const rows = [];
    for (let next = path; next; ) {
      const page = await this.get(next);
      rows.push(...page.results);
      next = page.next && relative(page.next);
    }
    return rows;
  }

  /** The access token, a new one on demand; null when the session has ended. */
  async token({ renew = false } = {}) {
    if (renew && this.tokens) {
      // A refresh token counts once: whoever asks meanwhile gets the same answer.
      this.#renewal ??= this.#renew().finally(() => (this.#renewal = null));
      await this.#renewal;
    }
    return this.tokens?.access ?? null;
  }

  async #renew() {
    const { refresh } = this.tokens;
    try {
      this.#keep(await send('POST', '/api/auth/token/refresh', { refresh }));
    } catch (error) {
      if (error.status !== 401) throw error;
      this.#end();
    }
  }

  #keep(tokens) {
    this.tokens = tokens;
    sessionStorage.setItem(KEY, JSON.stringify(tokens));
  }

  #end() {
    this.tokens = null;
    sessionStorage.removeItem(KEY);
    this.onEnd();
  }
}

/** One request, with JSON or a form; resolves with the JSON of the answer, rejects with a RestError. */
async function send(method, path, body, token) {
  const headers = { Accept: 'application/json' };
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  const content = isForm ? body : body && JSON.stringify(body);
  const options = { method, headers, body: content, credentials: 'omit' };
  const response = await reach(path, options, isForm ? UPLOAD_TIMEOUT : TIMEOUT);
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  throw new RestError(answer?.code ? answer : { code: 'INTERNAL', message: 'Something went wrong.' }, response.status);
}

async function reach(path, options, timeout) {
  try {
    return await fetch(path, { ...options, signal: AbortSignal.timeout(timeout) });
  } catch {
    throw new RestError({ code: 'UNREACHABLE', message: 'The server cannot be reached.' });
  }
}

/** A link of the server's, which behind a proxy may name another scheme, as a path of this very server. */
export function relative(link) {
  const { pathname, search } = new URL(link, location.href);
  return pathname + search;
}
