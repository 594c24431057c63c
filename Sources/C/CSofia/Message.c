// What a message says, as plain C types.
#include "Internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

void csofia_fill_endpoint(csofia_endpoint *endpoint, const su_sockaddr_t *address) {
  memset(endpoint, 0, sizeof *endpoint);
  endpoint->port = ntohs(address->su_port);
  if (address->su_family == AF_INET) {
    endpoint->low = ntohl(address->su_sin.sin_addr.s_addr);
    endpoint->is_ipv4 = true;
  } else if (address->su_family == AF_INET6) {
    const uint8_t *bytes = (const uint8_t *)&address->su_sin6.sin6_addr;
    for (int i = 0; i < 8; i++) {
      endpoint->high = endpoint->high << 8 | bytes[i];
      endpoint->low = endpoint->low << 8 | bytes[8 + i];
    }
  }
}

void csofia_fill_uri(csofia_uri *uri, su_home_t *home, const url_t *url) {
  if (!url) return;
  uri->text = url_as_string(home, url);
  uri->scheme = url->url_scheme;
  uri->user = url->url_user;
  uri->host = url->url_host;
  uri->port = url->url_port;
  uri->parameters = url->url_params;
}

static void fill_address(csofia_address *address, su_home_t *home, const sip_addr_t *from) {
  csofia_fill_uri(&address->uri, home, from->a_url);
  address->display = from->a_display;
  address->tag = from->a_tag;
}

void csofia_fill_facts(
    csofia_facts *facts, csofia_message *view, su_home_t *home, msg_t *message, const sip_t *sip) {
  memset(facts, 0, sizeof *facts);
  view->message = message;
  view->sip = sip;
  facts->message = view;
  facts->max_forwards = -1;
  if (sip->sip_request) {
    facts->method = sip->sip_request->rq_method_name;
    csofia_fill_uri(&facts->request_uri, home, sip->sip_request->rq_url);
  }
  if (sip->sip_status) {
    facts->status = sip->sip_status->st_status;
    facts->phrase = sip->sip_status->st_phrase;
  }
  if (sip->sip_from) fill_address(&facts->from, home, sip->sip_from);
  if (sip->sip_to) fill_address(&facts->to, home, sip->sip_to);
  if (sip->sip_contact) {
    facts->has_contact = true;
    csofia_fill_uri(&facts->contact.uri, home, sip->sip_contact->m_url);
    facts->contact.display = sip->sip_contact->m_display;
  }
  if (sip->sip_call_id) facts->call_id = sip->sip_call_id->i_id;
  if (sip->sip_cseq) facts->sequence_number = sip->sip_cseq->cs_seq;
  if (sip->sip_max_forwards) facts->max_forwards = (int32_t)(sip->sip_max_forwards->mf_count & 0x7FFFFFFF);
  if (sip->sip_content_type) facts->content_type = sip->sip_content_type->c_type;
  if (sip->sip_content_encoding && sip->sip_content_encoding->k_items)
    facts->content_encoding = sip->sip_content_encoding->k_items[0];
  if (sip->sip_payload) {
    facts->body = sip->sip_payload->pl_data;
    facts->body_count = sip->sip_payload->pl_len;
  }
  if (message) csofia_fill_endpoint(&facts->source, msg_addr(message));
}

// --- Headers --------------------------------------------------------------------------------------------------------

static void trim(csofia_header *header) {
  while (header->value_count && isspace((unsigned char)*header->value)) header->value++, header->value_count--;
  while (header->value_count && isspace((unsigned char)header->value[header->value_count - 1])) header->value_count--;
}

/// The line as received, or false when the stack has rewritten or never had it.
static bool received_value(const sip_header_t *field, csofia_header *header) {
  const char *line = field->sh_data;
  const char *colon = line ? memchr(line, ':', field->sh_len) : NULL;
  if (!colon) return false;
  header->value = colon + 1;
  header->value_count = field->sh_len - (size_t)(colon + 1 - line);
  return true;
}

bool csofia_next_header(
    const csofia_message *message, const void **cursor, csofia_header *header, char *scratch, size_t scratch_count) {
  const sip_t *sip = message->sip;
  const sip_header_t *field = *cursor;
  if (!field) field = sip->sip_request ? (const sip_header_t *)sip->sip_request : (const sip_header_t *)sip->sip_status;
  while (field && (field = (const sip_header_t *)field->sh_succ)) {
    if (field->sh_class == sip_separator_class || field->sh_class == sip_payload_class) return false;
    // The second and later members of a comma-separated line belong to the first one's text.
    if (field->sh_data && field->sh_len == 0) continue;
    const msg_hclass_t *class = field->sh_class;
    header->name = class == sip_unknown_class ? field->sh_unknown->un_name : class->hc_name;
    if (!header->name) continue;
    header->name_count = strlen(header->name);
    if (!received_value(field, header)) {
      issize_t count = msg_header_field_e(scratch, scratch_count, (const msg_header_t *)field, 0);
      if (count < 0 || (size_t)count >= scratch_count) continue;
      header->value = scratch;
      header->value_count = (size_t)count;
    }
    trim(header);
    *cursor = field;
    return true;
  }
  return false;
}

bool csofia_next_via(const csofia_message *message, const void **cursor, csofia_via *via) {
  const sip_via_t *previous = *cursor;
  const sip_via_t *hop = previous ? previous->v_next : message->sip->sip_via;
  if (!hop) return false;
  *via = (csofia_via){
      .protocol = hop->v_protocol,
      .host = hop->v_host,
      .port = hop->v_port,
      .received = hop->v_received,
      .rport = hop->v_rport,
      .branch = hop->v_branch,
  };
  *cursor = hop;
  return true;
}
