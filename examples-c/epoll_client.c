/*
 * Many fetches on one ifetch_client, which is one descriptor in the caller's own epoll loop,
 * beside whatever else the loop serves: here a timer that shows each second what the client is
 * doing. All COUNT fetches are started at once. At most 64 have a connection at a time, and the
 * others queue for one, at the price of a few hundred bytes each.
 *
 *     cc epoll_client.c -o epoll_client -lifetch && ./epoll_client http://127.0.0.1:8080/ 5000
 */
#define _POSIX_C_SOURCE 200809L
#include <ifetch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What the caller keeps for each fetch, which carries a pointer to it. */
struct job {
    ifetch_status status;
    size_t len;
    uint64_t took_ns;
};

static void finish(ifetch *fetch)
{
    struct job *job = ifetch_userdata(fetch);
    ifetch_report report;
    ifetch_report_get(fetch, &report, sizeof report);
    job->status = ifetch_poll(fetch);
    job->took_ns = report.ended_ns;
    ifetch_response_body(ifetch_result(fetch), &job->len);
    if (job->status != IFETCH_DONE)
        fprintf(stderr, "%s\n", ifetch_error_message(fetch));
    ifetch_free(fetch);
}

/* Fetches that collect their bodies have one piece of news each: their end. */
static size_t finish_ended(ifetch_client *client)
{
    size_t ended = 0;
    ifetch_client_poll(client);
    for (ifetch *fetch; (fetch = ifetch_client_next(client)); ended++)
        finish(fetch);
    return ended;
}

static void print_state(const ifetch_client *client, size_t ended)
{
    fprintf(stderr, "%zu have ended; %" PRIu64 " queue, %" PRIu64 " connect, %" PRIu64
            " wait, %" PRIu64 " receive, on %" PRIu64 " connections\n",
            ended, ifetch_client_count(client, IFETCH_COUNT_QUEUED),
            ifetch_client_count(client, IFETCH_COUNT_CONNECTING),
            ifetch_client_count(client, IFETCH_COUNT_WAITING),
            ifetch_client_count(client, IFETCH_COUNT_RECEIVING),
            ifetch_client_count(client, IFETCH_COUNT_CONNECTIONS));
}

static int print_summary(const struct job *jobs, size_t count)
{
    size_t complete = 0, bytes = 0, slowest = 0;
    for (size_t i = 0; i < count; i++) {
        complete += jobs[i].status == IFETCH_DONE;
        bytes += jobs[i].len;
        if (jobs[i].took_ns > jobs[slowest].took_ns)
            slowest = i;
    }
    printf("%zu of %zu complete, %zu bytes; the slowest, number %zu, took %.3f s\n", complete,
           count, bytes, slowest, (double)jobs[slowest].took_ns / 1e9);
    return complete == count ? 0 : 1;
}

static void watch(int loop, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("epoll_client: cannot watch");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0) {
        fprintf(stderr, "usage: epoll_client URL COUNT\n");
        return 2;
    }
    struct job *jobs = calloc(count, sizeof *jobs);
    if (!jobs)
        abort();
    int loop = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    ifetch_client *client = ifetch_client_new();
    watch(loop, timer);
    watch(loop, ifetch_client_fd(client));
    timerfd_settime(timer, 0, &(struct itimerspec){ { 1, 0 }, { 1, 0 } }, NULL);

    ifetch_client_set_limit(client, IFETCH_CLIENT_LIMIT_CONNECTIONS, 64);
    for (size_t i = 0; i < count; i++)
        ifetch_set_userdata(ifetch_client_start(client, argv[1], NULL), &jobs[i]);

    size_t ended = finish_ended(client);
    while (ended < count) {
        struct epoll_event events[2];
        int ready = epoll_wait(loop, events, 2, -1);
        for (int i = 0; i < ready; i++) {
            uint64_t ticks;
            if (events[i].data.fd != timer)
                ended += finish_ended(client);
            else if (read(timer, &ticks, sizeof ticks) > 0)
                print_state(client, ended);
        }
    }
    ifetch_client_free(client);
    close(timer);
    close(loop);
    int status = print_summary(jobs, count);
    free(jobs);
    return status;
}
