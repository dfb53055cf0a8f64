/*
 * Several fetches at once, each with a descriptor of its own, in one poll() loop. Prints a line
 * for each as it ends, and exits with 1 if one of them failed. For more than a few, one
 * ifetch_client is the better way: see client.c and epoll_client.c.
 *
 *     cc poll.c -o poll -lifetch && ./poll http://127.0.0.1:8080/ http://127.0.0.1:8081/
 */
#include <ifetch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static int print_end(const ifetch *fetch, const char *url)
{
    if (ifetch_error_code(fetch) != IFETCH_ERROR_NONE) {
        printf("%s: %s\n", url, ifetch_error_message(fetch));
        return 1;
    }
    const ifetch_response *response = ifetch_result(fetch);
    size_t len;
    ifetch_response_body(response, &len);
    printf("%s: status %d, %zu bytes\n", url, ifetch_response_status(response), len);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: poll URL...\n");
        return 2;
    }
    const char **urls = (const char **)argv + 1;
    size_t count = (size_t)argc - 1;
    ifetch **fetches = calloc(count, sizeof *fetches);
    struct pollfd *fds = calloc(count, sizeof *fds);
    if (!fetches || !fds)
        abort();

    for (size_t i = 0; i < count; i++) {
        fetches[i] = ifetch_start(urls[i], NULL);
        /* As if it were readable: each fetch is to be polled once after its start. */
        fds[i] = (struct pollfd){ ifetch_fd(fetches[i]), POLLIN, .revents = POLLIN };
    }

    int failed = 0;
    size_t running = count;
    while (running > 0) {
        for (size_t i = 0; i < count; i++) {
            if (fds[i].revents == 0 || ifetch_poll(fetches[i]) == IFETCH_PENDING)
                continue;
            failed |= print_end(fetches[i], urls[i]);
            ifetch_free(fetches[i]);
            fds[i] = (struct pollfd){ .fd = -1 }; /* poll() passes over negative descriptors */
            running--;
        }
        if (running > 0)
            poll(fds, count, -1);
    }
    free(fds);
    free(fetches);
    return failed;
}
