#pragma once
// Of hiredis, the reader of replies and the writer of commands. Its own connections know no TLS in Debian 12's version.
#include <hiredis/hiredis.h>
