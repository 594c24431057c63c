#pragma once
#include <stddef.h>
#include <stdint.h>

/// Runs libFuzzer with the arguments of a command line. Returns its exit code.
int cfuzzer_run(int *argc, char ***argv, int (*test_one_input)(const uint8_t *data, size_t size));
