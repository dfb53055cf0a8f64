// A C++ program that finds ifetch with CMake: fetches one URL, writes its body to stdout.
#include <ifetch.h>

#include <cstdio>
#include <memory>

struct Free {
    void operator()(ifetch *fetch) const { ifetch_free(fetch); }
};

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    std::unique_ptr<ifetch, Free> fetch(ifetch_start(argv[1], nullptr));
    if (ifetch_run(fetch.get(), nullptr, nullptr, 0) != IFETCH_DONE) {
        std::fprintf(stderr, "%s\n", ifetch_error_message(fetch.get()));
        return 1;
    }
    size_t len;
    const uint8_t *body = ifetch_response_body(ifetch_result(fetch.get()), &len);
    std::fwrite(body, 1, len, stdout);
    return 0;
}
