/*
 * Two fetches of a slow URL, each cancelled while ifetch_wait() sleeps: the first by another
 * thread after MS milliseconds, the second by the handler of SIGINT (press Ctrl-C). Prints what
 * each was doing, how long the cancel took, and what the report says.
 *
 *     cc cancel.c -o cancel -lifetch -lpthread
 *     ./slow_server 60 8080 & ./cancel http://127.0.0.1:8080/ 500
 */
#define _POSIX_C_SOURCE 200809L
#include <ifetch.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const ifetch *_Atomic under_way;
static atomic_llong cancel_took_ns;

/* Fit for any thread and any signal handler, as both calls in it are. */
static void cancel(void)
{
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    ifetch_cancel(under_way);
    clock_gettime(CLOCK_MONOTONIC, &end);
    cancel_took_ns = (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec;
}

static void *cancel_after(void *delay)
{
    nanosleep(delay, NULL);
    cancel();
    return NULL;
}

static void cancel_on_signal(int signal)
{
    (void)signal;
    cancel();
}

static ifetch *start(const char *url)
{
    ifetch *fetch = ifetch_start(url, NULL);
    under_way = fetch;
    return fetch;
}

static void wait_for_end(ifetch *fetch)
{
    while (ifetch_wait(fetch, -1) == IFETCH_PENDING)
        ; /* woken by a signal that did not cancel */
}

static const char *doing(int32_t phase)
{
    switch (phase) {
    case IFETCH_PHASE_RESOLVING: return "resolving the name";
    case IFETCH_PHASE_CONNECTING: return "connecting";
    case IFETCH_PHASE_SENDING: return "sending the request";
    case IFETCH_PHASE_WAITING: return "waiting for the response";
    case IFETCH_PHASE_RECEIVING: return "receiving the body";
    default: return "busy";
    }
}

/* Returns 1 if the fetch was cancelled. Nobody may be inside ifetch_cancel() any more. */
static int print_and_free(ifetch *fetch)
{
    ifetch_report report;
    ifetch_report_get(fetch, &report, sizeof report);
    int cancelled = ifetch_error_code(fetch) == IFETCH_ERROR_CANCELLED;
    if (cancelled) {
        printf("  cancelled after %.3f s while %s, in %.3f ms\n", (double)report.ended_ns / 1e9,
               doing(report.phase), (double)cancel_took_ns / 1e6);
        printf("  may the server have acted on it? %s; the connection ended with %s\n",
               report.acted == IFETCH_ACTED_NO ? "no" : "maybe",
               report.ending == IFETCH_ENDING_RST   ? "RST"
               : report.ending == IFETCH_ENDING_FIN ? "FIN"
                                                    : "nothing, as there was none");
    } else {
        printf("  not cancelled, it had ended: %s\n", ifetch_error_message(fetch));
    }
    under_way = NULL;
    ifetch_free(fetch);
    return cancelled;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: cancel URL MS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);

    printf("cancelled by another thread:\n");
    long ms = strtol(argv[2], NULL, 10);
    struct timespec delay = { ms / 1000, ms % 1000 * 1000000 };
    ifetch *fetch = start(argv[1]);
    pthread_t canceller;
    if (pthread_create(&canceller, NULL, cancel_after, &delay) != 0)
        abort();
    wait_for_end(fetch);
    pthread_join(canceller, NULL);
    int cancelled = print_and_free(fetch);

    printf("cancelled by a signal handler, press Ctrl-C:\n");
    sigaction(SIGINT, &(struct sigaction){ .sa_handler = cancel_on_signal }, NULL);
    fetch = start(argv[1]);
    wait_for_end(fetch);
    cancelled += print_and_free(fetch);
    return cancelled == 2 ? 0 : 1;
}
