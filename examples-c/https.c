/*
 * Fetches an https URL and says how it was secured. Servers have to prove who they are by the
 * certificates that the system trusts, or else by those in the file TRUSTED, which is in PEM; that
 * is how a server of your own is reached that the world does not know.
 *
 *     cc https.c -o https -lifetch && ./https https://example.com/
 *     ./https https://localhost:8443/ my-authority.pem
 */
#include <ifetch.h>
#include <poll.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: https URL [TRUSTED]\n");
        return 2;
    }
    ifetch_options *options = ifetch_options_new();
    if (argc == 3) {
        ifetch_tls *tls = ifetch_tls_new();
        ifetch_tls_trust_system(tls, 0);
        if (ifetch_tls_trust_file(tls, argv[2]) != IFETCH_ERROR_NONE) {
            fprintf(stderr, "%s\n", ifetch_tls_error_message(tls));
            ifetch_tls_free(tls);
            ifetch_options_free(options);
            return 1;
        }
        ifetch_options_tls(options, tls);
        ifetch_tls_free(tls);
    }
    ifetch *fetch = ifetch_start(argv[1], options);
    ifetch_options_free(options);

    struct pollfd readable = { ifetch_fd(fetch), POLLIN, 0 };
    ifetch_status status;
    while ((status = ifetch_poll(fetch)) == IFETCH_PENDING)
        poll(&readable, 1, -1);

    if (status == IFETCH_DONE) {
        size_t len;
        const uint8_t *body = ifetch_response_body(ifetch_result(fetch), &len);
        fwrite(body, 1, len, stdout);
        ifetch_report report;
        ifetch_report_get(fetch, &report, sizeof report);
        fprintf(stderr, "TLS %u.%u, cipher suite 0x%04x, handshake %.1f ms\n",
                report.tls_version / 10, report.tls_version % 10, report.tls_cipher_suite,
                (double)(report.sending_ns - report.handshake_ns) / 1e6);
    } else {
        fprintf(stderr, "%s: %s\n", ifetch_error_name(ifetch_error_code(fetch)),
                ifetch_error_message(fetch));
    }
    ifetch_free(fetch);
    return status == IFETCH_DONE ? 0 : 1;
}
