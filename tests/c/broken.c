/*
 * Misuses memory on purpose, in the way that its argument names, so that tests/memory.rs knows
 * that a sanitizer would have told. The memory is the library's own, where there is a choice.
 */
#include <ifetch.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* More than one, so that no forgotten register or stack slot still points to all of them. */
static void leak(int count)
{
    while (count-- > 0)
        if (ifetch_poll(ifetch_start("nonsense", NULL)) != IFETCH_FAILED)
            return;
}

int main(int argc, char **argv)
{
    const char *way = argc == 2 ? argv[1] : "";
    ifetch *fetch = ifetch_start("nonsense", NULL);
    if (ifetch_poll(fetch) != IFETCH_FAILED)
        return 2;
    const char *message = ifetch_error_message(fetch);
    if (!strcmp(way, "read-after-free")) {
        ifetch_free(fetch);
        return message[0] == 'x';
    }
    if (!strcmp(way, "read-past-end"))
        return message[strlen(message) + 1] == 'x';
    if (!strcmp(way, "leak"))
        leak(10);
    if (!strcmp(way, "overflow")) {
        ifetch_free(fetch);
        int large = INT_MAX - 1 + argc;
        printf("%d\n", large);
        return 0;
    }
    ifetch_free(fetch);
    return 0;
}
