/*
 * ifetch: HTTP fetches that can be interrupted at any moment.
 *
 * This header is the manual. The whole of a program that fetches:
 *
 *     ifetch *f = ifetch_start("http://127.0.0.1:8080/", NULL);
 *     struct pollfd p = { ifetch_fd(f), POLLIN, 0 };
 *     ifetch_status s;
 *     while ((s = ifetch_poll(f)) == IFETCH_PENDING)
 *         poll(&p, 1, -1);
 *     size_t len;
 *     const uint8_t *body = ifetch_response_body(ifetch_result(f), &len);
 *     if (s == IFETCH_DONE) fwrite(body, 1, len, stdout);
 *     else                  fprintf(stderr, "%s\n", ifetch_error_message(f));
 *     ifetch_free(f);
 *
 * Any loop. Watch ifetch_fd() for reading, call ifetch_poll() when it is readable. The descriptor
 * never changes, needs no timer beside it, and serves deadlines as well as sockets. Wait only
 * after IFETCH_PENDING: any other answer asks for another call first. A caller that does not want
 * to read or write yet may wait as well; the descriptor tells of all else that happens.
 *
 * Any moment. ifetch_cancel() ends a fetch in whatever it is doing, from any thread or signal
 * handler, without blocking, and the server can tell: the connection is ended before it returns.
 *
 * Many at once, and whenever. An ifetch_token cancels all fetches that were started under it, of
 * any clients and threads, and all under the tokens below it. It outlives them, so that a signal
 * handler or another thread may cancel it at any time: before they start, while they are freed.
 *
 * Nothing blocks but ifetch_wait(), ifetch_client_wait() and ifetch_run(). No function waits for a
 * name lookup, a lock or a thread, or reads files but the resolver's own in /etc, when they have
 * changed (hosts, resolv.conf and nsswitch.conf), and the certificates that the system trusts, at
 * the first https fetch of a client.
 *
 * Many fetches. An ifetch_client drives any number of them on one descriptor: start them with
 * ifetch_client_start(), poll with ifetch_client_poll(), ask ifetch_client_next() which have news.
 * It keeps connections for reuse, looks names up in the same loop, and remembers them.
 *
 * https needs nothing to be set up: servers have to prove by a certificate that the system trusts
 * that they are the host of the URL. An ifetch_tls says otherwise.
 *
 * Threads. A client and its fetches are used by one thread at a time, any thread; a fetch made by
 * ifetch_start() has a client of its own. A call made while another thread is inside one on the
 * same client does nothing and says BUSY. ifetch_cancel() alone may be called at any time before
 * the fetch is freed. Different clients share nothing, unless they are given the same token.
 *
 * Ownership. What a _new or _start function returns is freed by the caller with the _free function
 * of its type, exactly once, in any order; tokens are counted. `const` pointers that come back are lent; each function
 * says until when. Strings are NUL-terminated; strings and bytes that go in are copied unless it
 * says otherwise.
 *
 * NULL is safe in every function, as any argument; each says what it then returns.
 *
 * Times are in milliseconds where the name ends in _ms, nanoseconds where in _ns; lengths are in
 * bytes.
 *
 * After fork() a child must not use what it inherited, but may free it, and that sends nothing.
 *
 * SIGPIPE is never raised, no signal handler is installed, no global state is set up or needed;
 * every descriptor is close-on-exec. The environment is not read, but for what ifetch_resolver and
 * ifetch_tls say, when a client looks up its first name, or fetches its first https URL. If memory
 * runs out, the process is aborted.
 */


#ifndef IFETCH_H
#define IFETCH_H

#include <stddef.h>
#include <stdint.h>

/** The version this header was made for; ifetch_version() names the one that runs. */
#define IFETCH_VERSION_MAJOR 0
#define IFETCH_VERSION_MINOR 1
#define IFETCH_VERSION_PATCH 0
#define IFETCH_VERSION "0.1.0"

#ifndef IFETCH_MUST_USE
#if defined(__GNUC__)
#define IFETCH_MUST_USE __attribute__((warn_unused_result))
#else
#define IFETCH_MUST_USE
#endif
#endif

/**
 * What a fetch says when it is asked. DONE, FAILED and CANCELLED are final: each fetch reaches
 * exactly one of them, once, and says so for good.
 */
enum ifetch_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Another thread is inside a call on the same client. The call did nothing.
     */
    IFETCH_BUSY = -1,
    /**
     * Nothing to report: wait until the descriptor is readable, then poll again.
     */
    IFETCH_PENDING = 0,
    /**
     * An interim (1xx) response came, and ifetch_options_interim() asked for them. It is what
     * ifetch_result() gives until the next poll. Poll again before waiting.
     */
    IFETCH_INTERIM = 1,
    /**
     * The response head came: ifetch_result() has it. Said once, by streaming fetches only.
     * Poll again before waiting.
     */
    IFETCH_HEAD = 2,
    /**
     * Body bytes may be read with ifetch_read(). Said by every poll as long as it is so, by
     * streaming fetches only.
     */
    IFETCH_READABLE = 3,
    /**
     * Body bytes may be written with ifetch_write(). Said by every poll as long as it is so,
     * by fetches with a streamed upload only.
     */
    IFETCH_WRITABLE = 4,
    /**
     * The response is complete. An HTTP status such as 404 or 500 is a complete response.
     */
    IFETCH_DONE = 5,
    /**
     * The fetch failed: see ifetch_error_code() and ifetch_error_message(). What had arrived is
     * still there.
     */
    IFETCH_FAILED = 6,
    /**
     * The fetch was cancelled. What had arrived is still there.
     */
    IFETCH_CANCELLED = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_status ifetch_status;
#else
typedef int32_t ifetch_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a fetch is doing.
 */
enum ifetch_phase
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Turning the host name into addresses.
     */
    IFETCH_PHASE_RESOLVING = 1,
    /**
     * Connecting to one or several addresses.
     */
    IFETCH_PHASE_CONNECTING = 2,
    /**
     * Shaking hands for TLS, which https needs.
     */
    IFETCH_PHASE_TLS = 3,
    /**
     * Handing the request, head and body, to the kernel.
     */
    IFETCH_PHASE_SENDING = 4,
    /**
     * The request is sent; the response head is not complete yet.
     */
    IFETCH_PHASE_WAITING = 5,
    /**
     * The response head is there; the body is arriving.
     */
    IFETCH_PHASE_RECEIVING = 6,
    /**
     * The fetch has ended.
     */
    IFETCH_PHASE_ENDED = 7,
    /**
     * Waiting for a connection, since a limit of the client is reached. It comes before all
     * others.
     */
    IFETCH_PHASE_QUEUED = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_phase ifetch_phase;
#else
typedef int32_t ifetch_phase;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a call was refused or why a fetch failed. 0 is success everywhere. Numbers are never
 * reused and never change their meaning; new ones are added at the end, so treat a number that
 * you do not know as a failure like any other. ifetch_error_name() and ifetch_error_text() turn
 * them into words; ifetch_error_message() tells the whole story of one fetch.
 */
enum ifetch_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * No error.
     */
    IFETCH_ERROR_NONE = 0,
    /**
     * An argument is NULL where it may not be, out of range, or not one of the named constants.
     */
    IFETCH_ERROR_INVALID_ARGUMENT = 1,
    /**
     * Another thread is inside a call on the same client; this call did nothing.
     */
    IFETCH_ERROR_BUSY = 2,
    /**
     * The call does not fit this fetch or its state, or its options exclude each other: an
     * upgrade with a request body.
     */
    IFETCH_ERROR_WRONG_STATE = 3,
    /**
     * This build cannot do what was asked: a scheme other than http and https (which a build may
     * lack: see ifetch_feature()), an unknown policy.
     */
    IFETCH_ERROR_UNSUPPORTED = 4,
    /**
     * The URL cannot be parsed, or holds control characters.
     */
    IFETCH_ERROR_INVALID_URL = 5,
    /**
     * The method is not a token (RFC 9110 section 9.1), or is CONNECT.
     */
    IFETCH_ERROR_INVALID_METHOD = 6,
    /**
     * A header name is not a token, a value holds CR, LF, NUL or another control character
     * (RFC 9110 section 5.5), or the field is one that the library writes itself.
     */
    IFETCH_ERROR_INVALID_HEADER = 7,
    /**
     * The host name could not be turned into an address.
     */
    IFETCH_ERROR_RESOLVE = 8,
    /**
     * No address of the host accepted a connection; the message lists every attempt.
     */
    IFETCH_ERROR_CONNECT = 9,
    /**
     * The whole fetch took longer than IFETCH_TIMEOUT_TOTAL allows.
     */
    IFETCH_ERROR_TIMEOUT_TOTAL = 10,
    /**
     * The name lookup took longer than IFETCH_TIMEOUT_RESOLVE allows.
     */
    IFETCH_ERROR_TIMEOUT_RESOLVE = 11,
    /**
     * Connecting took longer than IFETCH_TIMEOUT_CONNECT allows.
     */
    IFETCH_ERROR_TIMEOUT_CONNECT = 12,
    /**
     * No byte of the response came within IFETCH_TIMEOUT_FIRST_BYTE.
     */
    IFETCH_ERROR_TIMEOUT_FIRST_BYTE = 13,
    /**
     * The response head was not complete within IFETCH_TIMEOUT_HEAD.
     */
    IFETCH_ERROR_TIMEOUT_HEAD = 14,
    /**
     * No byte moved in either direction for IFETCH_TIMEOUT_IDLE.
     */
    IFETCH_ERROR_TIMEOUT_IDLE = 15,
    /**
     * The connection broke while the request was being sent, and no response had come.
     */
    IFETCH_ERROR_SEND = 16,
    /**
     * The connection broke while the response was awaited or received.
     */
    IFETCH_ERROR_RECEIVE = 17,
    /**
     * The server closed the connection without sending a single byte of a response.
     */
    IFETCH_ERROR_NO_RESPONSE = 18,
    /**
     * The server closed the connection before the response was complete (RFC 9112 section 8).
     * What had arrived is still there: see ifetch_response_body().
     */
    IFETCH_ERROR_TRUNCATED = 19,
    /**
     * The first bytes of the answer are not those of an HTTP/1 response.
     */
    IFETCH_ERROR_NOT_HTTP = 20,
    /**
     * The response head breaks RFC 9112: a bare CR or LF, a NUL, a folded line, a blank before
     * the colon, a status line that is none.
     */
    IFETCH_ERROR_BAD_HEAD = 21,
    /**
     * The response's length cannot be trusted (RFC 9112 section 6.3): Content-Length differing,
     * malformed or beside Transfer-Encoding, or a transfer coding that is not understood.
     */
    IFETCH_ERROR_BAD_FRAMING = 22,
    /**
     * The chunked coding, its trailer section included, is broken (RFC 9112 section 7.1).
     */
    IFETCH_ERROR_BAD_CHUNK = 23,
    /**
     * More bytes came after the end of the response.
     */
    IFETCH_ERROR_EXTRA_BYTES = 24,
    /**
     * The server switched protocols (101) although ifetch_options_upgrade() did not ask for it.
     */
    IFETCH_ERROR_UNEXPECTED_UPGRADE = 25,
    /**
     * The response head, or its trailer section, is longer than IFETCH_LIMIT_HEAD.
     */
    IFETCH_ERROR_HEAD_TOO_LARGE = 26,
    /**
     * The response has more header or trailer fields than IFETCH_LIMIT_HEADERS.
     */
    IFETCH_ERROR_TOO_MANY_HEADERS = 27,
    /**
     * The collected body is longer than IFETCH_LIMIT_BODY.
     */
    IFETCH_ERROR_BODY_TOO_LARGE = 28,
    /**
     * More interim (1xx) responses came than IFETCH_LIMIT_INTERIM.
     */
    IFETCH_ERROR_TOO_MANY_INTERIM = 29,
    /**
     * ifetch_write_end() came before the announced length had been written.
     */
    IFETCH_ERROR_UPLOAD_INCOMPLETE = 30,
    /**
     * The operating system refused a resource: descriptors, memory for sockets, threads.
     */
    IFETCH_ERROR_SYSTEM = 31,
    /**
     * The fetch was cancelled.
     */
    IFETCH_ERROR_CANCELLED = 32,
    /**
     * A bug in ifetch was caught before it could do harm; please report the message.
     */
    IFETCH_ERROR_INTERNAL = 33,
    /**
     * The limits of the client kept the fetch waiting for longer than IFETCH_TIMEOUT_QUEUE
     * allows.
     */
    IFETCH_ERROR_TIMEOUT_QUEUE = 34,
    /**
     * The TLS handshake failed, or the connection broke TLS later: the other side sent what may not
     * be sent, or has no version or cipher suite in common with this one. The message says what.
     */
    IFETCH_ERROR_TLS = 35,
    /**
     * The server ended TLS with an alert (RFC 8446 section 6.2); the message says which.
     */
    IFETCH_ERROR_TLS_ALERT = 36,
    /**
     * The server's certificate, or one behind it, is refused for another reason than those below: it
     * cannot be read, has a wrong or weak signature, is not for servers, or breaks a constraint.
     */
    IFETCH_ERROR_CERTIFICATE = 37,
    /**
     * The server's certificate, or one behind it, has expired or is not valid yet.
     */
    IFETCH_ERROR_CERTIFICATE_DATE = 38,
    /**
     * The server's certificate was issued by nobody who is trusted, or by itself.
     */
    IFETCH_ERROR_CERTIFICATE_ISSUER = 39,
    /**
     * The server's certificate is for other names than the one in the URL, or than the one set with
     * ifetch_options_verify_name(); the message lists them.
     */
    IFETCH_ERROR_CERTIFICATE_NAME = 40,
    /**
     * The server's public key is none of those that ifetch_tls_pin() named.
     */
    IFETCH_ERROR_CERTIFICATE_PIN = 41,
    /**
     * Nobody is trusted: the certificates that this system trusts cannot be read, or there are none,
     * or they were switched off and no others given.
     */
    IFETCH_ERROR_NO_TRUST = 42,
    /**
     * A file that was named cannot be read, or be written to.
     */
    IFETCH_ERROR_BAD_FILE = 43,
    /**
     * A file or text holds no certificate or no key, in PEM, that can be used.
     */
    IFETCH_ERROR_BAD_PEM = 44,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_error ifetch_error;
#else
typedef int32_t ifetch_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which deadline ifetch_options_timeout() sets. None is set unless asked for, but
 * IFETCH_TIMEOUT_DRAIN; each has its own error code, and arrives through the fetch's descriptor.
 */
enum ifetch_timeout
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * From the start to the end of the fetch. For a streaming fetch too, whoever is slow.
     */
    IFETCH_TIMEOUT_TOTAL = 1,
    /**
     * From the start of the name lookup to its answer.
     */
    IFETCH_TIMEOUT_RESOLVE = 2,
    /**
     * From the first connection attempt to an established connection, with TLS a complete
     * handshake.
     */
    IFETCH_TIMEOUT_CONNECT = 3,
    /**
     * From the moment the request is sent completely to the first byte of an answer, interim
     * ones included.
     */
    IFETCH_TIMEOUT_FIRST_BYTE = 4,
    /**
     * From the moment the request is sent completely to the complete head of the final
     * response.
     */
    IFETCH_TIMEOUT_HEAD = 5,
    /**
     * Without a byte moving in either direction, once connected. Does not run while it is the
     * caller who is waited for, to read or to write.
     */
    IFETCH_TIMEOUT_IDLE = 6,
    /**
     * No deadline of the fetch, but how long a connection is drained with IFETCH_CANCEL_DRAIN:
     * 1,000 unless set.
     */
    IFETCH_TIMEOUT_DRAIN = 7,
    /**
     * From the start to the moment a connection, or leave to make one, is given to the fetch.
     */
    IFETCH_TIMEOUT_QUEUE = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_timeout ifetch_timeout;
#else
typedef int32_t ifetch_timeout;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which limit ifetch_options_limit() sets.
 */
enum ifetch_limit
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Bytes of a response head, and of a trailer section: 65,536 unless set; at most 16 MiB.
     */
    IFETCH_LIMIT_HEAD = 1,
    /**
     * Fields of a response head, and of a trailer section: 128 unless set; at most 65,536.
     */
    IFETCH_LIMIT_HEADERS = 2,
    /**
     * Bytes of a collected body: 67,108,864 (64 MiB) unless set. Streamed bodies have no limit.
     */
    IFETCH_LIMIT_BODY = 3,
    /**
     * Interim (1xx) responses: 8 unless set; at most 65,536.
     */
    IFETCH_LIMIT_INTERIM = 4,
    /**
     * Bytes that may be left of a response when its connection is to be drained with
     * IFETCH_CANCEL_DRAIN: 65,536 unless set; at most 1 MiB.
     */
    IFETCH_LIMIT_DRAIN = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_limit ifetch_limit;
#else
typedef int32_t ifetch_limit;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How a cancelled fetch ends its connection.
 */
enum ifetch_cancel_policy
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * FIN, then at once RST: noticed by the most servers, drops what was not sent yet. The
     * default.
     */
    IFETCH_CANCEL_RST = 0,
    /**
     * FIN alone: for paths that lose packets, since a lost RST is never sent again.
     */
    IFETCH_CANCEL_FIN = 1,
    /**
     * Keeps the connection for later fetches where that costs little: if the request was sent,
     * the response head is there, and no more than IFETCH_LIMIT_DRAIN bytes are left of a body
     * whose length it tells, the client reads those and throws them away, for up to
     * IFETCH_TIMEOUT_DRAIN. The server does not notice then. Otherwise as IFETCH_CANCEL_RST.
     */
    IFETCH_CANCEL_DRAIN = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_cancel_policy ifetch_cancel_policy;
#else
typedef int32_t ifetch_cancel_policy;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which limit ifetch_client_set_limit() sets.
 */
enum ifetch_client_limit
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Connections at a time, in all: those being made, in use, idle or drained; 0, unless set: no
     * limit. A fetch beyond it queues (IFETCH_PHASE_QUEUED); an idle connection is closed to make
     * room. Origins that wait take turns.
     */
    IFETCH_CLIENT_LIMIT_CONNECTIONS = 1,
    /**
     * Connections at a time to one origin (scheme, host and port); 0, unless set: no limit. Those
     * who wait are served in the order in which they came.
     */
    IFETCH_CLIENT_LIMIT_ORIGIN = 2,
    /**
     * Idle connections that are kept: 256 unless set; beyond it, the one that has been idle for
     * longest is closed. 0 keeps none.
     */
    IFETCH_CLIENT_LIMIT_IDLE = 3,
    /**
     * Names whose addresses are remembered: 256 unless set; 0 remembers none.
     */
    IFETCH_CLIENT_LIMIT_NAMES = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_client_limit ifetch_client_limit;
#else
typedef int32_t ifetch_client_limit;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which timeout ifetch_client_set_timeout() sets.
 */
enum ifetch_client_timeout
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * An idle connection is closed after this long: 60,000 unless set; 0: never.
     */
    IFETCH_CLIENT_TIMEOUT_IDLE = 1,
    /**
     * A connection this old is not used for another fetch; 0, unless set: however old it is.
     */
    IFETCH_CLIENT_TIMEOUT_AGE = 2,
    /**
     * For how long at the most the addresses of a name are remembered; 0: not at all. Unless set,
     * as long as the name server said, which is taken as 1 s to a day, or 60,000 where the system
     * looked it up, which does not tell. Fetches that want the same name at the same time share
     * one lookup in any case.
     */
    IFETCH_CLIENT_TIMEOUT_NAME = 3,
    /**
     * For how long at the most it is remembered that a name does not exist or has no address; 0:
     * not at all. Unless set, as long as the name server said (RFC 2308), or 5,000 where the
     * system looked it up.
     */
    IFETCH_CLIENT_TIMEOUT_NO_NAME = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_client_timeout ifetch_client_timeout;
#else
typedef int32_t ifetch_client_timeout;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What ifetch_client_count() counts.
 */
enum ifetch_count
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Connections now: being made, in use, idle, drained.
     */
    IFETCH_COUNT_CONNECTIONS = 1,
    /**
     * Idle connections now.
     */
    IFETCH_COUNT_IDLE = 2,
    /**
     * Connections that are being drained now (see IFETCH_CANCEL_DRAIN).
     */
    IFETCH_COUNT_DRAINING = 3,
    /**
     * Connections established since the client was made.
     */
    IFETCH_COUNT_OPENED = 4,
    /**
     * Fetches that were given a kept connection, since the client was made.
     */
    IFETCH_COUNT_REUSED = 5,
    /**
     * Fetches whose kept connection died and that were given a new one, since then.
     */
    IFETCH_COUNT_RETRIED = 6,
    /**
     * Fetches that wait for a connection now. Likewise the next ones, by phase.
     */
    IFETCH_COUNT_QUEUED = 7,
    /**
     * Fetches in this phase now.
     */
    IFETCH_COUNT_RESOLVING = 8,
    /**
     * Fetches in this phase now.
     */
    IFETCH_COUNT_CONNECTING = 9,
    /**
     * Fetches in this phase now.
     */
    IFETCH_COUNT_TLS = 10,
    /**
     * Fetches in this phase now.
     */
    IFETCH_COUNT_SENDING = 11,
    /**
     * Fetches in this phase now.
     */
    IFETCH_COUNT_WAITING = 12,
    /**
     * Fetches in this phase now.
     */
    IFETCH_COUNT_RECEIVING = 13,
    /**
     * Fetches that have ended and were not freed yet.
     */
    IFETCH_COUNT_ENDED = 14,
    /**
     * Names remembered now, also those that do not exist.
     */
    IFETCH_COUNT_NAMES = 15,
    /**
     * Lookups begun since the client was made.
     */
    IFETCH_COUNT_LOOKUPS = 16,
    /**
     * Fetches that waited for a lookup that another one had begun, since then.
     */
    IFETCH_COUNT_LOOKUPS_SHARED = 17,
    /**
     * Fetches whose name was remembered, since then.
     */
    IFETCH_COUNT_LOOKUPS_CACHED = 18,
    /**
     * Lookups that were left to the system, since then (see ifetch_resolver).
     */
    IFETCH_COUNT_LOOKUPS_SYSTEM = 19,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_count ifetch_count;
#else
typedef int32_t ifetch_count;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who looks names up, for ifetch_client_set_resolver(). A fetch made by ifetch_start() does it as
 * AUTO says.
 *
 * A native lookup asks name servers over sockets of the client's own, so that a cancelled one
 * leaves nothing behind, and any number of them run at the same time. The system's getaddrinfo runs
 * on helper threads, of which eight work for somebody at a time; a cancelled one is left alone until
 * it comes back. There are never more than 256 threads in all: when so many are stuck, the next
 * lookup waits for one of them.
 */
enum ifetch_resolver
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Natively where the system would do no more, by Go's rule: the line for hosts in
     * /etc/nsswitch.conf names only files and dns (or nothing that matters), /etc/resolv.conf holds
     * nothing unknown, the name does not end in .local, and the environment has none of RES_OPTIONS,
     * LOCALDOMAIN and HOSTALIASES. Otherwise, and where /etc/hosts is longer than 1 MiB, by the
     * system. Once ifetch_client_add_name_server() was called: natively. The default.
     */
    IFETCH_RESOLVER_AUTO = 0,
    /**
     * Always natively: by /etc/hosts, then by name servers, as /etc/resolv.conf says as far as it
     * is understood.
     */
    IFETCH_RESOLVER_NATIVE = 1,
    /**
     * Always by the system, which does not know of ifetch_client_add_name_server().
     */
    IFETCH_RESOLVER_SYSTEM = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_resolver ifetch_resolver;
#else
typedef int32_t ifetch_resolver;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whether the server may have acted on the request.
 */
enum ifetch_acted
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * No: it was never given a complete request head. Retrying is safe.
     */
    IFETCH_ACTED_NO = 0,
    /**
     * Maybe: a complete request head was handed to the kernel.
     */
    IFETCH_ACTED_MAYBE = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_acted ifetch_acted;
#else
typedef int32_t ifetch_acted;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What became of the connection of a fetch. 4 is kept for RST_STREAM.
 */
enum ifetch_ending
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * There was no established connection, or the fetch has not ended yet.
     */
    IFETCH_ENDING_NONE = 0,
    /**
     * It was given back to the client, for later fetches.
     */
    IFETCH_ENDING_KEPT = 1,
    /**
     * It was closed (FIN).
     */
    IFETCH_ENDING_FIN = 2,
    /**
     * It was aborted (RST, after a FIN where there was time for one).
     */
    IFETCH_ENDING_RST = 3,
    /**
     * It was left to the client, which reads what is left of the response, and then keeps it (see
     * IFETCH_CANCEL_DRAIN).
     */
    IFETCH_ENDING_DRAINED = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_ending ifetch_ending;
#else
typedef int32_t ifetch_ending;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a connection was not kept for later fetches (RFC 9112 section 9.3).
 */
enum ifetch_close
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It was kept or drained, or there was none, or the fetch has not ended.
     */
    IFETCH_CLOSE_NONE = 0,
    /**
     * The fetch was made by ifetch_start(): there is no client that would keep it.
     */
    IFETCH_CLOSE_ALONE = 1,
    /**
     * The request asked for it with "Connection: close".
     */
    IFETCH_CLOSE_REQUEST = 2,
    /**
     * The response asked for it with "Connection: close".
     */
    IFETCH_CLOSE_RESPONSE = 3,
    /**
     * The server speaks HTTP/1.0, and did not say "Connection: keep-alive".
     */
    IFETCH_CLOSE_VERSION = 4,
    /**
     * The body ended with the connection.
     */
    IFETCH_CLOSE_DELIMITED = 5,
    /**
     * The response was complete before the request was sent completely.
     */
    IFETCH_CLOSE_UNSENT = 6,
    /**
     * It speaks another protocol now (101).
     */
    IFETCH_CLOSE_UPGRADED = 7,
    /**
     * The fetch failed or was cancelled.
     */
    IFETCH_CLOSE_INTERRUPTED = 8,
    /**
     * The server had closed it by the time the response was complete.
     */
    IFETCH_CLOSE_SERVER = 9,
    /**
     * It is older than IFETCH_CLIENT_TIMEOUT_AGE.
     */
    IFETCH_CLOSE_AGE = 10,
    /**
     * A limit of the client left no room for it: IFETCH_CLIENT_LIMIT_IDLE is 0 and no fetch waited
     * for it, or there were more connections than a limit allows that was lowered.
     */
    IFETCH_CLOSE_FULL = 11,
    /**
     * Bytes came behind the response.
     */
    IFETCH_CLOSE_EXTRA = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_close ifetch_close;
#else
typedef int32_t ifetch_close;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where the addresses of the host came from.
 */
enum ifetch_lookup
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * None were needed: a numeric address, localhost, a kept connection.
     */
    IFETCH_LOOKUP_NONE = 0,
    /**
     * They were looked up for this fetch.
     */
    IFETCH_LOOKUP_NEW = 1,
    /**
     * The fetch waited for a lookup that another one had begun.
     */
    IFETCH_LOOKUP_SHARED = 2,
    /**
     * The client remembered them.
     */
    IFETCH_LOOKUP_CACHED = 3,
    /**
     * They are those that ifetch_client_add_host() gave, or /etc/hosts.
     */
    IFETCH_LOOKUP_LISTED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_lookup ifetch_lookup;
#else
typedef int32_t ifetch_lookup;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Who cancelled a fetch.
 */
enum ifetch_canceller
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nobody: it has not ended, or not as CANCELLED.
     */
    IFETCH_CANCELLER_NONE = 0,
    /**
     * A call: ifetch_cancel(), an ifetch_run() that was interrupted, ifetch_client_free().
     */
    IFETCH_CANCELLER_CALL = 1,
    /**
     * Its token, or one above that (see ifetch_token_cancel()).
     */
    IFETCH_CANCELLER_TOKEN = 2,
    /**
     * The deadline of its token, or of one above that (see ifetch_token_set_timeout()).
     */
    IFETCH_CANCELLER_DEADLINE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_canceller ifetch_canceller;
#else
typedef int32_t ifetch_canceller;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Versions of TLS, for ifetch_tls_min_version().
 */
enum ifetch_tls_version
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * RFC 5246. The oldest that is spoken at all.
     */
    IFETCH_TLS_1_2 = 12,
    /**
     * RFC 8446.
     */
    IFETCH_TLS_1_3 = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum ifetch_tls_version ifetch_tls_version;
#else
typedef int32_t ifetch_tls_version;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * One fetch: a request, its connection attempts and its response. Made by ifetch_start() or
 * ifetch_client_start(), owned by the caller, and given back with ifetch_free() exactly once.
 */
typedef struct ifetch ifetch;

/**
 * What outlives a fetch, and drives any number of them on one descriptor. Made by
 * ifetch_client_new(), given back with ifetch_client_free(). One thread at a time may use a
 * client and its fetches, any thread; ifetch_cancel() alone is free of that.
 *
 * A client keeps connections for later fetches to the same origin (RFC 9112 section 9.3), the one
 * used last first, and remembers names, and the sessions of TLS. A request that meets a kept
 * connection which has died is sent again on a new one, once, if that is safe: see `retried` in
 * ifetch_report.
 */
typedef struct ifetch_client ifetch_client;

/**
 * How to fetch: made by ifetch_options_new(), changed by the functions below, copied by each
 * start, usable for any number of fetches, and given back with ifetch_options_free(). One thread
 * at a time. Each setter returns 0 or an error code; after an error nothing has changed.
 */
typedef struct ifetch_options ifetch_options;

/**
 * A response, borrowed from its fetch: it lives until the fetch is freed, and is used by the
 * same thread. Before the fetch has ended it may be incomplete: trailers and body are those
 * that have arrived.
 */
typedef struct ifetch_response ifetch_response;

/**
 * Whom to trust on https URLs, and who we are: made by ifetch_tls_new(), changed by the functions
 * below, given to a client with ifetch_client_set_tls() or to options with ifetch_options_tls(),
 * which copy it, and given back with ifetch_tls_free(). One thread at a time. Without any, or as
 * it is made, the certificates are trusted that this system trusts.
 *
 * Those are read once by each client, at its first https fetch, and once by all fetches without a
 * client together; the environment variables SSL_CERT_FILE and SSL_CERT_DIR say where, as for
 * OpenSSL. It is the only file that is read without being named by the caller.
 *
 * A server has to prove the host name of the URL by its certificate. Whether a certificate has
 * been revoked is not asked.
 *
 * Each setter returns 0 or an error code; after an error nothing has changed, and
 * ifetch_tls_error_message() tells the story. UNSUPPORTED in a build without https.
 */
typedef struct ifetch_tls ifetch_tls;

/**
 * Cancels any number of fetches, of any clients, in any threads: all that were started with
 * options that name it (ifetch_options_token()), and all under tokens below it. A token is
 * cancelled once and for good. It may be cancelled before, while and after they run, and may
 * outlive them.
 *
 * Any thread may use a token at any time, also several at once. It is counted by references:
 * ifetch_token_new() and ifetch_token_ref() give one each, options, fetches and children hold
 * their own, and ifetch_token_unref() gives one back. Whoever calls a function with a token has
 * a reference; that is all that a cancel needs, whatever happens to the fetches meanwhile.
 */
typedef struct ifetch_token ifetch_token;

/**
 * What happened to a fetch. Times are nanoseconds since its start; UINT64_MAX for a moment that
 * was not reached. `phase` is the one it ended in, or the one it is in.
 *
 * Each phase lasts from its own moment to the next one that was reached: queued from 0 to
 * `granted_ns`, resolving to `connecting_ns`, connecting to `sending_ns`, sending to `waiting_ns`,
 * waiting to `receiving_ns`, receiving to `ended_ns`. A response may come before the request has
 * been sent: then `receiving_ns` is before `waiting_ns`, or that was not reached. After a retry
 * the moments are those of the last connection.
 */
typedef struct ifetch_report {
    /**
     * How many bytes of this struct the library filled.
     */
    uint32_t size;
    /**
     * An ifetch_phase: where the fetch was when it ended, or is now.
     */
    int32_t phase;
    /**
     * An ifetch_acted.
     */
    int32_t acted;
    /**
     * An ifetch_ending.
     */
    int32_t ending;
    /**
     * Request bytes that the kernel took, head and body, on the last connection; with TLS, up to
     * 64 KiB of them may still have been waiting for it, encrypted.
     */
    uint64_t sent;
    /**
     * Response bytes received on the last connection, framing and interim responses included.
     */
    uint64_t received;
    /**
     * Connection attempts made.
     */
    uint32_t attempts;
    /**
     * Interim responses received.
     */
    uint32_t interim;
    /**
     * When connecting began: the name was known.
     */
    uint64_t connecting_ns;
    /**
     * When sending began: the connection was established, with TLS its handshake complete.
     */
    uint64_t sending_ns;
    /**
     * When waiting began: the request was sent completely.
     */
    uint64_t waiting_ns;
    /**
     * When the first byte of a response arrived.
     */
    uint64_t first_byte_ns;
    /**
     * When receiving began: the head of the response was complete.
     */
    uint64_t receiving_ns;
    /**
     * When the fetch ended.
     */
    uint64_t ended_ns;
    /**
     * When a connection, or leave to make one, was given to the fetch: at once, unless it had to
     * queue.
     */
    uint64_t granted_ns;
    /**
     * An ifetch_close.
     */
    int32_t close;
    /**
     * An ifetch_lookup.
     */
    int32_t lookup;
    /**
     * 1 if the last connection was one that an earlier fetch had used.
     */
    uint32_t reused;
    /**
     * 1 if a kept connection died before any of the response came, and the request was sent again
     * on a new one, as RFC 9110 section 9.2.2 allows: an idempotent method and a body that can be
     * sent again, or not a byte of the request taken by the kernel.
     */
    uint32_t retried;
    /**
     * An ifetch_canceller.
     */
    int32_t canceller;
    /**
     * An ifetch_error: why it ended badly, as ifetch_error_code() says it.
     */
    int32_t error;
    /**
     * When the TLS handshake began: the socket was connected. Not reached on a kept connection.
     */
    uint64_t handshake_ns;
    /**
     * The version of TLS times ten: 12 or 13; 0 without TLS, or before its handshake is complete.
     */
    uint32_t tls_version;
    /**
     * The registered number of the cipher suite, such as 0x1301; 0 as above.
     */
    uint32_t tls_cipher_suite;
    /**
     * 1 if the handshake resumed an earlier session, so that the server showed no certificate.
     */
    uint32_t tls_resumed;
    /**
     * The registered number of the group that keys were exchanged in, such as 0x001d for X25519; 0
     * as above, and for a session of TLS 1.2 that was resumed.
     */
    uint32_t tls_group;
} ifetch_report;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Starts a fetch that has a client, and so a descriptor, of its own.
 *
 * Nothing is waited for: a numeric address is being connected to, or a name looked up, when this
 * returns. `url` and `options` are copied and may go at once; `options`
 * may be NULL, which means a GET whose body is collected.
 *
 * Never returns NULL: a bad URL, a NULL one, or a lack of descriptors makes a fetch that has
 * already FAILED, which ifetch_poll() tells. Running out of memory aborts the process.
 * Any thread.
 */
IFETCH_MUST_USE struct ifetch *ifetch_start(const char *url, const struct ifetch_options *options);

/**
 * The one descriptor of this fetch: the same from start to free, through name lookup, racing
 * connects and deadlines. Watch it for reading (poll, select, epoll level- or edge-triggered, any
 * loop built on them), call ifetch_poll() when it is readable, and do nothing else with it: do
 * not read, write or close it. Fetches of one client share the client's. No timer of the
 * caller's is needed: deadlines make it readable.
 *
 * -1 for NULL, or if the system gave no descriptor: then the fetch has FAILED already.
 */
int ifetch_fd(const struct ifetch *fetch);

/**
 * Does what can be done without waiting, within a budget, and says how the fetch stands.
 *
 * Call it once after the start and then whenever the descriptor is readable; calling it more
 * often is harmless. Only PENDING means that there is something to wait for: after any other
 * answer that is not final, poll (or read, or write) again first. Work left over by the budget
 * makes the descriptor readable again.
 *
 * A fetch of a shared client that has something to say says it; otherwise this polls the client.
 * Returns FAILED for NULL, BUSY if another thread is inside a call on the same client.
 */
ifetch_status ifetch_poll(struct ifetch *fetch);

/**
 * Ends the fetch now, whatever it is doing: looking up a name, connecting, sending, waiting for
 * the response, receiving.
 *
 * May be called from any thread and from any signal handler, at any time between start and
 * free, also while another thread is inside a call on the same fetch. It never blocks, takes no
 * lock, and leaves errno as it was.
 * Before it returns, every connection of the fetch has been ended from the calling thread
 * (FIN, then RST, unless ifetch_options_cancel_policy() says otherwise), so the server can tell
 * even if the loop that owns the fetch is busy for seconds. The descriptor becomes readable,
 * and ifetch_poll() then says CANCELLED. If the fetch has ended already, its outcome stands and
 * nothing happens; nor does it if another cancel is under way, which does all that is said here.
 *
 * The caller sees to it that no other thread is still inside this call when the fetch is freed
 * (join it, for example). NULL is ignored.
 */
void ifetch_cancel(const struct ifetch *fetch);

/**
 * The response: NULL until its head has arrived, and for NULL. Right after ifetch_poll() said
 * INTERIM it is that interim response, until the next poll. The pointer lives until the fetch is
 * freed; what its functions lend lives as each of them says.
 */
const struct ifetch_response *ifetch_result(const struct ifetch *fetch);

/**
 * Frees the fetch and all that was lent from it. One that still runs is cancelled first. Never
 * waits: a name lookup by the system is left to its helper thread, which cleans up after itself.
 * NULL is ignored. After fork() a child may free what it inherited, and nothing is sent.
 *
 * If another thread is inside a call on the same client the fetch is cancelled, but its memory
 * is given up rather than freed under that thread.
 */
void ifetch_free(struct ifetch *fetch);

/**
 * What the fetch is doing now; ENDED for NULL, or if another thread is inside a call on the
 * same client.
 */
ifetch_phase ifetch_phase_of(const struct ifetch *fetch);

/**
 * How far the fetch is: `sent`, request bytes the kernel took (head and body); `received`, body
 * bytes received, without framing; `expected`, the length of the body, UINT64_MAX while unknown.
 * Each pointer may be NULL. For a NULL fetch: 0, 0, UINT64_MAX.
 */
void ifetch_progress(const struct ifetch *fetch,
                     uint64_t *sent,
                     uint64_t *received,
                     uint64_t *expected);

/**
 * Why the fetch ended badly: IFETCH_ERROR_NONE while it runs and when it is DONE,
 * IFETCH_ERROR_CANCELLED when it was cancelled; INVALID_ARGUMENT for NULL; BUSY if another thread
 * is inside a call on the same client.
 */
ifetch_error ifetch_error_code(const struct ifetch *fetch);

/**
 * What went wrong, in a sentence that names what was being done to what, such as
 * "connect to 127.0.0.1:8080: connection refused". Never holds credentials. Empty while the
 * fetch runs, when it is DONE, and for NULL. Lives until the fetch is freed.
 */
const char *ifetch_error_message(const struct ifetch *fetch);

/**
 * The errno of the system call behind the error, 0 if there was none, and for NULL.
 */
int ifetch_os_error(const struct ifetch *fetch);

/**
 * The pointer given with ifetch_options_userdata() or ifetch_set_userdata(); NULL if none.
 */
void *ifetch_userdata(const struct ifetch *fetch);

/**
 * Ties a pointer of the caller's to the fetch; the library never looks behind it.
 * Returns 0, INVALID_ARGUMENT for a NULL fetch, or BUSY.
 */
ifetch_error ifetch_set_userdata(struct ifetch *fetch, void *userdata);

/**
 * Waits until the fetch has something to say other than PENDING, for callers without a loop.
 *
 * It blocks, as besides it only ifetch_run() and ifetch_client_wait() do. `timeout_ms` bounds the
 * wait: 0 does not wait, negative waits without bound. Returns PENDING when the time is over and
 * also when a signal arrived while it slept, so that the caller sees its flags; else as
 * ifetch_poll(). A cancel from another thread or a signal handler ends the wait with CANCELLED.
 */
IFETCH_MUST_USE ifetch_status ifetch_wait(struct ifetch *fetch, int32_t timeout_ms);

/**
 * Runs the fetch until it has something to say other than PENDING, and asks `test_interrupt(arg)`
 * every `interval_ms` (100 if 0 or negative), after each signal, and once before the first wait: a
 * non-zero answer cancels the fetch. The callback runs on the calling thread and may use the
 * fetch, except free it. A NULL `test_interrupt` never interrupts.
 *
 * Returns as ifetch_poll() does, never PENDING.
 */
IFETCH_MUST_USE
ifetch_status ifetch_run(struct ifetch *fetch,
                         int32_t (*test_interrupt)(void *arg),
                         void *arg,
                         int32_t interval_ms);

/**
 * Reads body bytes of a streaming fetch (ifetch_options_stream()) into the caller's buffer,
 * where possible straight from the socket. A caller that does not read is never overrun: the
 * socket is not read either, and the server is held back.
 *
 * `*n` is set to the number of bytes read, 0 to `cap`, whatever is returned. Returns what
 * ifetch_poll() would say next: READABLE (there may be more: read again), PENDING (wait for
 * the descriptor), the end (DONE, FAILED or CANCELLED; `*n` may be more than 0 then too), or
 * WRITABLE, INTERIM or HEAD, if those are due. Before the head has arrived it reads nothing.
 *
 * Returns FAILED, reading nothing, if `fetch`, `buffer` or `n` is NULL or `cap` is 0, and for a
 * fetch that collects its body, which itself goes on; BUSY if another thread is inside.
 */
IFETCH_MUST_USE
ifetch_status ifetch_read(struct ifetch *fetch,
                          void *buffer,
                          size_t cap,
                          size_t *n);

/**
 * Writes request body bytes of a fetch with a streamed upload (ifetch_options_upload()).
 *
 * `*n` is set to the number of bytes taken, 0 to `len`: those the kernel accepted, and for a
 * chunked upload at most one chunk more of 64 KiB. Bytes taken are not needed any more. `n` may be
 * NULL only if `len` is 0. Returns what ifetch_poll() would say next: WRITABLE (more may be
 * written), PENDING (wait for the descriptor), READABLE or HEAD (the response has begun already),
 * or the end. After the end, or once the server has answered with an error status (RFC 9112
 * section 9.5) nothing is sent any more: bytes are then taken and dropped.
 *
 * Returns FAILED, taking nothing, if `fetch` is NULL, or `data` or `n` is NULL and `len` is not 0,
 * or the fetch has no streamed upload or it has been ended, or more is written than was announced;
 * the fetch itself goes on. BUSY if another thread is inside.
 */
IFETCH_MUST_USE
ifetch_status ifetch_write(struct ifetch *fetch,
                           const void *data,
                           size_t len,
                           size_t *n);

/**
 * Ends a streamed upload: for a chunked one the last chunk is sent, for one with a length all of
 * it must have been written, else the fetch fails with UPLOAD_INCOMPLETE. Returns what
 * ifetch_poll() would say next. FAILED for NULL and for a fetch without a streamed upload; a
 * second call is harmless.
 */
ifetch_status ifetch_write_end(struct ifetch *fetch);

/**
 * The status code (RFC 9110 section 15), such as 200; 0 for NULL.
 */
int32_t ifetch_response_status(const struct ifetch_response *response);

/**
 * The HTTP version of the response times ten: 10 or 11; 0 for NULL.
 */
int32_t ifetch_response_version(const struct ifetch_response *response);

/**
 * The reason phrase of the status line, such as "Not Found"; often empty, never to be relied on
 * (RFC 9112 section 4). NULL for NULL. Lives until the fetch is freed (an interim response's:
 * until the next poll).
 */
const char *ifetch_response_reason(const struct ifetch_response *response);

/**
 * The URL that the response came from, normalised, without credentials and fragment. NULL for
 * NULL. Lives until the fetch is freed.
 */
const char *ifetch_response_url(const struct ifetch_response *response);

/**
 * The value of the first header field with this name, in any case, without the blanks around
 * it; NULL if there is none, and for NULL. Bytes above 127 are as the server sent them. Lives
 * until the fetch is freed (an interim response's: until the next poll).
 */
const char *ifetch_response_header(const struct ifetch_response *response, const char *name);

/**
 * How many header fields the response has; repeated ones count each. 0 for NULL.
 */
size_t ifetch_response_header_count(const struct ifetch_response *response);

/**
 * Header field number `i`, in the order of arrival, counted from 0. `name` (as the server wrote
 * it) and `value` are set, each unless NULL; both to NULL if there is none. They live until the
 * fetch is freed (an interim response's: until the next poll). Returns 1 if there is such a field,
 * else 0.
 */
int ifetch_response_header_at(const struct ifetch_response *response,
                              size_t i,
                              const char **name,
                              const char **value);

/**
 * How many trailer fields (RFC 9110 section 6.5) came after a chunked body. 0 until the fetch
 * is DONE, and for NULL.
 */
size_t ifetch_response_trailer_count(const struct ifetch_response *response);

/**
 * Trailer field number `i`, as ifetch_response_header_at(). Trailers are kept apart from the
 * header fields and never change what those said.
 */
int ifetch_response_trailer_at(const struct ifetch_response *response,
                               size_t i,
                               const char **name,
                               const char **value);

/**
 * The collected body, or what has arrived of it; `*len` is its length in bytes (`len` may be
 * NULL). The byte after the last is NUL, so that text can be used as a C string. NULL, with
 * length 0, for NULL and for streaming fetches. Lives until the next call with the fetch (or the
 * client) that polls or waits; once the fetch has ended, until it is freed.
 */
const uint8_t *ifetch_response_body(const struct ifetch_response *response, size_t *len);

/**
 * Makes options with the defaults: GET, no body, collected response, no deadlines. Never NULL.
 */
IFETCH_MUST_USE struct ifetch_options *ifetch_options_new(void);

/**
 * Frees the options; fetches started with them go on. NULL is ignored.
 */
void ifetch_options_free(struct ifetch_options *options);

/**
 * Sets the method, any token (RFC 9110 section 9.1), sent as it is: methods are case-sensitive.
 * INVALID_METHOD if it is none, or CONNECT, which is no fetch. Copied.
 */
ifetch_error ifetch_options_method(struct ifetch_options *options, const char *method);

/**
 * Adds a header field; one with the same name stays beside it. Copied.
 *
 * Unless given or removed, the library sends Host, User-Agent ("ifetch/" and its version), Accept
 * (anything), Connection for a fetch without a client, and Authorization if the URL holds
 * credentials; giving one of them replaces it. Host may be given once. INVALID_HEADER for what is no token, for values with CR,
 * LF, NUL or other control characters, and for Content-Length and Transfer-Encoding, which follow
 * from the body.
 */
ifetch_error ifetch_options_header(struct ifetch_options *options,
                                   const char *name,
                                   const char *value);

/**
 * Sets a header field: as ifetch_options_header(), but those with the same name go. Copied.
 */
ifetch_error ifetch_options_header_set(struct ifetch_options *options,
                                       const char *name,
                                       const char *value);

/**
 * Removes all header fields with this name, also the one that the library would send.
 * INVALID_HEADER for Host, without which there is no HTTP/1.1 request (RFC 9112 section 3.2).
 */
ifetch_error ifetch_options_header_remove(struct ifetch_options *options, const char *name);

/**
 * Sets the request body, copied. `data` may be NULL if `len` is 0, which sends an empty body.
 * The last of the body functions to be called counts. The method stays: set it too.
 */
ifetch_error ifetch_options_body(struct ifetch_options *options, const void *data, size_t len);

/**
 * Sets the request body without copying it: the bytes must stay, unchanged, until these options
 * and every fetch started with them have been freed.
 */
ifetch_error ifetch_options_body_borrowed(struct ifetch_options *options,
                                          const void *data,
                                          size_t len);

/**
 * Lets the caller write the request body with ifetch_write() and ifetch_write_end(), asked for by
 * WRITABLE. `len` is its length in bytes, sent as Content-Length; negative means that it is
 * unknown, and sent in the chunked coding (RFC 9112 section 7.1).
 */
ifetch_error ifetch_options_upload(struct ifetch_options *options, int64_t len);

/**
 * With `on` not 0, the response body is not collected but read with ifetch_read().
 */
ifetch_error ifetch_options_stream(struct ifetch_options *options, int32_t on);

/**
 * With `on` not 0, ifetch_poll() tells of each interim (1xx) response with INTERIM, also to a
 * fetch that collects its body. Otherwise they are skipped.
 */
ifetch_error ifetch_options_interim(struct ifetch_options *options, int32_t on);

/**
 * Asks the server to switch to another protocol (RFC 9110 section 7.8): sends "Upgrade:
 * `protocol`" and "Connection: upgrade", and makes the fetch a streaming one. If the server
 * answers 101, the head is that answer, ifetch_read() and ifetch_write() carry the new protocol's
 * bytes as they are, and the fetch is DONE when the server closes; ifetch_write_end() then sends
 * nothing. Any other answer is an ordinary response. NULL takes it back. `protocol` is copied; it
 * must be a valid header value. Excludes a request body.
 */
ifetch_error ifetch_options_upgrade(struct ifetch_options *options, const char *protocol);

/**
 * Sets a deadline (see ifetch_timeout) in milliseconds; 0 takes it away, and for
 * IFETCH_TIMEOUT_DRAIN means that nothing is waited for. INVALID_ARGUMENT for an unknown `which`.
 */
ifetch_error ifetch_options_timeout(struct ifetch_options *options,
                                    int32_t which,
                                    uint32_t timeout_ms);

/**
 * Sets a limit (see ifetch_limit). INVALID_ARGUMENT for an unknown `which`, or an `n` above what
 * ifetch_limit says.
 */
ifetch_error ifetch_options_limit(struct ifetch_options *options, int32_t which, uint64_t n);

/**
 * Sets how a cancel ends the connection (see ifetch_cancel_policy); UNSUPPORTED if unknown.
 */
ifetch_error ifetch_options_cancel_policy(struct ifetch_options *options, int32_t policy);

/**
 * Puts fetches started with these options under a token (see ifetch_token), of which the options
 * and each of the fetches hold a reference. NULL takes it back. A fetch is under one token; to
 * put it under several, make one with a parent.
 */
ifetch_error ifetch_options_token(struct ifetch_options *options, struct ifetch_token *token);

/**
 * Sets whom a fetch trusts, and who it is, instead of what its client was told
 * (ifetch_client_set_tls()). `tls` is copied; NULL takes it back. A client keeps what it needs
 * for 16 of them: those that are used again and again are best made once.
 */
ifetch_error ifetch_options_tls(struct ifetch_options *options, const struct ifetch_tls *tls);

/**
 * Sets the name or IP address that the server of an https URL has to prove by its certificate, and
 * that it is told (RFC 6066 section 3), instead of the host of the URL. NULL takes it back.
 * INVALID_ARGUMENT if it is empty or holds blanks. Copied.
 */
ifetch_error ifetch_options_verify_name(struct ifetch_options *options, const char *name);

/**
 * Connects to this address and port, such as "127.0.0.1:8443" or "[::1]:80", whatever the URL says;
 * nothing is looked up. The request, and what a certificate has to be for, stay as they are. NULL
 * takes it back. INVALID_ARGUMENT for what is no IP address with a port.
 */
ifetch_error ifetch_options_connect_to(struct ifetch_options *options, const char *address);

/**
 * The pointer that ifetch_userdata() gives back for fetches started with these options.
 */
ifetch_error ifetch_options_userdata(struct ifetch_options *options, void *userdata);

/**
 * Makes a client. NULL if the system gives no descriptor.
 */
IFETCH_MUST_USE struct ifetch_client *ifetch_client_new(void);

/**
 * Frees the client. Its fetches that still run end as CANCELLED; they remain the caller's, to be
 * asked and freed, and the descriptor is closed with the last of them. Kept connections are
 * closed. Never waits. NULL is ignored.
 */
void ifetch_client_free(struct ifetch_client *client);

/**
 * Starts a fetch on this client, as ifetch_start() does on one of its own. Returns NULL only if
 * `client` is NULL or another thread is inside a call on it. The fetch is freed by the caller.
 */
IFETCH_MUST_USE
struct ifetch *ifetch_client_start(struct ifetch_client *client,
                                   const char *url,
                                   const struct ifetch_options *options);

/**
 * The one descriptor of the client and all its fetches, the same until all are freed: watch it
 * for reading and call ifetch_client_poll() when it is readable. -1 for NULL.
 */
int ifetch_client_fd(const struct ifetch_client *client);

/**
 * Does the work that is ready, without waiting and within a budget; what is left makes the
 * descriptor readable again. Returns how many fetches ifetch_client_next() has to give, or -1 for
 * NULL and if another thread is inside a call on this client.
 */
int32_t ifetch_client_poll(struct ifetch_client *client);

/**
 * The next fetch with news, or NULL when there is none left: ask it with ifetch_poll() until it
 * says PENDING or has ended (a streaming one: read or write until PENDING; a stream that never gets
 * there is best left after a share, to be asked again after the others, for bytes that are left
 * unread are not told of again). A fetch that has ended is given once, unless a call had told the
 * caller already. The fetch may be freed at once. NULL for NULL.
 */
struct ifetch *ifetch_client_next(struct ifetch_client *client);

/**
 * Waits until ifetch_client_next() has something to give, for callers without a loop.
 * `timeout_ms`: 0 does not wait, negative waits without bound. Returns how many, 0 when the time
 * is over or a signal arrived, -1 for NULL and if another thread is inside a call on this client.
 */
int32_t ifetch_client_wait(struct ifetch_client *client, int32_t timeout_ms);

/**
 * Sets a limit (see ifetch_client_limit), from now on: a lower one closes idle connections, and
 * leaves those that are in use. Returns 0, INVALID_ARGUMENT for a NULL client, an unknown `which`
 * or an `n` above 4,294,967,295, or BUSY.
 */
ifetch_error ifetch_client_set_limit(struct ifetch_client *client, int32_t which, uint64_t n);

/**
 * Sets a timeout (see ifetch_client_timeout) in milliseconds, from now on. Returns 0,
 * INVALID_ARGUMENT for a NULL client or an unknown `which`, or BUSY.
 */
ifetch_error ifetch_client_set_timeout(struct ifetch_client *client,
                                       int32_t which,
                                       uint32_t timeout_ms);

/**
 * Sets whom the client's fetches trust, and who they are, from now on; fetches that bring settings
 * of their own (ifetch_options_tls()) are not concerned. `tls` is copied; NULL means the
 * defaults. Connections that were made before are not used for later fetches. Returns 0,
 * INVALID_ARGUMENT for a NULL client, or BUSY.
 */
ifetch_error ifetch_client_set_tls(struct ifetch_client *client, const struct ifetch_tls *tls);

/**
 * How many there are of `which` (see ifetch_count), for dashboards: costs next to nothing,
 * however many fetches there are. 0 for NULL, for an unknown `which`, and if another thread is
 * inside a call on this client.
 */
uint64_t ifetch_client_count(const struct ifetch_client *client, int32_t which);

/**
 * The pointer given with ifetch_client_set_userdata(); NULL if none, and for NULL.
 */
void *ifetch_client_userdata(const struct ifetch_client *client);

/**
 * Ties a pointer of the caller's to the client. Returns 0, or INVALID_ARGUMENT for a NULL client.
 */
ifetch_error ifetch_client_set_userdata(struct ifetch_client *client, void *userdata);

/**
 * Sets who looks names up (see ifetch_resolver), from now on; what is remembered of names is
 * forgotten. Returns 0, INVALID_ARGUMENT for a NULL client or an unknown `resolver`, or BUSY.
 */
ifetch_error ifetch_client_set_resolver(struct ifetch_client *client, int32_t resolver);

/**
 * Adds a name server, to be asked instead of those in /etc/resolv.conf, from now on; what is
 * remembered of names is forgotten. Its options and search list still hold. Servers are asked in
 * the order in which they were added. `address` is numeric, with a port or without one for 53:
 * "127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:5353"; copied. Returns 0, INVALID_ARGUMENT for NULL
 * and for what is no such address, or BUSY.
 */
ifetch_error ifetch_client_add_name_server(struct ifetch_client *client, const char *address);

/**
 * Gives a host an address, from now on. Its name is not looked up any more, whoever does that; it
 * may be localhost. Called again, it adds one: they are tried in the order of the calls. `name` is
 * as in a URL, in any case; `address` is numeric, without a port; both are copied. Returns 0,
 * INVALID_ARGUMENT for NULL, for a name that cannot stand in a URL or is an address, and for what
 * is no address, or BUSY.
 */
ifetch_error ifetch_client_add_host(struct ifetch_client *client,
                                    const char *name,
                                    const char *address);

/**
 * Makes settings with the defaults. Never NULL.
 */
IFETCH_MUST_USE struct ifetch_tls *ifetch_tls_new(void);

/**
 * Frees the settings; clients, options and fetches that they were given to go on. NULL is ignored.
 */
void ifetch_tls_free(struct ifetch_tls *tls);

/**
 * What was wrong with the setter that was called last, in a sentence; empty if nothing was, and
 * for NULL. Lives until the next call with these settings.
 */
const char *ifetch_tls_error_message(const struct ifetch_tls *tls);

/**
 * With `on` 0, the certificates that this system trusts are not trusted: only those given with the
 * functions below.
 */
ifetch_error ifetch_tls_trust_system(struct ifetch_tls *tls, int32_t on);

/**
 * Trusts the certificates in a PEM file as well; it is read at once. Those of authorities, and those
 * of servers themselves. BAD_FILE or BAD_PEM if there is none.
 */
ifetch_error ifetch_tls_trust_file(struct ifetch_tls *tls,
                                   const char *path);

/**
 * The same for certificates in memory, in PEM. Copied.
 */
ifetch_error ifetch_tls_trust_pem(struct ifetch_tls *tls, const void *pem, size_t len);

/**
 * Accepts only servers whose own certificate has this public key, besides all that is asked of it
 * otherwise; called several times, any of these keys. `sha256` is the base64 of the SHA-256 of
 * the key as it stands in the certificate (SubjectPublicKeyInfo), with or without "sha256/" in
 * front, as the message of CERTIFICATE_PIN shows it. INVALID_ARGUMENT for anything else. Copied.
 */
ifetch_error ifetch_tls_pin(struct ifetch_tls *tls, const char *sha256);

/**
 * Shows servers that ask for a certificate those in the PEM file `certificates`, our own first, and
 * proves by the one in `key` that it is ours. Both are read at once. BAD_FILE, or BAD_PEM if there
 * is none, if the key is encrypted, or if it is that of another certificate.
 */
ifetch_error ifetch_tls_identity_file(struct ifetch_tls *tls,
                                      const char *certificates,
                                      const char *key);

/**
 * The same for certificates and key in memory, in PEM. Copied.
 */
ifetch_error ifetch_tls_identity_pem(struct ifetch_tls *tls,
                                     const void *certificates,
                                     size_t certificates_len,
                                     const void *key,
                                     size_t key_len);

/**
 * Sets the oldest version of TLS that is spoken (see ifetch_tls_version): 1.2 unless set.
 * INVALID_ARGUMENT for any other.
 */
ifetch_error ifetch_tls_min_version(struct ifetch_tls *tls, int32_t version);

/**
 * With `on` not 0, every certificate is accepted, so that whoever sits between may read and change
 * everything; only pinned keys (ifetch_tls_pin()) are still asked for. For tests.
 */
ifetch_error ifetch_tls_dangerously_accept_any_certificate(struct ifetch_tls *tls, int32_t on);

/**
 * Appends the keys of all connections to this file, in the format of NSS, so that other tools can
 * read what was sent: for those who look for an error. The file is made, for its owner alone, if
 * there is none; NULL stops it. BAD_FILE if it cannot be written to.
 */
ifetch_error ifetch_tls_log_keys(struct ifetch_tls *tls, const char *path);

/**
 * Makes a token. With a `parent` that is not NULL it is cancelled with it, and with all above
 * it; never the reverse. A fetch takes a little memory and time for each token above its own.
 * Never NULL. The caller has a reference, to be given back with ifetch_token_unref(); the parent
 * lives as long as its children.
 */
IFETCH_MUST_USE struct ifetch_token *ifetch_token_new(struct ifetch_token *parent);

/**
 * Adds a reference, and returns `token`; NULL for NULL.
 */
struct ifetch_token *ifetch_token_ref(struct ifetch_token *token);

/**
 * Gives a reference back; with the last one the token is freed. Fetches under it go on, and can
 * still be cancelled by the tokens above it. NULL is ignored. Not for signal handlers.
 */
void ifetch_token_unref(struct ifetch_token *token);

/**
 * Cancels every fetch under the token, as ifetch_cancel() does each: before it returns, all their
 * connections have been ended from the calling thread, whatever the threads are doing that own
 * them. Fetches that are started under it from now on are CANCELLED at once, without a connection.
 *
 * May be called from any thread and from any signal handler, at any time, also while other
 * threads start, drive and free those fetches, while others cancel the same token, and again. It
 * never blocks, waits for no lock, allocates and frees nothing, and leaves errno as it was. A
 * fetch that another thread is just starting, freeing or cancelling is left to that thread, which
 * ends it before its call returns. NULL is ignored.
 */
void ifetch_token_cancel(const struct ifetch_token *token);

/**
 * 1 if the token or one above it has been cancelled, or its deadline has passed; else 0. Whoever
 * asks first after the deadline carries it out, as ifetch_token_cancel() would. Any thread, any
 * signal handler. 0 for NULL.
 */
int32_t ifetch_token_is_cancelled(const struct ifetch_token *token);

/**
 * Sets the deadline of the token: `timeout_ms` from now it is cancelled, and all that is under it
 * ends as CANCELLED, with a message that says so. No thread waits for that moment: it makes the
 * descriptors of all clients with fetches under the token readable, and the first of them that is
 * polled carries it out for all.
 *
 * The first call comes before the first fetch under the token, or under one below it, is started;
 * WRONG_STATE after that, for nobody would wake those that wait. Later calls may come at any time,
 * and move the deadline to a later moment: one that would move it to an earlier one changes
 * nothing, and returns INVALID_ARGUMENT. CANCELLED if the token has been cancelled.
 * INVALID_ARGUMENT for NULL. Any thread.
 */
ifetch_error ifetch_token_set_timeout(struct ifetch_token *token, uint32_t timeout_ms);

/**
 * Fills `*out` with what happened to the fetch so far; most useful once it has ended. `size` is
 * `sizeof *out`: later versions append fields, and never write more than `size` bytes.
 * Returns 0, INVALID_ARGUMENT if a pointer is NULL or `size` is less than 4, or BUSY.
 */
ifetch_error ifetch_report_get(const struct ifetch *fetch, struct ifetch_report *out, size_t size);

/**
 * The name of an error code without its prefix, such as "TIMEOUT_HEAD"; "UNKNOWN" for a number
 * that is none. Static; any thread.
 */
const char *ifetch_error_name(int32_t code);

/**
 * The meaning of an error code in one line of English; "unknown error" for a number that is
 * none. Static; any thread.
 */
const char *ifetch_error_text(int32_t code);

/**
 * The version of the library that runs, such as "0.1.0". Static; any thread.
 */
const char *ifetch_version(void);

/**
 * Whether this build has a feature: 1 if so, 0 if not or if the name is unknown or NULL.
 * Names: "http/1.1", "https", "idn", "ipv6", "post-quantum" (key exchange for https). Any thread.
 */
int32_t ifetch_feature(const char *name);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* IFETCH_H */
