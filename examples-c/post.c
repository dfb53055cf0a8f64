/*
 * Posts BODY, or else what comes on stdin: sent as it comes, in the chunked coding, and not read
 * faster than the server takes it. Prints the status and the header fields of the answer.
 *
 *     cc post.c -o post -lifetch && ./post http://127.0.0.1:8080/notes 'Remember the milk.'
 *     dmesg --follow | ./post http://127.0.0.1:8080/log
 */
#include <ifetch.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* With a BODY the fetch never says WRITABLE, and stdin is left alone. */
static ifetch_status run(ifetch *fetch)
{
    char buffer[16384];
    size_t len = 0, written = 0;
    ifetch_status status = ifetch_poll(fetch);
    while (status == IFETCH_PENDING || status == IFETCH_WRITABLE) {
        if (status == IFETCH_WRITABLE && written < len) {
            size_t n;
            status = ifetch_write(fetch, buffer + written, len - written, &n);
            written += n;
            continue;
        }
        struct pollfd fds[] = {
            { ifetch_fd(fetch), POLLIN, 0 },
            { status == IFETCH_WRITABLE ? STDIN_FILENO : -1, POLLIN, 0 },
        };
        poll(fds, 2, -1);
        if (fds[1].revents != 0) {
            ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
            if (n == 0)
                ifetch_write_end(fetch);
            if (n < 0) {
                perror("stdin");
                ifetch_cancel(fetch); /* half a body must not pass for a whole one */
            }
            len = n > 0 ? (size_t)n : 0;
            written = 0;
        }
        status = ifetch_poll(fetch);
    }
    return status;
}

static void print_head(const ifetch_response *response)
{
    int version = ifetch_response_version(response);
    printf("HTTP/%d.%d %d %s\n", version / 10, version % 10, ifetch_response_status(response),
           ifetch_response_reason(response));
    const char *name, *value;
    for (size_t i = 0; ifetch_response_header_at(response, i, &name, &value); i++)
        printf("%s: %s\n", name, value);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: post URL [BODY]\n");
        return 2;
    }
    ifetch_options *options = ifetch_options_new();
    ifetch_options_method(options, "POST");
    ifetch_options_header(options, "Content-Type", "text/plain; charset=utf-8");
    ifetch_options_header(options, "X-Sent-By", "post.c");
    if (argc == 3)
        ifetch_options_body(options, argv[2], strlen(argv[2]));
    else
        ifetch_options_upload(options, -1);
    ifetch *fetch = ifetch_start(argv[1], options);
    ifetch_options_free(options);

    ifetch_status status = run(fetch);
    if (status == IFETCH_DONE)
        print_head(ifetch_result(fetch));
    else
        fprintf(stderr, "%s\n", ifetch_error_message(fetch));
    ifetch_free(fetch);
    return status == IFETCH_DONE ? 0 : 1;
}
