// Shared by the facade's files; Sofia's headers stop here.
#pragma once
#define SU_ROOT_MAGIC_T struct csofia_loop
#define SU_TIMER_ARG_T struct csofia_timer
#define SU_MSG_ARG_T struct csofia_job
#define NTA_AGENT_MAGIC_T struct csofia_agent
#define NTA_LEG_MAGIC_T struct csofia_dialog
#define NTA_INCOMING_MAGIC_T struct csofia_dialog
#define NTA_OUTGOING_MAGIC_T struct csofia_dialog
struct csofia_loop;
struct csofia_timer;
struct csofia_job;
struct csofia_agent;
struct csofia_dialog;

#include <sofia-sip/su_wait.h>

#include <sofia-sip/bnf.h>
#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/msg_mclass.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_protos.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/tport.h>
#include <sofia-sip/tport_tag.h>

#include "CSofia.h"

typedef struct csofia_guard csofia_guard;

// Headers that must be right in a request. A wrong one of another kind, a Date say, is as none.
enum {
  csofia_bad_request_mask = sip_mask_request | sip_mask_ua | sip_mask_100rel | sip_mask_events | sip_mask_timer,
};

// Requests of ours that are open in one dialog, besides an INVITE.
enum { csofia_request_limit = 4 };

struct csofia_loop {
  su_root_t *root;
};

struct csofia_agent {
  csofia_loop *loop;
  nta_agent_t *nta;
  uint64_t id;
  csofia_handlers handlers;
  csofia_options options;
  char *user_agent;
  csofia_dialog *dialogs;
  msg_mclass_t *message_class;
  csofia_guard *guard;
  uint32_t tcp_connections;
  bool is_closed;
  csofia_agent *next;
};

struct csofia_dialog {
  csofia_agent *agent;
  uint64_t id;
  nta_leg_t *leg;
  /// The INVITE, re-INVITE or UPDATE of the peer that waits for an answer or its ACK.
  nta_incoming_t *incoming;
  /// A REFER of the peer that waits for an answer.
  nta_incoming_t *refer;
  /// Our INVITE or re-INVITE.
  nta_outgoing_t *invite;
  /// Our other requests that wait for an answer.
  nta_outgoing_t *requests[csofia_request_limit];
  char *contact;
  char *next_hop;
  char *target;
  /// Names the socket that the peer knows us by. Transactions point to it and outlive the dialog: it is the socket's own.
  const char *ident;
  /// The connection that the INVITE came by, or that ours was answered by; NULL for UDP.
  tport_t *connection;
  csofia_endpoint peer;
  csofia_dialog *next, **link;
  bool is_dead, is_caller;
};

struct csofia_request {
  csofia_agent *agent;
  msg_t *message;
  sip_t *sip;
};

struct csofia_message {
  msg_t *message;
  const sip_t *sip;
};

void csofia_fill_facts(
    csofia_facts *facts, csofia_message *view, su_home_t *home, msg_t *message, const sip_t *sip);
void csofia_fill_uri(csofia_uri *uri, su_home_t *home, const url_t *url);
void csofia_fill_endpoint(csofia_endpoint *endpoint, const su_sockaddr_t *address);
csofia_dialog *csofia_dialog_allocate(csofia_agent *agent, uint64_t id);
void csofia_dialog_free(csofia_dialog *dialog);
int csofia_dialog_on_request(csofia_dialog *, nta_leg_t *, nta_incoming_t *, const sip_t *);
int csofia_dialog_on_ack_or_cancel(csofia_dialog *, nta_incoming_t *, const sip_t *);
/// Makes the agent's message class. False without memory.
bool csofia_screen_start(csofia_agent *agent);
/// Call when no message of the agent is left.
void csofia_screen_stop(csofia_agent *agent);
/// Bytes of what has been parsed of a received message.
size_t csofia_header_byte_count(const sip_t *sip);
bool csofia_is_stream(msg_t *message);
/// Call when all sockets listen.
void csofia_guard_start(csofia_agent *agent);
/// A whole message came from `peer` over TCP.
void csofia_guard_touch(csofia_agent *agent, const csofia_endpoint *peer);
void csofia_guard_stop(csofia_agent *agent);
