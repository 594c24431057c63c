// The agent: sockets, what arrives outside dialogs, stateless answers.
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

// A stranger's malformed message is answered with 400 by the stack before anyone is asked. A hidden agent drops it
// here, where the header section is complete: without a Via the stack has nowhere to answer to.
static issize_t extract_body_hidden(msg_t *message, msg_pub_t *object, char bytes[], isize_t count, int is_end) {
  sip_t *sip = (sip_t *)object;
  if (sip->sip_request && (sip->sip_error || sip_sanity_check(sip) < 0)) {
    sip->sip_via = NULL;
    sip->sip_flags |= MSG_FLG_ERROR;
  }
  issize_t length = sip_default_mclass()->mc_extract_body(message, object, bytes, count, is_end);
  // The body is shorter than its Content-Length.
  if (sip->sip_request && sip->sip_flags & MSG_FLG_TRUNC) sip->sip_via = NULL;
  return length;
}

// Answers outside a dialog name no software: whoever gets one may be a scanner.
static void reply(csofia_agent *agent, msg_t *message, int status, const char *phrase, const char *tag,
                  const char *headers) {
  sip_t *sip = sip_object(message);
  sip_to_t *to = NULL;
  if (tag && sip && sip->sip_to && !sip->sip_to->a_tag && (to = sip_to_dup(msg_home(message), sip->sip_to)))
    sip_to_tag(msg_home(message), to, tag);
  nta_msg_treply(
      agent->nta, message, status, phrase, TAG_IF(to, SIPTAG_TO(to)),
      TAG_IF(headers, SIPTAG_HEADER_STR(headers)), TAG_END());
}

static bool is_admitted(
    csofia_agent *agent, msg_t *message, const sip_t *sip, const csofia_endpoint *source, bool is_tcp) {
  csofia_refusal refusal = {0};
  bool is_invite = sip->sip_request->rq_method == sip_method_invite;
  int verdict = agent->handlers.admit(agent->id, source, is_tcp, is_invite, &refusal);
  if (verdict == CSOFIA_ALLOW) return true;
  if (verdict == CSOFIA_DROP || refusal.status < 300) {
    nta_msg_discard(agent->nta, message);
    return false;
  }
  char headers[32] = "";
  if (refusal.retry_after > 0) snprintf(headers, sizeof headers, "Retry-After: %d\r\n", refusal.retry_after);
  reply(agent, message, refusal.status, refusal.phrase, NULL, headers[0] ? headers : NULL);
  return false;
}

/// NTA's message callback: no transaction and no dialog matches.
static int receive(csofia_agent *agent, nta_agent_t *nta, msg_t *message, sip_t *sip) {
  if (agent->is_closed || !sip || !sip->sip_request || sip->sip_request->rq_method == sip_method_ack) {
    nta_msg_discard(nta, message);
    return 0;
  }
  tport_t *transport = tport_delivered_by(nta_agent_tports(nta), message);
  bool is_tcp = transport && tport_is_tcp(transport);
  csofia_endpoint source;
  csofia_fill_endpoint(&source, msg_addr(message));
  if (is_tcp) csofia_guard_touch(agent, &source);
  if (!is_admitted(agent, message, sip, &source, is_tcp)) return 0;
  csofia_request request = {.agent = agent, .message = message, .sip = sip};
  csofia_facts facts;
  csofia_message view;
  csofia_fill_facts(&facts, &view, msg_home(message), message, sip);
  facts.is_tcp = is_tcp;
  const su_addrinfo_t *local = transport ? tport_get_address(tport_parent(transport)) : NULL;
  if (local) csofia_fill_endpoint(&facts.local, (const su_sockaddr_t *)local->ai_addr);
  agent->handlers.request(agent->id, &request, &facts);
  if (request.message) nta_msg_discard(nta, request.message);
  return 0;
}

csofia_agent *csofia_agent_create(
    csofia_loop *loop, uint64_t id, const char *first_url, const char *ident, const csofia_options *options,
    const csofia_handlers *handlers) {
  csofia_agent *agent = calloc(1, sizeof *agent);
  if (!agent) return NULL;
  agent->loop = loop;
  agent->id = id;
  agent->options = *options;
  agent->handlers = *handlers;
  if (options->user_agent && options->user_agent[0]) agent->user_agent = strdup(options->user_agent);
  agent->options.user_agent = NULL;
  if (options->is_hidden && (agent->message_class = msg_mclass_clone(sip_default_mclass(), 0, 0)))
    agent->message_class->mc_extract_body = extract_body_hidden;
  agent->nta = nta_agent_create(
      loop->root, (url_string_t *)first_url, receive, agent,
      TAG_IF(agent->message_class, NTATAG_MCLASS(agent->message_class)), NTATAG_UA(1), NTATAG_MERGE_482(1),
      NTATAG_CLIENT_RPORT(1), NTATAG_CANCEL_487(0), NTATAG_EXTRA_100(0), NTATAG_PROGRESS(UINT32_MAX),
      NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0),
      NTATAG_SIPFLAGS(MSG_DO_EXTRACT_COPY), NTATAG_MAXSIZE(options->max_message_byte_count), NTATAG_UDP_MTU(65535),
      NTATAG_SIP_T1(options->t1_milliseconds), NTATAG_SIP_T1X64(64 * options->t1_milliseconds),
      TPTAG_TIMEOUT(options->tcp_partial_milliseconds), TPTAG_IDLE(options->tcp_idle_milliseconds),
      TPTAG_PONG2PING(1), TPTAG_STUN_SERVER(0), TPTAG_REUSE(1), TPTAG_UDP_RMEM(4 << 20),
      TPTAG_LOG(0), TPTAG_IDENT(ident), TAG_END());
  if (!agent->nta) {
    csofia_agent_close(agent);
    return NULL;
  }
  return agent;
}

bool csofia_agent_listen(csofia_agent *agent, const char *url, const char *ident) {
  return nta_agent_add_tport(
             agent->nta, (url_string_t *)url, TPTAG_TIMEOUT(agent->options.tcp_partial_milliseconds),
             TPTAG_IDLE(agent->options.tcp_idle_milliseconds), TPTAG_PONG2PING(1), TPTAG_STUN_SERVER(0), TPTAG_REUSE(1),
             TPTAG_UDP_RMEM(4 << 20), TPTAG_LOG(0), TPTAG_IDENT(ident), TAG_END())
         == 0;
}

void csofia_agent_start(csofia_agent *agent) {
  csofia_guard_stop(agent);
  csofia_guard_start(agent);
}

static void free_agent(void *context) {
  csofia_agent *agent = context;
  while (agent->dialogs) csofia_dialog_free(agent->dialogs);
  if (agent->nta) nta_agent_destroy(agent->nta);
  free(agent->message_class);
  free(agent->user_agent);
  free(agent);
}

void csofia_agent_close(csofia_agent *agent) {
  if (agent->is_closed) return;
  agent->is_closed = true;
  csofia_guard_stop(agent);
  // Not now: the stack may be calling us.
  csofia_loop_post(agent->loop, free_agent, agent);
}

void csofia_agent_statistics(csofia_agent *agent, csofia_statistics *statistics) {
  memset(statistics, 0, sizeof *statistics);
  usize_t incoming = 0, outgoing = 0, legs = 0;
  uint32_t bad = 0, received = 0;
  nta_agent_get_stats(
      agent->nta, NTATAG_S_IRQ_HASH_USED_REF(incoming), NTATAG_S_ORQ_HASH_USED_REF(outgoing),
      NTATAG_S_LEG_HASH_USED_REF(legs), NTATAG_S_BAD_REQUEST_REF(bad), NTATAG_S_RECV_REQUEST_REF(received), TAG_END());
  statistics->server_transactions = (uint32_t)incoming;
  statistics->client_transactions = (uint32_t)outgoing;
  statistics->legs = (uint32_t)legs;
  statistics->bad_requests = bad;
  statistics->received_requests = received;
  statistics->tcp_connections = agent->tcp_connections;
}

// --- A request outside a dialog -------------------------------------------------------------------------------------

void csofia_request_reply(
    csofia_request *request, int status, const char *phrase, const char *tag, const char *headers) {
  if (!request->message) return;
  reply(request->agent, request->message, status, phrase, tag, headers);
  request->message = NULL;
}

csofia_dialog *csofia_request_accept(csofia_request *request, uint64_t id, const char *tag, const char *contact) {
  if (!request->message) return NULL;
  csofia_agent *agent = request->agent;
  sip_t *sip = request->sip;
  csofia_dialog *dialog = csofia_dialog_allocate(agent, id);
  if (!dialog) return NULL;
  dialog->contact = strdup(contact);
  csofia_fill_endpoint(&dialog->peer, msg_addr(request->message));
  tport_t *transport = tport_delivered_by(nta_agent_tports(agent->nta), request->message);
  if (transport && tport_is_tcp(transport)) dialog->connection = tport_ref(transport);
  dialog->ident = transport ? tport_name(tport_parent(transport))->tpn_ident : NULL;
  // The tag stands in From from the start: a request without a To-tag must not match this dialog.
  sip_from_t *local = sip_from_dup(msg_home(request->message), sip->sip_to);
  if (local) sip_from_tag(msg_home(request->message), local, tag);
  dialog->leg = !local ? NULL
                       : nta_leg_tcreate(
                             agent->nta, csofia_dialog_on_request, dialog, SIPTAG_CALL_ID(sip->sip_call_id),
                             SIPTAG_FROM(local), SIPTAG_TO(sip->sip_from),
                             NTATAG_REMOTE_CSEQ(sip->sip_cseq->cs_seq), TAG_END());
  if (dialog->leg) {
    nta_leg_server_route(dialog->leg, sip->sip_record_route, sip->sip_contact);
    dialog->incoming = nta_incoming_create(agent->nta, dialog->leg, request->message, sip, TAG_END());
    request->message = NULL;
  }
  if (!dialog->incoming) {
    csofia_dialog_free(dialog);
    return NULL;
  }
  nta_incoming_bind(dialog->incoming, csofia_dialog_on_ack_or_cancel, dialog);
  return dialog;
}
