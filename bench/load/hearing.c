/* What comes in: the handshake's answer, frames, Socket.IO's packets, and messages. */
#include "load.h"

#include <sys/socket.h>

static const char STAMP[] = "\"ts\":";
uint64_t delivered, published, *published_in;
int is_measuring, is_over;
char sample[1024];
static unsigned char input[1 << 18];

void publish(Connection *c) {
    send_text(c, options.message, published);
    published++;
    published_in[c->room]++;
}

static void become_ready(Connection *c) { c->state = READY; n_ready++; }

static void opened(Connection *c) {
    c->state = WAITING;
    if (options.init) send_text(c, options.init, 0);
    if (!options.ready) become_ready(c);
}

static void on_message(Connection *c, const char *text, size_t n, uint64_t at) {
    const char *digit = memmem(text, n, STAMP, sizeof STAMP - 1);
    uint64_t sent = 0;
    if (!digit) return;
    delivered++;
    c->heard++;
    for (digit += sizeof STAMP - 1; digit < text + n && *digit == ' ';) digit++;
    for (; digit < text + n && *digit >= '0' && *digit <= '9'; digit++) sent = sent * 10 + *digit - '0';
    if (is_measuring && sent && at > sent) latency_add(at - sent);
    if (is_measuring && !*sample) memcpy(sample, text, n < sizeof sample ? n : sizeof sample - 1);
    if (*options.mode == 'e' && !is_over) publish(c);
}

static void on_text(Connection *c, const char *text, size_t n, uint64_t at) {
    if (options.sio && n == 1 && *text == '2') {
        send_frame(c, 1, "3", 1); /* Engine.IO's ping */
    } else if (c->state == SIO_OPENING) {
        send_text(c, options.sio, 0);
        c->state = SIO_CONNECTING;
    } else if (c->state == SIO_CONNECTING) {
        if (n > 1 && !memcmp(text, "40", 2)) opened(c);
        else if (n > 1 && !memcmp(text, "44", 2)) drop(c);
    } else if (c->state == WAITING) {
        if (memmem(text, n, options.ready, strlen(options.ready))) become_ready(c);
    } else
        on_message(c, text, n, at);
}

/* A close frame is answered, as every client does. */
static void on_close(Connection *c, const unsigned char *payload, size_t n) {
    c->code = n < 2 ? 1005 : payload[0] << 8 | payload[1];
    send_frame(c, 8, payload, n < 2 ? 0 : 2);
    drop(c);
}

/* Take whole frames; how many bytes they were. */
static size_t take_frames(Connection *c, unsigned char *bytes, size_t n, uint64_t at) {
    size_t done = 0;
    while (n - done >= 2 && c->state != DEAD) {
        unsigned char *f = bytes + done;
        size_t length = f[1] & 127, head = length == 126 ? 4 : length == 127 ? 10 : 2;
        if (n - done < head) break;
        if (head > 2) { length = 0; for (size_t i = 2; i < head; i++) length = length << 8 | f[i]; }
        if (length > sizeof input / 2) die("a frame is too long");
        if (n - done < head + length) break;
        done += head + length;
        switch (f[0] & 15) {
        case 1: on_text(c, (char *)f + head, length, at); break;
        case 8: on_close(c, f + head, length); break;
        case 9: send_frame(c, 10, f + head, length); break;
        }
    }
    return done;
}

/* How many bytes the answer to the handshake has; 0 if it has not come whole. */
static size_t take_handshake(Connection *c, size_t n) {
    unsigned char *end = memmem(input, n, "\r\n\r\n", 4);
    if (!end) return 0;
    if (memcmp(input + 9, "101", 3)) {
        if (!n_dead) fprintf(stderr, "wsload: refused: %.60s\n", (char *)input);
        drop(c);
    } else if (options.sio)
        c->state = SIO_OPENING;
    else
        opened(c);
    return end + 4 - input;
}

void on_readable(Connection *c) {
    memcpy(input, c->rest, c->n_rest);
    ssize_t got = recv(c->fd, input + c->n_rest, sizeof input - c->n_rest, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) { drop(c); return; }
    uint64_t at = now();
    size_t n = c->n_rest + got, done = c->state == HANDSHAKE ? take_handshake(c, n) : 0;
    if (c->state != HANDSHAKE) done += take_frames(c, input + done, n - done, at);
    if (c->state == DEAD) return;
    c->n_rest = n - done;
    if (c->n_rest > c->size_rest) c->rest = grown(c->rest, c->size_rest = c->n_rest * 2);
    if (c->n_rest) memcpy(c->rest, input + done, c->n_rest);
}
