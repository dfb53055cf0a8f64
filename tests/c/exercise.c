/*
 * Uses every part of the API once, in the ways that memory errors come from: what was lent is
 * read to its last byte, fetches are freed in every state, and in every order. Run under
 * sanitizers and valgrind by tests/memory.rs, against its server.
 */
#include <ifetch.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *base;

static void check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "exercise: %s\n", what);
        exit(1);
    }
}

static const char *url(const char *path)
{
    static char text[256];
    snprintf(text, sizeof text, "%s%s", base, path);
    return text;
}

/* Polls as a loop would, until there is news. */
static ifetch_status news(ifetch *fetch)
{
    struct pollfd p = { ifetch_fd(fetch), POLLIN, 0 };
    ifetch_status status;
    while ((status = ifetch_poll(fetch)) == IFETCH_PENDING)
        check(poll(&p, 1, 10000) == 1, "nothing happens");
    return status;
}

static size_t touch(const char *text)
{
    return text ? strlen(text) : 0;
}

static void read_all_that_is_lent(ifetch *fetch)
{
    const ifetch_response *response = ifetch_result(fetch);
    const char *name, *value;
    size_t len, sum = touch(ifetch_response_url(response)) + touch(ifetch_response_reason(response));
    for (size_t i = 0; ifetch_response_header_at(response, i, &name, &value); i++)
        sum += touch(name) + touch(value) + touch(ifetch_response_header(response, name));
    for (size_t i = 0; ifetch_response_trailer_at(response, i, &name, &value); i++)
        sum += touch(name) + touch(value);
    const uint8_t *body = ifetch_response_body(response, &len);
    check(!body || body[len] == 0, "a body ends in NUL");
    sum += touch((const char *)body) + touch(ifetch_error_message(fetch));
    ifetch_report report;
    check(ifetch_report_get(fetch, &report, sizeof report) == IFETCH_ERROR_NONE, "a report");
    check(sum > 0 && report.size == sizeof report, "there is something to read");
}

static void collect(const char *path)
{
    ifetch *fetch = ifetch_start(url(path), NULL);
    check(news(fetch) == IFETCH_DONE, path);
    read_all_that_is_lent(fetch);
    ifetch_free(fetch);
}

static void stream(const char *path, size_t cap)
{
    ifetch_options *options = ifetch_options_new();
    ifetch_options_stream(options, 1);
    ifetch_options_interim(options, 1);
    ifetch *fetch = ifetch_start(url(path), options);
    ifetch_options_free(options);
    /* Exactly as large as is said, so that a byte too many is seen. */
    char *buffer = malloc(cap);
    size_t n, total = 0;
    ifetch_status status;
    while ((status = news(fetch)) < IFETCH_DONE) {
        if (status != IFETCH_READABLE)
            continue;
        do {
            status = ifetch_read(fetch, buffer, cap, &n);
            total += n;
        } while (status == IFETCH_READABLE);
    }
    check(status == IFETCH_DONE && total > 0, path);
    read_all_that_is_lent(fetch);
    free(buffer);
    ifetch_free(fetch);
}

static void upload(int64_t announced)
{
    enum { SIZE = 300000, PIECE = 70000 };
    char *data = malloc(SIZE);
    memset(data, 'u', SIZE);
    ifetch_options *options = ifetch_options_new();
    ifetch_options_method(options, "POST");
    ifetch_options_header(options, "X-One", "1");
    ifetch_options_header_set(options, "x-one", "2");
    ifetch_options_header_remove(options, "User-Agent");
    ifetch_options_upload(options, announced);
    ifetch *fetch = ifetch_start(url("/count"), options);
    size_t sent = 0, n;
    ifetch_status status;
    while ((status = news(fetch)) == IFETCH_WRITABLE) {
        size_t piece = SIZE - sent < PIECE ? SIZE - sent : PIECE;
        check(ifetch_write(fetch, data + sent, piece, &n) != IFETCH_FAILED, "a write");
        sent += n;
        if (sent == SIZE && ifetch_write_end(fetch) >= IFETCH_DONE)
            break;
    }
    check(news(fetch) == IFETCH_DONE, "an upload");
    check(!strcmp((const char *)ifetch_response_body(ifetch_result(fetch), NULL), "300000"), "all arrived");
    free(data);
    ifetch_options_free(options);
    ifetch_free(fetch);
}

static void post_borrowed(void)
{
    char body[] = "borrowed";
    ifetch_options *options = ifetch_options_new();
    ifetch_options_method(options, "PUT");
    ifetch_options_body_borrowed(options, body, strlen(body));
    ifetch *first = ifetch_start(url("/count"), options);
    ifetch_options_body(options, "copied!", 7);
    ifetch *second = ifetch_start(url("/count"), options);
    ifetch_options_free(options);
    check(news(second) == IFETCH_DONE && news(first) == IFETCH_DONE, "two posts");
    read_all_that_is_lent(first);
    ifetch_free(first);
    read_all_that_is_lent(second);
    ifetch_free(second);
}

/* The server leaves while a large body is being sent: SIGPIPE, left as it is, would kill us. */
static void post_to_the_deaf(void)
{
    enum { SIZE = 8 << 20 };
    char *body = calloc(1, SIZE);
    ifetch_options *options = ifetch_options_new();
    ifetch_options_method(options, "POST");
    ifetch_options_body_borrowed(options, body, SIZE);
    ifetch *fetch = ifetch_start(url("/deaf"), options);
    check(news(fetch) == IFETCH_FAILED, "the server has left");
    check(ifetch_error_code(fetch) == IFETCH_ERROR_SEND, ifetch_error_message(fetch));
    ifetch_free(fetch);
    ifetch_options_free(options);
    free(body);
}

static int32_t interrupt_third(void *count)
{
    return ++*(int *)count == 3;
}

static void cancel_everywhere(void)
{
    const char *places[] = { "http://unknown.invalid/", url("/silent"), "http://127.0.0.1:1/", "nonsense" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        ifetch *fetch = ifetch_start(places[i], NULL);
        ifetch_cancel(fetch);
        check(news(fetch) == IFETCH_CANCELLED || ifetch_error_code(fetch) != IFETCH_ERROR_NONE, places[i]);
        ifetch_cancel(fetch);
        ifetch_free(fetch);
        ifetch_free(ifetch_start(places[i], NULL));
    }
    int count = 0;
    ifetch *fetch = ifetch_start(url("/silent"), NULL);
    check(ifetch_run(fetch, interrupt_third, &count, 5) == IFETCH_CANCELLED && count == 3, "a run");
    ifetch_free(fetch);
    /* Half a body is there, and then nobody wants it. */
    fetch = ifetch_start(url("/half"), NULL);
    while (!ifetch_result(fetch))
        check(ifetch_wait(fetch, 10000) == IFETCH_PENDING || ifetch_result(fetch), "half a body");
    read_all_that_is_lent(fetch);
    ifetch_cancel(fetch);
    check(news(fetch) == IFETCH_CANCELLED, "a cancelled body");
    read_all_that_is_lent(fetch);
    ifetch_free(fetch);
}

enum { MANY = 40 };

static void share_a_client(void)
{
    ifetch_client *client = ifetch_client_new();
    ifetch *fetches[MANY];
    for (int i = 0; i < MANY; i++)
        fetches[i] = ifetch_client_start(client, url(i % 4 ? "/chunked" : "/silent"), NULL);
    for (int ended = 0; ended < MANY - MANY / 4;) {
        check(ifetch_client_wait(client, 10000) > 0, "news");
        for (ifetch *fetch; (fetch = ifetch_client_next(client)); ended++)
            check(ifetch_poll(fetch) == IFETCH_DONE, "a fetch of a client");
    }
    for (int i = 0; i < MANY; i += 2)
        ifetch_free(fetches[i]);
    ifetch_client_free(client);
    for (int i = 1; i < MANY; i += 2) {
        check(ifetch_poll(fetches[i]) >= IFETCH_DONE, "it has ended with its client");
        ifetch_free(fetches[i]);
    }
}

/* References are given back in every order, and while fetches still run. */
static void use_tokens(void)
{
    ifetch_token *session = ifetch_token_new(NULL), *query = ifetch_token_new(session);
    check(ifetch_token_set_timeout(session, 60000) == IFETCH_ERROR_NONE, "a deadline");
    ifetch_options *options = ifetch_options_new();
    ifetch_options_token(options, session);
    ifetch *above = ifetch_start(url("/silent"), options);
    ifetch_options_token(options, query);
    ifetch *fetches[MANY];
    for (int i = 0; i < MANY; i++)
        fetches[i] = ifetch_start(url(i % 2 ? "/silent" : "/length"), options);
    for (int i = 0; i < MANY; i += 2)
        check(news(fetches[i]) == IFETCH_DONE, "a fetch under a token");
    ifetch_token_unref(query);
    for (int i = 0; i < MANY / 2; i++)
        ifetch_free(fetches[i]);
    query = ifetch_token_ref(session);
    ifetch_token_unref(session);
    ifetch_token_cancel(query);
    check(ifetch_token_is_cancelled(query) == 1, "it is cancelled");
    check(news(above) == IFETCH_CANCELLED, "a fetch of the session");
    ifetch_token_unref(query);
    for (int i = MANY / 2; i < MANY; i++) {
        check(news(fetches[i]) == (i % 2 ? IFETCH_CANCELLED : IFETCH_DONE), "a fetch below it");
        read_all_that_is_lent(fetches[i]);
        ifetch_free(fetches[i]);
    }
    ifetch_free(ifetch_start(url("/length"), options));
    ifetch_options_free(options);
    ifetch_free(above);
}

/* A child may free what it inherited; the parent's fetch goes on. */
static void fork_and_free(void)
{
    ifetch_client *client = ifetch_client_new();
    ifetch *fetch = ifetch_client_start(client, url("/slow"), NULL);
    ifetch_client_poll(client);
    pid_t child = fork();
    if (child == 0) {
        ifetch_free(fetch);
        ifetch_client_free(client);
        _exit(0);
    }
    int how = 1;
    check(waitpid(child, &how, 0) == child && how == 0, "the child ends well");
    check(news(fetch) == IFETCH_DONE, "the parent's fetch goes on");
    ifetch_free(fetch);
    ifetch_client_free(client);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    base = argv[1];
    collect("/length");
    collect("/chunked");
    collect("/close");
    stream("/length", 1);
    stream("/chunked", 3);
    stream("/close", 4096);
    upload(-1);
    upload(300000);
    post_borrowed();
    post_to_the_deaf();
    cancel_everywhere();
    share_a_client();
    use_tokens();
    fork_and_free();
    puts("exercised");
    return 0;
}
