// Bounds for the TCP connections that strangers open.
#include "Internal.h"
void csofia_guard_start(csofia_agent *agent) {}
void csofia_guard_stop(csofia_agent *agent) {}
