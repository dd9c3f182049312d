/* What the parts of the load client share. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 16384, MAX_HEADERS = 8, MAX_PROCESSES = 64 };
enum { NEW, CONNECTING, HANDSHAKE, SIO_OPENING, SIO_CONNECTING, WAITING, READY, DEAD };

typedef struct {
    int fd, state, room;
    unsigned char *rest, *out; /* of a frame that has not come whole; what has not been sent yet */
    size_t n_rest, size_rest, n_out, size_out;
    uint64_t heard, ended_at; /* by the monotonic clock, as all times */
    int code; /* of its close frame; 0 without one */
} Connection;

typedef struct {
    const char *path, *init, *ready, *message, *sio, *mode, *headers[MAX_HEADERS];
    int port, connections, rooms, window, parallel, n_headers, signalled;
    double duration, warmup, rate;
} Options;

/* main.c */
extern Options options;
extern Connection *all;
extern char **tokens;
extern int n_tokens;
uint64_t now(void);
void die(const char *what);
void *grown(void *memory, size_t size);

/* figures.c */
void latency_reset(void);
void latency_add(uint64_t ns);
double latency_ms(double quantile);
double cpu_of(int pid);
void add_process(const char *text);
void note_cpu(int when);
void note_memory(int when);
void print_processes(int connections);

/* connections.c */
extern int n_ready, n_dead, n_closed;
void start_polling(void);
void open_connection(Connection *c);
void send_text(Connection *c, const char *template, uint64_t sequence);
void send_frame(Connection *c, int opcode, const void *payload, size_t n);
void drop(Connection *c);
void turn(int ms);

/* hearing.c */
extern uint64_t delivered, published, *published_in;
extern int is_measuring, is_over;
extern char sample[1024];
void publish(Connection *c);
void on_readable(Connection *c);

/* measuring.c */
void measure(void);
