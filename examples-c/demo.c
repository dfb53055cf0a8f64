/*
 * make demo: fetches twice from slow_server, once to the end, and once until the client changes
 * its mind before a byte of the answer has come. Prints what both sides see, on one clock, and
 * exits with 1 if the client was not back at once or the server did not notice. With a command that
 * ends TLS in front of a port, and the certificate that it shows, it does so over TLS.
 *
 *     ./demo ./slow_server
 *     ./demo ./slow_server 'exec python3 tls_relay.py %u cert.pem key.pem 2' cert.pem
 */
#define _POSIX_C_SOURCE 200809L
#include <ifetch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double begun_s, noticed_s;

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void say(double when_s, const char *who, const char *what)
{
    printf("%9.4f s  %s  %s\n", when_s - begun_s, who, what);
}

/* Each line of slow_server begins with its time, on the same clock as ours. */
static void *show_server(void *pipe)
{
    char line[256];
    double when_s;
    int text;
    while (fgets(line, sizeof line, pipe)) {
        if (sscanf(line, "[%lf] %n", &when_s, &text) != 1)
            continue;
        line[strcspn(line, "\n")] = '\0';
        say(when_s, "server", line + text);
        if (strstr(line, "client has gone"))
            noticed_s = when_s;
    }
    return NULL;
}

static FILE *start(const char *command, const char *says, unsigned *port)
{
    FILE *started = popen(command, "r");
    if (!started || fscanf(started, says, port) != 1) {
        fprintf(stderr, "demo: this did not start: %s\n", command);
        exit(1);
    }
    return started;
}

/* Starts the relay in front of the port; what it listens on takes its place. */
static FILE *start_relay(const char *relay, unsigned *port)
{
    const char *place = strstr(relay, "%u");
    char command[4096];
    snprintf(command, sizeof command, "%.*s%u%s", place ? (int)(place - relay) : 0, relay, *port,
             place ? place + 2 : "");
    return start(command, "%u", port);
}

static ifetch_options *options_trusting(const char *certificate)
{
    ifetch_options *options = ifetch_options_new();
    ifetch_tls *tls = ifetch_tls_new();
    if (ifetch_tls_trust_file(tls, certificate) != IFETCH_ERROR_NONE) {
        fprintf(stderr, "demo: %s\n", ifetch_tls_error_message(tls));
        exit(1);
    }
    ifetch_options_tls(options, tls);
    ifetch_tls_free(tls);
    return options;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: demo SLOW_SERVER [RELAY CERTIFICATE]\n");
        return 2;
    }
    alarm(30); /* this takes 3 s: a demo that hangs has failed */
    setvbuf(stdout, NULL, _IOLBF, 0);

    printf("A server that works 2 s on each answer, and a client; the times are of one clock.\n\n");

    char command[4096], url[64];
    unsigned port;
    snprintf(command, sizeof command, "exec '%s' 2 0 2", argv[1]);
    FILE *server = start(command, "listening on 127.0.0.1:%u", &port);
    FILE *relay = argc == 4 ? start_relay(argv[2], &port) : NULL;
    ifetch_options *options = relay ? options_trusting(argv[3]) : NULL;
    snprintf(url, sizeof url, relay ? "https://localhost:%u/" : "http://127.0.0.1:%u/", port);
    pthread_t shower;
    begun_s = now_s();
    if (pthread_create(&shower, NULL, show_server, server) != 0)
        abort();

    say(now_s(), "client", "fetches, and waits to the end");
    ifetch *fetch = ifetch_start(url, options);
    int complete = ifetch_run(fetch, NULL, NULL, 0) == IFETCH_DONE;
    say(now_s(), "client", complete ? "has the answer" : ifetch_error_message(fetch));
    ifetch_free(fetch);

    say(now_s(), "client", "fetches again, and waits for half a second");
    fetch = ifetch_start(url, options);
    int early = ifetch_wait(fetch, 500) == IFETCH_PENDING && !ifetch_result(fetch);
    double cancel_s = now_s();
    ifetch_cancel(fetch);
    int cancelled = early && ifetch_poll(fetch) == IFETCH_CANCELLED;
    ifetch_free(fetch);
    double back_s = now_s();
    say(cancel_s, "client", "changes its mind before a byte of the answer has come");
    say(back_s, "client", "is free for other work");

    ifetch_options_free(options);
    pthread_join(shower, NULL);
    pclose(server);
    if (relay)
        pclose(relay);
    double client_ms = (back_s - cancel_s) * 1e3, server_ms = (noticed_s - cancel_s) * 1e3;
    if (!complete || !cancelled || client_ms > 500 || server_ms < 0 || server_ms > 1000) {
        printf("\nThis is not what ifetch promises.\n");
        return 1;
    }
    printf("\nThe client was back after %.3f ms, and the server had noticed after %.3f ms.\n",
           client_ms, server_ms);
    return 0;
}
