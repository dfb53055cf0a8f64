/*
 * Fetches all its URLs at once, until they are complete or Ctrl-C is pressed. The handler of SIGINT
 * itself ends every connection, by one call with a token that all fetches were started under: no
 * list is needed, and it does not matter what the program is doing. Then it tells of each fetch how
 * far it was, and whether it is safe to ask again. Exits with 0 if all are complete, 130 if
 * interrupted, 1 otherwise.
 *
 *     cc ctrl_c.c -o ctrl_c -lifetch
 *     ./slow_server 60 8080 & ./ctrl_c http://127.0.0.1:8080/ http://127.0.0.1:8080/more
 */
#define _POSIX_C_SOURCE 200809L
#include <ifetch.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static ifetch_token *all; /* made before the handler, given back after it: never NULL in there */

static void on_sigint(int signal)
{
    (void)signal;
    ifetch_token_cancel(all);
}

static const char *doing(int32_t phase)
{
    switch (phase) {
    case IFETCH_PHASE_QUEUED: return "waiting for a connection";
    case IFETCH_PHASE_RESOLVING: return "resolving the name";
    case IFETCH_PHASE_CONNECTING: return "connecting";
    case IFETCH_PHASE_SENDING: return "sending the request";
    case IFETCH_PHASE_WAITING: return "waiting for the response";
    case IFETCH_PHASE_RECEIVING: return "receiving the body";
    default: return "busy";
    }
}

static void print(const char *url, ifetch *fetch, ifetch_status status)
{
    ifetch_report report;
    ifetch_report_get(fetch, &report, sizeof report);
    if (status == IFETCH_DONE)
        printf("%s: complete, status %d\n", url, (int)ifetch_response_status(ifetch_result(fetch)));
    else if (status == IFETCH_FAILED)
        printf("%s: failed: %s\n", url, ifetch_error_message(fetch));
    else
        printf("%s: stopped after %.3f s while %s; %" PRIu64 " bytes sent, %" PRIu64
               " received; %s\n",
               url, (double)report.ended_ns / 1e9, doing(report.phase), report.sent,
               report.received,
               report.acted == IFETCH_ACTED_NO ? "the server has not acted, ask again"
                                               : "the server may have acted");
}

int main(int argc, char **argv)
{
    ifetch_client *client = ifetch_client_new();
    if (argc < 2 || !client) {
        fprintf(stderr, "usage: ctrl_c URL...\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    all = ifetch_token_new(NULL);
    sigaction(SIGINT, &(struct sigaction){ .sa_handler = on_sigint }, NULL);

    ifetch_options *options = ifetch_options_new();
    ifetch_options_token(options, all);
    for (int i = 1; i < argc; i++) {
        ifetch_options_userdata(options, argv[i]);
        if (!ifetch_client_start(client, argv[i], options))
            abort(); /* nobody else uses the client */
    }
    ifetch_options_free(options);

    int complete = 0;
    for (int running = argc - 1; running > 0;) {
        ifetch_client_wait(client, -1); /* a signal ends it too */
        for (ifetch *fetch; (fetch = ifetch_client_next(client)); running--) {
            ifetch_status status = ifetch_poll(fetch);
            print(ifetch_userdata(fetch), fetch, status);
            complete += status == IFETCH_DONE;
            ifetch_free(fetch); /* also if the handler is about to run */
        }
    }
    int interrupted = ifetch_token_is_cancelled(all);
    ifetch_client_free(client);
    signal(SIGINT, SIG_DFL);
    ifetch_token_unref(all);
    return complete == argc - 1 ? 0 : interrupted ? 130 : 1;
}
