/* The floor: a hand-written epoll client that does nothing but connect, send, receive and find the
 * end. It trusts the server: a response head has to arrive in one piece, and nothing is checked. */

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    int fd;
    unsigned never;          /* of /never/NEVER */
    bool sent, chunked, last;
    uint64_t left;           /* of the body or chunk, with the line end after a chunk */
    uint64_t size;           /* of the chunk whose size line is being read */
};

static struct connection *connections;
static struct sockaddr_in server = { .sin_family = AF_INET };
static int epoll;
static uint64_t bytes;       /* of bodies */
static char buffer[BENCH_BUFFER];

static void open_connection(struct connection *c)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        bench_die("socket");
    *c = (struct connection){ .fd = fd };
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0 && errno != EINPROGRESS)
        bench_die("connect");
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c };
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        bench_die("epoll_ctl");
}

static int render_request(char *into, size_t room, const char *path)
{
    return snprintf(into, room, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: raw\r\n"
                    "Accept: */*\r\nConnection: close\r\n\r\n", path, ntohs(server.sin_port));
}

static void send_request(struct connection *c, const char *request, int len)
{
    if (send(c->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
        bench_die("send");
    c->sent = true;
}

/* Finds out how the body is framed; returns where it begins. */
static char *read_head(struct connection *c, char *p, char *end)
{
    static const char length[] = "Content-Length:", coding[] = "Transfer-Encoding:";
    char *line_end;
    while ((line_end = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        if (line_end == p + 1)
            return line_end + 1;
        if (strncasecmp(p, length, sizeof length - 1) == 0)
            c->left = strtoull(p + sizeof length - 1, NULL, 10);
        else if (strncasecmp(p, coding, sizeof coding - 1) == 0)
            c->chunked = true;
        p = line_end + 1;
    }
    bench_fail("a response head in pieces");
}

static void read_chunks(struct connection *c, const char *p, const char *end)
{
    while (p < end) {
        if (c->left > 0) {
            uint64_t n = c->left < (uint64_t)(end - p) ? c->left : (uint64_t)(end - p);
            c->left -= n;
            p += n;
            continue;
        }
        char digit = *p++;
        if (digit == '\n') {
            c->last = c->size == 0;
            c->left = c->size + 2;
            bytes += c->size;
            c->size = 0;
        } else if (digit != '\r') {
            int value = digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
            c->size = 16 * c->size + (uint64_t)value;
        }
    }
}

/* Receives until the socket is drained; says whether the response is complete. */
static bool receive(struct connection *c)
{
    for (bool head = c->left == 0 && !c->chunked;;) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n <= 0)
            bench_die("recv");
        char *p = buffer, *end = buffer + n;
        if (head)
            p = read_head(c, p, end);
        head = false;
        if (c->chunked) {
            read_chunks(c, p, end);
            if (c->last && c->left == 0)
                return true;
        } else {
            bytes += (uint64_t)(end - p);
            if ((c->left -= (uint64_t)(end - p)) == 0)
                return true;
        }
        if (n < (ssize_t)sizeof buffer)
            return false;
    }
}

static void row_requests(const struct bench *b)
{
    char request[256];
    int request_len = render_request(request, sizeof request, bench_path(b));
    unsigned started = 0, done = 0;
    connections = calloc(b->concurrency, sizeof *connections);
    uint64_t cpu = bench_cpu_ns();
    while (started < b->concurrency)
        open_connection(&connections[started++]);
    while (done < b->count) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, 64, -1);
        if (n <= 0)
            bench_die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c->sent)
                send_request(c, request, request_len);
            else if (receive(c)) {
                close(c->fd);
                done++;
                if (started < b->count) {
                    open_connection(c);
                    started++;
                }
            }
        }
    }
    bench_done(b, "-", bytes, bench_cpu_ns() - cpu);
    free(connections);
}

static void waiter_open(const struct bench *b, unsigned requests)
{
    (void)b;
    connections = calloc(requests, sizeof *connections);
}

static void waiter_start(unsigned id, unsigned never)
{
    open_connection(&connections[id]);
    connections[id].never = never;
}

static void waiter_turn(void)
{
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, 1);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->sent)
            continue;
        char path[32], request[256];
        snprintf(path, sizeof path, "/never/%u", c->never);
        send_request(c, request, render_request(request, sizeof request, path));
    }
}

static void waiter_cancel(unsigned id)
{
    close(connections[id].fd);
    connections[id].fd = -1;
}

/* What a cancel that the server cannot miss costs at least: a FIN, then an RST. */
static void waiter_cancel_with_reset(unsigned id)
{
    static const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
    shutdown(connections[id].fd, SHUT_RDWR);
    connect(connections[id].fd, &nobody, sizeof nobody);
}

static void waiter_cancel_from_elsewhere(unsigned id)
{
    shutdown(connections[id].fd, SHUT_RDWR);
}

static void waiter_release(unsigned id)
{
    if (connections[id].fd >= 0)
        close(connections[id].fd);
}

static void waiter_close(void)
{
    free(connections);
}

int main(int argc, char **argv)
{
    struct bench b = bench_args(argc, argv);
    server.sin_port = htons(b.port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    bool reset = strcmp(b.row, "cancel-reset") == 0;
    struct bench_waiter waiter = {
        .open = waiter_open, .start = waiter_start, .turn = waiter_turn,
        .cancel = reset ? waiter_cancel_with_reset : waiter_cancel,
        .cancel_from_elsewhere = waiter_cancel_from_elsewhere,
        .release = waiter_release, .close = waiter_close,
    };
    if (!bench_waiter_row(&b, &waiter))
        row_requests(&b);
    return 0;
}
