/* The rows, what their requests ask for, and how those that are answered end. */

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct bench_row rows[] = {
    { .name = "new", .path = "/small" },
    { .name = "new-wait", .path = "/small", .wait = true },
    { .name = "alone", .path = "/small", .alone = true },
    { .name = "alone-wait", .path = "/small", .alone = true, .wait = true },
    { .name = "keep", .path = "/small", .keep = true },
    { .name = "keep-wait", .path = "/small", .keep = true, .wait = true },
    { .name = "keep-urls", .path = "/small/00000000", .keep = true, .numbered = true },
    { .name = "origins", .path = "/small", .keep = true, .size = BENCH_ORIGINS },
    { .name = "deadlines", .path = "/small", .keep = true, .size = BENCH_BESIDE },
    { .name = "length", .path = "/length/", .size = BENCH_BODY },
    { .name = "chunked", .path = "/chunked/", .size = BENCH_BODY },
    { .name = "tls-keep", .path = "/small", .keep = true, .secure = true },
    { .name = "tls-new", .path = "/small", .secure = true },
    { .name = "tls-length", .path = "/length/", .secure = true, .size = BENCH_BODY },
    { .name = "waiting", .kind = BENCH_WAITING, .keep = true },
    { .name = "waiting-urls", .kind = BENCH_WAITING, .keep = true, .numbered = true },
    { .name = "waiting-tls", .kind = BENCH_WAITING, .keep = true, .secure = true,
      .size = BENCH_RELAY },
    { .name = "waiting-alone", .kind = BENCH_WAITING, .alone = true },
    { .name = "cancel", .kind = BENCH_CANCEL, .keep = true },
    { .name = "cancel-reset", .kind = BENCH_CANCEL, .keep = true, .reset = true },
    { .name = "cancel-finish", .kind = BENCH_CANCEL, .keep = true, .finish = true },
    { .name = "busy", .kind = BENCH_BUSY, .keep = true },
    { .name = "busy-signal", .kind = BENCH_BUSY, .keep = true, .by_signal = true },
    { .name = "busy-at-once", .kind = BENCH_BUSY, .keep = true, .at_once = true },
    { .name = "busy-at-once-reset", .kind = BENCH_BUSY, .keep = true, .at_once = true,
      .reset = true },
    { .name = "busy-at-once-signal", .kind = BENCH_BUSY, .keep = true, .at_once = true,
      .by_signal = true },
    { .name = "lookups", .kind = BENCH_LOOKUPS, .keep = true },
    { .name = "lookups-system", .kind = BENCH_LOOKUPS, .keep = true, .system = true },
};

const char *bench_trusted(void)
{
    const char *path = getenv("BENCH_TRUSTED");
    if (path == NULL)
        bench_fail("BENCH_TRUSTED is not set");
    return path;
}

static const struct bench_row *row_named(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    bench_fail("no such row");
}

/* The ports of as many origins, all of one server. */
static uint16_t *ports_of_origins(uint16_t port, unsigned origins)
{
    char path[32];
    snprintf(path, sizeof path, "/origins/%u", origins);
    size_t len;
    uint16_t *ports = (uint16_t *)bench_control(port, path, &len);
    if (len != origins * sizeof *ports)
        bench_fail("/origins does not answer with as many ports");
    return ports;
}

static const char *origin_of(const struct bench *b)
{
    return b->row->secure ? "https://127.0.0.1:%u" : "http://127.0.0.1:%u";
}

void bench_never(const struct bench *b, unsigned id, char *url, size_t size)
{
    int authority = snprintf(url, size, origin_of(b), b->relay != 0 ? b->relay : b->port);
    snprintf(url + authority, size - (size_t)authority, "/never/%u", id);
}

static void aim(struct bench *b, struct bench_target *target, uint16_t port)
{
    target->port = port;
    int authority = snprintf(target->url, sizeof target->url, origin_of(b), port);
    target->path = target->url + authority;
    size_t room = sizeof target->url - (size_t)authority;
    int len;
    if (b->row->size == BENCH_BODY)
        len = snprintf(target->path, room, "%s%llu", b->row->path, (unsigned long long)b->body);
    else
        len = snprintf(target->path, room, "%s", b->row->path);
    target->path_len = (size_t)len;
}

static void aim_all(struct bench *b)
{
    b->targets = calloc(b->origins, sizeof *b->targets);
    if (b->targets == NULL)
        bench_die("calloc");
    aim(b, &b->targets[0], b->port);
    if (b->row->size != BENCH_ORIGINS && b->row->size != BENCH_BESIDE)
        return;
    uint16_t *ports = ports_of_origins(b->port, b->origins + 1);
    for (unsigned i = 0; i < b->origins; i++)
        aim(b, &b->targets[i], ports[i]);
    snprintf(b->beside_url, sizeof b->beside_url, "http://127.0.0.1:%u/never/0",
             ports[b->origins]);
    free(ports);
}

struct bench bench_args(int argc, char **argv)
{
    if (argc < 5)
        bench_fail("needs ROW PORT COUNT CONCURRENCY [SIZE]");
    bench_raise_descriptor_limit();
    alarm(BENCH_PATIENCE_S);
    struct bench b = {
        .row = row_named(argv[1]),
        .port = (uint16_t)atoi(argv[2]),
        .count = (unsigned)atoi(argv[3]),
        .concurrency = (unsigned)atoi(argv[4]),
        .body = BENCH_SMALL,
        .origins = 1,
    };
    if (b.count == 0 || b.concurrency == 0 || b.concurrency > b.count)
        bench_fail("needs 0 < CONCURRENCY <= COUNT");
    uint64_t size = argc > 5 ? strtoull(argv[5], NULL, 10) : 0;
    if ((size > 0) != (b.row->size != BENCH_NO_SIZE))
        bench_fail("this row needs a SIZE, or takes none");
    if (b.row->size == BENCH_BODY)
        b.body = size;
    else if (b.row->size == BENCH_ORIGINS)
        b.origins = (unsigned)size;
    else if (b.row->size == BENCH_BESIDE)
        b.beside = (unsigned)size;
    else if (b.row->size == BENCH_RELAY)
        b.relay = (uint16_t)size;
    if (b.row->kind == BENCH_ANSWERED)
        aim_all(&b);
    b.heap = bench_heap();
    return b;
}

static void count_up(char *last_digit)
{
    for (char *digit = last_digit; ++*digit > '9'; digit--)
        *digit = '0';
}

/* The origins come in an order of chance, the same in every run. */
const struct bench_target *bench_next(struct bench *b)
{
    b->random = b->random * 1664525 + 1013904223;
    struct bench_target *target = &b->targets[(b->random >> 16) % b->origins];
    if (b->row->numbered)
        count_up(target->path + target->path_len - 1);
    return target;
}

uint64_t bench_measure(struct bench *b, void (*answer_all)(struct bench *b))
{
    uint64_t start = bench_cpu_ns();
    answer_all(b);
    return bench_cpu_ns() - start;
}

unsigned bench_beside_ms(unsigned n)
{
    return BENCH_BESIDE_MS + n * 7919 % BENCH_BESIDE_MS;
}

void bench_done(const struct bench *b, const struct bench_sum *sum)
{
    size_t heap = bench_heap() - b->heap;
    if (sum->bytes != b->count * b->body)
        bench_fail("too few bytes came, or too many");
    if (b->row->keep && b->origins == 1 && sum->connections > b->concurrency + (b->beside > 0))
        bench_fail("connections were not kept");
    printf("row=%s version=%s count=%u bytes=%llu cpu_ns=%llu connections=%llu heap=%zu",
           b->row->name, sum->version, b->count, (unsigned long long)sum->bytes,
           (unsigned long long)sum->cpu_ns, (unsigned long long)sum->connections, heap);
    if (b->row->secure) {            /* our server does not speak TLS */
        printf("\n");
        return;
    }
    uint32_t open;
    size_t len;
    char *answer = bench_control(b->port, "/drop", &len);
    if (len == sizeof open) {        /* our server: others do not know what to do */
        memcpy(&open, answer, sizeof open);
        printf(" open=%u", open);
    }
    printf("\n");
    free(answer);
}
