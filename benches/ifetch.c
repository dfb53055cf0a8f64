/* ifetch: on a client whose descriptor is in the caller's own epoll loop, and the other ways to
 * drive it: the waiting functions, and fetches without a client. */

#include "bench.h"

#include <ifetch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

static ifetch_options *options;
static ifetch_client *client;
static ifetch **fetches;     /* of the rows that wait, by ID */
static unsigned started;     /* of them */
static bool alone;           /* each on a private client */
static uint16_t port;
static int epoll;
static uint64_t bytes;       /* of bodies */
static char buffer[BENCH_BUFFER];

static void open_client(void)
{
    if ((client = ifetch_client_new()) == NULL)
        bench_fail("ifetch_client_new");
    struct epoll_event event = { .events = EPOLLIN };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, ifetch_client_fd(client), &event) != 0)
        bench_die("epoll_ctl");
}

static void url_of(char *url, size_t room, const char *path)
{
    snprintf(url, room, "http://127.0.0.1:%u%s", port, path);
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
        bytes += n;
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
    bytes += len;
    ifetch_free(fetch);
}

static void turn_of_epoll(int timeout_ms)
{
    struct epoll_event event;
    if (epoll_wait(epoll, &event, 1, timeout_ms) > 0)
        ifetch_client_poll(client);
}

/* The rows "new", "length" and "chunked", and "new-wait" with the client's own wait as the loop. */
static void row_on_client(const struct bench *b, const char *url, bool own_epoll)
{
    unsigned begun = 0, done = 0;
    open_client();
    uint64_t cpu = bench_cpu_ns();
    while (begun < b->concurrency)
        begun += ifetch_client_start(client, url, options) != NULL;
    while (done < b->count) {
        if (own_epoll)
            turn_of_epoll(-1);
        else
            ifetch_client_wait(client, -1);
        ifetch *fetch;
        while ((fetch = ifetch_client_next(client)) != NULL) {
            if (!ended(fetch))
                continue;
            finish(fetch);
            done++;
            if (begun < b->count)
                begun += ifetch_client_start(client, url, options) != NULL;
        }
    }
    bench_done(b, ifetch_version(), bytes, bench_cpu_ns() - cpu);
    ifetch_client_free(client);
}

/* The rows "alone", with the loop of the header's first page, and "alone-wait". */
static void row_alone(const struct bench *b, const char *url, bool own_poll)
{
    unsigned done = 0;
    uint64_t cpu = bench_cpu_ns();
    for (; done < b->count; done++) {
        ifetch *fetch = ifetch_start(url, options);
        struct pollfd readable = { .fd = ifetch_fd(fetch), .events = POLLIN };
        if (own_poll) {
            while (!ended(fetch))
                poll(&readable, 1, -1);
        } else {
            while (ifetch_wait(fetch, -1) == IFETCH_PENDING)
                ;
        }
        finish(fetch);
    }
    bench_done(b, ifetch_version(), bytes, bench_cpu_ns() - cpu);
}

static void row_requests(const struct bench *b)
{
    char url[128];
    url_of(url, sizeof url, bench_path(b));
    ifetch_options_stream(options, b->body > BENCH_SMALL);
    if (strncmp(b->row, "alone", 5) == 0)
        row_alone(b, url, strcmp(b->row, "alone") == 0);
    else
        row_on_client(b, url, strcmp(b->row, "new-wait") != 0);
}

static void waiter_open(const struct bench *b, unsigned requests)
{
    fetches = calloc(requests, sizeof *fetches);
    alone = strcmp(b->row, "waiting-alone") == 0;
    if (!alone)
        open_client();
}

static void waiter_start(unsigned id, unsigned never)
{
    char path[32], url[128];
    snprintf(path, sizeof path, "/never/%u", never);
    url_of(url, sizeof url, path);
    fetches[id] = alone ? ifetch_start(url, options) : ifetch_client_start(client, url, options);
    if (id >= started)
        started = id + 1;
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

static void waiter_release(unsigned id)
{
    ifetch_free(fetches[id]);
}

static void waiter_close(void)
{
    if (!alone)
        ifetch_client_free(client);
    free(fetches);
}

int main(int argc, char **argv)
{
    struct bench b = bench_args(argc, argv);
    port = b.port;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    options = ifetch_options_new();
    ifetch_options_header_set(options, "Connection", "close");
    static const struct bench_waiter waiter = {
        .open = waiter_open, .start = waiter_start, .turn = waiter_turn, .cancel = waiter_cancel,
        .cancel_from_elsewhere = waiter_cancel, .release = waiter_release, .close = waiter_close,
    };
    if (!bench_waiter_row(&b, &waiter))
        row_requests(&b);
    ifetch_options_free(options);
    return 0;
}
