// Our own requests: calls that we place, what we ask inside a dialog.
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

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
