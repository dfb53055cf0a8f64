/* libcurl in the caller's own epoll loop, through its multi socket interface. Its easy handles are
 * used again for the next request, which is what costs it least. */

#include "bench.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

struct request {
    CURL *easy;
    CURLM *multi;            /* its own if it is alone, else the one that all share */
};

static struct request *requests;            /* of the rows that wait, by ID */
static unsigned opened;                     /* of them */
static CURL **easies, **beside;
static CURLM *shared;
static struct curl_slist *headers;          /* "Connection: close", or none */
static const char *trusted;          /* certificates, in a file; NULL without TLS */
static const struct bench *waits;
static int epoll;
static uint64_t deadline_ns = UINT64_MAX;   /* when libcurl wants to be called in any case */
static struct bench_sum sum;
static bool alone;

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    (void)easy, (void)arg;
    struct epoll_event event = { .data.fd = fd };
    if (what == CURL_POLL_REMOVE)
        return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event);
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    curl_multi_assign(shared, fd, &epoll);
    return epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi, (void)arg;
    deadline_ns = timeout_ms < 0 ? UINT64_MAX : bench_now_ns() + (uint64_t)timeout_ms * 1000000;
    return 0;
}

static size_t on_body(char *data, size_t size, size_t len, void *arg)
{
    (void)data, (void)arg;
    sum.bytes += size * len;
    return size * len;
}

static CURLM *new_multi(void)
{
    CURLM *multi = curl_multi_init();
    if (multi == NULL)
        bench_fail("curl_multi_init");
    return multi;
}

static void open_shared(void)
{
    shared = new_multi();
    curl_multi_setopt(shared, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(shared, CURLMOPT_TIMERFUNCTION, on_timer);
}

static CURL *new_easy(const char *url)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        bench_fail("curl_easy_init");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, (long)(headers != NULL));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (trusted != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, trusted);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    return easy;
}

/* One turn of the loop: libcurl is told of every ready socket, or that its time has come. */
static void turn(int timeout_ms)
{
    if (deadline_ns != UINT64_MAX) {
        uint64_t now = bench_now_ns();
        uint64_t left_ms = deadline_ns > now ? (deadline_ns - now + 999999) / 1000000 : 0;
        if (timeout_ms < 0 || left_ms < (uint64_t)timeout_ms)
            timeout_ms = (int)left_ms;
    }
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, timeout_ms), running;
    for (int i = 0; i < n; i++) {
        int ready = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0)
                    | (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0)
                    | (events[i].events & (EPOLLHUP | EPOLLERR) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(shared, events[i].data.fd, ready, &running);
    }
    if (deadline_ns != UINT64_MAX && bench_now_ns() >= deadline_ns) {
        deadline_ns = UINT64_MAX;
        curl_multi_socket_action(shared, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

/* Requests that libcurl keeps back, each with a deadline, while their origin is busy with one. */
static void open_beside(const struct bench *b)
{
    beside = calloc(b->beside, sizeof *beside);
    curl_multi_setopt(shared, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
    for (unsigned n = 0; n < b->beside; n++) {
        beside[n] = new_easy(b->beside_url);
        curl_easy_setopt(beside[n], CURLOPT_TIMEOUT_MS, (long)bench_beside_ms(n));
        curl_multi_add_handle(shared, beside[n]);
    }
}

/* Backwards: the first has the connection, which the next one would get. */
static void close_beside(const struct bench *b)
{
    for (unsigned n = b->beside; n-- > 0;) {
        curl_multi_remove_handle(shared, beside[n]);
        curl_easy_cleanup(beside[n]);
    }
    free(beside);
}

static CURL *new_easy_of_row(const struct bench *b)
{
    CURL *easy = new_easy(b->targets->url);
    if (b->row->size == BENCH_BODY)
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BENCH_BUFFER);
    if (b->row->size == BENCH_BESIDE) {
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)BENCH_TOTAL_MS);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)BENCH_SILENCE_S);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    }
    return easy;
}

static void start(struct bench *b, CURL *easy)
{
    const struct bench_target *target = bench_next(b);
    if (b->row->numbered || b->origins > 1)
        curl_easy_setopt(easy, CURLOPT_URL, target->url);
    curl_multi_add_handle(shared, easy);
}

/* Checks a request that has ended. */
static void finish(const CURLMsg *message)
{
    long status = 0, connects = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(message->easy_handle, CURLINFO_NUM_CONNECTS, &connects);
    if (message->data.result != CURLE_OK || status != 200)
        bench_fail(curl_easy_strerror(message->data.result));
    sum.connections += (uint64_t)connects;
}

static void answer_all(struct bench *b)
{
    unsigned started = 0, done = 0;
    for (; started < b->concurrency; started++)
        start(b, easies[started]);
    while (done < b->count) {
        turn(-1);
        CURLMsg *message;
        int left;
        while ((message = curl_multi_info_read(shared, &left)) != NULL) {
            CURL *easy = message->easy_handle;
            finish(message);
            curl_multi_remove_handle(shared, easy);
            done++;
            if (started < b->count) {
                start(b, easy);
                started++;
            }
        }
    }
}

static void row_requests(struct bench *b)
{
    open_shared();
    curl_multi_setopt(shared, CURLMOPT_MAXCONNECTS, 2L * b->concurrency);   /* those in use too */
    if (b->beside > 0)
        open_beside(b);
    easies = calloc(b->concurrency, sizeof *easies);
    for (unsigned i = 0; i < b->concurrency; i++)
        easies[i] = new_easy_of_row(b);
    sum.cpu_ns = bench_measure(b, answer_all);
    for (unsigned i = 0; i < b->concurrency; i++)
        curl_easy_cleanup(easies[i]);
    free(easies);
    sum.version = curl_version_info(CURLVERSION_NOW)->version;
    bench_done(b, &sum);
    close_beside(b);
    curl_multi_cleanup(shared);
}

static void waiter_open(const struct bench *b, unsigned n)
{
    requests = calloc(n, sizeof *requests);
    waits = b;
    alone = b->row->alone;
    if (!alone)
        open_shared();
}

static void waiter_start_at(unsigned id, const char *url)
{
    struct request *r = &requests[id];
    *r = (struct request){ .easy = new_easy(url), .multi = alone ? new_multi() : shared };
    curl_multi_add_handle(r->multi, r->easy);
    if (id >= opened)
        opened = id + 1;
}

static void waiter_start(unsigned id, unsigned never)
{
    char url[64];
    bench_never(waits, never, url, sizeof url);
    waiter_start_at(id, url);
}

static bool waiter_has_ended(unsigned id)
{
    int left;
    CURLMsg *message = curl_multi_info_read(requests[id].multi, &left);
    if (message != NULL)
        finish(message);
    return message != NULL;
}

static void waiter_turn(void)
{
    int running;
    if (!alone) {
        turn(1);
        return;
    }
    for (unsigned id = 0; id < opened; id++)
        curl_multi_perform(requests[id].multi, &running);
    nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void waiter_cancel(unsigned id)
{
    curl_multi_remove_handle(requests[id].multi, requests[id].easy);
}

static void waiter_release(unsigned id)
{
    curl_easy_cleanup(requests[id].easy);
    if (alone)
        curl_multi_cleanup(requests[id].multi);
}

static void waiter_close(void)
{
    if (!alone)
        curl_multi_cleanup(shared);
    free(requests);
}

int main(int argc, char **argv)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct bench b = bench_args(argc, argv);
    if (b.row->secure)
        trusted = bench_trusted();
    if (!b.row->keep)
        headers = curl_slist_append(NULL, "Connection: close");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    static const struct bench_waiter waiter = {
        .open = waiter_open, .start = waiter_start, .turn = waiter_turn, .cancel = waiter_cancel,
        .release = waiter_release, .close = waiter_close, .start_at = waiter_start_at,
        .has_ended = waiter_has_ended,
    };
    if (!bench_waiter_row(&b, &waiter))
        row_requests(&b);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return 0;
}
