/*
 * Two threads change the same options at once, which the header forbids. Built without a
 * sanitizer of its own, so that tests/threads.rs knows that the library's would have told.
 */
#include <ifetch.h>

#include <pthread.h>

static void *change(void *options)
{
    ifetch_options_timeout(options, IFETCH_TIMEOUT_TOTAL, 1000);
    return NULL;
}

int main(void)
{
    ifetch_options *options = ifetch_options_new();
    pthread_t other;
    if (pthread_create(&other, NULL, change, options))
        return 2;
    change(options);
    pthread_join(other, NULL);
    ifetch_options_free(options);
    return 0;
}
