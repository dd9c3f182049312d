// The official Socket.IO client, unmodified, as a test in Python drives it (tests/integration/javascript.py).
//
// Reads commands, one JSON object a line:
//   {do: "connect", id, url, options}      a socket of that id; `options` are the client's own
//   {do: "emit", id, arguments}            an event: its name, then its arguments
//   {do: "call", id, call, arguments}      the same with an acknowledgement, told under that number
//   {do: "auth", id, auth}                 what the next CONNECT brings
//   {do: "reconnect", id}                  `connect()` after a disconnect
//   {do: "cut", id}                        lose the transport, without a word to the server if there is a way
//   {do: "close", id}                      end the transport as Engine.IO does
//   {do: "disconnect", id}                 leave as Socket.IO does
//   {do: "state", id}
// and writes whatever happens to a socket, one a line, in order: {id, on, ...}.

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const sockets = new Map();

function state(socket) {
  const { connected, recovered } = socket;
  const transport = socket.io.engine?.transport?.name ?? null;
  return { connected, recovered, sid: socket.id ?? null, pid: socket._pid ?? null, transport };
}

// With a `pid` every event has to bring its offset, behind its arguments: the client takes it from there as well.
function event(socket, name, values) {
  const isRecoverable = socket._pid !== undefined;
  const offset = isRecoverable && typeof values.at(-1) === "string" ? values.at(-1) : null;
  return { name, arguments: offset === null ? values : values.slice(0, -1), offset, isRecoverable };
}

function watch(id, socket) {
  const tell = (on, more) => process.stdout.write(`${JSON.stringify({ id, on, ...more })}\n`);
  socket.on("connect", () => tell("connect", state(socket)));
  socket.on("connect_error", ({ message, data }) => tell("connect_error", { message, data: data ?? null }));
  socket.on("disconnect", (reason) => tell("disconnect", { reason }));
  socket.onAny((name, ...values) => tell("event", event(socket, name, values)));
  socket.io.on("reconnect", (attempts) => tell("reconnect", { attempts }));
  const watchEngine = () => socket.io.engine.on("upgrade", ({ name }) => tell("upgrade", { transport: name }));
  socket.io.on("open", watchEngine);
  if (socket.io._readyState === "open") watchEngine();
  return tell;
}

function cut({ engine }) {
  const { transport } = engine;
  if (transport.readyState === "closed") return;
  if (transport.name === "websocket") {
    transport.ws?.terminate();
  } else {
    transport.pollXhr?.abort(); // the server sees the poll's connection go
    transport.onClose(); // and the client takes it for a lost one
  }
}

const commands = {
  connect({ id, url, options }) {
    const socket = io(url, options);
    sockets.set(id, { socket, tell: watch(id, socket) });
  },
  emit: (_, { socket }, values) => socket.emit(...values),
  call: ({ call }, { socket, tell }, values) =>
    socket.emit(...values, (...result) => tell("ack", { call, result })),
  auth({ auth }, { socket }) {
    socket.auth = auth;
  },
  reconnect: (_, { socket }) => socket.connect(),
  cut: (_, { socket }) => cut(socket.io),
  close: (_, { socket }) => socket.io.engine.close(),
  disconnect: (_, { socket }) => socket.disconnect(),
  state: (_, { socket, tell }) => tell("state", state(socket)),
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const command = JSON.parse(line);
    commands[command.do](command, sockets.get(command.id), command.arguments);
  })
  .on("close", () => sockets.forEach(({ socket }) => socket.disconnect())); // Node ends when all of them have left
