/* The rows of lookups that nobody answers: what cancelling them costs, and what they leave behind.
 * In the network of dead_names.sh, whose name server is a socket here that is never read. */

#include "bench.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void silence_the_name_server(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(53),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
        bench_die("bind to port 53");
}

static unsigned threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        bench_die("opendir");
    unsigned n = 0;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;)
        n += task->d_name[0] != '.';
    closedir(tasks);
    return n;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void act_on_each(unsigned count, void (*act)(unsigned id), uint64_t *took_ns)
{
    for (unsigned id = 0; id < count; id++) {
        uint64_t start = bench_now_ns();
        act(id);
        took_ns[id] = bench_now_ns() - start;
    }
    qsort(took_ns, count, sizeof *took_ns, by_value);
}

void bench_lookups(const struct bench *b, const struct bench_waiter *w)
{
    silence_the_name_server();
    unsigned count = b->concurrency;
    uint64_t *cancel_ns = calloc(count, sizeof *cancel_ns);
    uint64_t *release_ns = calloc(count, sizeof *release_ns);
    w->open(b, count + 1);
    char url[64];
    for (unsigned id = 0; id < count; id++) {
        snprintf(url, sizeof url, "http://dead-%u.example:%u/small", id, b->port);
        w->start_at(id, url);
    }
    for (unsigned turns = 0; turns < 20; turns++)
        w->turn();
    act_on_each(count, w->cancel, cancel_ns);
    act_on_each(count, w->release, release_ns);

    uint64_t start = bench_now_ns();
    snprintf(url, sizeof url, "http://known.example:%u/small", b->port);
    w->start_at(count, url);
    while (!w->has_ended(count))
        w->turn();
    uint64_t next_ns = bench_now_ns() - start;
    unsigned left = threads() - 1;
    w->release(count);
    start = bench_now_ns();
    w->close();
    uint64_t close_ns = bench_now_ns() - start;
    printf("row=%s count=%u cancel_p50_us=%.1f cancel_max_us=%.1f release_max_us=%.1f next_us=%.1f "
           "close_us=%.1f threads=%u\n",
           b->row->name, count, (double)cancel_ns[count / 2] / 1000,
           (double)cancel_ns[count - 1] / 1000, (double)release_ns[count - 1] / 1000,
           (double)next_ns / 1000, (double)close_ns / 1000, left);
    free(cancel_ns);
    free(release_ns);
}
