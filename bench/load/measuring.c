/* The course of a run. */
#include "load.h"

#include <signal.h>
#include <unistd.h>

static const uint64_t SECOND = 1000000000ull;

static void turn_for(double seconds) { for (uint64_t end = now() + seconds * 1e9; now() < end;) turn(5); }

/* Whether so many were delivered in time. */
static int turn_until(uint64_t wanted, double seconds) {
    for (uint64_t end = now() + seconds * 1e9; delivered < wanted;) {
        if (now() > end) return 0;
        turn(5);
    }
    return 1;
}

static void open_up_to(int n) {
    static int started;
    uint64_t end = now() + 90 * SECOND;
    while (n_ready + n_dead < n && now() < end) {
        while (started < n && started - n_ready - n_dead < options.parallel) open_connection(&all[started++]);
        turn(20);
    }
    if (n_ready < n) { printf("{\"error\":\"%d of %d connections became ready\"}\n", n_ready, n); exit(1); }
}

static int members(int room) { return (options.connections - room + options.rooms - 1) / options.rooms; }

/* One message in each room, until each member has had one: from then on every subscription counts. */
static void warm_rooms(void) {
    for (int room = 0; room < options.rooms; room++) {
        int tries = 0;
        do {
            if (tries++ == 5) { printf("{\"error\":\"room %d hears nothing, or not all of it\"}\n", room); exit(1); }
            publish(&all[room]);
        } while (!turn_until(delivered + members(room), 5));
    }
    turn_for(0.3);
}

static void start_counting(void) {
    delivered = published = 0;
    latency_reset();
    memset(published_in, 0, options.rooms * sizeof *published_in);
    for (Connection *c = all; c < all + options.connections; c++) c->heard = 0;
}

static uint64_t fan(double seconds) {
    uint64_t each = options.connections / options.rooms, lost = 0, last = 0, changed = now(), end = now() + seconds * 1e9;
    while (now() < end) {
        while (published * each < delivered + lost + options.window * each) publish(&all[published % options.rooms]);
        turn(5);
        if (delivered != last) { last = delivered; changed = now(); }
        else if (now() - changed > 2 * SECOND) { lost = published * each - delivered; changed = now(); }
    }
    turn_until(published * each, 3); /* what is under way belongs to what was asked for */
    return published * each - (delivered < published * each ? delivered : published * each);
}

static uint64_t pace(double seconds) {
    uint64_t each = options.connections / options.rooms, from = now(), n = 0;
    for (double past; (past = (now() - from) / 1e9) < seconds; turn(1))
        for (; n < past * options.rate; n++) publish(&all[published % options.rooms]);
    turn_until(published * each, 3);
    return published * each - (delivered < published * each ? delivered : published * each);
}

static void echo(double seconds) {
    static int is_started;
    if (!is_started++)
        for (Connection *c = all; c < all + options.connections; c++)
            for (int i = 0; i < options.window; i++) publish(c);
    turn_for(seconds);
}

/* The load of this mode; how many deliveries were lost. */
static uint64_t load_for(double seconds) {
    switch (*options.mode) {
    case 'f': return fan(seconds);
    case 'p': return pace(seconds);
    case 'e': echo(seconds);
    }
    return 0;
}

/* Connections that heard more or less than was said in their room. */
static int uneven(void) {
    int n = 0;
    for (Connection *c = all; c < all + options.connections; c++) n += c->heard != published_in[c->room];
    return n;
}

/* Open all; in `hold` the memory of those after the first fifth is what counts. */
static int open_all(int is_hold) {
    int first = is_hold ? options.connections / 5 : 0; /* those pay for what a process loads once */
    if (first) { open_up_to(first); turn_for(1); }
    note_memory(0);
    open_up_to(options.connections);
    turn_for(is_hold ? options.duration : 0.5);
    note_memory(1);
    return options.connections - first;
}

static void print_result(double seconds, double client, uint64_t lost, int n_counted) {
    printf("{\"seconds\":%.3f,\"published\":%llu,\"delivered\":%llu,\"lost\":%llu,\"uneven\":%d,\"closed\":%d,", seconds,
           (unsigned long long)published, (unsigned long long)delivered, (unsigned long long)lost, *options.mode == 'e' ? 0 : uneven(), n_closed);
    printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"client_share\":%.3f,\"sample\":\"", latency_ms(.5), latency_ms(.99), client / seconds);
    for (char *s = sample; *s; s++) {
        if (*s == '"' || *s == '\\') putchar('\\');
        if ((unsigned char)*s >= 32) putchar(*s);
    }
    printf("\",\"processes\":{");
    print_processes(n_counted);
    printf("}}\n");
}

static void drain(void) {
    printf("{\"ready\":%d}\n", n_ready);
    fflush(stdout);
    for (uint64_t end = now() + options.duration * 1e9; n_dead < options.connections && now() < end;) turn(5);
    printf("{\"ends\":[");
    for (Connection *c = all; c < all + options.connections; c++)
        printf("%s[%llu,%d]", c == all ? "" : ",", (unsigned long long)c->ended_at, c->code);
    printf("]}\n");
}

void measure(void) {
    int is_hold = *options.mode == 'h', is_echo = *options.mode == 'e', n_counted = open_all(is_hold);
    if (*options.mode == 'd') { drain(); return; }
    if (!is_echo && !is_hold) { warm_rooms(); start_counting(); }
    load_for(options.warmup);
    if (!is_echo) turn_for(0.2);
    start_counting();
    note_cpu(0);
    double client = cpu_of(getpid());
    uint64_t from = now();
    is_measuring = 1;
    if (options.signalled) kill(options.signalled, SIGUSR1);
    uint64_t lost = load_for(options.duration);
    if (options.signalled) kill(options.signalled, SIGUSR1);
    double seconds = (now() - from) / 1e9;
    client = cpu_of(getpid()) - client;
    is_measuring = 0;
    is_over = 1;
    if (!is_echo) turn_for(0.1); /* what a server still does behind its last delivery */
    note_cpu(1);
    print_result(seconds, client, lost, n_counted);
}
