// The agent: sockets, what arrives outside dialogs, stateless answers.
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

/// Answers without a transaction and takes the message. False, and nothing is taken, when the answer would have more bytes
/// than `limit`. It names no software: whoever gets one may be a scanner.
static bool reply(
    csofia_agent *agent, msg_t *message, int status, const char *phrase, const char *tag, const char *headers,
    size_t limit) {
  sip_t *sip = sip_object(message);
  // Only answers that make a dialog need it (RFC 3261 §12.1.1); those are never given here.
  sip->sip_record_route = NULL;
  msg_t *answer = nta_msg_create(agent->nta, 0);
  sip_t *parts = sip_object(answer);
  if (!parts) return false;
  su_home_t *home = msg_home(answer);
  parts->sip_status = sip_status_create(home, (unsigned)status, phrase, NULL);
  if (sip->sip_to) parts->sip_to = sip_to_dup(home, sip->sip_to);
  if (parts->sip_to && !parts->sip_to->a_tag)
    sip_to_tag(home, parts->sip_to, tag ? tag : nta_agent_newtag(home, "%s", agent->nta));
  sip_add_tl(
      answer, parts, SIPTAG_VIA(sip->sip_via), SIPTAG_FROM(sip->sip_from), SIPTAG_CALL_ID(sip->sip_call_id),
      SIPTAG_CSEQ(sip->sip_cseq), SIPTAG_CONTENT_LENGTH_STR("0"), TAG_IF(headers, SIPTAG_HEADER_STR(headers)),
      TAG_END());
  bool is_whole = sip_complete_message(answer) == 0 && msg_serialize(answer, (msg_pub_t *)parts) == 0;
  if (!is_whole || (limit && (size_t)msg_prepare(answer) > limit)) {
    msg_destroy(answer);
    return false;
  }
  nta_msg_mreply(agent->nta, answer, parts, status, phrase, message, TAG_END());
  return true;
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
  size_t limit = is_tcp ? 0 : csofia_header_byte_count(sip);
  if (!reply(agent, message, refusal.status, refusal.phrase, NULL, headers[0] ? headers : NULL, limit))
    nta_msg_discard(agent->nta, message);
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
  if (csofia_screen_start(agent))
    agent->nta = nta_agent_create(
        loop->root, (url_string_t *)first_url, receive, agent,
        NTATAG_MCLASS(agent->message_class), NTATAG_BAD_REQ_MASK(csofia_bad_request_mask), NTATAG_UA(1),
        NTATAG_MERGE_482(1), NTATAG_CLIENT_RPORT(1), NTATAG_CANCEL_487(0), NTATAG_EXTRA_100(0), NTATAG_PROGRESS(UINT32_MAX),
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
  csofia_screen_stop(agent);
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

bool csofia_request_reply(
    csofia_request *request, int status, const char *phrase, const char *tag, const char *headers, bool may_grow) {
  if (!request->message) return false;
  size_t limit = may_grow ? 0 : csofia_header_byte_count(request->sip);
  if (!reply(request->agent, request->message, status, phrase, tag, headers, limit)) return false;
  request->message = NULL;
  return true;
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
