// Dialogs as the stack sees them: a leg, the peer's requests, our answers.
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
