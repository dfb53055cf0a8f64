/* What the benchmark clients in C share, so that they are measured the same way.
 *
 *     raw|openssl|curl|ifetch ROW PORT COUNT CONCURRENCY [SIZE]
 *
 * does COUNT requests, CONCURRENCY at a time, and prints one line of name=value pairs. The rows are
 * in rows.c; what SIZE means depends on the row. */

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

/* The deadlines of the row "deadlines", far enough that none is reached. The one of a whole request
 * falls among those of the requests beside it; the one of a silent server moves with each byte. */
enum {
    BENCH_TOTAL_MS = 900 * 1000,
    BENCH_SILENCE_S = 300,
    BENCH_BESIDE_MS = 600 * 1000,    /* to twice as much */
};

enum bench_kind { BENCH_ANSWERED, BENCH_WAITING, BENCH_CANCEL, BENCH_BUSY, BENCH_LOOKUPS };
enum bench_size { BENCH_NO_SIZE, BENCH_BODY, BENCH_ORIGINS, BENCH_BESIDE, BENCH_RELAY };

struct bench_row {
    const char *name;
    enum bench_kind kind;
    const char *path;        /* of the rows that are answered; a body's length is appended */
    bool keep;               /* connections are kept, as far as the client is able to */
    bool numbered;           /* each request has a URL of its own */
    bool wait;               /* the library's own waiting function is the loop */
    bool alone;              /* no client, no multi handle: each on its own */
    bool reset;              /* a cancel sends an RST too; ifetch does unless told otherwise */
    bool finish;             /* ifetch: a cancel sends a FIN alone, as close() does */
    bool at_once;            /* one call cancels all that wait */
    bool by_signal;          /* in a handler that interrupts the loop's thread */
    bool system;             /* names are looked up by the system */
    bool secure;             /* https, of a server that bench_trusted() vouches for */
    enum bench_size size;    /* what SIZE is */
};

/* What a request may ask for: the rows with several origins have one for each. */
struct bench_target {
    uint16_t port;
    char url[80];
    char *path;              /* in the url */
    size_t path_len;
};

struct bench {
    const struct bench_row *row;
    uint16_t port;
    unsigned count, concurrency;
    uint64_t body;               /* bytes of each body */
    unsigned origins;            /* if several, they share CONCURRENCY idle connections */
    unsigned beside;             /* requests that wait in the same client while others are answered,
                                  * for the one connection that their origin may have */
    char beside_url[64];
    uint16_t relay;              /* the port of one who speaks TLS and passes requests on to PORT */
    struct bench_target *targets;
    uint32_t random;
    size_t heap;                 /* before there was a client */
};

struct bench bench_args(int argc, char **argv);

/* Where the next request goes. The URL of a numbered row is written anew in place. */
const struct bench_target *bench_next(struct bench *b);

/* Writes the URL of a request that waits, /never/ID. */
void bench_never(const struct bench *b, unsigned id, char *url, size_t size);

/* Has the client do all requests of a row that is answered; returns the CPU time. What is made
 * ready before and freed afterwards does not count, also for callgrind, which counts only here. */
uint64_t bench_measure(struct bench *b, void (*answer_all)(struct bench *b));

/* A deadline for one of the requests beside, each time another one. */
unsigned bench_beside_ms(unsigned n);

/* What a client did in a row that is answered. */
struct bench_sum {
    const char *version;
    uint64_t bytes;              /* of bodies */
    uint64_t cpu_ns;
    uint64_t connections;        /* opened */
};

/* How such a row ends, when all is freed but the client with its idle connections: checks that
 * every byte came and that connections were kept, prints, and lets the server end them, so that
 * it is not the client whose ports are in TIME_WAIT. */
void bench_done(const struct bench *b, const struct bench_sum *sum);

/* What /ended of the server sends, as it is in memory: one for each request to /never/ID whose
 * client went away. */
struct bench_ended {
    uint64_t ns;                 /* when the server noticed */
    uint32_t id;
    uint16_t eof;                /* it read an EOF */
    uint16_t reset;              /* it saw an RST, at once or after the EOF */
};

/* The file of trusted certificates: BENCH_TRUSTED in the environment. */
const char *bench_trusted(void);

_Noreturn void bench_die(const char *call);      /* which set errno */
_Noreturn void bench_fail(const char *why);
void bench_raise_descriptor_limit(void);         /* ten thousand requests at once need as many */

uint64_t bench_now_ns(void);     /* CLOCK_MONOTONIC, comparable with the server's */
uint64_t bench_cpu_ns(void);     /* user and system time of this process so far */
size_t bench_heap(void);         /* bytes that malloc has handed out, its headers included */

/* Asks the server over a blocking connection; the caller frees the body. */
char *bench_control(uint16_t port, const char *path, size_t *len);

/* The rows that leave requests waiting are the same for all: a client only says how it does each
 * step. IDs count from 0. */
struct bench_waiter {
    void (*open)(const struct bench *b, unsigned requests);
    void (*start)(unsigned id, unsigned never); /* a request to /never/NEVER */
    void (*turn)(void);                         /* one turn of the loop, of at most 1 ms */
    void (*cancel)(unsigned id);
    void (*cancel_from_elsewhere)(unsigned id); /* on another thread; NULL: not possible */
    void (*cancel_all_from_elsewhere)(unsigned requests); /* likewise, the IDs below this */
    void (*release)(unsigned id);               /* what is left to free after a cancel */
    void (*close)(void);
    void (*start_at)(unsigned id, const char *url);     /* NULL: names are not looked up */
    bool (*has_ended)(unsigned id);                     /* and well */
};

/* The row of lookups that are never answered. */
void bench_lookups(const struct bench *b, const struct bench_waiter *waiter);

/* Runs b->row if it is one of those. */
bool bench_waiter_row(const struct bench *b, const struct bench_waiter *waiter);

#endif
