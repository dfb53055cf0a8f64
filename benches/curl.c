/* libcurl in the caller's own epoll loop, through its multi socket interface. Its easy handles are
 * used again for the next request, which is what costs it least. */

#include "bench.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

struct request {
    CURL *easy;
    CURLM *multi;            /* its own in the row "waiting-alone", else the one that all share */
};

static struct request *requests;
static unsigned opened;          /* of them */
static CURLM *shared;
static struct curl_slist *headers;
static uint16_t port;
static int epoll;
static uint64_t deadline_ns = UINT64_MAX;   /* when libcurl wants to be called in any case */
static uint64_t bytes;                      /* of bodies */
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
    bytes += size * len;
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

static CURL *new_easy(const char *path)
{
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        bench_fail("curl_easy_init");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
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

static void row_requests(const struct bench *b)
{
    unsigned started = 0, done = 0;
    CURL **easies = calloc(b->concurrency, sizeof *easies);
    open_shared();
    for (unsigned i = 0; i < b->concurrency; i++) {
        easies[i] = new_easy(bench_path(b));
        if (b->body > BENCH_SMALL)
            curl_easy_setopt(easies[i], CURLOPT_BUFFERSIZE, (long)BENCH_BUFFER);
    }
    uint64_t cpu = bench_cpu_ns();
    while (started < b->concurrency)
        curl_multi_add_handle(shared, easies[started++]);
    while (done < b->count) {
        turn(-1);
        CURLMsg *message;
        int left;
        while ((message = curl_multi_info_read(shared, &left)) != NULL) {
            CURL *easy = message->easy_handle;
            long status = 0;
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            if (message->data.result != CURLE_OK || status != 200)
                bench_fail(curl_easy_strerror(message->data.result));
            curl_multi_remove_handle(shared, easy);
            done++;
            if (started < b->count) {
                curl_multi_add_handle(shared, easy);
                started++;
            }
        }
    }
    bench_done(b, curl_version_info(CURLVERSION_NOW)->version, bytes, bench_cpu_ns() - cpu);
    for (unsigned i = 0; i < b->concurrency; i++)
        curl_easy_cleanup(easies[i]);
    free(easies);
    curl_multi_cleanup(shared);
}

static void waiter_open(const struct bench *b, unsigned n)
{
    requests = calloc(n, sizeof *requests);
    alone = strcmp(b->row, "waiting-alone") == 0;
    if (!alone)
        open_shared();
}

static void waiter_start(unsigned id, unsigned never)
{
    char path[32];
    snprintf(path, sizeof path, "/never/%u", never);
    struct request *r = &requests[id];
    *r = (struct request){ .easy = new_easy(path), .multi = alone ? new_multi() : shared };
    curl_multi_add_handle(r->multi, r->easy);
    if (id >= opened)
        opened = id + 1;
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
    struct bench b = bench_args(argc, argv);
    port = b.port;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    headers = curl_slist_append(NULL, "Connection: close");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    static const struct bench_waiter waiter = {
        .open = waiter_open, .start = waiter_start, .turn = waiter_turn, .cancel = waiter_cancel,
        .release = waiter_release, .close = waiter_close,
    };
    if (!bench_waiter_row(&b, &waiter))
        row_requests(&b);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return 0;
}
