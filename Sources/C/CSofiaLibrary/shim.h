#pragma once
// Sofia headers are included by CSofia.c alone: su_configure.h defines _GNU_SOURCE, which breaks other C modules.
