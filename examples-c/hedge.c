/*
 * Asks two servers for the same. The second is asked only if the first has not answered within
 * MS milliseconds, or has failed. The first complete answer wins and is written to stdout; the
 * other fetch is cancelled, so that its server can stop working. Tells on stderr how each ended.
 * Only for requests that may be made twice, such as GET (RFC 9110 section 9.2.2).
 *
 *     cc hedge.c -o hedge -lifetch
 *     ./hedge http://127.0.0.1:8080/ http://127.0.0.1:8081/ 50
 */
#include <ifetch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct attempt {
    const char *url;
    ifetch *fetch; /* NULL until it is started */
};

/* Returns the attempt that is complete first, or NULL if both failed. */
static struct attempt *race(struct attempt attempts[2], ifetch_client *client, int32_t delay_ms)
{
    ifetch_options *options = ifetch_options_new();
    ifetch_options_timeout(options, IFETCH_TIMEOUT_TOTAL, 60000);
    struct attempt *winner = NULL;
    for (int started = 0, failed = 0; !winner && failed < 2;) {
        if (started < 2) {
            struct attempt *next = &attempts[started++];
            next->fetch = ifetch_client_start(client, next->url, options);
            ifetch_set_userdata(next->fetch, next);
        }
        ifetch_client_wait(client, started < 2 ? delay_ms : -1); /* a failure ends it early */
        for (ifetch *fetch; !winner && (fetch = ifetch_client_next(client));) {
            if (ifetch_poll(fetch) == IFETCH_DONE)
                winner = ifetch_userdata(fetch);
            else
                failed++;
        }
    }
    ifetch_options_free(options);
    return winner;
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

static void print_cancelled(const ifetch_report *report)
{
    fprintf(stderr, "cancelled after %.3f s while %s; %" PRIu64 " bytes sent, %" PRIu64
            " received; the server %s; %s\n",
            (double)report->ended_ns / 1e9, doing(report->phase), report->sent, report->received,
            report->acted == IFETCH_ACTED_NO ? "cannot have acted on it" : "may have acted on it",
            report->ending == IFETCH_ENDING_NONE ? "there was no connection yet"
                                                 : "the connection was ended at once");
}

static void print_end(const struct attempt *attempt)
{
    fprintf(stderr, "%s: ", attempt->url);
    if (!attempt->fetch) {
        fputs("not asked\n", stderr);
        return;
    }
    ifetch_status status = ifetch_poll(attempt->fetch);
    ifetch_report report;
    ifetch_report_get(attempt->fetch, &report, sizeof report);
    if (status == IFETCH_DONE)
        fprintf(stderr, "complete after %.3f s\n", (double)report.ended_ns / 1e9);
    else if (status == IFETCH_CANCELLED)
        print_cancelled(&report);
    else
        fprintf(stderr, "%s\n", ifetch_error_message(attempt->fetch));
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: hedge FIRST_URL SECOND_URL MS\n");
        return 2;
    }
    ifetch_client *client = ifetch_client_new();
    if (!client) {
        fprintf(stderr, "hedge: no descriptor is left\n");
        return 1;
    }
    struct attempt attempts[2] = { { argv[1], NULL }, { argv[2], NULL } };
    struct attempt *winner = race(attempts, client, (int32_t)strtol(argv[3], NULL, 10));
    if (winner) {
        ifetch_cancel(attempts[winner == attempts].fetch);
        size_t len;
        const uint8_t *body = ifetch_response_body(ifetch_result(winner->fetch), &len);
        fwrite(body, 1, len, stdout);
        fprintf(stderr, "%s has won\n", winner->url);
    }
    for (int i = 0; i < 2; i++) {
        print_end(&attempts[i]);
        ifetch_free(attempts[i].fetch);
    }
    ifetch_client_free(client);
    return winner ? 0 : 1;
}
