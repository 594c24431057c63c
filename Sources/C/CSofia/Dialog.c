// Dialogs as the stack sees them: a leg, the open server transaction, our own requests.
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

csofia_dialog *csofia_dialog_allocate(csofia_agent *agent, uint64_t id) {
  csofia_dialog *dialog = calloc(1, sizeof *dialog);
  if (!dialog) return NULL;
  dialog->agent = agent;
  dialog->id = id;
  dialog->next = agent->dialogs;
  dialog->link = &agent->dialogs;
  if (dialog->next) dialog->next->link = &dialog->next;
  agent->dialogs = dialog;
  return dialog;
}

void csofia_dialog_free(csofia_dialog *dialog) {
  if ((*dialog->link = dialog->next)) dialog->next->link = dialog->link;
  if (dialog->incoming) nta_incoming_destroy(dialog->incoming);
  if (dialog->refer) nta_incoming_destroy(dialog->refer);
  if (dialog->invite) nta_outgoing_destroy(dialog->invite);
  for (int i = 0; i < csofia_request_limit; i++)
    if (dialog->requests[i]) nta_outgoing_destroy(dialog->requests[i]);
  if (dialog->leg) nta_leg_destroy(dialog->leg);
  if (dialog->connection) tport_unref(dialog->connection);
  free(dialog->contact);
  free(dialog->next_hop);
  free(dialog->target);
  free(dialog);
}

static void free_dead(void *context) { csofia_dialog_free(context); }

void csofia_dialog_destroy(csofia_dialog *dialog) {
  // A closed agent frees all its dialogs itself.
  if (dialog->is_dead || dialog->agent->is_closed) return;
  dialog->is_dead = true;
  csofia_loop_post(dialog->agent->loop, free_dead, dialog);
}

// --- From the stack -------------------------------------------------------------------------------------------------

/// True when the request opens an exchange that the handler answers later.
static bool is_deferred(const sip_t *sip) {
  sip_method_t method = sip->sip_request->rq_method;
  return method == sip_method_invite || (method == sip_method_update && sip->sip_payload);
}

int csofia_dialog_on_request(csofia_dialog *dialog, nta_leg_t *leg, nta_incoming_t *incoming, const sip_t *sip) {
  csofia_agent *agent = dialog->agent;
  if (sip->sip_request->rq_method == sip_method_ack) return 200;
  if (dialog->is_dead || agent->is_closed) return 481;
  bool deferred = is_deferred(sip), is_refer = sip->sip_request->rq_method == sip_method_refer;
  if (deferred && dialog->invite) return 491;
  if (deferred && dialog->incoming) {
    nta_incoming_treply(incoming, SIP_500_INTERNAL_SERVER_ERROR, SIPTAG_RETRY_AFTER_STR("2"), TAG_END());
    return 500;
  }
  if (deferred) {
    // A refresh may move the peer (RFC 3261 §12.2.2); the route set never changes.
    nta_leg_server_route(leg, NULL, sip->sip_contact);
    dialog->incoming = incoming;
    if (sip->sip_request->rq_method == sip_method_invite)
      nta_incoming_bind(incoming, csofia_dialog_on_ack_or_cancel, dialog);
  }
  if (is_refer && dialog->refer) return 491;
  if (is_refer) dialog->refer = incoming;
  msg_t *message = nta_incoming_getrequest(incoming);
  csofia_facts facts;
  csofia_message view;
  csofia_fill_facts(&facts, &view, msg_home(message), message, sip);
  facts.is_tcp = tport_is_tcp(nta_incoming_transport(agent->nta, incoming, message));
  if (facts.is_tcp) csofia_guard_touch(agent, &facts.source);
  int status = agent->handlers.dialog_request(agent->id, dialog->id, &facts);
  msg_destroy(message);
  if (status >= 200 && dialog->incoming == incoming) {
    nta_incoming_bind(incoming, NULL, NULL);
    dialog->incoming = NULL;
  }
  if (status >= 200 && dialog->refer == incoming) dialog->refer = NULL;
  if (status == 405)
    nta_incoming_treply(
        incoming, SIP_405_METHOD_NOT_ALLOWED,
        SIPTAG_ALLOW_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY"), TAG_END());
  if (status == 415)
    nta_incoming_treply(incoming, SIP_415_UNSUPPORTED_MEDIA, SIPTAG_ACCEPT_STR("application/sdp"), TAG_END());
  return status;
}

int csofia_dialog_on_ack_or_cancel(csofia_dialog *dialog, nta_incoming_t *incoming, const sip_t *sip) {
  csofia_agent *agent = dialog->agent;
  if (dialog->incoming != incoming) return 0;
  bool is_cancel = sip && sip->sip_request->rq_method == sip_method_cancel;
  int status = nta_incoming_status(incoming);
  if (is_cancel) nta_incoming_treply(incoming, SIP_487_REQUEST_CANCELLED, TAG_END());
  dialog->incoming = NULL;
  msg_t *message = sip ? nta_incoming_getrequest_ackcancel(incoming) : NULL;
  csofia_facts facts;
  csofia_message view;
  if (sip) csofia_fill_facts(&facts, &view, msg_home(message), message, sip);
  if (!dialog->is_dead && !agent->is_closed) {
    if (is_cancel)
      agent->handlers.cancelled(agent->id, dialog->id, &facts);
    else
      agent->handlers.acknowledged(agent->id, dialog->id, status, sip ? &facts : NULL);
  }
  if (message) msg_destroy(message);
  nta_incoming_destroy(incoming);
  return 0;
}

/// Keeps the connection that our call was answered by open: the peer may be able to reach us by no other.
static void keep_connection(csofia_dialog *dialog, nta_outgoing_t *outgoing) {
  tport_t *transport = nta_outgoing_transport(outgoing);
  if (!transport) return;
  if (!dialog->connection && tport_is_tcp(transport) && tport_is_secondary(transport))
    dialog->connection = transport;
  else
    tport_unref(transport);
}

static void forget_request(csofia_dialog *dialog, const nta_outgoing_t *outgoing) {
  for (int i = 0; i < csofia_request_limit; i++)
    if (dialog->requests[i] == outgoing) dialog->requests[i] = NULL;
}

static int on_response(csofia_dialog *dialog, nta_outgoing_t *outgoing, const sip_t *sip) {
  csofia_agent *agent = dialog->agent;
  if (dialog->is_dead || agent->is_closed) return 0;
  int status = nta_outgoing_status(outgoing);
  bool is_invite = nta_outgoing_method(outgoing) == sip_method_invite;
  bool is_local = !sip || nta_sip_is_internal(sip);
  if (is_invite && sip && status >= 200 && status < 300) {
    nta_leg_rtag(dialog->leg, sip->sip_to->a_tag);
    nta_leg_client_reroute(dialog->leg, sip->sip_record_route, sip->sip_contact, false);
    keep_connection(dialog, outgoing);
  }
  // A refused request is over: the handler may send the next one at once. An accepted INVITE is needed for its ACK.
  if (status >= 300 && dialog->invite == outgoing) dialog->invite = NULL;
  if (status >= 200) forget_request(dialog, outgoing);
  msg_t *message = nta_outgoing_getresponse(outgoing);
  csofia_facts facts = {.status = status, .max_forwards = -1};
  csofia_message view = {0};
  if (sip) csofia_fill_facts(&facts, &view, msg_home(message), is_local ? NULL : message, sip);
  facts.status = status;
  facts.sequence_number = nta_outgoing_cseq(outgoing);
  if (message) csofia_fill_uri(&facts.request_uri, msg_home(message), nta_outgoing_request_uri(outgoing));
  agent->handlers.response(agent->id, dialog->id, nta_outgoing_method_name(outgoing), &facts, is_local);
  if (message) msg_destroy(message);
  if (status >= 200 && dialog->invite == outgoing) dialog->invite = NULL;
  if (status >= 200) nta_outgoing_destroy(outgoing);
  return 0;
}

// --- To the peer ----------------------------------------------------------------------------------------------------

bool csofia_dialog_respond(
    csofia_dialog *dialog, int status, const char *phrase, const char *headers, const char *sdp) {
  nta_incoming_t *incoming = dialog->incoming;
  if (!incoming || nta_incoming_status(incoming) >= 200) return false;
  bool is_invite = nta_incoming_method(incoming) == sip_method_invite;
  // A dialog is made or refreshed by 1xx and 2xx alone.
  bool has_contact = status > 100 && status < 300;
  const char *user_agent = dialog->agent->user_agent;
  if (is_invite && status >= 300) nta_incoming_bind(incoming, NULL, NULL);
  nta_incoming_treply(
      incoming, status, phrase, TAG_IF(has_contact, SIPTAG_CONTACT_STR(dialog->contact)),
      TAG_IF(status > 100 && user_agent, SIPTAG_SERVER_STR(user_agent)), TAG_IF(headers, SIPTAG_HEADER_STR(headers)),
      TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")), TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
  if (status >= 200 && (!is_invite || status >= 300)) {
    dialog->incoming = NULL;
    nta_incoming_destroy(incoming);
  }
  return true;
}

bool csofia_dialog_answer_refer(csofia_dialog *dialog, int status, const char *phrase) {
  nta_incoming_t *refer = dialog->refer;
  if (!refer) return false;
  dialog->refer = NULL;
  const char *user_agent = dialog->agent->user_agent;
  nta_incoming_treply(
      refer, status, phrase, TAG_IF(status < 300, SIPTAG_CONTACT_STR(dialog->contact)),
      TAG_IF(user_agent, SIPTAG_SERVER_STR(user_agent)), TAG_END());
  nta_incoming_destroy(refer);
  return true;
}

bool csofia_dialog_set_next_hop(csofia_dialog *dialog, const char *url) {
  free(dialog->next_hop);
  dialog->next_hop = url ? strdup(url) : NULL;
  return !url || dialog->next_hop;
}

const char *csofia_dialog_next_hop_host(const csofia_dialog *dialog, bool *is_route) {
  const sip_route_t *route = NULL;
  const sip_contact_t *target = NULL;
  nta_leg_get_route(dialog->leg, &route, &target);
  if (is_route) *is_route = route != NULL;
  return route ? route->r_url->url_host : target ? target->m_url->url_host : NULL;
}

/// The connection of the peer's INVITE while it lives (RFC 5923 in spirit): behind a NAT there is no other way back. A
/// connection that we opened is used where the route set leads to its end.
static tport_t *live_connection(csofia_dialog *dialog) {
  tport_t *connection = dialog->is_caller ? NULL : dialog->connection;
  return connection && !tport_is_closed(connection) && !tport_is_shutdown(connection) ? connection : NULL;
}

static nta_outgoing_t *send_request(
    csofia_dialog *dialog, nta_response_f *callback, sip_method_t method, const char *name, const char *headers,
    const char *content_type, const char *body, const sip_cseq_t *sequence) {
  tport_t *connection = live_connection(dialog);
  const char *user_agent = dialog->agent->user_agent;
  const sip_contact_t *remote_target = NULL;
  nta_leg_get_route(dialog->leg, NULL, &remote_target);
  // Those that make or refresh a dialog (RFC 3261 §12.2.1.1, RFC 3515 §2.1).
  bool has_contact = method == sip_method_invite || method == sip_method_refer || method == sip_method_notify;
  return nta_outgoing_tcreate(
      dialog->leg, callback, dialog, (url_string_t *)dialog->next_hop, method, name,
      remote_target ? NULL : (url_string_t *)dialog->target, TAG_IF(connection, NTATAG_TPORT(connection)),
      TAG_IF(dialog->ident, TPTAG_IDENT(dialog->ident)),
      TAG_IF(sequence, SIPTAG_CSEQ(sequence)), TAG_IF(has_contact, SIPTAG_CONTACT_STR(dialog->contact)),
      TAG_IF(user_agent, SIPTAG_USER_AGENT_STR(user_agent)), TAG_IF(headers, SIPTAG_HEADER_STR(headers)),
      TAG_IF(body, SIPTAG_CONTENT_TYPE_STR(content_type)), TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
}

csofia_dialog *csofia_dialog_create(
    csofia_agent *agent, uint64_t id, const char *target, const char *from, const char *tag, const char *to,
    const char *call_id) {
  csofia_dialog *dialog = csofia_dialog_allocate(agent, id);
  if (!dialog) return NULL;
  dialog->is_caller = true;
  dialog->target = strdup(target);
  dialog->leg = nta_leg_tcreate(
      agent->nta, csofia_dialog_on_request, dialog, SIPTAG_FROM_STR(from), SIPTAG_TO_STR(to ? to : target),
      SIPTAG_CALL_ID_STR(call_id), TAG_END());
  if (!dialog->leg || !dialog->target || !nta_leg_tag(dialog->leg, tag)) {
    csofia_dialog_free(dialog);
    return NULL;
  }
  return dialog;
}

static const char *socket_ident(const csofia_agent *agent, const char *ident) {
  for (tport_t *socket = tport_primaries(nta_agent_tports(agent->nta)); socket; socket = tport_next(socket)) {
    const char *candidate = tport_name(socket)->tpn_ident;
    if (candidate && strcmp(candidate, ident) == 0) return candidate;
  }
  return NULL;
}

bool csofia_dialog_set_path(csofia_dialog *dialog, const char *next_hop, const char *contact, const char *ident) {
  free(dialog->contact);
  dialog->contact = strdup(contact);
  dialog->ident = socket_ident(dialog->agent, ident);
  return csofia_dialog_set_next_hop(dialog, next_hop) && dialog->contact && dialog->ident;
}

bool csofia_dialog_invite(csofia_dialog *dialog, const char *headers, const char *sdp) {
  if (dialog->invite || dialog->incoming) return false;
  dialog->invite = send_request(dialog, on_response, SIP_METHOD_INVITE, headers, "application/sdp", sdp, NULL);
  return dialog->invite != NULL;
}

int csofia_dialog_invite_status(const csofia_dialog *dialog) {
  return dialog->invite ? nta_outgoing_status(dialog->invite) : 0;
}

/// A response to an INVITE that was given up. Its agent comes as the magic: the dialog may be gone.
static int on_late_response(csofia_dialog *magic, nta_outgoing_t *outgoing, const sip_t *sip) {
  nta_agent_t *nta = (nta_agent_t *)magic;
  int status = nta_outgoing_status(outgoing);
  if (status < 200) return 0;
  msg_t *message = status < 300 ? nta_outgoing_getresponse(outgoing) : NULL;
  if (message && nta_msg_ackbye(nta, message) < 0) msg_destroy(message);
  nta_outgoing_destroy(outgoing);
  return 0;
}

void csofia_dialog_abandon(csofia_dialog *dialog) {
  nta_outgoing_t *invite = dialog->invite;
  if (!invite) return;
  dialog->invite = NULL;
  nta_outgoing_bind(invite, on_late_response, (csofia_dialog *)dialog->agent->nta);
  // The stack keeps a CANCEL back until a provisional response allows it.
  nta_outgoing_t *cancel = nta_outgoing_tcancel(invite, NULL, NULL, TAG_END());
  if (cancel) nta_outgoing_destroy(cancel);
}

bool csofia_dialog_acknowledge(csofia_dialog *dialog, uint32_t sequence_number) {
  sip_cseq_t sequence[1];
  sip_cseq_init(sequence);
  sequence->cs_seq = sequence_number;
  sequence->cs_method = sip_method_ack;
  sequence->cs_method_name = "ACK";
  // The stack looks up the INVITE that is acknowledged, and asserts that it finds it.
  if (!dialog->invite || nta_outgoing_cseq(dialog->invite) != sequence_number) return false;
  nta_outgoing_t *ack = send_request(dialog, NULL, SIP_METHOD_ACK, NULL, NULL, NULL, sequence);
  if (ack) nta_outgoing_destroy(ack);
  return ack != NULL;
}

bool csofia_dialog_cancel(csofia_dialog *dialog, const char *headers) {
  if (!dialog->invite) return false;
  nta_outgoing_t *cancel = nta_outgoing_tcancel(
      dialog->invite, NULL, NULL, TAG_IF(headers, SIPTAG_HEADER_STR(headers)), TAG_END());
  if (cancel) nta_outgoing_destroy(cancel);
  return cancel != NULL;
}

uint32_t csofia_dialog_request(
    csofia_dialog *dialog, const char *method, const char *headers, const char *content_type, const char *body) {
  // The last place is for a BYE.
  int limit = strcmp(method, "BYE") == 0 ? csofia_request_limit : csofia_request_limit - 1;
  for (int i = 0; i < limit; i++) {
    if (dialog->requests[i]) continue;
    dialog->requests[i] =
        send_request(dialog, on_response, sip_method_code(method), method, headers, content_type, body, NULL);
    return dialog->requests[i] ? nta_outgoing_cseq(dialog->requests[i]) : 0;
  }
  return 0;
}
