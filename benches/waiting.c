/* The rows that leave requests waiting for their head: what one costs, and what ending one does. */

#include "bench.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint32_t waiting_at_server(const struct bench *b)
{
    size_t len;
    char *answer = bench_control(b->port, "/waiting", &len);
    uint32_t n;
    if (len != sizeof n)
        bench_fail("/waiting does not answer with a number");
    memcpy(&n, answer, sizeof n);
    free(answer);
    return n;
}

/* Turns the loop until the server holds `requests` of ours. */
static void settle(const struct bench *b, const struct bench_waiter *w, uint32_t requests)
{
    while (waiting_at_server(b) != requests)
        w->turn();
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* What the server saw of the cancels of one wave or more. */
struct notices {
    uint64_t *latency_ns;
    unsigned count, eofs, resets;
};

/* Joins the server's notices with the times of the calls, by ID. */
static void collect(const struct bench *b, const uint64_t *called_ns, struct notices *notices)
{
    size_t len;
    struct bench_ended *ended = (struct bench_ended *)bench_control(b->port, "/ended", &len);
    for (size_t i = 0; i < len / sizeof *ended; i++) {
        if (ended[i].id >= b->concurrency || notices->count == b->count)
            bench_fail("the server noticed cancels that were none");
        notices->latency_ns[notices->count++] = ended[i].ns - called_ns[ended[i].id];
        notices->eofs += ended[i].eof;
        notices->resets += ended[i].reset;
    }
    free(ended);
}

static void forget_notices(const struct bench *b)
{
    size_t len;
    free(bench_control(b->port, "/ended", &len));
}

static double percentile_us(const struct notices *notices, unsigned percent)
{
    return (double)notices->latency_ns[(notices->count - 1) * percent / 100] / 1000;
}

static void print_cancels(const struct bench *b, struct notices *notices, uint64_t cancel_ns,
                          uint64_t release_ns)
{
    if (notices->count != b->count)
        bench_fail("the server did not notice every cancel");
    qsort(notices->latency_ns, notices->count, sizeof *notices->latency_ns, by_value);
    printf("row=%s count=%u cpu_ns=%llu release_cpu_ns=%llu eof=%u rst=%u "
           "p50_us=%.1f p99_us=%.1f\n",
           b->row->name, b->count, (unsigned long long)cancel_ns, (unsigned long long)release_ns,
           notices->eofs, notices->resets, percentile_us(notices, 50),
           percentile_us(notices, 99));
    free(notices->latency_ns);
}

static void start_all(const struct bench *b, const struct bench_waiter *w, bool one_url)
{
    for (unsigned id = 0; id < b->concurrency; id++)
        w->start(id, one_url ? 0 : id);
    settle(b, w, b->concurrency);
}

/* Heap from before there was a client, so that what it needs once is shared by its requests. */
static void row_waiting(const struct bench *b, const struct bench_waiter *w)
{
    size_t before = bench_heap();
    w->open(b, b->concurrency);
    start_all(b, w, !b->row->numbered);
    size_t after = bench_heap();
    printf("row=%s count=%u heap=%zu\n", b->row->name, b->concurrency, after - before);
    for (unsigned id = 0; id < b->concurrency; id++) {
        w->cancel(id);
        w->release(id);
    }
    settle(b, w, 0);
    forget_notices(b);
    w->close();
}

/* COUNT cancels, in waves of CONCURRENCY requests that wait together. */
static void row_cancel(const struct bench *b, const struct bench_waiter *w)
{
    uint64_t *called_ns = calloc(b->concurrency, sizeof *called_ns);
    struct notices notices = { .latency_ns = calloc(b->count, sizeof *notices.latency_ns) };
    uint64_t cancel_ns = 0, release_ns = 0;
    w->open(b, b->concurrency);
    for (unsigned wave = 0; wave < b->count / b->concurrency; wave++) {
        start_all(b, w, false);
        uint64_t start = bench_cpu_ns();
        for (unsigned id = 0; id < b->concurrency; id++) {
            called_ns[id] = bench_now_ns();
            w->cancel(id);
        }
        uint64_t cancelled = bench_cpu_ns();
        for (unsigned id = 0; id < b->concurrency; id++)
            w->release(id);
        cancel_ns += cancelled - start;
        release_ns += bench_cpu_ns() - cancelled;
        settle(b, w, 0);
        collect(b, called_ns, &notices);
    }
    w->close();
    free(called_ns);
    print_cancels(b, &notices, cancel_ns, release_ns);
}

/* The one who cancels while the loop's thread computes. */
struct canceller {
    const struct bench *bench;
    const struct bench_waiter *waiter;
    uint64_t *called_ns;
    unsigned next;
    pthread_t loop;
    atomic_bool done;
};

static struct canceller *interrupting;   /* for the signal handler */

/* Cancels the next of the wave, or all of it. */
static void cancel_next(struct canceller *c)
{
    unsigned requests = c->bench->concurrency;
    if (atomic_load(&c->done))
        return;
    uint64_t now = bench_now_ns();
    if (c->bench->row->at_once) {
        while (c->next < requests)
            c->called_ns[c->next++] = now;
        c->waiter->cancel_all_from_elsewhere(requests);
    } else {
        c->called_ns[c->next] = now;
        c->waiter->cancel_from_elsewhere(c->next++);
    }
    atomic_store(&c->done, c->next == requests);
}

static void on_signal(int signal)
{
    (void)signal;
    cancel_next(interrupting);
}

static void *cancel_one_by_one(void *arg)
{
    struct canceller *c = arg;
    while (!atomic_load(&c->done)) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        if (c->bench->row->by_signal)
            pthread_kill(c->loop, SIGUSR1);
        else
            cancel_next(c);
    }
    return NULL;
}

/* A second thread cancels every request of a wave, a millisecond apart or all at once, while the
 * loop's thread computes; or has the loop's thread interrupted by a signal whose handler does. */
static void row_busy(const struct bench *b, const struct bench_waiter *w)
{
    if (w->cancel_from_elsewhere == NULL) {
        printf("row=%s impossible\n", b->row->name);
        return;
    }
    struct canceller c = { .bench = b, .waiter = w, .loop = pthread_self(),
                           .called_ns = calloc(b->concurrency, sizeof *c.called_ns) };
    struct notices notices = { .latency_ns = calloc(b->count, sizeof *notices.latency_ns) };
    interrupting = &c;
    sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
    w->open(b, b->concurrency);
    for (unsigned wave = 0; wave < b->count / b->concurrency; wave++) {
        start_all(b, w, false);
        c.next = 0;
        atomic_store(&c.done, false);
        pthread_t thread;
        if (pthread_create(&thread, NULL, cancel_one_by_one, &c) != 0)
            bench_die("pthread_create");
        while (!atomic_load(&c.done))
            ;
        pthread_join(thread, NULL);
        for (unsigned id = 0; id < b->concurrency; id++)
            w->release(id);
        settle(b, w, 0);
        collect(b, c.called_ns, &notices);
    }
    w->close();
    free(c.called_ns);
    print_cancels(b, &notices, 0, 0);
}

bool bench_waiter_row(const struct bench *b, const struct bench_waiter *w)
{
    switch (b->row->kind) {
    case BENCH_WAITING: row_waiting(b, w); return true;
    case BENCH_CANCEL: row_cancel(b, w); return true;
    case BENCH_BUSY: row_busy(b, w); return true;
    case BENCH_LOOKUPS: bench_lookups(b, w); return true;
    case BENCH_ANSWERED: break;
    }
    return false;
}
