/* Connections: opened, written to and polled. */
#include "load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int n_ready, n_dead, n_closed;
static int epoll;

void start_polling(void) { epoll = epoll_create1(0); }

static size_t fill(char *to, const char *template, const Connection *c, uint64_t sequence) {
    size_t n = 0;
    for (const char *t = template; *t; t++) {
        if (n > MAX_TEXT - 64) die("a text is too long");
        if (*t != '%' || !t[1]) { to[n++] = *t; continue; }
        switch (*++t) {
        case 'R': n += sprintf(to + n, "%d", c->room); break;
        case 'C': n += sprintf(to + n, "%d", (int)(c - all)); break;
        case 'S': n += sprintf(to + n, "%llu", (unsigned long long)sequence); break;
        case 'T': n += sprintf(to + n, "%llu", (unsigned long long)now()); break;
        case 'K': if (n_tokens) n += snprintf(to + n, MAX_TEXT - n, "%s", tokens[(c - all) % n_tokens]); break;
        default: to[n++] = *t;
        }
    }
    to[n] = 0;
    return n;
}

static void watch(Connection *c, int operation, int events) {
    struct epoll_event event = { .events = events, .data.ptr = c };
    if (epoll_ctl(epoll, operation, c->fd, &event)) die("epoll_ctl");
}

void drop(Connection *c) {
    if (c->state == DEAD) return;
    if (c->state == READY) { n_ready--; n_closed++; }
    c->ended_at = now();
    watch(c, EPOLL_CTL_DEL, 0);
    close(c->fd);
    c->state = DEAD;
    n_dead++;
}

static void write_out(Connection *c, const void *bytes, size_t n) {
    if (c->state == DEAD) return;
    if (!c->n_out) {
        ssize_t sent = send(c->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == (ssize_t)n) return;
        if (sent < 0 && errno != EAGAIN) { drop(c); return; }
        if (sent > 0) { bytes = (const char *)bytes + sent; n -= sent; }
    }
    if (c->n_out + n > c->size_out) c->out = grown(c->out, c->size_out = (c->n_out + n) * 2);
    memcpy(c->out + c->n_out, bytes, n);
    c->n_out += n;
    watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void write_rest(Connection *c) {
    ssize_t sent = send(c->fd, c->out, c->n_out, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) memmove(c->out, c->out + sent, c->n_out -= sent);
    if (!c->n_out) watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

void send_frame(Connection *c, int opcode, const void *payload, size_t n) {
    unsigned char frame[MAX_TEXT + 8] = { 0x80 | opcode, 0x80 | (n < 126 ? n : 126), n >> 8, n };
    size_t head = n < 126 ? 2 : 4;
    memset(frame + head, 0, 4); /* a mask of zeros: allowed, and nothing to compute */
    memcpy(frame + head + 4, payload, n);
    write_out(c, frame, head + 4 + n);
}

void send_text(Connection *c, const char *template, uint64_t sequence) {
    char text[MAX_TEXT];
    size_t n = fill(text, template, c, sequence);
    send_frame(c, 1, text, n);
}

void open_connection(Connection *c) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) die("connect");
    c->state = CONNECTING;
    watch(c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void send_handshake(Connection *c) {
    char template[MAX_TEXT], text[MAX_TEXT];
    int n = snprintf(template, sizeof template, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        options.path, options.port, options.port);
    for (int i = 0; i < options.n_headers; i++) n += snprintf(template + n, sizeof template - n, "%s\r\n", options.headers[i]);
    snprintf(template + n, sizeof template - n, "\r\n");
    c->state = HANDSHAKE;
    write_out(c, text, fill(text, template, c, 0));
}

void turn(int ms) {
    static struct epoll_event events[512];
    for (int i = 0, n = epoll_wait(epoll, events, 512, ms); i < n; i++) {
        Connection *c = events[i].data.ptr;
        if (c->state == DEAD) continue;
        if (c->state == CONNECTING) {
            if (events[i].events & (EPOLLERR | EPOLLHUP)) { drop(c); continue; }
            watch(c, EPOLL_CTL_MOD, EPOLLIN);
            send_handshake(c);
            continue;
        }
        if ((events[i].events & EPOLLOUT) && c->n_out) write_rest(c);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
    }
}
