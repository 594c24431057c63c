// What is looked at before the stack makes anything of a request: while it is parsed. The stack answers malformed
// messages, and makes transactions for whatever belongs to a dialog, before anyone is asked.
#include "Internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The message class of each agent is its own; the parser hands out nothing else that tells agents apart.
static csofia_agent *agents;

static csofia_agent *agent_of(const msg_t *message) {
  const msg_mclass_t *class = msg_mclass(message);
  csofia_agent *agent = agents;
  while (agent && agent->message_class != class) agent = agent->next;
  return agent;
}

// --- A request line that is none ------------------------------------------------------------------------------------

static const char unparsable[] = "UNPARSABLE";

/// Takes a request line that cannot be parsed for one of no method, so that the headers are read all the same and the
/// request can be answered.
static issize_t parse_request_line(su_home_t *home, msg_header_t *header, char *bytes, isize_t count) {
  sip_request_t *line = (sip_request_t *)header;
  line->rq_common->h_class = sip_request_class;
  if (sip_request_class->hc_parse(home, header, bytes, count) == 0) return 0;
  line->rq_method = sip_method_unknown;
  line->rq_method_name = unparsable;
  line->rq_version = sip_version_2_0;
  url_init(line->rq_url, url_sip);
  line->rq_url->url_host = "invalid";
  return 0;
}

// --- Malformed requests ---------------------------------------------------------------------------------------------

/// What the stack answers with 400 or 505 by itself.
static bool is_malformed(const msg_t *message, const sip_t *sip) {
  return (msg_extract_errors(message) & csofia_bad_request_mask) || (sip->sip_flags & MSG_FLG_ERROR)
         || sip->sip_request->rq_method_name == unparsable
         || strcasecmp(sip->sip_request->rq_version, sip_version_2_0) != 0 || sip_sanity_check(sip) < 0;
}

static size_t encoded(const void *header) {
  char scratch[1024];
  size_t count = 0;
  for (const sip_header_t *field = header; field; field = (const sip_header_t *)field->sh_next)
    count += (size_t)msg_header_e(scratch, sizeof scratch, (const msg_header_t *)field, 0);
  return count;
}

/// At least as many bytes as the stack's own 400 or 505 has: the headers that it copies, a tag, and what it completes in
/// Via.
static size_t reply_byte_count(const sip_t *sip) {
  enum { status_line = 64, tag = 32, via_parameters = sizeof ";received=;rport=65535" + 46, content_length = 24 };
  return encoded(sip->sip_via) + encoded(sip->sip_from) + encoded(sip->sip_to) + encoded(sip->sip_call_id)
         + encoded(sip->sip_cseq) + encoded(sip->sip_record_route) + status_line + tag + via_parameters
         + content_length;
}

size_t csofia_header_byte_count(const sip_t *sip) {
  size_t count = 0;
  for (const sip_header_t *field = (const sip_header_t *)sip->sip_request; field; field = field->sh_succ)
    count += field->sh_len;
  return count;
}

/// Puts a Via that leads back to the source in the place of one that could not be parsed, with its branch if it can be
/// found. Without the other headers that a response repeats there is nothing to answer with.
static void replace_via(msg_t *message, sip_t *sip) {
  if (sip->sip_via || !sip->sip_from || !sip->sip_to || !sip->sip_call_id || !sip->sip_cseq) return;
  const sip_header_t *bad = (const sip_header_t *)sip->sip_error;
  for (; bad; bad = (const sip_header_t *)bad->sh_next) {
    const char *name = bad->sh_class == sip_error_class ? bad->sh_error->er_name : bad->sh_class->hc_name;
    if (name && strcmp(name, "Via") == 0) break;
  }
  if (!bad) return;
  char branch[72] = "";
  const char *text = bad->sh_data, *mark = ";branch=";
  size_t mark_count = strlen(mark), count = 0;
  const char *found = text ? memmem(text, bad->sh_len, mark, mark_count) : NULL;
  size_t rest = found ? (size_t)(text + bad->sh_len - found) : 0;
  while (mark_count + count < rest && count < 60 && IS_TOKEN(found[mark_count + count])) count++;
  if (count) snprintf(branch, sizeof branch, "%s%.*s", mark, (int)count, found + mark_count);
  csofia_endpoint source;
  csofia_fill_endpoint(&source, msg_addr(message));
  char host[SU_ADDRSIZE] = "";
  const su_sockaddr_t *address = msg_addr(message);
  su_inet_ntop(address->su_family, SU_ADDR(address), host, sizeof host);
  const char *form = source.is_ipv4 ? "SIP/2.0/%s %s:%u;rport%s" : "SIP/2.0/%s [%s]:%u;rport%s";
  sip_via_t *via = sip_via_format(
      msg_home(message), form, csofia_is_stream(message) ? "TCP" : "UDP", host, source.port, branch);
  if (via) msg_header_insert(message, (msg_pub_t *)sip, (msg_header_t *)via);
}

bool csofia_is_stream(msg_t *message) { return msg_addrinfo(message)->ai_socktype == SOCK_STREAM; }

// --- Screening ------------------------------------------------------------------------------------------------------

/// The stack drops a message without a request line, and closes no connection for it.
static void drop(sip_t *sip) { sip->sip_request = NULL; }

static void screen(msg_t *message, sip_t *sip, size_t byte_count) {
  csofia_agent *agent = agent_of(message);
  if (!agent || agent->is_closed) return;
  csofia_screened screened = {.is_tcp = csofia_is_stream(message), .is_malformed = is_malformed(message, sip)};
  sip_method_t method = sip->sip_request->rq_method;
  if (method == sip_method_ack) return;
  bool has_tag = sip->sip_to && sip->sip_to->a_tag;
  if (!screened.is_malformed && method != sip_method_cancel && !has_tag) return;
  csofia_fill_endpoint(&screened.source, msg_addr(message));
  screened.method = sip->sip_request->rq_method_name;
  if (sip->sip_call_id) screened.call_id = sip->sip_call_id->i_id;
  if (has_tag) screened.to_tag = sip->sip_to->a_tag;
  if (screened.is_malformed) {
    replace_via(message, sip);
    screened.is_reply_larger = reply_byte_count(sip) > byte_count;
    if (screened.method == unparsable) sip->sip_flags |= MSG_FLG_ERROR;
  }
  if (agent->handlers.screen(agent->id, &screened) == CSOFIA_DROP) drop(sip);
}

/// Called where the header section ends, and again for a body.
static issize_t extract_body(msg_t *message, msg_pub_t *object, char bytes[], isize_t count, int is_end) {
  sip_t *sip = (sip_t *)object;
  enum { ends = MSG_FLG_BODY | MSG_FLG_ERROR };
  int before = sip->sip_flags & ends;
  issize_t result = sip_default_mclass()->mc_extract_body(message, object, bytes, count, is_end);
  if (sip->sip_request && (sip->sip_flags & ends) != before)
    screen(message, sip, csofia_header_byte_count(sip) + count);
  return result;
}

bool csofia_screen_start(csofia_agent *agent) {
  static struct msg_hclass_s request_class;
  request_class = *sip_request_class;
  request_class.hc_parse = parse_request_line;
  agent->message_class = msg_mclass_clone(sip_default_mclass(), 0, 0);
  if (!agent->message_class) return false;
  agent->message_class->mc_extract_body = extract_body;
  agent->message_class->mc_request->hr_class = &request_class;
  agent->next = agents;
  agents = agent;
  return true;
}

void csofia_screen_stop(csofia_agent *agent) {
  for (csofia_agent **place = &agents; *place; place = &(*place)->next) {
    if (*place != agent) continue;
    *place = agent->next;
    break;
  }
  free(agent->message_class);
  agent->message_class = NULL;
}
