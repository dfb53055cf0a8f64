/*
 * Fetches every URL of FILE, one to a line, N at a time, on one ifetch_client, which keeps its
 * connections and uses them again. Tells on stderr each second how far it is, and each URL that
 * failed; at the end it sums up, and exits with 1 unless all are complete. On Ctrl-C the signal
 * handler ends what is in flight, and nothing more is started.
 *
 *     cc client.c -o client -lifetch && ./client urls.txt 16
 */
#define _POSIX_C_SOURCE 200809L
#include <ifetch.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A place for one fetch at a time, which carries a pointer to it. Static: for the handler. */
struct slot {
    ifetch *_Atomic fetch; /* NULL while the place is free */
    size_t line;           /* where its URL stands in the file */
};

static struct slot slots[1000];
static volatile sig_atomic_t stopped;

static void on_sigint(int signal)
{
    (void)signal;
    stopped = 1;
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        ifetch_cancel(slots[i].fetch); /* NULL is ignored */
}

struct batch {
    const char *name;
    FILE *file;
    char *url;
    size_t url_cap, line;
    ifetch_client *client;
    ifetch_options *options;
    size_t running, complete, failed, cancelled;
    uint64_t bytes;
};

/* Starts a fetch of the next URL in this slot, if there is one. */
static void start_next(struct batch *batch, struct slot *slot)
{
    do {
        if (stopped || getline(&batch->url, &batch->url_cap, batch->file) < 0)
            return;
        batch->line++;
        batch->url[strcspn(batch->url, "\r\n")] = '\0';
    } while (batch->url[0] == '\0');

    slot->line = batch->line;
    slot->fetch = ifetch_client_start(batch->client, batch->url, batch->options);
    ifetch_set_userdata(slot->fetch, slot);
    batch->running++;
    if (stopped)
        ifetch_cancel(slot->fetch); /* the handler may have run before it could see this one */
}

/* Returns the slot, which is free again. */
static struct slot *finish(struct batch *batch, ifetch *fetch)
{
    struct slot *slot = ifetch_userdata(fetch);
    ifetch_status status = ifetch_poll(fetch);
    size_t len;
    ifetch_response_body(ifetch_result(fetch), &len);
    batch->bytes += len;
    batch->running--;
    batch->complete += status == IFETCH_DONE;
    batch->cancelled += status == IFETCH_CANCELLED;
    batch->failed += status == IFETCH_FAILED;
    if (status == IFETCH_FAILED)
        fprintf(stderr, "%s:%zu: %s\n", batch->name, slot->line, ifetch_error_message(fetch));
    slot->fetch = NULL; /* before it is freed, as the handler may run in between */
    ifetch_free(fetch);
    return slot;
}

static void print_progress(const struct batch *batch)
{
    fprintf(stderr, "%zu have ended, %zu are in flight\n",
            batch->complete + batch->failed + batch->cancelled, batch->running);
}

static void run(struct batch *batch, size_t n)
{
    for (size_t i = 0; i < n; i++)
        start_next(batch, &slots[i]);
    time_t told = time(NULL);
    while (batch->running > 0) {
        ifetch_client_wait(batch->client, 1000);
        for (ifetch *fetch; (fetch = ifetch_client_next(batch->client));)
            start_next(batch, finish(batch, fetch));
        if (time(NULL) != told) {
            told = time(NULL);
            print_progress(batch);
        }
    }
}

static void print_summary(const struct batch *batch)
{
    printf("%zu complete, %zu failed, %zu cancelled; %" PRIu64 " bytes\n", batch->complete,
           batch->failed, batch->cancelled, batch->bytes);
    printf("connections opened: %" PRIu64 ", used again: %" PRIu64 "; lookups: %" PRIu64 "\n",
           ifetch_client_count(batch->client, IFETCH_COUNT_OPENED),
           ifetch_client_count(batch->client, IFETCH_COUNT_REUSED),
           ifetch_client_count(batch->client, IFETCH_COUNT_LOOKUPS));
}

int main(int argc, char **argv)
{
    size_t n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (n < 1 || n > sizeof slots / sizeof *slots) {
        fprintf(stderr, "usage: client FILE N, with an N of 1 to 1000\n");
        return 2;
    }
    struct batch batch = { .name = argv[1], .file = fopen(argv[1], "r") };
    if (!batch.file) {
        perror(argv[1]);
        return 1;
    }
    batch.client = ifetch_client_new();
    if (!batch.client) {
        fprintf(stderr, "client: no descriptor is left\n");
        return 1;
    }
    batch.options = ifetch_options_new();
    ifetch_options_timeout(batch.options, IFETCH_TIMEOUT_TOTAL, 60000);
    sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_sigint }, NULL);

    run(&batch, n);
    print_summary(&batch);
    int unread = ferror(batch.file) && !stopped;
    if (unread)
        fprintf(stderr, "%s: cannot be read to its end\n", batch.name);
    ifetch_options_free(batch.options);
    ifetch_client_free(batch.client);
    fclose(batch.file);
    free(batch.url);
    return batch.failed + batch.cancelled > 0 || unread;
}
