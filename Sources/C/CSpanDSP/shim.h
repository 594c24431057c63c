#pragma once
// The umbrella header names TIFF types; spandsp installs no dependency on it, so its own parts are named here.
#include <stdint.h>
#include <tiffio.h>
#include <spandsp.h>
