/*
 * Search as you type: each line of stdin is what has been typed so far, and asks for results and
 * suggestions. A session has a token, and each query one below it:
 *
 *     session --- profile            a fetch for as long as the session lasts
 *        |------- query 1 --- results, suggestions
 *        `------- query 2 --- results, suggestions
 *
 * The next line cancels the query before it, and nothing else. A line with a dot leaves the session,
 * which ends whatever still runs, and so does the session's deadline: MS milliseconds without a
 * line. At the end of stdin it waits for what was asked for last.
 *
 *     cc token_tree.c -o token_tree -lifetch
 *     ./slow_server 2 8080 & ./token_tree http://127.0.0.1:8080/ 60000
 */
#define _GNU_SOURCE
#include <ifetch.h>
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *base;
static ifetch_client *client;
static ifetch_options *options;
static ifetch_token *session, *query; /* query: NULL before the first */
static int running, queries;

static void start(ifetch_token *token, const char *what, const char *words)
{
    char *url, *label;
    if (asprintf(&url, "%s?%s=%s", base, what, words) < 0 ||
        asprintf(&label, "%s%s%s", what, *words ? " for " : "", words) < 0)
        abort();
    ifetch_options_token(options, token);
    ifetch_options_userdata(options, label);
    running += ifetch_client_start(client, url, options) != NULL;
    free(url);
}

/* Cancels a token that is not needed any more. Those who are under it keep it as long as needed. */
static void leave(ifetch_token *token)
{
    ifetch_token_cancel(token);
    ifetch_token_unref(token);
}

static void ask(char *words)
{
    for (char *c = words; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '+';
    leave(query);
    query = ifetch_token_new(session);
    queries++;
    start(query, "results", words);
    start(query, "suggestions", words);
}

static void print_news(void)
{
    ifetch_client_poll(client);
    for (ifetch *fetch; (fetch = ifetch_client_next(client)); running--) {
        char *label = ifetch_userdata(fetch);
        if (ifetch_poll(fetch) == IFETCH_DONE)
            printf("%s: status %d\n", label, (int)ifetch_response_status(ifetch_result(fetch)));
        else
            printf("%s: %s\n", label, ifetch_error_message(fetch));
        free(label);
        ifetch_free(fetch);
    }
}

int main(int argc, char **argv)
{
    client = ifetch_client_new();
    if (argc != 3 || !client) {
        fprintf(stderr, "usage: token_tree URL MS\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    base = argv[1];
    uint32_t patience_ms = (uint32_t)strtoul(argv[2], NULL, 10);
    options = ifetch_options_new();
    session = ifetch_token_new(NULL);
    ifetch_token_set_timeout(session, patience_ms); /* before anything is started under it */
    start(session, "profile", "");

    char line[256];
    struct pollfd p[] = { { ifetch_client_fd(client), POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
    setvbuf(stdin, NULL, _IONBF, 0); /* so that poll() knows of every line */
    while (running > 0) {
        poll(p, 2, -1);
        if (p[1].revents && !fgets(line, sizeof line, stdin)) {
            p[1].fd = -1; /* not watched any more */
        } else if (p[1].revents) {
            line[strcspn(line, "\n")] = '\0';
            ifetch_token_set_timeout(session, patience_ms); /* from now on */
            if (!strcmp(line, "."))
                ifetch_token_cancel(session);
            else if (!ifetch_token_is_cancelled(session))
                ask(line);
        }
        print_news();
    }
    printf("%d %s\n", queries, queries == 1 ? "query" : "queries");
    ifetch_token_unref(query);
    ifetch_token_unref(session);
    ifetch_options_free(options);
    ifetch_client_free(client);
    return 0;
}
