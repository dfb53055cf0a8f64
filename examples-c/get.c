/*
 * The smallest program: fetches one URL and writes the body to stdout. If the fetch fails, it
 * says why on stderr and exits with 1; a status such as 404 is an answer, not a failure.
 *
 *     cc get.c -o get -lifetch && ./get http://127.0.0.1:8080/
 */
#include <ifetch.h>
#include <poll.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: get URL\n");
        return 2;
    }
    ifetch *fetch = ifetch_start(argv[1], NULL);
    struct pollfd readable = { ifetch_fd(fetch), POLLIN, 0 };
    ifetch_status status;
    while ((status = ifetch_poll(fetch)) == IFETCH_PENDING)
        poll(&readable, 1, -1);

    if (status == IFETCH_DONE) {
        size_t len;
        const uint8_t *body = ifetch_response_body(ifetch_result(fetch), &len);
        fwrite(body, 1, len, stdout);
    } else {
        fprintf(stderr, "%s\n", ifetch_error_message(fetch));
    }
    ifetch_free(fetch);
    return status == IFETCH_DONE ? 0 : 1;
}
