/* ifetch: on a client whose descriptor is in the caller's own epoll loop, and the other ways to
 * drive it: the waiting functions, and fetches without a client. */

#include "bench.h"

#include <ifetch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

static ifetch_options *options;
static ifetch_client *client;
static ifetch_tls *tls;      /* NULL without it */
static ifetch **fetches;     /* those that wait, by ID */
static unsigned started;     /* of them */
static bool alone;           /* each on a private client */
static bool under_token;     /* all that wait at a time are under one token */
static ifetch_token *token;
static const struct bench *waits;
static int epoll;
static struct bench_sum sum;
static char buffer[BENCH_BUFFER];

static void trust(const char *path)
{
    tls = ifetch_tls_new();
    ifetch_tls_trust_system(tls, 0);
    if (ifetch_tls_trust_file(tls, path) != IFETCH_ERROR_NONE)
        bench_fail(ifetch_tls_error_message(tls));
}

static void open_client(void)
{
    if ((client = ifetch_client_new()) == NULL)
        bench_fail("ifetch_client_new");
    if (tls != NULL)
        ifetch_client_set_tls(client, tls);
    struct epoll_event event = { .events = EPOLLIN };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, ifetch_client_fd(client), &event) != 0)
        bench_die("epoll_ctl");
}

/* Reads what there is, if the body is streamed; says whether the fetch has ended. */
static bool ended(ifetch *fetch)
{
    ifetch_status status = ifetch_poll(fetch);
    if (status == IFETCH_HEAD)
        status = ifetch_poll(fetch);
    while (status == IFETCH_READABLE) {
        size_t n;
        status = ifetch_read(fetch, buffer, sizeof buffer, &n);
        sum.bytes += n;
    }
    return status != IFETCH_PENDING;
}

/* Checks and frees a fetch that has ended. */
static void finish(ifetch *fetch)
{
    const ifetch_response *response = ifetch_result(fetch);
    if (ifetch_error_code(fetch) != IFETCH_ERROR_NONE || ifetch_response_status(response) != 200)
        bench_fail(ifetch_error_message(fetch));
    size_t len;
    ifetch_response_body(response, &len);
    sum.bytes += len;
    ifetch_free(fetch);
}

static void turn_of_epoll(int timeout_ms)
{
    struct epoll_event event;
    if (epoll_wait(epoll, &event, 1, timeout_ms) > 0)
        ifetch_client_poll(client);
}

/* Fetches that the client keeps back, each with a deadline, while their origin is busy with one. */
static void open_beside(const struct bench *b)
{
    ifetch_options *own = ifetch_options_new();
    fetches = calloc(b->beside, sizeof *fetches);
    ifetch_client_set_limit(client, IFETCH_CLIENT_LIMIT_ORIGIN, 1);
    for (unsigned n = 0; n < b->beside; n++) {
        ifetch_options_timeout(own, IFETCH_TIMEOUT_TOTAL, bench_beside_ms(n));
        fetches[n] = ifetch_client_start(client, b->beside_url, own);
    }
    ifetch_options_free(own);
}

static void close_beside(const struct bench *b)
{
    for (unsigned n = 0; n < b->beside; n++)
        ifetch_free(fetches[n]);
    free(fetches);
}

static void start(struct bench *b)
{
    if (ifetch_client_start(client, bench_next(b)->url, options) == NULL)
        bench_fail("ifetch_client_start");
}

static void answer_all_on_client(struct bench *b)
{
    unsigned begun = 0, done = 0;
    for (; begun < b->concurrency; begun++)
        start(b);
    while (done < b->count) {
        if (b->row->wait)
            ifetch_client_wait(client, -1);
        else
            turn_of_epoll(-1);
        ifetch *fetch;
        while ((fetch = ifetch_client_next(client)) != NULL) {
            if (!ended(fetch))
                continue;
            finish(fetch);
            done++;
            if (begun < b->count) {
                start(b);
                begun++;
            }
        }
    }
}

/* With the loop of the header's first page, or with ifetch_wait(). */
static void answer_all_alone(struct bench *b)
{
    for (unsigned done = 0; done < b->count; done++) {
        ifetch *fetch = ifetch_start(bench_next(b)->url, options);
        struct pollfd readable = { .fd = ifetch_fd(fetch), .events = POLLIN };
        if (b->row->wait) {
            while (ifetch_wait(fetch, -1) == IFETCH_PENDING)
                ;
        } else {
            while (!ended(fetch))
                poll(&readable, 1, -1);
        }
        finish(fetch);
    }
}

static void row_on_client(struct bench *b)
{
    open_client();
    ifetch_client_set_limit(client, IFETCH_CLIENT_LIMIT_IDLE, b->concurrency);
    if (b->beside > 0)
        open_beside(b);
    sum.cpu_ns = bench_measure(b, answer_all_on_client);
    sum.connections = ifetch_client_count(client, IFETCH_COUNT_OPENED);
    bench_done(b, &sum);
    ifetch_client_free(client);
    close_beside(b);
}

static void row_requests(struct bench *b)
{
    sum.version = ifetch_version();
    ifetch_options_stream(options, b->row->size == BENCH_BODY);
    if (b->row->size == BENCH_BESIDE) {
        ifetch_options_timeout(options, IFETCH_TIMEOUT_TOTAL, BENCH_TOTAL_MS);
        ifetch_options_timeout(options, IFETCH_TIMEOUT_IDLE, BENCH_SILENCE_S * 1000);
    }
    if (!b->row->alone) {
        row_on_client(b);
        return;
    }
    sum.cpu_ns = bench_measure(b, answer_all_alone);
    sum.connections = b->count;
    bench_done(b, &sum);
}

static void waiter_open(const struct bench *b, unsigned requests)
{
    fetches = calloc(requests, sizeof *fetches);
    waits = b;
    alone = b->row->alone;
    under_token = b->row->at_once;
    if (!alone)
        open_client();
    if (b->row->system)
        ifetch_client_set_resolver(client, IFETCH_RESOLVER_SYSTEM);
}

static void waiter_start_at(unsigned id, const char *url)
{
    fetches[id] = alone ? ifetch_start(url, options) : ifetch_client_start(client, url, options);
    if (id >= started)
        started = id + 1;
}

static void waiter_start(unsigned id, unsigned never)
{
    char url[64];
    bench_never(waits, never, url, sizeof url);
    if (under_token && id == 0) {
        ifetch_token_unref(token);
        token = ifetch_token_new(NULL);
        ifetch_options_token(options, token);
    }
    waiter_start_at(id, url);
}

static bool waiter_has_ended(unsigned id)
{
    ifetch_status status = ifetch_poll(fetches[id]);
    if (status != IFETCH_PENDING && status != IFETCH_DONE)
        bench_fail(ifetch_error_message(fetches[id]));
    return status == IFETCH_DONE;
}

static void waiter_turn(void)
{
    if (!alone) {
        turn_of_epoll(1);
        return;
    }
    for (unsigned id = 0; id < started; id++)
        if (ifetch_poll(fetches[id]) != IFETCH_PENDING)
            bench_fail(ifetch_error_message(fetches[id]));
    nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void waiter_cancel(unsigned id)
{
    ifetch_cancel(fetches[id]);
}

static void waiter_cancel_all(unsigned requests)
{
    (void)requests;
    ifetch_token_cancel(token);
}

static void waiter_release(unsigned id)
{
    ifetch_free(fetches[id]);
}

static void waiter_close(void)
{
    if (!alone)
        ifetch_client_free(client);
    ifetch_token_unref(token);
    free(fetches);
}

int main(int argc, char **argv)
{
    struct bench b = bench_args(argc, argv);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    options = ifetch_options_new();
    if (b.row->secure)
        trust(bench_trusted());
    if (b.row->finish)
        ifetch_options_cancel_policy(options, IFETCH_CANCEL_FIN);
    if (!b.row->keep)
        ifetch_options_header_set(options, "Connection", "close");
    static const struct bench_waiter waiter = {
        .open = waiter_open, .start = waiter_start, .turn = waiter_turn, .cancel = waiter_cancel,
        .cancel_from_elsewhere = waiter_cancel, .cancel_all_from_elsewhere = waiter_cancel_all,
        .release = waiter_release, .close = waiter_close, .start_at = waiter_start_at,
        .has_ended = waiter_has_ended,
    };
    if (!bench_waiter_row(&b, &waiter))
        row_requests(&b);
    ifetch_tls_free(tls);
    ifetch_options_free(options);
    return 0;
}
