/* What the three benchmark clients share, so that they are measured the same way.
 *
 *     raw|curl|ifetch ROW PORT COUNT CONCURRENCY [BODY]
 *
 * does COUNT requests, CONCURRENCY at a time, and prints one line of name=value pairs. */

#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_BUFFER = 256 * 1024,   /* what every client reads a long body with */
    BENCH_SMALL = 100,           /* the length of the body of /small */
    BENCH_PATIENCE_S = 120,      /* a client that is not done by then is ended by SIGALRM */
};

struct bench {
    const char *row;
    uint16_t port;
    unsigned count, concurrency;
    uint64_t body;               /* bytes of each body, for the rows that have long ones */
};

/* What /ended of the server sends, as it is in memory: one for each request to /never/ID whose
 * client went away. */
struct bench_ended {
    uint64_t ns;                 /* when the server noticed */
    uint32_t id;
    uint16_t eof;                /* it read an EOF */
    uint16_t reset;              /* it saw an RST, at once or after the EOF */
};

struct bench bench_args(int argc, char **argv);
_Noreturn void bench_die(const char *call);      /* which set errno */
_Noreturn void bench_fail(const char *why);
void bench_raise_descriptor_limit(void);         /* ten thousand requests at once need as many */

uint64_t bench_now_ns(void);     /* CLOCK_MONOTONIC, comparable with the server's */
uint64_t bench_cpu_ns(void);     /* user and system time of this process so far */
size_t bench_heap(void);         /* bytes that malloc has handed out, its headers included */

/* How a row of requests ends: checks that every byte came, and prints. */
void bench_done(const struct bench *b, const char *version, uint64_t bytes, uint64_t cpu_ns);

/* What a row of requests asks for, such as "/length/1024"; static. */
const char *bench_path(const struct bench *b);

/* Asks the server over a blocking connection; the caller frees the body. */
char *bench_control(uint16_t port, const char *path, size_t *len);

/* The rows that leave requests waiting, "waiting", "cancel" and "busy", are the same for all:
 * a client only says how it does each step. IDs count from 0. */
struct bench_waiter {
    void (*open)(const struct bench *b, unsigned requests);
    void (*start)(unsigned id, unsigned never); /* a request to /never/NEVER */
    void (*turn)(void);                         /* one turn of the loop, of at most 1 ms */
    void (*cancel)(unsigned id);
    void (*cancel_from_elsewhere)(unsigned id); /* on another thread; NULL: not possible */
    void (*release)(unsigned id);               /* what is left to free after a cancel */
    void (*close)(void);
};

/* Runs b->row if it is one of those. */
bool bench_waiter_row(const struct bench *b, const struct bench_waiter *waiter);

#endif
