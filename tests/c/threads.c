/*
 * Two threads, each with a client of its own, fetch side by side, while a third thread cancels
 * some of their fetches, and signal handlers others. Then two threads use one client at once, which
 * is told them, and harmless. Run by tests/threads.rs against its server, with and without
 * ThreadSanitizer.
 */
#include <ifetch.h>

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FETCHES = 500, AT_A_TIME = 12, SHARED = 24 };

static unsigned port;

static void check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "threads: %s\n", what);
        abort();
    }
}

static void sleep_us(long us)
{
    nanosleep(&(struct timespec){ 0, us * 1000 }, NULL);
}

/* In place of the system's, so that lookups take their time and need no name server. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
    (void)service, (void)hints;
    sleep_us(1000);
    if (!strncmp(name, "unknown", 7))
        return EAI_NONAME;
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } *found = calloc(1, sizeof *found);
    found->address.sin_family = AF_INET;
    found->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    found->info.ai_family = AF_INET;
    found->info.ai_socktype = SOCK_STREAM;
    found->info.ai_addr = (struct sockaddr *)&found->address;
    found->info.ai_addrlen = sizeof found->address;
    *list = &found->info;
    return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

typedef struct {
    pthread_t thread;
    int first; /* number of its first fetch; the server knows them by these */
    _Atomic(ifetch *) offered; /* to the canceller, who puts NULL here when it has cancelled it */
    int ended[IFETCH_CANCELLED + 1];
} Owner;

static atomic_int owners_at_work;
/* What a signal handler on this thread cancels. */
static _Thread_local ifetch *volatile current;

static void cancel_current(int signal)
{
    (void)signal;
    ifetch_cancel(current);
}

static ifetch *start(ifetch_client *client, int number)
{
    static const char *const scripts[] = { "length", "late", "chunked", "leaves", "silent" };
    static const char *const hosts[] = { "127.0.0.1", "a%d.local", "127.0.0.1", "unknown%d.local" };
    char host[32], url[128];
    snprintf(host, sizeof host, hosts[number % 4], number);
    snprintf(url, sizeof url, "http://%s:%u/%d/%s", host, port, number, scripts[number % 5]);
    ifetch_options *options = ifetch_options_new();
    ifetch_options_timeout(options, IFETCH_TIMEOUT_TOTAL, number % 5 == 4 ? 10 : 10000);
    ifetch_options_userdata(options, (void *)(intptr_t)number);
    ifetch *fetch = ifetch_client_start(client, url, options);
    ifetch_options_free(options);
    check(fetch != NULL, "nobody else uses this client");
    return fetch;
}

/* The body says the number of its request again and again. */
static void check_body(ifetch *fetch)
{
    char word[16];
    size_t len;
    const uint8_t *body = ifetch_response_body(ifetch_result(fetch), &len);
    snprintf(word, sizeof word, "%07d ", (int)(intptr_t)ifetch_userdata(fetch));
    check(len > 0, "a body has bytes");
    for (size_t i = 0; i < len; i++)
        check(body[i] == (uint8_t)word[i % 8], "a body of another fetch");
}

static void finish(Owner *owner, ifetch *fetch, ifetch_status status)
{
    int number = (int)(intptr_t)ifetch_userdata(fetch);
    if (status == IFETCH_DONE)
        check_body(fetch);
    if (status == IFETCH_FAILED)
        check(number % 4 == 3 || number % 5 == 4, ifetch_error_message(fetch));
    owner->ended[status]++;
    if (fetch == current)
        current = NULL;
    while (atomic_load_explicit(&owner->offered, memory_order_acquire) == fetch)
        sleep_us(50);
    ifetch_free(fetch);
}

static void *own(void *argument)
{
    Owner *owner = argument;
    ifetch_client *client = ifetch_client_new();
    ifetch_client_set_limit(client, IFETCH_CLIENT_LIMIT_CONNECTIONS, AT_A_TIME / 2);
    struct pollfd p = { ifetch_client_fd(client), POLLIN, 0 };
    int started = 0, ended = 0;
    while (ended < FETCHES) {
        for (; started < FETCHES && started - ended < AT_A_TIME; started++) {
            ifetch *fetch = start(client, owner->first + started), *none = NULL;
            if (started % 3 == 0)
                atomic_compare_exchange_strong(&owner->offered, &none, fetch);
            else if (started % 3 == 1 && !current)
                current = fetch;
        }
        if (ended % 2)
            ifetch_client_wait(client, 1000);
        else if (poll(&p, 1, 1000) > 0)
            ifetch_client_poll(client);
        for (ifetch *fetch; (fetch = ifetch_client_next(client));) {
            ifetch_status status = ifetch_poll(fetch);
            if (status < IFETCH_DONE)
                continue;
            finish(owner, fetch, status);
            ended++;
        }
    }
    ifetch_client_free(client);
    atomic_fetch_sub(&owners_at_work, 1);
    return NULL;
}

/* Cancels what it is offered, and lets signals arrive that make others cancel. */
static void *cancel(void *argument)
{
    Owner *owners = argument;
    while (atomic_load(&owners_at_work) > 0) {
        for (Owner *owner = owners; owner < owners + 2; owner++) {
            ifetch *fetch = atomic_load_explicit(&owner->offered, memory_order_acquire);
            ifetch_cancel(fetch);
            if (fetch)
                atomic_store_explicit(&owner->offered, NULL, memory_order_release);
            pthread_kill(owner->thread, SIGUSR1);
        }
        sleep_us(500);
    }
    return NULL;
}

static void fetch_side_by_side(void)
{
    static Owner owners[2];
    struct sigaction action = { .sa_handler = cancel_current, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &action, NULL);
    atomic_store(&owners_at_work, 2);
    for (int i = 0; i < 2; i++) {
        owners[i].first = i * FETCHES;
        check(pthread_create(&owners[i].thread, NULL, own, &owners[i]) == 0, "a thread starts");
    }
    pthread_t canceller;
    check(pthread_create(&canceller, NULL, cancel, owners) == 0, "a thread starts");
    pthread_join(canceller, NULL);
    for (int i = 0; i < 2; i++) {
        pthread_join(owners[i].thread, NULL);
        const int *ended = owners[i].ended;
        printf("owner %d: %d done, %d failed, %d cancelled\n", i, ended[IFETCH_DONE],
               ended[IFETCH_FAILED], ended[IFETCH_CANCELLED]);
        check(ended[IFETCH_DONE] > FETCHES / 5, "many fetches are done");
        check(ended[IFETCH_CANCELLED] > FETCHES / 50, "some fetches are cancelled");
    }
}

typedef struct {
    ifetch_client *client;
    ifetch *fetches[SHARED];
} Both;

/* Any of these calls may say that the other thread is inside. */
static void *use(void *argument)
{
    Both *both = argument;
    for (int ended = 0; ended < SHARED;) {
        ended = 0;
        ifetch_client_poll(both->client);
        ifetch_client_next(both->client);
        for (int i = 0; i < SHARED; i++) {
            ifetch_phase_of(both->fetches[i]);
            ended += ifetch_poll(both->fetches[i]) >= IFETCH_DONE;
        }
    }
    return NULL;
}

static void use_one_client_at_once(void)
{
    Both both = { ifetch_client_new(), { NULL } };
    for (int i = 0; i < SHARED; i++)
        both.fetches[i] = start(both.client, 2 * FETCHES + i);
    pthread_t other;
    check(pthread_create(&other, NULL, use, &both) == 0, "a thread starts");
    use(&both);
    pthread_join(other, NULL);
    for (int i = 0; i < SHARED; i++) {
        if (ifetch_poll(both.fetches[i]) == IFETCH_DONE)
            check_body(both.fetches[i]);
        ifetch_free(both.fetches[i]);
    }
    ifetch_client_free(both.client);
}

int main(int argc, char **argv)
{
    check(argc == 2, "usage: threads PORT");
    port = (unsigned)strtoul(argv[1], NULL, 10);
    fetch_side_by_side();
    use_one_client_at_once();
    puts("side by side");
    return 0;
}
