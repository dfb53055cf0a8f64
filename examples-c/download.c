/*
 * Streams a body into a file, with a progress bar on stderr. One buffer of it is in memory at a
 * time: while the disk is slow the socket is not read, and the server is held back. The file
 * gets its name when it is complete; until then it is FILE.part, which goes if the fetch fails.
 *
 *     cc download.c -o download -lifetch && ./download http://127.0.0.1:8080/image image
 */
#include <ifetch.h>
#include <inttypes.h>
#include <stdio.h>

static void draw_progress(const ifetch *fetch)
{
    static const char bar[] = "########################################";
    uint64_t received, expected;
    ifetch_progress(fetch, NULL, &received, &expected);
    if (expected == UINT64_MAX) {
        fprintf(stderr, "\r%" PRIu64 " bytes", received);
    } else {
        int percent = expected > 0 ? (int)((double)received / (double)expected * 100) : 100;
        fprintf(stderr, "\r[%-40.*s] %3d %% of %" PRIu64 " bytes", percent * 2 / 5, bar, percent,
                expected);
    }
}

/* Returns 1 if the whole body has been written. */
static int save(ifetch *fetch, FILE *file)
{
    char buffer[65536];
    ifetch_status status = ifetch_wait(fetch, -1);
    for (;;) {
        size_t n;
        switch (status) {
        case IFETCH_HEAD: {
            int http_status = ifetch_response_status(ifetch_result(fetch));
            if (http_status != 200) {
                fprintf(stderr, "the server answered with status %d\n", http_status);
                return 0;
            }
            status = ifetch_wait(fetch, -1);
            break;
        }
        case IFETCH_PENDING:
            draw_progress(fetch);
            status = ifetch_wait(fetch, -1);
            break;
        case IFETCH_READABLE:
            status = ifetch_read(fetch, buffer, sizeof buffer, &n);
            if (fwrite(buffer, 1, n, file) < n) {
                perror("\nwrite");
                return 0;
            }
            break;
        case IFETCH_DONE:
            draw_progress(fetch);
            fputs("\n", stderr);
            return 1;
        default:
            fprintf(stderr, "\n%s\n", ifetch_error_message(fetch));
            return 0;
        }
    }
}

int main(int argc, char **argv)
{
    char part[4096];
    if (argc != 3 || snprintf(part, sizeof part, "%s.part", argv[2]) >= (int)sizeof part) {
        fprintf(stderr, "usage: download URL FILE\n");
        return 2;
    }
    FILE *file = fopen(part, "wb");
    if (!file) {
        perror(part);
        return 1;
    }
    ifetch_options *options = ifetch_options_new();
    ifetch_options_stream(options, 1);
    ifetch *fetch = ifetch_start(argv[1], options);
    ifetch_options_free(options);

    int complete = save(fetch, file);
    ifetch_free(fetch);
    if (fclose(file) == 0 && complete && rename(part, argv[2]) == 0)
        return 0;
    if (complete)
        perror(argv[2]);
    remove(part);
    return 1;
}
