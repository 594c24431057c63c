#ifndef CSOFIA_H
#define CSOFIA_H
// Facade over Sofia-SIP's NTA layer in plain C types. No header of Sofia's is included here: they define _GNU_SOURCE,
// and their tag lists do not import into Swift. Everything but csofia_loop_post belongs to the loop's thread.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct csofia_loop csofia_loop;
typedef struct csofia_timer csofia_timer;
typedef struct csofia_agent csofia_agent;
typedef struct csofia_dialog csofia_dialog;
typedef struct csofia_request csofia_request;
typedef struct csofia_message csofia_message;

// --- Loop ---------------------------------------------------------------------------------------------------------

/// Makes Sofia's event loop for the calling thread, which must be the one that runs it. NULL without memory.
csofia_loop *csofia_loop_create(void);
/// Runs until the process ends.
void csofia_loop_run(csofia_loop *loop);
/// Calls `function(context)` on the loop's thread. Any thread may call it. False when memory is short.
bool csofia_loop_post(csofia_loop *loop, void (*function)(void *context), void *context);

/// Calls `function(id)` every `milliseconds`, or once.
csofia_timer *csofia_timer_create(
    csofia_loop *loop, uint32_t milliseconds, bool repeats, void (*function)(uint64_t id), uint64_t id);
/// Allowed inside the timer's own function.
void csofia_timer_destroy(csofia_timer *timer);

// --- What a message says; borrowed for the duration of the callback -------------------------------------------------

/// An address in network order: an IPv4 address lies in the lowest 32 bits.
typedef struct {
  uint64_t high, low;
  uint16_t port;
  bool is_ipv4;
} csofia_endpoint;

/// Strings are NUL-terminated; NULL when the part is absent.
typedef struct {
  const char *text, *scheme, *user, *host, *port, *parameters;
} csofia_uri;

typedef struct {
  csofia_uri uri;
  const char *display, *tag;
} csofia_address;

typedef struct {
  const char *protocol, *host, *port, *received, *rport, *branch;
} csofia_via;

typedef struct {
  const char *name, *value;
  size_t name_count, value_count;
} csofia_header;

typedef struct {
  const char *method;
  /// In a response, that of our request.
  csofia_uri request_uri;
  csofia_address from, to, contact;
  bool has_contact, is_tcp;
  const char *call_id, *content_type, *content_encoding;
  /// -1 when the header is absent.
  int32_t max_forwards;
  uint32_t sequence_number;
  /// 0 for a request.
  int status;
  const char *phrase;
  /// `local` is the socket that a request outside a dialog came to.
  csofia_endpoint source, local;
  const char *body;
  size_t body_count;
  const csofia_message *message;
} csofia_facts;

/// The headers of a message one after the other; `cursor` starts as NULL. False after the last.
/// `scratch` holds a value that the stack has rewritten.
bool csofia_next_header(
    const csofia_message *message, const void **cursor, csofia_header *header, char *scratch, size_t scratch_count);
/// The Via hops one after the other; `cursor` starts as NULL.
bool csofia_next_via(const csofia_message *message, const void **cursor, csofia_via *via);

// --- Agent --------------------------------------------------------------------------------------------------------

enum { CSOFIA_ALLOW = 0, CSOFIA_DROP = 1 };

typedef struct {
  int status;
  /// Seconds; 0 for no Retry-After.
  int retry_after;
  char phrase[64];
} csofia_refusal;

/// A request that the stack would act on by itself: one that is malformed, belongs to a dialog, or is a CANCEL.
typedef struct {
  csofia_endpoint source;
  bool is_tcp, is_malformed;
  /// Malformed: the stack's answer would have more bytes than the request.
  bool is_reply_larger;
  /// NULL when absent or unreadable.
  const char *method, *call_id, *to_tag;
} csofia_screened;

/// Every function gets the agent's id; the dialog's own is `dialog`.
typedef struct {
  /// Before anything is made for such a request: CSOFIA_ALLOW or CSOFIA_DROP.
  int (*screen)(uint64_t agent, const csofia_screened *request);
  /// Before anything is made for a request outside a dialog: CSOFIA_ALLOW, CSOFIA_DROP or the status in `refusal`.
  int (*admit)(uint64_t agent, const csofia_endpoint *source, bool is_tcp, bool is_invite, csofia_refusal *refusal);
  /// A request outside a dialog; answer with csofia_request_…, or it is dropped on return.
  void (*request)(uint64_t agent, csofia_request *request, const csofia_facts *facts);
  /// A request inside a dialog: the status to answer, or 0 when csofia_dialog_respond will.
  int (*dialog_request)(uint64_t agent, uint64_t dialog, const csofia_facts *facts);
  /// ACK of our final response; `facts` is NULL when none came in time (timer H).
  void (*acknowledged)(uint64_t agent, uint64_t dialog, int status, const csofia_facts *facts);
  /// CANCEL of an INVITE that has had no final response; 487 has been sent.
  void (*cancelled)(uint64_t agent, uint64_t dialog, const csofia_facts *facts);
  /// A response to our request, or one made up by the stack when `is_local`.
  void (*response)(uint64_t agent, uint64_t dialog, const char *method, const csofia_facts *facts, bool is_local);
} csofia_handlers;

typedef struct {
  const char *user_agent;
  uint32_t max_message_byte_count;
  uint32_t tcp_idle_milliseconds, tcp_partial_milliseconds;
  uint32_t max_tcp_connections, max_tcp_connections_per_source;
  /// RFC 3261 timer T1.
  uint32_t t1_milliseconds;
} csofia_options;

/// - Parameters:
///   - first_url: `sip:announced:port;maddr=listen;transport=udp`.
///   - ident: names the address that is listened on, see csofia_dialog_create.
csofia_agent *csofia_agent_create(
    csofia_loop *loop, uint64_t id, const char *first_url, const char *ident, const csofia_options *options,
    const csofia_handlers *handlers);
/// Adds a socket. False when it cannot be bound.
bool csofia_agent_listen(csofia_agent *agent, const char *url, const char *ident);
/// Starts to bound TCP connections and to filter datagrams; call after the last csofia_agent_listen, and again after a
/// later one.
void csofia_agent_start(csofia_agent *agent);
/// Frees the dialogs and sockets on the next turn of the loop; nothing is called back from now on.
void csofia_agent_close(csofia_agent *agent);

typedef struct {
  uint64_t bad_requests, received_requests;
  uint32_t server_transactions, client_transactions, legs, tcp_connections;
} csofia_statistics;

void csofia_agent_statistics(csofia_agent *agent, csofia_statistics *statistics);

// --- A request outside a dialog -------------------------------------------------------------------------------------

/// Answers without making a transaction. `headers` is "Name: value\r\n…" or NULL; `tag` the To-tag or NULL. False, and the
/// request waits for another answer, when the answer may not have more bytes than the request and would have.
bool csofia_request_reply(
    csofia_request *request, int status, const char *phrase, const char *tag, const char *headers, bool may_grow);
/// Makes the server transaction and dialog of an INVITE. `contact` is our Contact value. NULL without memory.
csofia_dialog *csofia_request_accept(csofia_request *request, uint64_t dialog, const char *tag, const char *contact);

// --- Dialogs --------------------------------------------------------------------------------------------------------

/// Answers the open INVITE, re-INVITE or UPDATE of the dialog. False when none is open.
bool csofia_dialog_respond(
    csofia_dialog *dialog, int status, const char *phrase, const char *headers, const char *sdp);
/// Where requests go instead of the route set's first hop or the Contact; NULL for these.
bool csofia_dialog_set_next_hop(csofia_dialog *dialog, const char *url);
/// The host where the dialog's requests would go by its route set; `is_route`, or NULL, tells route from Contact.
const char *csofia_dialog_next_hop_host(const csofia_dialog *dialog, bool *is_route);

/// Answers the open REFER of the dialog. False when none is open.
bool csofia_dialog_answer_refer(csofia_dialog *dialog, int status, const char *phrase);

/// Our side of a new dialog. `target` is Request-URI and To unless `to` is given. NULL when one of them cannot be parsed.
csofia_dialog *csofia_dialog_create(
    csofia_agent *agent, uint64_t dialog, const char *target, const char *from, const char *tag, const char *to,
    const char *call_id);
/// Where INVITEs go until the dialog has a remote target, our Contact, and the listener's address to send from.
bool csofia_dialog_set_path(csofia_dialog *dialog, const char *next_hop, const char *contact, const char *ident);
bool csofia_dialog_invite(csofia_dialog *dialog, const char *headers, const char *sdp);
/// Status of the last response to the open INVITE: 0 when none has come.
int csofia_dialog_invite_status(const csofia_dialog *dialog);
/// Gives the open INVITE up: it is cancelled as soon as it may be, and acknowledged and hung up if it is accepted still.
void csofia_dialog_abandon(csofia_dialog *dialog);
/// Acknowledges the 2xx that is being handled.
bool csofia_dialog_acknowledge(csofia_dialog *dialog, uint32_t sequence_number);
bool csofia_dialog_cancel(csofia_dialog *dialog, const char *headers);
/// Sends a request inside the dialog: BYE, REFER, NOTIFY. Its CSeq number, or 0 when too many are open.
uint32_t csofia_dialog_request(
    csofia_dialog *dialog, const char *method, const char *headers, const char *content_type, const char *body);
/// Frees the dialog on the next turn of the loop; nothing is called back for it from now on.
void csofia_dialog_destroy(csofia_dialog *dialog);

#endif
