/*
 * Threads with clients of their own start, drive and free fetches, each round under a token of its
 * own below the session's; other threads cancel the session at any moment and begin another, and
 * signal handlers cancel what their thread is at. Each fetch ends once; nothing leaks. Run by
 * tests/threads.rs, with and without ThreadSanitizer, and under valgrind by tests/memory.rs:
 *
 *     tokens SEED ROUNDS URL...        of which one at least is answered, and one never
 */
#include <ifetch.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { OWNERS = 3, CANCELLERS = 2, AT_A_TIME = 8 };

typedef struct {
    pthread_t thread;
    unsigned random;
    int ended[IFETCH_CANCELLED + 1], freed;
} Owner;

static Owner owners[OWNERS];
static int rounds, url_count;
static char **urls;
static atomic_int at_work = OWNERS;

/* The lock is the program's own: a token can be used by any thread, a variable that holds one
 * cannot. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ifetch_token *session;

/* What a signal handler on this thread cancels. */
static _Thread_local ifetch_token *volatile current;

static void check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "tokens: %s\n", what);
        abort();
    }
}

static void sleep_us(long us)
{
    nanosleep(&(struct timespec){ 0, us * 1000 }, NULL);
}

static void cancel_current(int signal)
{
    (void)signal;
    ifetch_token_cancel(current);
}

static ifetch_token *reference_to_session(void)
{
    pthread_mutex_lock(&lock);
    ifetch_token *token = ifetch_token_ref(session);
    pthread_mutex_unlock(&lock);
    return token;
}

static void begin_session(void)
{
    pthread_mutex_lock(&lock);
    ifetch_token *old = session;
    session = ifetch_token_new(NULL);
    pthread_mutex_unlock(&lock);
    ifetch_token_unref(old);
}

static ifetch *start(Owner *owner, ifetch_client *client, const ifetch_options *options)
{
    const char *url = urls[rand_r(&owner->random) % url_count];
    return rand_r(&owner->random) % 4 ? ifetch_client_start(client, url, options)
                                      : ifetch_start(url, options);
}

static void finish(Owner *owner, ifetch *fetch)
{
    ifetch_status status;
    while ((status = ifetch_wait(fetch, 10000)) == IFETCH_PENDING)
        ;
    check(status == IFETCH_DONE || status == IFETCH_CANCELLED, ifetch_error_message(fetch));
    check(ifetch_poll(fetch) == status, "an outcome stands");
    ifetch_report report;
    ifetch_report_get(fetch, &report, sizeof report);
    check((report.canceller == IFETCH_CANCELLER_TOKEN) == (status == IFETCH_CANCELLED), "by a token");
    owner->ended[status]++;
    ifetch_free(fetch);
}

static void play_round(Owner *owner, ifetch_client *client)
{
    ifetch_token *above = reference_to_session(), *token = ifetch_token_new(above);
    ifetch_token_unref(above);
    current = token;
    ifetch_options *options = ifetch_options_new();
    ifetch_options_token(options, token);
    ifetch *fetches[AT_A_TIME];
    for (int i = 0; i < AT_A_TIME; i++)
        fetches[i] = start(owner, client, options);
    ifetch_options_free(options);
    for (int turns = rand_r(&owner->random) % 8; turns > 0; turns--)
        ifetch_client_wait(client, 1);

    int left = AT_A_TIME - rand_r(&owner->random) % AT_A_TIME;
    for (int i = left; i < AT_A_TIME; i++)
        ifetch_free(fetches[i]);
    owner->freed += AT_A_TIME - left;
    if (rand_r(&owner->random) % 2) {
        sleep_us(rand_r(&owner->random) % 1000);
        ifetch_token_cancel(token);
    } else if (rand_r(&owner->random) % 2) {
        sleep_us(2000); /* perhaps the session is cancelled meanwhile */
    }
    for (int i = 0; i < left; i++) {
        if (i == left / 2)
            ifetch_token_cancel(token); /* some are never answered */
        finish(owner, fetches[i]);
    }
    current = NULL;
    ifetch_token_unref(token);
}

static void *own(void *argument)
{
    Owner *owner = argument;
    ifetch_client *client = ifetch_client_new();
    for (int round = 0; round < rounds; round++)
        play_round(owner, client);
    ifetch_client_free(client);
    atomic_fetch_sub(&at_work, 1);
    return NULL;
}

static void *cancel(void *argument)
{
    unsigned random = *(unsigned *)argument;
    while (atomic_load(&at_work) > 0) {
        ifetch_token *token = reference_to_session();
        if (rand_r(&random) % 2)
            begin_session();
        if (rand_r(&random) % 2)
            ifetch_token_cancel(token);
        if (ifetch_token_is_cancelled(token) && !(rand_r(&random) % 2))
            begin_session();
        ifetch_token_unref(token);
        pthread_kill(owners[rand_r(&random) % OWNERS].thread, SIGUSR1);
        sleep_us(rand_r(&random) % 8000);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    check(argc > 3, "usage: tokens SEED ROUNDS URL...");
    unsigned seed = (unsigned)strtoul(argv[1], NULL, 10), random[CANCELLERS];
    rounds = atoi(argv[2]);
    urls = argv + 3;
    url_count = argc - 3;
    sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = cancel_current }, NULL);
    begin_session();

    pthread_t cancellers[CANCELLERS];
    for (int i = 0; i < OWNERS; i++) {
        owners[i].random = seed + (unsigned)i;
        check(pthread_create(&owners[i].thread, NULL, own, &owners[i]) == 0, "a thread starts");
    }
    for (int i = 0; i < CANCELLERS; i++) {
        random[i] = seed + OWNERS + (unsigned)i;
        check(pthread_create(&cancellers[i], NULL, cancel, &random[i]) == 0, "a thread starts");
    }
    int done = 0, cancelled = 0, freed = 0;
    for (int i = 0; i < CANCELLERS; i++)
        pthread_join(cancellers[i], NULL);
    for (int i = 0; i < OWNERS; i++) {
        pthread_join(owners[i].thread, NULL);
        done += owners[i].ended[IFETCH_DONE];
        cancelled += owners[i].ended[IFETCH_CANCELLED];
        freed += owners[i].freed;
    }
    ifetch_token_unref(session);
    printf("%d done, %d cancelled, %d freed\n", done, cancelled, freed);
    check(cancelled > rounds && freed > rounds, "each happens often");
    puts("tokens");
    return 0;
}
