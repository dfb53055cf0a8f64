/* A program with two Rust libraries in it: uses the other one, then fetches with ifetch. */
#include <ifetch.h>
#include <stdio.h>

int other_answer(void);

int main(int argc, char **argv)
{
    if (argc != 2 || other_answer() != 42)
        return 2;
    ifetch *fetch = ifetch_start(argv[1], NULL);
    if (ifetch_run(fetch, NULL, NULL, 0) != IFETCH_DONE)
        return 1;
    fputs((const char *)ifetch_response_body(ifetch_result(fetch), NULL), stdout);
    ifetch_free(fetch);
    return 0;
}
