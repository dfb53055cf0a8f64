/* The floor of the rows over TLS: a blocking client on OpenSSL that does nothing but connect, shake
 * hands, send, receive and count. One request at a time; it resumes the session that it was given
 * last, if the server gives any. */

#include "bench.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *context;
static SSL_SESSION *session;
static SSL *ssl;
static int fd = -1;
static struct bench_sum sum = { .version = "-" };
static char buffer[BENCH_BUFFER];

static int keep_session(SSL *of, SSL_SESSION *given)
{
    (void)of;
    SSL_SESSION_free(session);
    session = given;
    return 1;
}

static void open_connection(const struct bench *b)
{
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(b->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) != 0)
        bench_die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1");
    if (session != NULL)
        SSL_set_session(ssl, session);
    if (SSL_connect(ssl) != 1)
        bench_fail("SSL_connect");
    sum.connections++;
}

static void close_connection(void)
{
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
    fd = -1;
}

static void answer_one(const struct bench *b, const char *request, int len)
{
    if (fd < 0)
        open_connection(b);
    if (SSL_write(ssl, request, len) != len)
        bench_fail("SSL_write");
    uint64_t left = b->body;
    for (int head = 1; head || left > 0;) {
        int n = SSL_read(ssl, buffer, sizeof buffer - 1);
        if (n <= 0)
            bench_fail("SSL_read");
        const char *from = buffer;
        if (head) {
            buffer[n] = '\0';
            if ((from = strstr(buffer, "\r\n\r\n")) == NULL)
                bench_fail("a response head in pieces");
            from += 4;
            head = 0;
        }
        uint64_t came = (uint64_t)(buffer + n - from);
        left -= came < left ? came : left;
        sum.bytes += came;
    }
    if (!b->row->keep)
        close_connection();
}

static void answer_all(struct bench *b)
{
    char request[256];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: raw\r\n"
                       "Accept: */*\r\n%s\r\n", b->targets[0].path, b->port,
                       b->row->keep ? "" : "Connection: close\r\n");
    for (unsigned done = 0; done < b->count; done++)
        answer_one(b, request, len);
}

int main(int argc, char **argv)
{
    struct bench b = bench_args(argc, argv);
    if (!b.row->secure || b.concurrency != 1)
        bench_fail("only rows over TLS, one request at a time");
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    if (SSL_CTX_load_verify_locations(context, bench_trusted(), NULL) != 1)
        bench_fail("no trusted certificates");
    sum.cpu_ns = bench_measure(&b, answer_all);
    if (fd >= 0)
        close_connection();
    bench_done(&b, &sum);
    SSL_SESSION_free(session);
    SSL_CTX_free(context);
    return 0;
}
