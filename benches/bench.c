/* Failures, clocks and the control connection. */

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn void bench_die(const char *call)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, call, strerror(errno));
    exit(1);
}

_Noreturn void bench_fail(const char *why)
{
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, why);
    exit(1);
}

void bench_raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        bench_die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        bench_die("setrlimit");
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cpu_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

size_t bench_heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

char *bench_control(uint16_t port, const char *path, size_t *len)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        bench_die("control connection");
    if (dprintf(fd, "GET %s HTTP/1.1\r\nHost: control\r\nConnection: close\r\n\r\n", path) < 0)
        bench_die("control request");

    char *answer = NULL;
    size_t have = 0, room = 0;
    for (;;) {
        if (room - have < 4096 && (answer = realloc(answer, room += 65536)) == NULL)
            bench_die("realloc");
        ssize_t n = read(fd, answer + have, room - have);
        if (n < 0)
            bench_die("control answer");
        if (n == 0)
            break;
        have += (size_t)n;
    }
    close(fd);

    char *body = memmem(answer, have, "\r\n\r\n", 4);
    if (body == NULL)
        bench_fail("control answer without a head");
    body += 4;
    *len = have - (size_t)(body - answer);
    memmove(answer, body, *len);
    return answer;
}
