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
    const struct bench_target *target;   /* whose server it is connected to, NULL: none */
    unsigned never;          /* of /never/NEVER */
    bool sent, chunked, last;
    uint64_t left;           /* of the body or chunk, with the line end after a chunk */
    uint64_t size;           /* of the chunk whose size line is being read */
};

struct request {
    char bytes[256];
    size_t len;
};

static struct connection *connections;
static struct connection **idle;     /* those without a request, the one used last at the end */
static unsigned idle_len;
static struct request *requests;     /* one for each target */
static int epoll;
static uint64_t bytes;               /* of bodies */
static uint64_t opened;              /* connections */
static uint16_t port;                /* of the rows that wait */
static char buffer[BENCH_BUFFER];

static void open_connection(struct connection *c, uint16_t port)
{
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
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
    opened++;
}

static void render_request(struct request *request, const char *path, uint16_t port, bool keep)
{
    int len = snprintf(request->bytes, sizeof request->bytes,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: raw\r\n"
                       "Accept: */*\r\n%s\r\n", path, port, keep ? "" : "Connection: close\r\n");
    request->len = (size_t)len;
}

static void send_request(struct connection *c, const struct request *request)
{
    if (send(c->fd, request->bytes, request->len, MSG_NOSIGNAL) != (ssize_t)request->len)
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

/* The connection used last of those to this target, or else one that is not connected, which are
 * below all that are, or else the one that is idle longest. */
static struct connection *take(const struct bench_target *target)
{
    unsigned i = idle_len - 1;
    while (i > 0 && idle[i]->target != target && idle[i]->target != NULL)
        i--;
    struct connection *c = idle[i];
    memmove(idle + i, idle + i + 1, (--idle_len - i) * sizeof *idle);
    return c;
}

static void start(struct bench *b)
{
    const struct bench_target *target = bench_next(b);
    struct connection *c = take(target);
    struct request *request = &requests[target - b->targets];
    if (b->row->numbered)
        memcpy(request->bytes + strlen("GET "), target->path, target->path_len);
    if (c->target == target) {
        send_request(c, request);
        return;
    }
    if (c->target != NULL)
        close(c->fd);
    open_connection(c, target->port);
    c->target = target;
}

static void finish(struct connection *c, bool keep)
{
    if (!keep) {
        close(c->fd);
        c->target = NULL;
    }
    idle[idle_len++] = c;
}

static void open_row(struct bench *b)
{
    unsigned room = b->concurrency + (b->origins > 1 ? b->concurrency : 0);
    connections = calloc(room, sizeof *connections);
    idle = calloc(room, sizeof *idle);
    while (idle_len < room) {
        idle[idle_len] = &connections[idle_len];
        idle_len++;
    }
    requests = calloc(b->origins, sizeof *requests);
    for (unsigned i = 0; i < b->origins; i++)
        render_request(&requests[i], b->targets[i].path, b->targets[i].port, b->row->keep);
}

static void answer_all(struct bench *b)
{
    unsigned started = 0, done = 0;
    for (; started < b->concurrency; started++)
        start(b);
    while (done < b->count) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, 64, -1);
        if (n <= 0)
            bench_die("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c->sent)
                send_request(c, &requests[c->target - b->targets]);
            else if (receive(c)) {
                finish(c, b->row->keep);
                done++;
                if (started < b->count) {
                    start(b);
                    started++;
                }
            }
        }
    }
}

static void row_requests(struct bench *b)
{
    open_row(b);
    uint64_t cpu_ns = bench_measure(b, answer_all);
    bench_done(b, &(struct bench_sum){ .version = "-", .bytes = bytes, .cpu_ns = cpu_ns,
                                       .connections = opened });
    free(requests);
    free(idle);
    free(connections);
}

static void waiter_open(const struct bench *b, unsigned n)
{
    port = b->port;
    connections = calloc(n, sizeof *connections);
}

static void waiter_start(unsigned id, unsigned never)
{
    open_connection(&connections[id], port);
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
        char path[32];
        struct request request;
        snprintf(path, sizeof path, "/never/%u", c->never);
        render_request(&request, path, port, true);
        send_request(c, &request);
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

static void waiter_cancel_all_from_elsewhere(unsigned requests)
{
    for (unsigned id = 0; id < requests; id++)
        waiter_cancel_from_elsewhere(id);
}

static void waiter_cancel_all_with_reset(unsigned requests)
{
    for (unsigned id = 0; id < requests; id++)
        waiter_cancel_with_reset(id);
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
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct bench_waiter waiter = {
        .open = waiter_open, .start = waiter_start, .turn = waiter_turn,
        .cancel = b.row->reset ? waiter_cancel_with_reset : waiter_cancel,
        .cancel_from_elsewhere = waiter_cancel_from_elsewhere,
        .cancel_all_from_elsewhere = b.row->reset ? waiter_cancel_all_with_reset
                                                  : waiter_cancel_all_from_elsewhere,
        .release = waiter_release, .close = waiter_close,
    };
    if (!bench_waiter_row(&b, &waiter))
        row_requests(&b);
    return 0;
}
