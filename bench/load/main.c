/* wsload: a load client for WebSockets and for Socket.IO over WebSocket that is not the bottleneck.
 *
 *     wsload --port 8000 --path '/ws/room%R' --connections 200 --rooms 1 --mode fan --window 1 --message '{"ts":%T}'
 *
 * One thread, one epoll set. It reads the headers of frames, and looks into payloads for "ts":NANOSECONDS only.
 *   fan    `window` broadcasts are under way; the first connection of each room sends, all that are in it must hear
 *   pace   `rate` broadcasts a second, whether or not the earlier ones were heard
 *   echo   `window` requests are under way on every connection
 *   hold   the connections stay open
 *   drain  they stay open until the server ends them, for `duration` at most: says {"ready":COUNT} when all are, and
 *          at the end when each was ended, with which code
 * Templates, in every text: %R room, %C connection, %S sequence, %T monotonic nanoseconds, %K the connection's token.
 * It prints one line of JSON. With --signal PID that process gets SIGUSR1 when the load begins and when it ends.
 */
#include "load.h"

#include <getopt.h>
#include <sys/resource.h>
#include <time.h>

Options options = { .path = "/", .mode = "fan", .connections = 100, .rooms = 1, .window = 1, .parallel = 64,
                    .duration = 4, .warmup = 1, .rate = 100, .message = "{\"ts\":%T}" };
Connection *all;
char **tokens;
int n_tokens;

uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

void die(const char *what) {
    fprintf(stderr, "wsload: %s (%s)\n", what, strerror(errno));
    exit(2);
}

void *grown(void *memory, size_t size) {
    if (!(memory = realloc(memory, size))) die("no memory");
    return memory;
}

static void read_tokens(const char *name) {
    char line[MAX_TEXT / 4];
    FILE *file = fopen(name, "r");
    if (!file) die(name);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        tokens = grown(tokens, (n_tokens + 1) * sizeof *tokens);
        if (!(tokens[n_tokens++] = strdup(line))) die("no memory");
    }
    fclose(file);
}

static const struct option NAMES[] = {
    { "port", 1, 0, 'p' }, { "path", 1, 0, 'P' }, { "header", 1, 0, 'h' }, { "sio", 1, 0, 's' }, { "init", 1, 0, 'i' }, { "ready", 1, 0, 'r' },
    { "message", 1, 0, 'm' }, { "tokens", 1, 0, 't' }, { "mode", 1, 0, 'o' }, { "connections", 1, 0, 'c' }, { "rooms", 1, 0, 'R' },
    { "window", 1, 0, 'w' }, { "parallel", 1, 0, 'l' }, { "duration", 1, 0, 'd' }, { "warmup", 1, 0, 'u' }, { "pid", 1, 0, 'x' },
    { "rate", 1, 0, 'a' }, { "signal", 1, 0, 'f' }, { 0 } };

static void set(int option) {
    switch (option) {
    case 'p': options.port = atoi(optarg); break;
    case 'P': options.path = optarg; break;
    case 'h': if (options.n_headers < MAX_HEADERS) options.headers[options.n_headers++] = optarg; break;
    case 's': options.sio = optarg; break;
    case 'i': options.init = optarg; break;
    case 'r': options.ready = optarg; break;
    case 'm': options.message = optarg; break;
    case 't': read_tokens(optarg); break;
    case 'o': options.mode = optarg; break;
    case 'c': options.connections = atoi(optarg); break;
    case 'R': options.rooms = atoi(optarg); break;
    case 'w': options.window = atoi(optarg); break;
    case 'l': options.parallel = atoi(optarg); break;
    case 'd': options.duration = atof(optarg); break;
    case 'u': options.warmup = atof(optarg); break;
    case 'x': add_process(optarg); break;
    case 'a': options.rate = atof(optarg); break;
    case 'f': options.signalled = atoi(optarg); break;
    default: exit(2);
    }
}

int main(int argc, char **argv) {
    for (int option; (option = getopt_long(argc, argv, "", NAMES, 0)) != -1;) set(option);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    start_polling();
    all = calloc(options.connections, sizeof *all);
    published_in = calloc(options.rooms, sizeof *published_in);
    if (!all || !published_in) die("no memory");
    for (int i = 0; i < options.connections; i++) all[i].room = i % options.rooms;
    measure();
    return 0;
}
