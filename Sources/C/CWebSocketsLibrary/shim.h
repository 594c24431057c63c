#pragma once
// The library's headers are included by CWebSockets.c alone: they bring OpenSSL's and libuv's with them.
