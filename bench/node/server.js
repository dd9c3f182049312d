// node server.js PORT REDIS_URL: Socket.IO with its Redis adapter, as its documentation sets it up.
const http = require("node:http");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");
const { Server } = require("socket.io");

const [port, url] = process.argv.slice(2);

async function main() {
  const server = http.createServer();
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const io = new Server(server, { transports: ["websocket"], adapter: createAdapter(publisher, subscriber) });
  io.on("connection", (socket) => {
    socket.on("join", (rooms, done) => {
      socket.join(rooms);
      done();
    });
    socket.on("chat", (message) => io.to(message.room).emit("chat", message));
    socket.on("echo", (message) => socket.emit("echo", message));
  });
  server.listen(Number(port), "127.0.0.1", 4096);
}

main();
