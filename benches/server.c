/* The benchmarks' server: one epoll loop and responses rendered beforehand, so that the clients
 * are what is measured.
 *
 *     server [CORE]          prints its port, and serves until its standard input, a pipe, ends
 *
 *     GET /small             six header fields and 100 bytes, always the same
 *     GET /small/N           with N, eight digits, as ETag: no two heads in a row are the same
 *     GET /length/N          N bytes with Content-Length
 *     GET /chunked/N         N bytes, a multiple of 16 KiB, in chunks of 16 KiB
 *     GET /never/ID          no answer
 *     GET /waiting           a uint32_t: how many requests to /never are open
 *     GET /ended             a struct bench_ended for each that its client gave up since the last
 *                            ask; they are closed only now, so that the server does not lag
 *     GET /origins/N         N times a uint16_t: ports that this server listens on
 *     GET /drop              a uint32_t: how many other connections were open; all are ended, and
 *                            /ended knows nothing of them
 *
 * A request has to arrive in one piece, as small ones do over loopback. */

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 65536, ORIGINS = 1000, CHUNK = 16 * 1024, CHUNKS = 64 };

/* A body is `end` bytes of an endlessly repeated pattern, then the tail. */
struct body {
    const char *pattern, *tail;
    uint64_t period, at, end;
    size_t tail_len;
};

struct connection {
    struct body body;
    void *owned;             /* a pattern made for this response alone */
    bool listens, open, close, waiting, gone;
    uint32_t id;
    size_t notice;           /* where it stands in `ended` once it has gone */
};

static struct connection connections[CONNECTIONS];   /* by descriptor */
static int epoll;
static uint32_t waiting;
static struct bench_ended ended[CONNECTIONS];
static int gone[CONNECTIONS];                        /* whose descriptor each of them is */
static size_t ended_len;

static uint16_t origins[ORIGINS];                    /* their ports */
static unsigned origins_len;

static char small[2][512];   /* the whole response: to be kept alive, to be closed */
static char *tags[2];        /* the digits of its ETag */
static char plain[1024 * 1024], chunked[CHUNKS * (CHUNK + 8)];

#define NO_TAG "00000000"

static int render_head(char *into, size_t room, bool close, const char *framing)
{
    return snprintf(into, room,
                    "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Mon, 02 Nov 2026 10:00:00 GMT\r\n"
                    "Content-Type: text/plain\r\nETag: \"" NO_TAG "\"\r\nConnection: %s\r\n%s\r\n\r\n",
                    close ? "close" : "keep-alive", framing);
}

static void render(void)
{
    for (int close = 0; close < 2; close++) {
        int len = render_head(small[close], sizeof small[close], close, "Content-Length: 100");
        memset(small[close] + len, 's', BENCH_SMALL);
        tags[close] = strstr(small[close], NO_TAG);
    }
    memset(plain, 'p', sizeof plain);
    for (size_t i = 0; i < CHUNKS; i++) {
        char *chunk = chunked + i * (CHUNK + 8);
        memcpy(chunk, "4000\r\n", 6);
        memset(chunk + 6, 'c', CHUNK);
        memcpy(chunk + 6 + CHUNK, "\r\n", 2);
    }
}

static void watch(int fd, int op, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    if (epoll_ctl(epoll, op, fd, &event) != 0)
        bench_die("epoll_ctl");
}

/* Makes one origin more. */
static void listen_on_a_free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, 4096) != 0
        || getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        bench_die("listen");
    watch(fd, EPOLL_CTL_ADD, EPOLLIN);
    connections[fd].listens = true;
    origins[origins_len++] = ntohs(at.sin_port);
}

static void drop(int fd)
{
    free(connections[fd].owned);
    connections[fd] = (struct connection){ 0 };
    close(fd);
}

/* The client of an unanswered request went, or its RST came after its FIN. */
static void notice(int fd, bool eof, bool reset)
{
    struct connection *c = &connections[fd];
    if (!c->gone) {
        c->gone = true;
        c->notice = ended_len;
        gone[ended_len] = fd;
        ended[ended_len++] = (struct bench_ended){ bench_now_ns(), c->id, eof, false };
        waiting--;
    }
    ended[c->notice].reset |= reset;
}

/* Closing with an RST spares the client TIME_WAIT: no number of requests uses up its ports. */
static void reset(int fd)
{
    static const struct linger now = { .l_onoff = 1 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    drop(fd);
}

static void close_gone(void)
{
    while (ended_len > 0)
        reset(gone[--ended_len]);
}

static void send_body(int fd)
{
    struct connection *c = &connections[fd];
    struct body *b = &c->body;
    uint64_t last = b->end + b->tail_len;
    while (b->at < last) {
        const char *from;
        uint64_t len;
        if (b->at < b->end) {
            uint64_t offset = b->at % b->period, left = b->end - b->at;
            from = b->pattern + offset;
            len = b->period - offset < left ? b->period - offset : left;
        } else {
            from = b->tail + (b->at - b->end);
            len = last - b->at;
        }
        /* Held back for the FIN, so that the last segment carries it: then the server always
         * closes first, and TIME_WAIT is never at the client's ports. */
        int more = c->close && b->at + len == last ? MSG_MORE : 0;
        ssize_t n = send(fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL | more);
        if (n < 0 && errno == EAGAIN) {
            watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
            return;
        }
        if (n < 0) {
            drop(fd);
            return;
        }
        b->at += (uint64_t)n;
    }
    if (c->close)
        drop(fd);
}

static void answer(int fd, struct body body, const char *framing)
{
    char head[512];
    int len = render_head(head, sizeof head, connections[fd].close, framing);
    connections[fd].body = body;
    if (send(fd, head, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE) == len)
        send_body(fd);
    else
        drop(fd);
}

static void answer_bytes(int fd, const void *bytes, uint64_t period, uint64_t len)
{
    char framing[64];
    snprintf(framing, sizeof framing, "Content-Length: %llu", (unsigned long long)len);
    struct body body = { .pattern = bytes, .period = period, .end = len };
    answer(fd, body, framing);
}

static void answer_ended(int fd)
{
    size_t len = ended_len * sizeof *ended;
    void *all = connections[fd].owned = malloc(len);
    if (all == NULL && len > 0)
        bench_die("malloc");
    memcpy(all, ended, len);
    close_gone();
    answer_bytes(fd, all, len, len);
}

static void answer_drop(int fd)
{
    static uint32_t open;
    open = 0;
    close_gone();
    for (int other = 0; other < CONNECTIONS; other++) {
        if (other == fd || !connections[other].open)
            continue;
        waiting -= connections[other].waiting;
        reset(other);
        open++;
    }
    answer_bytes(fd, &open, sizeof open, sizeof open);
}

static void answer_origins(int fd, unsigned n)
{
    while (origins_len < n)
        listen_on_a_free_port();
    answer_bytes(fd, origins, sizeof origins, n * sizeof *origins);
}

static void serve(int fd, const char *request)
{
    struct connection *c = &connections[fd];
    unsigned long long n;
    c->close = strstr(request, "\r\nConnection: close\r\n") != NULL;
    if (strncmp(request, "GET /small", 10) == 0) {
        const char *tag = request[10] == '/' ? request + 11 : NO_TAG;
        memcpy(tags[c->close], tag, strlen(NO_TAG));
        uint64_t len = strlen(small[c->close]);
        c->body = (struct body){ .pattern = small[c->close], .period = len, .end = len };
        send_body(fd);
    } else if (sscanf(request, "GET /length/%llu ", &n) == 1) {
        answer_bytes(fd, plain, sizeof plain, n);
    } else if (sscanf(request, "GET /chunked/%llu ", &n) == 1 && n % CHUNK == 0) {
        struct body body = { .pattern = chunked, .period = sizeof chunked,
                             .end = n / CHUNK * (CHUNK + 8), .tail = "0\r\n\r\n", .tail_len = 5 };
        answer(fd, body, "Transfer-Encoding: chunked");
    } else if (sscanf(request, "GET /never/%llu ", &n) == 1) {
        c->waiting = true;
        c->id = (uint32_t)n;
        waiting++;
        watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLET);   /* which tells of an RST after a FIN too */
    } else if (strncmp(request, "GET /waiting ", 13) == 0) {
        static uint32_t snapshot;
        snapshot = waiting;
        answer_bytes(fd, &snapshot, sizeof snapshot, sizeof snapshot);
    } else if (strncmp(request, "GET /ended ", 11) == 0) {
        answer_ended(fd);
    } else if (strncmp(request, "GET /drop ", 10) == 0) {
        answer_drop(fd);
    } else if (sscanf(request, "GET /origins/%llu ", &n) == 1 && n <= ORIGINS) {
        answer_origins(fd, (unsigned)n);
    } else {
        fprintf(stderr, "server: not understood: %.60s\n", request);
        drop(fd);
    }
}

static void handle(int fd, uint32_t events)
{
    if (events & EPOLLOUT) {
        watch(fd, EPOLL_CTL_MOD, EPOLLIN);
        send_body(fd);
        return;
    }
    char request[4096];
    ssize_t n = recv(fd, request, sizeof request - 1, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0) {
        request[n] = '\0';
        serve(fd, request);
    } else if (connections[fd].waiting) {
        notice(fd, n == 0, n < 0 || events & EPOLLERR);   /* after a FIN an RST reads as EOF */
    } else {
        drop(fd);
    }
}

static void accept_all(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= CONNECTIONS)
            bench_fail("too many connections");
        watch(fd, EPOLL_CTL_ADD, EPOLLIN);
        connections[fd].open = true;
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        bench_die("accept4");
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        cpu_set_t core;
        CPU_ZERO(&core);
        CPU_SET((unsigned)atoi(argv[1]), &core);
        if (sched_setaffinity(0, sizeof core, &core) != 0)
            bench_die("sched_setaffinity");
    }
    bench_raise_descriptor_limit();
    render();

    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(STDIN_FILENO, EPOLL_CTL_ADD, EPOLLIN);
    listen_on_a_free_port();
    printf("%u\n", origins[0]);
    fflush(stdout);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == STDIN_FILENO)
                return 0;
            if (connections[fd].listens)
                accept_all(fd);
            else
                handle(fd, events[i].events);
        }
    }
}
