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
  if (dialog->invite) nta_outgoing_destroy(dialog->invite);
  if (dialog->bye) nta_outgoing_destroy(dialog->bye);
  if (dialog->leg) nta_leg_destroy(dialog->leg);
  if (dialog->connection) tport_unref(dialog->connection);
  free(dialog->contact);
  free(dialog->next_hop);
  free(dialog->target);
  free(dialog->ident);
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
  bool deferred = is_deferred(sip);
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
  if (status == 405)
    nta_incoming_treply(
        incoming, SIP_405_METHOD_NOT_ALLOWED, SIPTAG_ALLOW_STR("INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"),
        TAG_END());
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

static int on_response(csofia_dialog *dialog, nta_outgoing_t *outgoing, const sip_t *sip) {
  csofia_agent *agent = dialog->agent;
  if (dialog->is_dead || agent->is_closed) return 0;
  int status = nta_outgoing_status(outgoing);
  bool is_invite = nta_outgoing_method(outgoing) == sip_method_invite;
  bool is_local = !sip || nta_sip_is_internal(sip);
  if (is_invite && sip && status >= 200 && status < 300) {
    nta_leg_rtag(dialog->leg, sip->sip_to->a_tag);
    nta_leg_client_reroute(dialog->leg, sip->sip_record_route, sip->sip_contact, false);
  }
  // A refused request is over: the handler may send the next one at once. An accepted INVITE is needed for its ACK.
  if (status >= 300 && dialog->invite == outgoing) dialog->invite = NULL;
  if (status >= 200 && dialog->bye == outgoing) dialog->bye = NULL;
  msg_t *message = nta_outgoing_getresponse(outgoing);
  csofia_facts facts = {.status = status, .max_forwards = -1};
  csofia_message view = {0};
  if (sip) csofia_fill_facts(&facts, &view, msg_home(message), is_local ? NULL : message, sip);
  facts.status = status;
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

bool csofia_dialog_set_next_hop(csofia_dialog *dialog, const char *url) {
  free(dialog->next_hop);
  dialog->next_hop = url ? strdup(url) : NULL;
  return !url || dialog->next_hop;
}

const char *csofia_dialog_next_hop_host(const csofia_dialog *dialog, bool *is_route) {
  const sip_route_t *route = NULL;
  const sip_contact_t *target = NULL;
  nta_leg_get_route(dialog->leg, &route, &target);
  *is_route = route != NULL;
  return route ? route->r_url->url_host : target ? target->m_url->url_host : NULL;
}

/// The connection of the INVITE while it lives (RFC 5923 in spirit): behind a NAT there is no other way back.
static tport_t *live_connection(csofia_dialog *dialog) {
  tport_t *connection = dialog->connection;
  return connection && !tport_is_closed(connection) && !tport_is_shutdown(connection) ? connection : NULL;
}

static nta_outgoing_t *send_request(
    csofia_dialog *dialog, nta_response_f *callback, sip_method_t method, const char *name, const char *headers,
    const char *sdp, const sip_cseq_t *sequence) {
  tport_t *connection = live_connection(dialog);
  const char *user_agent = dialog->agent->user_agent;
  const sip_contact_t *remote_target = NULL;
  nta_leg_get_route(dialog->leg, NULL, &remote_target);
  return nta_outgoing_tcreate(
      dialog->leg, callback, dialog, (url_string_t *)dialog->next_hop, method, name,
      remote_target ? NULL : (url_string_t *)dialog->target, TAG_IF(connection, NTATAG_TPORT(connection)),
      TAG_IF(dialog->ident, TPTAG_IDENT(dialog->ident)),
      TAG_IF(sequence, SIPTAG_CSEQ(sequence)), TAG_IF(method == sip_method_invite, SIPTAG_CONTACT_STR(dialog->contact)),
      TAG_IF(user_agent, SIPTAG_USER_AGENT_STR(user_agent)), TAG_IF(headers, SIPTAG_HEADER_STR(headers)),
      TAG_IF(sdp, SIPTAG_CONTENT_TYPE_STR("application/sdp")), TAG_IF(sdp, SIPTAG_PAYLOAD_STR(sdp)), TAG_END());
}

csofia_dialog *csofia_dialog_create(
    csofia_agent *agent, uint64_t id, const char *target, const char *from, const char *to, const char *next_hop,
    const char *contact, const char *call_id, const char *ident) {
  csofia_dialog *dialog = csofia_dialog_allocate(agent, id);
  if (!dialog) return NULL;
  dialog->contact = strdup(contact);
  dialog->target = strdup(target);
  dialog->next_hop = next_hop ? strdup(next_hop) : NULL;
  dialog->ident = ident ? strdup(ident) : NULL;
  dialog->leg = nta_leg_tcreate(
      agent->nta, csofia_dialog_on_request, dialog, SIPTAG_FROM_STR(from), SIPTAG_TO_STR(to ? to : target),
      SIPTAG_CALL_ID_STR(call_id), TAG_END());
  if (!dialog->leg || !dialog->contact || !dialog->target || !nta_leg_tag(dialog->leg, NULL)) {
    csofia_dialog_free(dialog);
    return NULL;
  }
  return dialog;
}

bool csofia_dialog_invite(csofia_dialog *dialog, const char *headers, const char *sdp) {
  if (dialog->invite || dialog->incoming) return false;
  dialog->invite = send_request(dialog, on_response, SIP_METHOD_INVITE, headers, sdp, NULL);
  return dialog->invite != NULL;
}

bool csofia_dialog_acknowledge(csofia_dialog *dialog, uint32_t sequence_number) {
  sip_cseq_t sequence[1];
  sip_cseq_init(sequence);
  sequence->cs_seq = sequence_number;
  sequence->cs_method = sip_method_ack;
  sequence->cs_method_name = "ACK";
  // The stack looks up the INVITE that is acknowledged, and asserts that it finds it.
  if (!dialog->invite || nta_outgoing_cseq(dialog->invite) != sequence_number) return false;
  nta_outgoing_t *ack = send_request(dialog, NULL, SIP_METHOD_ACK, NULL, NULL, sequence);
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

bool csofia_dialog_bye(csofia_dialog *dialog, const char *headers) {
  if (dialog->bye) return true;
  dialog->bye = send_request(dialog, on_response, SIP_METHOD_BYE, headers, NULL, NULL);
  return dialog->bye != NULL;
}
