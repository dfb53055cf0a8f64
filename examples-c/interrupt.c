/*
 * A blocking fetch that asks now and then whether to go on, as a program with a user needs it:
 * ifetch_run() calls test_interrupt() every 100 ms, and at once after a signal. This one gives
 * up after SECONDS, or on Ctrl-C. Exits with 0 if the answer came, and with 1 otherwise.
 *
 *     cc interrupt.c -o interrupt -lifetch
 *     ./slow_server 60 8080 & ./interrupt http://127.0.0.1:8080/ 2.5
 */
#define _POSIX_C_SOURCE 200809L
#include <ifetch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t ctrl_c;

static void on_sigint(int signal)
{
    (void)signal;
    ctrl_c = 1;
}

static double now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int32_t test_interrupt(void *deadline)
{
    return ctrl_c || now() >= *(const double *)deadline;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: interrupt URL SECONDS\n");
        return 2;
    }
    sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_sigint }, NULL);
    double begin = now();
    double deadline = begin + strtod(argv[2], NULL);

    ifetch *fetch = ifetch_start(argv[1], NULL);
    ifetch_status status = ifetch_run(fetch, test_interrupt, &deadline, 0);
    if (status == IFETCH_DONE) {
        size_t len;
        const uint8_t *body = ifetch_response_body(ifetch_result(fetch), &len);
        fwrite(body, 1, len, stdout);
    } else if (status == IFETCH_CANCELLED) {
        fprintf(stderr, "interrupted by %s after %.1f s\n", ctrl_c ? "Ctrl-C" : "the clock",
                now() - begin);
    } else {
        fprintf(stderr, "%s\n", ifetch_error_message(fetch));
    }
    ifetch_free(fetch);
    return status == IFETCH_DONE ? 0 : 1;
}
