/**
 * A client of the plain wire (docs/protocol.md), in one file without dependencies: copy it.
 *
 *     import { connect } from './client.js';
 *
 *     const connection = connect({
 *       url: 'wss://example.org/ws/',
 *       token: async ({ renew }) => (renew ? await refresh() : accessToken),
 *       onEvent: (name, data) => console.log(name, data),
 *       onState: (state) => console.log(state),
 *     });
 *     const { messageId } = await connection.call('message.send', { conversationId, text, tempId });
 *     connection.close();
 *
 * It reconnects by itself (exponential backoff with full jitter), renews the token before it
 * expires, notices a dead network, and resumes where it stood. Whether it missed something is
 * in the event `connected`: with `recovered: false`, load the state over REST.
 */

const SUBPROTOCOL = 'realtime.v1';
const FIRST_DELAY = 500; // milliseconds, doubled after each failure
const LONGEST_DELAY = 30_000;
const STABLE = 5_000; // a connection that lived so long starts the delays anew
const GREETING_TIMEOUT = 15_000;
const REPLY_TIMEOUT = 15_000;
const UNAUTHENTICATED = 4401;
const POLICY = 4403;

/** What a call fails with: the server's `{code, message, details?, retryAfter?}`, or one of
 * NOT_CONNECTED (it was not sent), DISCONNECTED and TIMEOUT (nobody knows whether it arrived). */
export class CallError extends Error {
  constructor({ code, message, details, retryAfter }) {
    super(message);
    this.name = 'CallError';
    Object.assign(this, { code, details, retryAfter });
  }
}

/**
 * Connect and stay connected.
 *
 * @param {object} options
 * @param {string} options.url - `ws://` or `wss://`, without a token.
 * @param {string|function} options.token - the access token, or a function that returns it or its
 *   promise: called with `{renew: true}` when the server refused the last one or it is about to
 *   expire, so that it fetches another. Null gives up; an exception is tried again later.
 * @param {function(string, object)} options.onEvent - every push, `connected` and `error` included.
 * @param {function(string, object)} [options.onState] - 'connecting', 'online', 'reconnecting', or at
 *   the end 'closed' with `{reason}`: 'unauthenticated', 'refused' or 'closed'.
 */
export function connect(options) {
  return new Connection(options);
}

class Connection {
  #options;
  #socket = null;
  #attempt = 0;
  #failures = 0;
  #isRefused = false; // the server has refused the last token
  #greetedAt = null; // of this connection
  #offset = null; // where to resume
  #connectionId = null;
  #calls = new Map(); // id -> {resolve, reject, timer}
  #lastId = 0;
  #timers = new Set();

  constructor(options) {
    this.#options = options;
    this.#become('connecting');
    globalThis.addEventListener?.('online', this.#wake);
    this.#open();
  }

  /** Ask for something; resolves with the reply's data, rejects with a CallError. */
  call(event, data = {}, { timeout = REPLY_TIMEOUT } = {}) {
    if (this.state !== 'online') {
      return Promise.reject(new CallError({ code: 'NOT_CONNECTED', message: 'There is no connection.' }));
    }
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const timer = setTimeout(() => this.#settle(id, failure('TIMEOUT', 'The server did not answer.')), timeout);
      this.#calls.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ event, data, id }));
    });
  }

  /** Connect anew, without resuming: for who could not load the state and wants another try. */
  restart() {
    this.#offset = null;
    this.#break();
  }

  /** End it for good. */
  close() {
    this.#end('closed');
  }

  // -- connecting ------------------------------------------------------------------------------

  #open = async () => {
    const attempt = ++this.#attempt;
    this.#clearTimers();
    let token;
    try {
      token = await this.#token({ renew: this.#isRefused });
    } catch {
      if (attempt === this.#attempt) this.#retry();
      return;
    }
    if (attempt !== this.#attempt) return;
    if (token) this.#dial(token);
    else this.#end('unauthenticated');
  };

  #dial(token) {
    const socket = new WebSocket(this.#url(), [SUBPROTOCOL, `bearer.${token}`]);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#socket === socket && this.#receive(JSON.parse(data));
    socket.onclose = (event) => this.#socket === socket && this.#lose(event);
    this.#after(GREETING_TIMEOUT, () => this.#greetedAt ?? this.#break());
  }

  async #token(why) {
    const { token } = this.#options;
    return typeof token === 'function' ? token(why) : token;
  }

  #url() {
    const url = new URL(this.#options.url);
    if (this.#offset) {
      url.searchParams.set('resume', this.#offset);
      url.searchParams.set('connection', this.#connectionId);
    }
    return url.href;
  }

  #break() {
    if (this.#socket) this.#lose({ code: 1006 });
  }

  #lose({ code }) {
    const wasRefused = this.#isRefused;
    if (this.#greetedAt && Date.now() - this.#greetedAt > STABLE) this.#failures = 0;
    this.#isRefused = code === UNAUTHENTICATED;
    this.#drop();
    if (code === POLICY) this.#end('refused');
    else if (this.#isRefused && (wasRefused || typeof this.#options.token !== 'function')) this.#end('unauthenticated');
    else this.#retry();
  }

  #retry() {
    this.#become('reconnecting');
    const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#failures++);
    this.#after(Math.random() * longest, this.#open);
  }

  #wake = () => {
    if (this.state === 'reconnecting' && !this.#socket) this.#open();
  };

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#greetedAt = null;
    this.#attempt++;
    this.#clearTimers();
    socket?.close();
    for (const id of this.#calls.keys()) this.#settle(id, failure('DISCONNECTED', 'The connection was lost.'));
  }

  #end(reason) {
    if (this.state === 'closed') return;
    globalThis.removeEventListener?.('online', this.#wake);
    this.#drop();
    this.#become('closed', { reason });
  }

  // -- frames ----------------------------------------------------------------------------------

  #receive({ event, data, offset, ...reply }) {
    if (event === 'reply') {
      this.#settle(reply.id, reply.ok ? { data } : { error: reply.error });
      return;
    }
    if (event === 'connected') this.#greet(data);
    else if (event === 'auth.expiring') this.#renew();
    if (offset) this.#offset = offset;
    this.#options.onEvent(event, data);
  }

  #greet({ connectionId, offset, heartbeatInterval }) {
    this.#greetedAt = Date.now();
    this.#isRefused = false;
    this.#offset = offset;
    this.#connectionId = connectionId;
    this.#beat(heartbeatInterval * 1000);
    this.#become('online');
  }

  #settle(id, { data, error }) {
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    clearTimeout(call.timer);
    if (error) call.reject(new CallError(error));
    else call.resolve(data);
  }

  async #renew() {
    try {
      const token = await this.#token({ renew: true });
      if (token) await this.call('auth', { token });
    } catch {
      // The server closes with 4401 when the old token ends, and then it is tried again.
    }
  }

  /** A browser does not show the WebSocket's own pings: without this, a dead network looks like silence. */
  #beat(interval) {
    this.#after(interval, async () => {
      try {
        await this.call('heartbeat');
        this.#beat(interval);
      } catch ({ code }) {
        if (code === 'TIMEOUT') this.#break();
      }
    });
  }

  // -- state -----------------------------------------------------------------------------------

  #after(delay, action) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delay);
    this.#timers.add(timer);
  }

  #clearTimers() {
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
  }

  #become(state, details = {}) {
    if (state === this.state) return;
    this.state = state;
    this.#options.onState?.(state, details);
  }
}

function failure(code, message) {
  return { error: { code, message } };
}
