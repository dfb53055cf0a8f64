/*
 * Fetches URLs from servers that want to know who we are: CERTIFICATE is shown to those that ask
 * for one, and KEY proves that it is ours. They in turn prove who they are by TRUSTED. All three
 * are files in PEM. The settings are the client's, so that all its fetches have them, and those to
 * one server share its connection.
 *
 *     cc mtls.c -o mtls -lifetch
 *     ./mtls trusted.pem certificate.pem key.pem https://localhost:8443/a https://localhost:8443/b
 */
#include <ifetch.h>
#include <stdio.h>

static int settle(ifetch_client *client, char **files)
{
    ifetch_tls *tls = ifetch_tls_new();
    ifetch_tls_trust_system(tls, 0);
    ifetch_tls_min_version(tls, IFETCH_TLS_1_3);
    int settled = ifetch_tls_trust_file(tls, files[0]) == IFETCH_ERROR_NONE
        && ifetch_tls_identity_file(tls, files[1], files[2]) == IFETCH_ERROR_NONE;
    if (settled)
        ifetch_client_set_tls(client, tls);
    else
        fprintf(stderr, "%s\n", ifetch_tls_error_message(tls));
    ifetch_tls_free(tls);
    return settled;
}

static int get(ifetch_client *client, const char *url)
{
    ifetch *fetch = ifetch_client_start(client, url, NULL);
    ifetch_status status = ifetch_wait(fetch, -1);
    if (status == IFETCH_DONE) {
        const ifetch_response *response = ifetch_result(fetch);
        ifetch_report report;
        ifetch_report_get(fetch, &report, sizeof report);
        printf("%s: status %d, %s connection\n", url, (int)ifetch_response_status(response),
               report.reused ? "kept" : report.tls_resumed ? "resumed" : "new");
    } else {
        fprintf(stderr, "%s: %s\n", url, ifetch_error_message(fetch));
    }
    ifetch_free(fetch);
    return status == IFETCH_DONE;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: mtls TRUSTED CERTIFICATE KEY URL...\n");
        return 2;
    }
    ifetch_client *client = ifetch_client_new();
    if (!client) {
        perror("mtls");
        return 1;
    }
    int all = settle(client, argv + 1);
    for (int i = 4; all && i < argc; i++)
        all = get(client, argv[i]);
    ifetch_client_free(client);
    return all ? 0 : 1;
}
