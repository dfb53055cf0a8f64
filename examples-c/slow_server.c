/*
 * A server whose answers take SECONDS of work each, done in steps of 10 ms. Between two steps it
 * looks whether its client is still there; if not, it stops, and prints how much work that saved.
 * Times are those of CLOCK_MONOTONIC. It listens on loopback only, on a free port if PORT is 0,
 * ends after so many CONNECTIONS if given, and with its parent in any case.
 *
 *     cc slow_server.c -o slow_server -lpthread && ./slow_server 5 8080
 */
#define _GNU_SOURCE /* POLLRDHUP, accept4() */
#include <arpa/inet.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static const double step_s = 0.01;
static int steps_per_answer;
static atomic_int requests;

static double now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int read_head(int fd)
{
    char head[16384] = "";
    size_t len = 0;
    while (!strstr(head, "\r\n\r\n")) {
        ssize_t n = recv(fd, head + len, sizeof head - 1 - len, 0);
        if (n <= 0)
            return 0;
        len += (size_t)n;
        head[len] = '\0';
    }
    return 1;
}

/* Whether a FIN or an RST has come; unread bytes before it do not hide it. */
static int client_has_gone(int fd)
{
    struct pollfd client = { fd, POLLRDHUP, 0 };
    return poll(&client, 1, 0) > 0;
}

/* Returns how many steps were done: all, unless the client went. */
static int work_for(int fd)
{
    int done = 0;
    for (; done < steps_per_answer && !client_has_gone(fd); done++)
        nanosleep(&(struct timespec){ 0, (long)(step_s * 1e9) }, NULL);
    return done;
}

static void *serve(void *arg)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\nworth the wait\n";
    int fd = (int)(intptr_t)arg;
    if (read_head(fd)) {
        int number = ++requests;
        printf("[%.6f] request %d: begins %.2f s of work\n", now(), number,
               steps_per_answer * step_s);
        int done = work_for(fd);
        if (done == steps_per_answer && send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) > 0)
            printf("[%.6f] request %d: answered\n", now(), number);
        else
            printf("[%.6f] request %d: its client has gone; stops after %.2f s, saves %.2f s\n",
                   now(), number, done * step_s, (steps_per_answer - done) * step_s);
    }
    close(fd);
    return NULL;
}

static int listen_on_loopback(uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, SOMAXCONN) != 0
        || getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("slow_server: cannot listen");
        exit(1);
    }
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return fd;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: slow_server SECONDS PORT [CONNECTIONS]\n");
        return 2;
    }
    steps_per_answer = (int)(strtod(argv[1], NULL) / step_s + 0.5);
    long connections = argc > 3 ? strtol(argv[3], NULL, 10) : LONG_MAX;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    setvbuf(stdout, NULL, _IOLBF, 0);

    int listener = listen_on_loopback((uint16_t)strtoul(argv[2], NULL, 10));
    for (; connections > 0; connections--) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_t thread;
        if (fd < 0 || pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0) {
            perror("slow_server: cannot accept");
            return 1;
        }
        pthread_detach(thread);
    }
    close(listener);
    pthread_exit(NULL); /* the process ends when its last thread does */
}
