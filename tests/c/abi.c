/*
 * Pins the ABI: what a program compiled against version 0.1.0 relies on, said once more. If this
 * file stops compiling, such programs break: new members go to the end of ifetch_report, new
 * constants get new numbers, new functions come in addition.
 */
#include <ifetch.h>

#define PIN(name, number) _Static_assert((name) == (number), #name)

PIN(IFETCH_BUSY, -1);
PIN(IFETCH_PENDING, 0);
PIN(IFETCH_INTERIM, 1);
PIN(IFETCH_HEAD, 2);
PIN(IFETCH_READABLE, 3);
PIN(IFETCH_WRITABLE, 4);
PIN(IFETCH_DONE, 5);
PIN(IFETCH_FAILED, 6);
PIN(IFETCH_CANCELLED, 7);

PIN(IFETCH_PHASE_RESOLVING, 1);
PIN(IFETCH_PHASE_CONNECTING, 2);
PIN(IFETCH_PHASE_TLS, 3);
PIN(IFETCH_PHASE_SENDING, 4);
PIN(IFETCH_PHASE_WAITING, 5);
PIN(IFETCH_PHASE_RECEIVING, 6);
PIN(IFETCH_PHASE_ENDED, 7);
PIN(IFETCH_PHASE_QUEUED, 8);

PIN(IFETCH_ERROR_NONE, 0);
PIN(IFETCH_ERROR_INVALID_ARGUMENT, 1);
PIN(IFETCH_ERROR_BUSY, 2);
PIN(IFETCH_ERROR_WRONG_STATE, 3);
PIN(IFETCH_ERROR_UNSUPPORTED, 4);
PIN(IFETCH_ERROR_INVALID_URL, 5);
PIN(IFETCH_ERROR_INVALID_METHOD, 6);
PIN(IFETCH_ERROR_INVALID_HEADER, 7);
PIN(IFETCH_ERROR_RESOLVE, 8);
PIN(IFETCH_ERROR_CONNECT, 9);
PIN(IFETCH_ERROR_TIMEOUT_TOTAL, 10);
PIN(IFETCH_ERROR_TIMEOUT_RESOLVE, 11);
PIN(IFETCH_ERROR_TIMEOUT_CONNECT, 12);
PIN(IFETCH_ERROR_TIMEOUT_FIRST_BYTE, 13);
PIN(IFETCH_ERROR_TIMEOUT_HEAD, 14);
PIN(IFETCH_ERROR_TIMEOUT_IDLE, 15);
PIN(IFETCH_ERROR_SEND, 16);
PIN(IFETCH_ERROR_RECEIVE, 17);
PIN(IFETCH_ERROR_NO_RESPONSE, 18);
PIN(IFETCH_ERROR_TRUNCATED, 19);
PIN(IFETCH_ERROR_NOT_HTTP, 20);
PIN(IFETCH_ERROR_BAD_HEAD, 21);
PIN(IFETCH_ERROR_BAD_FRAMING, 22);
PIN(IFETCH_ERROR_BAD_CHUNK, 23);
PIN(IFETCH_ERROR_EXTRA_BYTES, 24);
PIN(IFETCH_ERROR_UNEXPECTED_UPGRADE, 25);
PIN(IFETCH_ERROR_HEAD_TOO_LARGE, 26);
PIN(IFETCH_ERROR_TOO_MANY_HEADERS, 27);
PIN(IFETCH_ERROR_BODY_TOO_LARGE, 28);
PIN(IFETCH_ERROR_TOO_MANY_INTERIM, 29);
PIN(IFETCH_ERROR_UPLOAD_INCOMPLETE, 30);
PIN(IFETCH_ERROR_SYSTEM, 31);
PIN(IFETCH_ERROR_CANCELLED, 32);
PIN(IFETCH_ERROR_INTERNAL, 33);
PIN(IFETCH_ERROR_TIMEOUT_QUEUE, 34);
PIN(IFETCH_ERROR_TLS, 35);
PIN(IFETCH_ERROR_TLS_ALERT, 36);
PIN(IFETCH_ERROR_CERTIFICATE, 37);
PIN(IFETCH_ERROR_CERTIFICATE_DATE, 38);
PIN(IFETCH_ERROR_CERTIFICATE_ISSUER, 39);
PIN(IFETCH_ERROR_CERTIFICATE_NAME, 40);
PIN(IFETCH_ERROR_CERTIFICATE_PIN, 41);
PIN(IFETCH_ERROR_NO_TRUST, 42);
PIN(IFETCH_ERROR_BAD_FILE, 43);
PIN(IFETCH_ERROR_BAD_PEM, 44);

PIN(IFETCH_TIMEOUT_TOTAL, 1);
PIN(IFETCH_TIMEOUT_RESOLVE, 2);
PIN(IFETCH_TIMEOUT_CONNECT, 3);
PIN(IFETCH_TIMEOUT_FIRST_BYTE, 4);
PIN(IFETCH_TIMEOUT_HEAD, 5);
PIN(IFETCH_TIMEOUT_IDLE, 6);
PIN(IFETCH_TIMEOUT_DRAIN, 7);
PIN(IFETCH_TIMEOUT_QUEUE, 8);

PIN(IFETCH_LIMIT_HEAD, 1);
PIN(IFETCH_LIMIT_HEADERS, 2);
PIN(IFETCH_LIMIT_BODY, 3);
PIN(IFETCH_LIMIT_INTERIM, 4);
PIN(IFETCH_LIMIT_DRAIN, 5);

PIN(IFETCH_CANCEL_RST, 0);
PIN(IFETCH_CANCEL_FIN, 1);
PIN(IFETCH_CANCEL_DRAIN, 2);

PIN(IFETCH_ACTED_NO, 0);
PIN(IFETCH_ACTED_MAYBE, 1);

PIN(IFETCH_ENDING_NONE, 0);
PIN(IFETCH_ENDING_KEPT, 1);
PIN(IFETCH_ENDING_FIN, 2);
PIN(IFETCH_ENDING_RST, 3);
PIN(IFETCH_ENDING_DRAINED, 5);

PIN(IFETCH_CLOSE_NONE, 0);
PIN(IFETCH_CLOSE_ALONE, 1);
PIN(IFETCH_CLOSE_REQUEST, 2);
PIN(IFETCH_CLOSE_RESPONSE, 3);
PIN(IFETCH_CLOSE_VERSION, 4);
PIN(IFETCH_CLOSE_DELIMITED, 5);
PIN(IFETCH_CLOSE_UNSENT, 6);
PIN(IFETCH_CLOSE_UPGRADED, 7);
PIN(IFETCH_CLOSE_INTERRUPTED, 8);
PIN(IFETCH_CLOSE_SERVER, 9);
PIN(IFETCH_CLOSE_AGE, 10);
PIN(IFETCH_CLOSE_FULL, 11);
PIN(IFETCH_CLOSE_EXTRA, 12);

PIN(IFETCH_LOOKUP_NONE, 0);
PIN(IFETCH_LOOKUP_NEW, 1);
PIN(IFETCH_LOOKUP_SHARED, 2);
PIN(IFETCH_LOOKUP_CACHED, 3);
PIN(IFETCH_LOOKUP_LISTED, 4);

PIN(IFETCH_RESOLVER_AUTO, 0);
PIN(IFETCH_RESOLVER_NATIVE, 1);
PIN(IFETCH_RESOLVER_SYSTEM, 2);

PIN(IFETCH_CLIENT_TIMEOUT_IDLE, 1);
PIN(IFETCH_CLIENT_TIMEOUT_AGE, 2);
PIN(IFETCH_CLIENT_TIMEOUT_NAME, 3);
PIN(IFETCH_CLIENT_TIMEOUT_NO_NAME, 4);

PIN(IFETCH_CLIENT_LIMIT_CONNECTIONS, 1);
PIN(IFETCH_CLIENT_LIMIT_ORIGIN, 2);
PIN(IFETCH_CLIENT_LIMIT_IDLE, 3);
PIN(IFETCH_CLIENT_LIMIT_NAMES, 4);

PIN(IFETCH_COUNT_CONNECTIONS, 1);
PIN(IFETCH_COUNT_IDLE, 2);
PIN(IFETCH_COUNT_DRAINING, 3);
PIN(IFETCH_COUNT_OPENED, 4);
PIN(IFETCH_COUNT_REUSED, 5);
PIN(IFETCH_COUNT_RETRIED, 6);
PIN(IFETCH_COUNT_QUEUED, 7);
PIN(IFETCH_COUNT_RESOLVING, 8);
PIN(IFETCH_COUNT_CONNECTING, 9);
PIN(IFETCH_COUNT_TLS, 10);
PIN(IFETCH_COUNT_SENDING, 11);
PIN(IFETCH_COUNT_WAITING, 12);
PIN(IFETCH_COUNT_RECEIVING, 13);
PIN(IFETCH_COUNT_ENDED, 14);
PIN(IFETCH_COUNT_NAMES, 15);
PIN(IFETCH_COUNT_LOOKUPS, 16);
PIN(IFETCH_COUNT_LOOKUPS_SHARED, 17);
PIN(IFETCH_COUNT_LOOKUPS_CACHED, 18);
PIN(IFETCH_COUNT_LOOKUPS_SYSTEM, 19);

PIN(IFETCH_CANCELLER_NONE, 0);
PIN(IFETCH_CANCELLER_CALL, 1);
PIN(IFETCH_CANCELLER_TOKEN, 2);
PIN(IFETCH_CANCELLER_DEADLINE, 3);

PIN(IFETCH_TLS_1_2, 12);
PIN(IFETCH_TLS_1_3, 13);

PIN(sizeof(ifetch_status), 4);
PIN(sizeof(ifetch_phase), 4);
PIN(sizeof(ifetch_error), 4);

PIN(offsetof(ifetch_report, size), 0);
PIN(offsetof(ifetch_report, phase), 4);
PIN(offsetof(ifetch_report, acted), 8);
PIN(offsetof(ifetch_report, ending), 12);
PIN(offsetof(ifetch_report, sent), 16);
PIN(offsetof(ifetch_report, received), 24);
PIN(offsetof(ifetch_report, attempts), 32);
PIN(offsetof(ifetch_report, interim), 36);
PIN(offsetof(ifetch_report, connecting_ns), 40);
PIN(offsetof(ifetch_report, sending_ns), 48);
PIN(offsetof(ifetch_report, waiting_ns), 56);
PIN(offsetof(ifetch_report, first_byte_ns), 64);
PIN(offsetof(ifetch_report, receiving_ns), 72);
PIN(offsetof(ifetch_report, ended_ns), 80);
PIN(offsetof(ifetch_report, granted_ns), 88);
PIN(offsetof(ifetch_report, close), 96);
PIN(offsetof(ifetch_report, lookup), 100);
PIN(offsetof(ifetch_report, reused), 104);
PIN(offsetof(ifetch_report, retried), 108);
PIN(offsetof(ifetch_report, canceller), 112);
PIN(offsetof(ifetch_report, error), 116);
PIN(offsetof(ifetch_report, handshake_ns), 120);
PIN(offsetof(ifetch_report, tls_version), 128);
PIN(offsetof(ifetch_report, tls_cipher_suite), 132);
PIN(offsetof(ifetch_report, tls_resumed), 136);
PIN(offsetof(ifetch_report, tls_group), 140);
PIN(sizeof(ifetch_report), 144);

/* Declaring a function again is an error if the types differ. */
ifetch *ifetch_start(const char *, const ifetch_options *);
int ifetch_fd(const ifetch *);
ifetch_status ifetch_poll(ifetch *);
void ifetch_cancel(const ifetch *);
const ifetch_response *ifetch_result(const ifetch *);
void ifetch_free(ifetch *);
ifetch_phase ifetch_phase_of(const ifetch *);
void ifetch_progress(const ifetch *, uint64_t *, uint64_t *, uint64_t *);
ifetch_error ifetch_error_code(const ifetch *);
const char *ifetch_error_message(const ifetch *);
int ifetch_os_error(const ifetch *);
void *ifetch_userdata(const ifetch *);
ifetch_error ifetch_set_userdata(ifetch *, void *);
ifetch_status ifetch_wait(ifetch *, int32_t);
ifetch_status ifetch_run(ifetch *, int32_t (*)(void *), void *, int32_t);
ifetch_status ifetch_read(ifetch *, void *, size_t, size_t *);
ifetch_status ifetch_write(ifetch *, const void *, size_t, size_t *);
ifetch_status ifetch_write_end(ifetch *);
int32_t ifetch_response_status(const ifetch_response *);
int32_t ifetch_response_version(const ifetch_response *);
const char *ifetch_response_reason(const ifetch_response *);
const char *ifetch_response_url(const ifetch_response *);
const char *ifetch_response_header(const ifetch_response *, const char *);
size_t ifetch_response_header_count(const ifetch_response *);
int ifetch_response_header_at(const ifetch_response *, size_t, const char **, const char **);
size_t ifetch_response_trailer_count(const ifetch_response *);
int ifetch_response_trailer_at(const ifetch_response *, size_t, const char **, const char **);
const uint8_t *ifetch_response_body(const ifetch_response *, size_t *);
ifetch_options *ifetch_options_new(void);
void ifetch_options_free(ifetch_options *);
ifetch_error ifetch_options_method(ifetch_options *, const char *);
ifetch_error ifetch_options_header(ifetch_options *, const char *, const char *);
ifetch_error ifetch_options_header_set(ifetch_options *, const char *, const char *);
ifetch_error ifetch_options_header_remove(ifetch_options *, const char *);
ifetch_error ifetch_options_body(ifetch_options *, const void *, size_t);
ifetch_error ifetch_options_body_borrowed(ifetch_options *, const void *, size_t);
ifetch_error ifetch_options_upload(ifetch_options *, int64_t);
ifetch_error ifetch_options_stream(ifetch_options *, int32_t);
ifetch_error ifetch_options_interim(ifetch_options *, int32_t);
ifetch_error ifetch_options_upgrade(ifetch_options *, const char *);
ifetch_error ifetch_options_timeout(ifetch_options *, int32_t, uint32_t);
ifetch_error ifetch_options_limit(ifetch_options *, int32_t, uint64_t);
ifetch_error ifetch_options_cancel_policy(ifetch_options *, int32_t);
ifetch_error ifetch_options_tls(ifetch_options *, const ifetch_tls *);
ifetch_error ifetch_options_verify_name(ifetch_options *, const char *);
ifetch_error ifetch_options_connect_to(ifetch_options *, const char *);
ifetch_error ifetch_options_userdata(ifetch_options *, void *);
ifetch_error ifetch_options_token(ifetch_options *, ifetch_token *);
ifetch_client *ifetch_client_new(void);
void ifetch_client_free(ifetch_client *);
ifetch *ifetch_client_start(ifetch_client *, const char *, const ifetch_options *);
int ifetch_client_fd(const ifetch_client *);
int32_t ifetch_client_poll(ifetch_client *);
ifetch *ifetch_client_next(ifetch_client *);
int32_t ifetch_client_wait(ifetch_client *, int32_t);
void *ifetch_client_userdata(const ifetch_client *);
ifetch_error ifetch_client_set_userdata(ifetch_client *, void *);
ifetch_error ifetch_client_set_timeout(ifetch_client *, int32_t, uint32_t);
ifetch_error ifetch_client_set_limit(ifetch_client *, int32_t, uint64_t);
uint64_t ifetch_client_count(const ifetch_client *, int32_t);
ifetch_token *ifetch_token_new(ifetch_token *);
ifetch_token *ifetch_token_ref(ifetch_token *);
void ifetch_token_unref(ifetch_token *);
void ifetch_token_cancel(const ifetch_token *);
int32_t ifetch_token_is_cancelled(const ifetch_token *);
ifetch_error ifetch_token_set_timeout(ifetch_token *, uint32_t);
ifetch_error ifetch_client_set_resolver(ifetch_client *, int32_t);
ifetch_error ifetch_client_add_name_server(ifetch_client *, const char *);
ifetch_error ifetch_client_add_host(ifetch_client *, const char *, const char *);
ifetch_error ifetch_client_set_tls(ifetch_client *, const ifetch_tls *);
ifetch_tls *ifetch_tls_new(void);
void ifetch_tls_free(ifetch_tls *);
const char *ifetch_tls_error_message(const ifetch_tls *);
ifetch_error ifetch_tls_trust_system(ifetch_tls *, int32_t);
ifetch_error ifetch_tls_trust_file(ifetch_tls *, const char *);
ifetch_error ifetch_tls_trust_pem(ifetch_tls *, const void *, size_t);
ifetch_error ifetch_tls_pin(ifetch_tls *, const char *);
ifetch_error ifetch_tls_identity_file(ifetch_tls *, const char *, const char *);
ifetch_error ifetch_tls_identity_pem(ifetch_tls *, const void *, size_t, const void *, size_t);
ifetch_error ifetch_tls_min_version(ifetch_tls *, int32_t);
ifetch_error ifetch_tls_dangerously_accept_any_certificate(ifetch_tls *, int32_t);
ifetch_error ifetch_tls_log_keys(ifetch_tls *, const char *);
ifetch_error ifetch_report_get(const ifetch *, ifetch_report *, size_t);
const char *ifetch_error_name(int32_t);
const char *ifetch_error_text(int32_t);
const char *ifetch_version(void);
int32_t ifetch_feature(const char *);
