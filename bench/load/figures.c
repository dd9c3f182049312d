/* Figures: latencies, and what processes use. */
#include "load.h"

#include <time.h>

typedef struct { char name[32]; int pid; double cpu[2]; long memory[2]; } Process;

static Process processes[MAX_PROCESSES];
static int n_processes;

/* -- latencies: 64 buckets for each power of two, in nanoseconds -- */
static uint64_t buckets[64 * 64], n_latencies;

void latency_reset(void) {
    memset(buckets, 0, sizeof buckets);
    n_latencies = 0;
}

void latency_add(uint64_t ns) {
    int power = ns ? 63 - __builtin_clzll(ns) : 0;
    buckets[power * 64 + (power > 6 ? (ns >> (power - 6)) & 63 : ns & 63)]++;
    n_latencies++;
}

double latency_ms(double quantile) {
    uint64_t wanted = quantile * n_latencies, seen = 0;
    for (int i = 0; i < 64 * 64; i++)
        if ((seen += buckets[i]) > wanted) {
            int power = i / 64;
            return (power > 6 ? (1ull << power) + ((uint64_t)(i % 64) << (power - 6)) : (uint64_t)(i % 64)) / 1e6;
        }
    return 0;
}

/* -- processes: CPU by the kernel's clock of each (user and system), resident memory by /proc -- */
double cpu_of(int pid) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t)) return 0;
    return t.tv_sec + t.tv_nsec / 1e9;
}

static long memory_of(int pid) {
    char name[64], line[256];
    long kib = 0;
    snprintf(name, sizeof name, "/proc/%d/status", pid);
    FILE *file = fopen(name, "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, "VmRSS:", 6)) kib = atol(line + 6);
    fclose(file);
    return kib;
}

void note_cpu(int when) { for (Process *p = processes; p < processes + n_processes; p++) p->cpu[when] = cpu_of(p->pid); }
void note_memory(int when) { for (Process *p = processes; p < processes + n_processes; p++) p->memory[when] = memory_of(p->pid); }

void add_process(const char *text) {
    Process *p = &processes[n_processes];
    if (n_processes == MAX_PROCESSES || sscanf(text, "%31[^=]=%d", p->name, &p->pid) != 2) die("--pid NAME=PID, 64 times at most");
    n_processes++;
}

void print_processes(int connections) {
    const char *between = "";
    for (int i = 0; i < n_processes; i++) {
        double cpu = 0;
        long memory = 0;
        int is_known = 0;
        for (int j = 0; j < i; j++) is_known |= !strcmp(processes[i].name, processes[j].name);
        if (is_known) continue;
        for (Process *p = processes + i; p < processes + n_processes; p++)
            if (!strcmp(p->name, processes[i].name)) { cpu += p->cpu[1] - p->cpu[0]; memory += p->memory[1] - p->memory[0]; }
        printf("%s\"%s\":{\"cpu_s\":%.6f,\"kib_a_connection\":%.2f}", between, processes[i].name, cpu, (double)memory / connections);
        between = ",";
    }
}
